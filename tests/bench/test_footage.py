"""Clips of cameras, as they are made for measuring."""

from itertools import pairwise
from pathlib import Path

import av
import pytest

from monitor.bench import footage
from monitor.bench.footage import FPS, Footage, Kind, room_scene


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Clips of the same kinds in a size that is made fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(footage.SIZES, "1080p", (160, 96))
        clips = Footage(tmp_path_factory.mktemp("clips"))
        for codec in footage.CODECS:
            clips.clip(Kind(codec))
        clips.clip(Kind(key_seconds=4))
    return clips


def key_times(clip: Path) -> list[float]:
    with av.open(str(clip)) as container:
        return [
            float(packet.pts * packet.time_base)
            for packet in container.demux(video=0)
            if packet.is_keyframe and packet.pts is not None
        ]


def pictures(clip: Path) -> int:
    with av.open(str(clip)) as container:
        return sum(not frame.is_corrupt for frame in container.decode(video=0))


@pytest.mark.parametrize("codec", footage.CODECS)
def test_key_frames_come_at_the_interval_that_was_asked_for(codec: str, small: Footage) -> None:
    assert key_times(small.clip(Kind(codec))) == pytest.approx([0, 1, 2, 3])
    with av.open(str(small.clip(Kind(codec)))) as container:
        assert container.streams.video[0].codec_context.name == codec


def test_long_clip_is_whole_and_as_long_as_wanted(small: Footage) -> None:
    clip = small.long_clip(Kind(key_seconds=4), 10)
    assert pictures(clip) == 10 * FPS
    assert key_times(clip) == pytest.approx([0, 4, 8])


def test_phases_move_the_key_frames_and_leave_the_interval(small: Footage) -> None:
    clip = small.long_clip(Kind(), 6, phase=0.25)
    assert pictures(clip) == 6 * FPS
    first, *others = key_times(clip)
    assert (first, others[0]) == pytest.approx((0, 0.76))
    assert [b - a for a, b in pairwise(others)] == pytest.approx([1] * 5)


def test_clips_are_kept(small: Footage) -> None:
    before = small.clip(Kind()).stat()
    assert small.clip(Kind()).stat() == before


def test_still_scene_differs_from_picture_to_picture_by_noise_alone() -> None:
    still, moving = room_scene((320, 180), still=True), room_scene((320, 180))
    steps = [abs(still(n).astype(int) - still(0)) for n in (1, 50)]
    assert all(0 < step.mean() < 5 and step.max() < 40 for step in steps)
    assert abs(moving(50).astype(int) - moving(0)).max() > 60
