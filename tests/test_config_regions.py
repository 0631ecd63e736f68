"""Masks and zones of a camera: what is taken, and what is refused in which words."""

from typing import Any

import pytest

from monitor.config import Camera, Config
from monitor.config_file import read_draft
from monitor.errors import Problem

SQUARE = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4], [0.1, 0.4]]


def camera(**values: Any) -> Camera:
    return Camera.model_validate({"name": "dock", "url": "rtsp://10.0.4.17/s", **values})


def refused(tmp_path: Any, text: str) -> list[Problem]:
    path = tmp_path / "monitor.yaml"
    path.write_text(
        'cameras:\n  - name: dock\n    url: "rtsp://10.0.4.17/s"\n' + text, encoding="utf-8"
    )
    draft = read_draft(path)
    assert draft.config is None
    return list(draft.problems)


def test_a_camera_has_no_masks_and_zones_by_itself() -> None:
    assert (camera().masks, camera().zones) == ([], [])


def test_a_polygon_that_is_closed_as_others_write_it_is_taken() -> None:
    mask = camera(masks=[{"name": "m", "polygon": [*SQUARE, SQUARE[0]]}]).masks[0]
    assert mask.points == ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4))


@pytest.mark.parametrize(
    ("polygon", "key", "said"),
    [
        ("[[0, 0], [1, 1]]", "", "write a list with at least 3 entries"),
        ("[[0, 0], [1.2, 0], [1, 1]]", "[1][0]", "1.2 was found; write a number, at least 0 and"),
        ("[[0, 0], [1], [1, 1]]", "[1]", "write a list of 2 numbers"),
        ("[[0, 0], [yes, 0], [1, 1]]", "[1][0]", "yes was found; write a number"),
        ("[[0, 0], [1, 1], [1, 0], [0, 1]]", "", "two sides of 'm' meet: from corner 1 to 2 and"),
        ("[[0, 0], [0.02, 0], [0, 0.02]]", "", "'m' covers 0.020% of the picture, less than"),
        ("[" + "[0, 0], " * 65 + "]", "", "a list of 65 was found; 64 is the most"),
        ("everything", "", "'everything' was found; write"),
    ],
)
def test_a_polygon_that_cannot_be_meant_is_refused(
    tmp_path: Any, polygon: str, key: str, said: str
) -> None:
    (problem,) = refused(tmp_path, f"    masks:\n      - name: m\n        polygon: {polygon}\n")
    assert (problem.key, problem.line) == (f"cameras[0].masks[0].polygon{key}", 6)
    assert said in problem.message


@pytest.mark.parametrize("labels", ["", ", labels: [fire]"])
def test_masks_that_hide_nearly_the_whole_picture_are_refused(tmp_path: Any, labels: str) -> None:
    (problem,) = refused(
        tmp_path,
        "    masks:\n"
        "      - {name: a, polygon: [[0, 0], [0.6, 0], [0.6, 1], [0, 1]]}\n"
        f"      - {{name: b, polygon: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]{labels}}}\n",
    )
    assert (problem.key, problem.line) == ("cameras[0].masks", 4)
    assert "the masks of camera 'dock' hide 100% of its picture" in problem.message
    assert ("from fire" in problem.message) == bool(labels)


def test_masks_for_different_labels_do_not_add_up() -> None:
    halves = (
        [[0, 0], [0.6, 0], [0.6, 1], [0, 1]],
        [[0.4, 0], [1, 0], [1, 1], [0.4, 1]],
    )
    masks = [
        {"name": label, "polygon": half, "labels": [label]}
        for label, half in zip(("fire", "smoke"), halves, strict=True)
    ]
    assert len(camera(masks=masks).masks) == 2


def test_names_are_unique_among_masks_and_zones(tmp_path: Any) -> None:
    (problem,) = refused(
        tmp_path,
        "    masks:\n"
        f"      - {{name: gate, polygon: {SQUARE}}}\n"
        "    zones:\n"
        f"      - {{name: gate, polygon: {SQUARE}}}\n",
    )
    assert (problem.key, problem.line) == ("cameras[0].zones[0].name", 7)
    assert "the name of masks[0] of camera 'dock' in line 5 too" in problem.message


@pytest.mark.parametrize("name", ["full", "tile-0-1"])
def test_names_of_the_daemons_own_regions_are_refused(tmp_path: Any, name: str) -> None:
    (problem,) = refused(
        tmp_path, f"    zones:\n      - {{name: {name}, polygon: {SQUARE}, threshold: 0.5}}\n"
    )
    assert (problem.key, problem.line) == ("cameras[0].zones[0].name", 5)


def test_there_is_a_most_of_both(tmp_path: Any) -> None:
    lines = [f"      - {{name: z{i}, polygon: {SQUARE}}}\n" for i in range(9)]
    (problem,) = refused(tmp_path, "    zones:\n" + "".join(lines))
    assert problem.message == "a list of 9 was found; 8 is the most"


def test_the_same_names_may_stand_in_another_camera() -> None:
    zones = [{"name": "gate", "polygon": SQUARE}]
    cameras = [{"name": n, "url": f"rtsp://{n}/s", "zones": zones} for n in ("a", "b")]
    assert len(Config.model_validate({"cameras": cameras}).cameras) == 2
