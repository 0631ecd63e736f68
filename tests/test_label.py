"""``emberwatch label``: forms of output, unreadable files, folders, and closed pipes."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle
from monitor.label import label_paths
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR, plain, tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(data.tobytes())
    return path


def run(bundle: Bundle, *paths: Path, as_json: bool = False) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = label_paths(
        paths, bundle=bundle.path, engine="openvino", as_json=as_json, out=out, err=err
    )
    return status, out.getvalue(), err.getvalue()


def test_one_picture_gives_its_labels_sorted_by_score(bundle: Bundle, tmp_path: Path) -> None:
    status, out, err = run(bundle, save(tmp_path / "a.png", plain(FIRE_COLOUR)))
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0].startswith("fire (score = 0.99") or lines[0] == "fire (score = 1.00000)"
    assert len(lines) == 3
    scores = [float(line.split("= ")[1].rstrip(")")) for line in lines]
    assert scores == sorted(scores, reverse=True)


def test_many_pictures_give_a_table(bundle: Bundle, tmp_path: Path) -> None:
    save(tmp_path / "b" / "smoke.jpg", plain(SMOKE_COLOUR))
    save(tmp_path / "a" / "FIRE.JPEG", plain(FIRE_COLOUR))
    save(tmp_path / "misc.png", plain(MISC_COLOUR))
    (tmp_path / "notes.txt").write_text("no picture")
    status, out, err = run(bundle, tmp_path)
    head, *rows = out.splitlines()
    assert (status, err) == (0, "")
    assert head.split() == ["label", "fire", "misc", "smoke", "path"]
    assert [(row.split()[0], Path(row.split()[-1]).name) for row in rows] == [
        ("misc", "misc.png"),
        ("fire", "FIRE.JPEG"),
        ("smoke", "smoke.jpg"),
    ]
    assert (
        len(
            {
                line.index(word)
                for line, word in zip([head, *rows], ["path"] + [str(tmp_path)] * 3, strict=True)
            }
        )
        == 1
    )


def test_json_gives_one_object_a_line(bundle: Bundle, tmp_path: Path) -> None:
    one = save(tmp_path / "1.png", plain(FIRE_COLOUR))
    two = save(tmp_path / "2.png", plain(SMOKE_COLOUR))
    status, out, _ = run(bundle, one, two, as_json=True)
    first, second = (json.loads(line) for line in out.splitlines())
    assert status == 0
    assert (first["path"], first["label"]) == (str(one), "fire")
    assert (second["path"], second["label"]) == (str(two), "smoke")
    assert set(first) == {"path", "label", "scores"}
    assert set(first["scores"]) == {"fire", "misc", "smoke"}
    assert abs(sum(first["scores"].values()) - 1) < 1e-3


def test_unreadable_files_are_named_and_the_rest_is_scored(bundle: Bundle, tmp_path: Path) -> None:
    save(tmp_path / "good.png", plain(FIRE_COLOUR))
    save(tmp_path / "dot.png", plain(FIRE_COLOUR, 1, 1))
    (tmp_path / "empty.jpg").touch()
    cut = save(tmp_path / "cut.jpg", plain(FIRE_COLOUR))
    os.truncate(cut, cut.stat().st_size - 2)
    status, out, err = run(bundle, tmp_path, tmp_path / "absent.png", as_json=True)
    assert status == 1
    assert [Path(json.loads(line)["path"]).name for line in out.splitlines()] == ["good.png"]
    assert sorted(err.splitlines()) == sorted(
        [
            f"emberwatch label: {tmp_path}/cut.jpg: the file is cut off (a JPEG without its end); "
            "fetch it again or remove it",
            f"emberwatch label: {tmp_path}/empty.jpg: the file is empty (0 bytes); remove it or "
            "fetch it again",
            f"emberwatch label: {tmp_path}/absent.png: there is no such file; check the path",
            f"emberwatch label: {tmp_path}/dot.png: 1x1 pixels are too few to show anything; 4 on "
            "each side are needed",
        ]
    )


def test_folder_without_pictures_is_an_error(bundle: Bundle, tmp_path: Path) -> None:
    status, out, err = run(bundle, tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith(f"emberwatch label: {tmp_path}: there is no picture in this folder")


def test_more_pictures_than_a_batch_keep_their_order(bundle: Bundle, tmp_path: Path) -> None:
    colours = (FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR)
    for index in range(40):
        save(tmp_path / f"{index:03}.png", plain(colours[index % 3], 8, 8))
    _, out, _ = run(bundle, tmp_path, as_json=True)
    labels = [json.loads(line)["label"] for line in out.splitlines()]
    assert labels == [("fire", "misc", "smoke")[index % 3] for index in range(40)]


def test_names_cannot_write_to_the_terminal(bundle: Bundle, tmp_path: Path) -> None:
    save(tmp_path / "\x1b[2Ja.png", plain(FIRE_COLOUR))
    (tmp_path / "\x1b[2Jb.png").touch()
    odd = os.fsencode(tmp_path) + b"/\xff.png"
    Path(os.fsdecode(odd)).write_bytes((tmp_path / "\x1b[2Ja.png").read_bytes())
    status, out, err = run(bundle, tmp_path)
    assert status == 1
    assert "\x1b" not in out + err
    out.encode()  # no half characters either


def test_broken_bundle_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    picture = save(tmp_path / "a.png", plain(FIRE_COLOUR))
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(BundleError, match="there is no such folder"):
        label_paths([picture], bundle=tmp_path / "absent", out=out, err=err)


def test_closed_pipe_ends_it_without_a_traceback(bundle: Bundle, tmp_path: Path) -> None:
    for index in range(20):
        save(tmp_path / f"{index}.png", plain(FIRE_COLOUR, 8, 8))
    program = (
        "import sys; from pathlib import Path; from monitor.label import label_paths\n"
        f"sys.exit(label_paths([Path({str(tmp_path)!r})], bundle={str(bundle.path)!r},"
        " engine='openvino', as_json=True, out=sys.stdout, err=sys.stderr))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-c", program],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert (result.returncode, result.stderr) == (141, "")
