"""The bundle: what is accepted, and that anything foreign is refused with a sentence."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import BundleError, ConfigError
from monitor.inference.bundle import (
    OPENVINO_BIN,
    load_bundle,
    require_labels,
    resolve_bundle,
    write_manifest,
)
from monitor.inference.manifest import MANIFEST_NAME, Manifest
from monitor.share import shared_path
from tests.support.bundles import LABELS, tiny_bundle, tiny_manifest


def edit(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = folder / MANIFEST_NAME
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_written_bundle_loads_as_it_was_written(tmp_path: Path) -> None:
    written = tiny_bundle(tmp_path)
    loaded = load_bundle(tmp_path)
    assert loaded == written
    assert loaded.labels == LABELS
    assert loaded.keras_path is None
    assert loaded.openvino_path == tmp_path / "openvino/model.xml"
    assert set(loaded.manifest.files) == {"labels.txt", "openvino/model.xml", "openvino/model.bin"}


def test_identity_changes_with_any_file(tmp_path: Path) -> None:
    first = tiny_bundle(tmp_path)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("better")
    assert write_manifest(tmp_path, first.manifest).sha256 != first.sha256


def test_default_means_the_bundle_that_ships() -> None:
    assert resolve_bundle("default") == shared_path("models", "default")
    assert resolve_bundle("other/model") == Path("other/model")


@pytest.mark.parametrize("name", ["openvino/model.xml", OPENVINO_BIN, "labels.txt"])
def test_changed_byte_is_refused_and_named(tmp_path: Path, name: str) -> None:
    tiny_bundle(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} was changed.*copy the bundle again"):
        load_bundle(tmp_path)


def test_missing_file_is_refused_and_named(tmp_path: Path) -> None:
    tiny_bundle(tmp_path)
    (tmp_path / OPENVINO_BIN).unlink()
    with pytest.raises(BundleError, match=r"openvino/model\.bin is missing"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(format_version=2), r"format version 2 is unknown.*reads 1"),
        (lambda c: c.pop("format_version"), r"format version None is unknown"),
        (lambda c: c.update(surprise=1), r"wrong at surprise"),
        (lambda c: c.update(labels=["fire", "fire", "misc"]), r"a label stands twice"),
        (lambda c: c.update(labels=["fire"]), r"wrong at labels"),
        (lambda c: c.update(pixels="float"), r"wrong at pixels"),
        (lambda c: c.update(temperature=0), r"wrong at temperature"),
        (lambda c: c.update(thresholds={"flame": 0.5}), r"labels that the model has not: flame"),
        (lambda c: c.update(created="2026-01-01T00:00:00"), r"a time zone is missing"),
        (lambda c: c["files"].update({"../x": "0" * 64}), r"no path of a file inside"),
        (lambda c: c["files"].update({"/etc/passwd": "0" * 64}), r"no path of a file inside"),
        (lambda c: c["files"].update({"a\\..\\b": "0" * 64}), r"no path of a file inside"),
        (lambda c: c["files"].update({"x": "abc"}), r"wrong at files\.x"),
        (lambda c: c["files"].pop("labels.txt"), r"labels\.txt is not listed"),
        (lambda c: c.update(labels=["a", "b", "c"], thresholds={}), r"name different labels"),
    ],
)
def test_foreign_manifest_is_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], object], said: str
) -> None:
    tiny_bundle(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(BundleError, match=said):
        load_bundle(tmp_path)


def test_number_that_is_none_is_refused(tmp_path: Path) -> None:
    tiny_bundle(tmp_path)
    edit(tmp_path, lambda c: c.update(metrics={"accuracy": float("nan")}))
    with pytest.raises(BundleError, match="metrics"):
        load_bundle(tmp_path)


def test_link_out_of_the_bundle_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    tiny_bundle(folder)
    outside = tmp_path / "outside.bin"
    (folder / OPENVINO_BIN).rename(outside)
    (folder / OPENVINO_BIN).symlink_to(outside)
    with pytest.raises(BundleError, match="reached through a link"):
        load_bundle(folder)


def test_linked_folder_inside_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    tiny_bundle(folder)
    (folder / "openvino").rename(tmp_path / "elsewhere")
    (folder / "openvino").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="reached through a link"):
        load_bundle(folder)


def test_link_to_the_bundle_itself_is_fine(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "v1")
    (tmp_path / "current").symlink_to("v1")
    assert load_bundle(tmp_path / "current").labels == LABELS


def test_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no bundle\.json"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", ["absent", "nul\0byte", "n" * 300])
def test_missing_folder_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="bundle "):
        load_bundle(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b"null", b"[" * 100_000])
def test_manifest_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST_NAME).write_bytes(content)
    with pytest.raises(BundleError, match=r"is no JSON|format version None"):
        load_bundle(tmp_path)


def test_huge_manifest_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / MANIFEST_NAME).open("wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(BundleError, match="so it is no manifest"):
        load_bundle(tmp_path)


def test_huge_model_file_is_refused_unread(tmp_path: Path) -> None:
    tiny_bundle(tmp_path)
    os.truncate(tmp_path / OPENVINO_BIN, 1 << 40)
    with pytest.raises(BundleError, match="more than a model has"):
        load_bundle(tmp_path)


def test_writing_refuses_a_link(tmp_path: Path) -> None:
    (tmp_path / "model.keras").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match="no regular file"):
        write_manifest(tmp_path, tiny_manifest())


def test_writing_to_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be written"):
        write_manifest(tmp_path / "absent", tiny_manifest())


def test_labels_that_rules_name_must_be_known(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    require_labels(bundle, ["fire", "smoke"])
    with pytest.raises(ConfigError, match=r"'flame'.*fire, misc, smoke"):
        require_labels(bundle, ["fire", "flame"])


@given(st.text(min_size=1, max_size=80))
def test_any_accepted_file_name_stays_inside(name: str) -> None:
    content = tiny_manifest().model_dump() | {"files": {name: "0" * 64}}
    try:
        Manifest.model_validate(content)
    except ValidationError:
        return
    root = Path("/srv/bundle")
    inside = Path(os.path.normpath(root / name))
    assert inside != root
    assert inside.is_relative_to(root)


def test_second_looks_without_the_exact_form_are_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    form = bundle.manifest.openvino
    assert form is not None
    doubtful = form.model_copy(update={"doubt": 0.9})
    write_manifest(tmp_path, bundle.manifest.model_copy(update={"openvino": doubtful}))
    with pytest.raises(BundleError, match=r"openvino/exact\.xml or .* is not listed"):
        load_bundle(tmp_path)
