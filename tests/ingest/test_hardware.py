"""Hardware that decodes, as far as there is any: here there is none, and that is said."""

from pathlib import Path

import pytest

from monitor.ingest.hardware import accelerator, hardware_for


def with_nodes(root: Path, *nodes: str) -> Path:
    for node in nodes:
        path = root / node.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_nothing_is_looked_for_where_none_is_wanted(tmp_path: Path) -> None:
    assert hardware_for("none", with_nodes(tmp_path, "/dev/nvidiactl")) == ("", "")


def test_a_machine_without_hardware_decodes_in_software_without_a_word(tmp_path: Path) -> None:
    assert hardware_for("auto", tmp_path) == ("", "")


@pytest.mark.parametrize(
    ("kind", "node"), [("cuda", "/dev/nvidiactl"), ("vaapi", "/dev/dri/renderD128")]
)
def test_hardware_that_was_asked_for_and_is_not_there_is_named(
    kind: str, node: str, tmp_path: Path
) -> None:
    assert hardware_for(kind, tmp_path) == ("", f"{kind} cannot be used: there is no {node}")


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine may have the hardware")
@pytest.mark.parametrize("wanted", ["cuda", "auto"])
def test_hardware_whose_driver_does_not_answer_is_named(wanted: str, tmp_path: Path) -> None:
    kind, reason = hardware_for(wanted, with_nodes(tmp_path, "/dev/nvidiactl"))
    assert kind == ""
    assert reason.startswith("cuda cannot be used: its driver does not answer")


def test_software_needs_no_accelerator() -> None:
    assert accelerator("") is None
