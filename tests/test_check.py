"""``emberwatch check`` tells everything that is wrong before the start, and all of it at once."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.check import check, examine
from tests.support.bundles import tiny_bundle


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that knows fire, smoke and misc."""
    folder = tmp_path_factory.mktemp("bundle")
    tiny_bundle(folder)
    return folder


def checked(path: Path, text: str, **environ: str) -> Outcome:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    out, err = io.StringIO(), io.StringIO()
    code = check(path, out=out, err=err, environ=environ)
    return Outcome(code, out.getvalue(), err.getvalue())


def test_a_sound_configuration_is_summed_up(tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "monitor.yaml"
    found = checked(
        path,
        f"state_dir: {tmp_path}\n"
        f"inference: {{bundle: {bundle}}}\n"
        "cameras:\n"
        "  - {name: dock, url: 'rtsp://10.0.4.17/s'}\n"
        "  - {name: yard, url: 'rtsp://10.0.4.18/s'}\n"
        "  - {name: lobby, url: 'http://10.0.4.19/s'}\n"
        "  - {name: attic, url: 'http://10.0.4.20/s', enabled: false}\n",
    )
    assert found.code == 0
    assert found.err == ""
    first, *rest = found.out.splitlines()
    assert first == f"{path}: OK"
    assert "  cameras  1 http, 2 rtsp; 1 not enabled" in rest
    assert "  rule     fire: fire above 0.65 for 1 s, kept for 30 s" in rest
    assert f"  model    {bundle}: fire, misc, smoke" in rest


def test_faults_of_values_secrets_and_model_are_told_together(tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "monitor.yaml"
    found = checked(
        path,
        "listen: nowhere\n"
        f"inference: {{bundle: {bundle}}}\n"
        "cameras:\n"
        "  - name: dock\n"
        "    url: rtsp://10.0.4.17/s\n"
        "    credentials: {username: u, password_env: DOCK}\n"
        "rules:\n"
        "  - {name: fire, label: fires, threshold: 0.5}\n",
    )
    assert found.code == 2
    assert found.out == ""
    lines = found.err.splitlines()
    assert [line.split(": ")[:2] for line in lines[:-1]] == [
        [f"{path}:1", "listen"],
        [f"{path}:6", "cameras[0].credentials.password_env"],
        [f"{path}:8", "rules[0].label"],
    ]
    assert "did you mean 'fire'? It knows fire, misc, smoke" in lines[2]
    assert lines[-1] == "3 faults; nothing would be started"


def test_what_a_silent_proxy_would_open_is_warned_of(tmp_path: Path, bundle: Path) -> None:
    hosts = "hosts: [cameras.example]"
    tokens = "tokens: [{name: desk, role: operate, token_env: T}]"

    def warnings(listen: str, *given: str) -> list[str]:
        web = ", ".join(given)
        path = tmp_path / "monitor.yaml"
        path.write_text(
            f"state_dir: {tmp_path}\nlisten: {listen}\ninference: {{bundle: {bundle}}}\n"
            f"web: {{{web}}}\ncameras: [{{name: dock, url: 'rtsp://10.0.4.17/s'}}]\n",
            encoding="utf-8",
        )
        found = examine(path, {"T": "0123456789abcdef"})
        assert not found.problems
        return [f"{one.key}: {one.message}" for one in found.warnings if "proxy" in one.message]

    for listen in ("127.0.0.1:9108", "localhost:9108", "'[::1]:9108'"):
        (told,) = warnings(listen, hosts, tokens)
        assert told.startswith("web.open_reading: ")
        assert "trusted_proxies" in told
        assert warnings(listen, hosts, tokens, "open_reading: never") == []
        assert warnings(listen, hosts, tokens, "trusted_proxies: [127.0.0.1]") == []
        assert warnings(listen, tokens) == [], "they are for acknowledging, too"


def test_a_missing_bundle_is_told_with_the_other_faults(tmp_path: Path) -> None:
    found = checked(
        tmp_path / "monitor.yaml",
        "cameras: [{name: dock, url: 'ftp://h'}]\ninference:\n  bundle: nowhere\n",
    )
    assert found.code == 2
    assert "monitor.yaml:1: cameras[0].url: " in found.err
    assert f"monitor.yaml:3: inference.bundle: bundle {tmp_path}/nowhere" in found.err


def test_a_changed_bundle_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny_bundle(folder)
    weights = folder / "openvino" / "model.bin"
    raw = bytearray(weights.read_bytes())
    raw[0] ^= 1
    weights.write_bytes(raw)
    found = checked(
        tmp_path / "monitor.yaml",
        "cameras: [{name: dock, url: 'rtsp://h/s'}]\ninference: {bundle: model}\n",
    )
    assert found.code == 2
    assert "inference.bundle: " in found.err
    assert "model.bin" in found.err


def test_secrets_of_cameras_that_are_not_watched_may_be_missing(
    tmp_path: Path, bundle: Path
) -> None:
    text = (
        f"inference: {{bundle: {bundle}}}\n"
        "cameras:\n"
        "  - {name: a, url: 'rtsp://h/a'}\n"
        "  - {name: b, url: 'rtsp://h/b', enabled: false,\n"
        "     credentials: {username: u, password_env: NOT}}\n"
    )
    assert checked(tmp_path / "monitor.yaml", text).code == 0


def test_systemd_credentials_are_checked_where_systemd_gives_them(
    tmp_path: Path, bundle: Path
) -> None:
    path = tmp_path / "monitor.yaml"
    text = (
        f"inference: {{bundle: {bundle}}}\n"
        "cameras:\n"
        "  - {name: a, url: 'rtsp://h/a', credentials: {username: u, credential: dock}}\n"
    )
    by_hand = checked(path, text)
    assert by_hand.code == 0
    assert f"{path}:3: cameras[0].credentials.credential: warning: systemd gives" in by_hand.err
    as_service = checked(path, text, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert as_service.code == 2
    assert f"there is no file {tmp_path}/dock" in as_service.err
    (tmp_path / "dock").write_text("hunter22\n", encoding="utf-8")
    assert checked(path, text, CREDENTIALS_DIRECTORY=str(tmp_path)).err == ""


def test_warnings_have_lines_and_change_no_exit_code(tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "monitor.yaml"
    found = checked(
        path,
        f"inference: {{bundle: {bundle}}}\n"
        "cameras:\n"
        "  - {name: a, url: 'rtsp://u:hunter22@h/a'}\n"
        "  - {name: b, url: 'file:none.mp4'}\n",
    )
    assert found.code == 0
    first, second = found.err.splitlines()
    assert first.startswith(f"{path}:3: cameras[0].url: warning: a login stands in the URL")
    assert second.startswith(f"{path}:4: cameras[1].url: warning: there is no file or folder")
    assert f"{tmp_path}/none.mp4" in second
    assert "hunter22" not in found.err + found.out


@pytest.mark.parametrize("url", ["clip.mp4", "file:clip.mp4", "file:{0}/clip.mp4", "file:."])
def test_files_that_are_there_give_no_warning(tmp_path: Path, bundle: Path, url: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    found = checked(
        tmp_path / "monitor.yaml",
        f"inference: {{bundle: {bundle}}}\ncameras: [{{name: a, url: '{url.format(tmp_path)}'}}]",
    )
    assert found.err == ""


def test_a_file_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    found = examine(tmp_path / "none.yaml", {})
    assert [problem.line for problem in found.problems] == [None]


def test_a_hazard_that_the_model_lacks_is_told_with_its_line(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    path = tmp_path / "monitor.yaml"
    path.write_text(
        f"cameras: [{{name: yard, url: 'file:{tmp_path}'}}]\n"
        f"inference: {{bundle: {bundle.path}}}\n"
        "decision:\n"
        "  hazards: [smok, fire]\n",
        encoding="utf-8",
    )
    (problem,) = examine(path, {}).problems
    assert (problem.key, problem.line) == ("decision.hazards[0]", 4)
    assert "did you mean 'smoke'" in problem.message


def test_a_hazard_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(
        f"cameras: [{{name: yard, url: 'file:{tmp_path}'}}]\ndecision: {{hazards: [fire, fire]}}\n",
        encoding="utf-8",
    )
    assert any("name each label once" in problem.message for problem in examine(path, {}).problems)


def test_a_state_folder_that_cannot_be_used_is_a_warning(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "file").touch()
    found = checked(
        tmp_path / "monitor.yaml",
        "cameras: [{name: dock, url: 'rtsp://10.0.4.17/s'}]\n"
        f"inference: {{bundle: {bundle}}}\n"
        f"state_dir: {tmp_path}/file/state\n",
    )
    assert found.code == 0
    assert f"monitor.yaml:3: state_dir: warning: {tmp_path}/file is no folder" in found.err


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("{name: a, type: apprise, url: 'bogus://x'}", "sinks[0].url: "),
        ("{name: a, type: apprise, url_from: {env: MAIL}}", "sinks[0].url_from: "),
        ("{name: a, type: mqtt, host: 'mqtt://10.0.0.1'}", "write the host alone"),
        ("{name: a, type: mqtt, host: '10.0.0.1:1883'}", "write the host alone"),
        (
            "{name: a, type: alertmanager, url: 'http://127.0.0.1:9093/api/v2/alerts'}",
            "leave out /api",
        ),
    ],
)
def test_sinks_that_can_never_send_are_faults(
    tmp_path: Path, bundle: Path, sink: str, said: str
) -> None:
    found = checked(
        tmp_path / "monitor.yaml",
        f"state_dir: {tmp_path}\n"
        f"inference: {{bundle: {bundle}}}\n"
        f"cameras: [{{name: dock, url: 'rtsp://10.0.4.17/s'}}]\n"
        f"sinks: [{sink}]\n",
        MAIL="bogus://planted-token",
    )
    assert found.code == 2
    assert said in found.err
    assert "planted-token" not in found.err


def test_an_address_without_its_scheme_is_no_missing_file(tmp_path: Path, bundle: Path) -> None:
    found = checked(
        tmp_path / "monitor.yaml",
        f"state_dir: {tmp_path}\n"
        f"inference: {{bundle: {bundle}}}\n"
        "cameras: [{name: dock, url: 10.0.0.1/stream2}]\n",
    )
    assert "write it like rtsp://10.0.0.1/stream2" in found.err


def test_a_disk_that_is_too_full_for_evidence_is_warned_of(tmp_path: Path, bundle: Path) -> None:
    found = checked(
        tmp_path / "monitor.yaml",
        f"state_dir: {tmp_path / 'state'}\n"
        f"inference: {{bundle: {bundle}}}\n"
        "evidence: {min_free: 900TB}\n"
        "cameras: [{name: dock, url: 'rtsp://10.0.4.17/s'}]\n",
    )
    assert found.code == 0
    assert "warning: " in found.err
    assert "alerts would have no pictures" in found.err
