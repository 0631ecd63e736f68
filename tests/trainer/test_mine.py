from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError
from tests.support.clips import green_scene, make_clip
from tests.support.pictures import picture, write_picture
from trainer.dataset import Dataset, Example, Side
from trainer.groups import thumbnail
from trainer.head import Head
from trainer.mine import FirstLook, _apart, list_footage
from trainer.prepare import Prepared


def test_folders_give_their_pictures_and_frames_of_their_clips(tmp_path: Path) -> None:
    place = tmp_path / "yard"
    write_picture(place / "night" / "1.jpg", picture("misc", 1))
    scene = green_scene((96, 64))
    make_clip(place / "walk.mp4", [scene(n) for n in range(30)], fps=10)
    found = list_footage([place, place / "walk.mp4"], "calm", 3, tmp_path / "cache")
    assert {e.label for e in found} == {"calm"}
    assert {e.side for e in found} == {Side.TRAIN}
    pictures, frames, alone = found[:1], found[1:4], found[4:]
    assert pictures[0].name == "mined/yard/night/1.jpg"
    assert len({e.group for e in frames}) == 1
    assert [e.path for e in alone] == [e.path for e in frames]


def test_a_place_without_footage_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="neither picture nor clip"):
        list_footage([tmp_path], "misc", 3, tmp_path / "cache")


def test_wrong_is_what_would_raise_an_alarm_or_leads_as_a_hazard() -> None:
    look = FirstLook(Head(np.eye(3, dtype=np.float32), np.zeros(3, np.float32)), 1.0, 0.4, 1)
    scores = np.array([[0.1, 0.8, 0.1], [0.25, 0.55, 0.2], [0.4, 0.3, 0.3]])
    assert look.wrong(np.log(scores).astype(np.float16)).tolist() == [False, True, True]


def test_what_looks_like_a_held_out_picture_is_left_out() -> None:
    pixels = [picture("misc", n) for n in range(3)]
    sides = (Side.TEST, Side.TRAIN)
    known = [Example(Path(str(n)), str(n), "misc", str(n), side) for n, side in enumerate(sides)]
    thumbnails = np.stack([thumbnail(p) for p in pixels])
    prepared = Prepared(
        Dataset(("fire", "misc"), tuple(known)),
        np.zeros((2, 4), np.float16),
        np.ones(2, np.int64),
        "none",
        (),
        thumbnails[:2],
        ("0", "1"),
    )
    picked = [Example(Path(f"m{n}"), f"m{n}", "misc", f"m{n}") for n in range(3)]
    assert _apart(prepared, picked, thumbnails).tolist() == [False, True, True]
