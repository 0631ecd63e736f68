from collections import Counter
from pathlib import Path

import pytest

from monitor.errors import TrainingError
from tests.support.clips import green_scene, make_clip, red_scene
from trainer.clips import clip_examples, read_clips

HEADER = "file\tclass\tfire_or_smoke_onset_s\n"


def table(folder: Path, *rows: str) -> Path:
    path = folder / "clips.tsv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def burning_after(path: Path, onset: float, seconds: float) -> Path:
    green, red = green_scene((96, 64)), red_scene((96, 64))
    pictures = [(red if n / 10 >= onset else green)(n) for n in range(round(seconds * 10))]
    return make_clip(path, pictures, fps=10)


def test_frames_after_the_onset_are_the_clips_label_and_those_before_it_background(
    tmp_path: Path,
) -> None:
    burning_after(tmp_path / "a.mp4", 4, 10)
    clips = read_clips(table(tmp_path, "a.mp4\tfire\t~4 (plain from 5)"))
    found = clip_examples(clips, ("fire", "misc"), "misc", 6, tmp_path / "cache")
    assert Counter(e.label for e in found) == {"fire": 6, "misc": 3}
    assert {e.group for e in found} == {"clip/a.mp4"}
    for example in found:
        seconds = float(example.path.stem.split("@")[1])
        assert seconds >= 4.5 if example.label == "fire" else seconds <= 3


def test_frames_are_taken_once_and_found_again(tmp_path: Path) -> None:
    burning_after(tmp_path / "a.mp4", 0, 3)
    clips = read_clips(table(tmp_path, "a.mp4\tfire\t0"))
    first = clip_examples(clips, ("fire", "misc"), "misc", 4, tmp_path / "cache")
    times = [e.path.stat().st_mtime_ns for e in first]
    again = clip_examples(clips, ("fire", "misc"), "misc", 4, tmp_path / "cache")
    assert again == first
    assert [e.path.stat().st_mtime_ns for e in again] == times


def test_a_short_clip_gives_what_it_has(tmp_path: Path) -> None:
    burning_after(tmp_path / "a.mp4", 9, 1)
    clips = read_clips(table(tmp_path, "a.mp4\tmisc\tnone"))
    found = clip_examples(clips, ("fire", "misc"), "misc", 10, tmp_path / "cache")
    assert 1 <= len(found) <= 4
    assert {e.label for e in found} == {"misc"}


def test_a_clip_of_an_unknown_label_is_named(tmp_path: Path) -> None:
    burning_after(tmp_path / "a.mp4", 0, 1)
    clips = read_clips(table(tmp_path, "a.mp4\tsteam\t0"))
    with pytest.raises(TrainingError, match="'steam' is no label"):
        clip_examples(clips, ("fire", "misc"), "misc", 4, tmp_path / "cache")


def test_a_broken_clip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    clips = read_clips(table(tmp_path, "a.mp4\tfire\t0"))
    with pytest.raises(TrainingError, match=r"a\.mp4: the clip cannot be decoded"):
        clip_examples(clips, ("fire", "misc"), "misc", 4, tmp_path / "cache")


def test_a_clip_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"it names b\.mp4"):
        read_clips(table(tmp_path, "b.mp4\tfire\t0"))


def test_a_table_without_onsets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clips.tsv"
    path.write_text("file\tclass\n")
    with pytest.raises(TrainingError, match="column 'fire_or_smoke_onset_s' is missing"):
        read_clips(path)
