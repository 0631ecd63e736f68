"""Folders of images, read as recordings."""

import time
from pathlib import Path

import pytest

from monitor.errors import DecodeError, OpenError
from monitor.ingest.folder import FolderSource
from tests.support.clips import counted, counting_scene, encode_jpeg
from tests.support.sources import frames_of, opened, settings_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scene = counting_scene()
    for index in range(5):
        (tmp_path / f"{index}.jpg").write_bytes(encode_jpeg(scene(index)))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_images_come_in_the_order_of_their_names(folder: Path) -> None:
    frames = frames_of(settings_for(folder, fps=2))
    assert [counted(frame.image.rgb()) for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.media_seconds for frame in frames] == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_unreadable_images_are_left_out_and_named(folder: Path) -> None:
    (folder / "1.jpg").write_bytes(b"")
    (folder / "3.jpg").write_bytes((folder / "3.jpg").read_bytes()[:300])
    with opened(settings_for(folder)) as source:
        assert isinstance(source, FolderSource)
        assert [counted(frame.image.rgb()) for frame in source.frames()] == [0, 2, 4]
        assert ["1.jpg" in source.unreadable[0], "3.jpg" in source.unreadable[1]] == [True, True]


def test_a_loop_goes_on_in_time_and_finds_new_images(folder: Path) -> None:
    with opened(settings_for(folder, loop=True)) as source:
        frames = source.frames()
        seen = [next(frames).media_seconds for _ in range(5)]
        (folder / "9.jpg").write_bytes((folder / "0.jpg").read_bytes())
        seen += [next(frames).media_seconds for _ in range(6)]
    assert seen == [float(index) for index in range(11)]


def test_paced_folders_run_in_time(folder: Path) -> None:
    began = time.monotonic()
    assert len(frames_of(settings_for(folder, fps=10, paced=True))) == 5
    assert time.monotonic() - began >= 0.35


def test_a_folder_of_broken_images_is_told(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(b"")
    with pytest.raises(DecodeError, match="none of the 3 images") as caught:
        frames_of(settings_for(tmp_path, loop=True))
    assert "0.png" in str(caught.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match="holds no images"):
        frames_of(settings_for(tmp_path))


def test_large_images_are_scaled_down(folder: Path) -> None:
    (frame, *_) = frames_of(settings_for(folder, max_side=160))
    assert frame.image.rgb().shape == (120, 160, 3)
