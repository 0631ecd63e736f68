"""Lost pictures of H.264 are found by their numbers."""

import av
import pytest
from av.bitstream import BitStreamFilterContext
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.continuity import Continuity
from tests.support.clips import make_clip, red_scene

GOP = 10


@pytest.fixture(scope="module", params=[0, 2], ids=["no B frames", "B frames"])
def units(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Access units with start codes, three groups of pictures."""
    path = tmp_path_factory.mktemp("clips") / "scene.mp4"
    make_clip(path, red_scene((160, 120)), seconds=3, fps=10, gop=GOP, b_frames=request.param)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        to_bytes = BitStreamFilterContext("h264_mp4toannexb", stream)
        return [
            bytes(unit)
            for packet in container.demux(stream)
            for unit in to_bytes.filter(packet if packet.size else None)
        ]


def is_referred_to(unit: bytes) -> bool:
    at = max(unit.rfind(b"\0\0\1\x01"), unit.rfind(b"\0\0\1\x41"), unit.rfind(b"\0\0\1\x61"))
    return at < 0 or unit[at + 3] != 1


def gaps(units: list[bytes]) -> list[int]:
    continuity = Continuity()
    return [index for index, unit in enumerate(units) if continuity.has_gap(unit)]


def test_a_whole_stream_has_no_gap(units: list[bytes]) -> None:
    assert len(units) == 3 * GOP
    assert gaps(units) == []


@pytest.mark.parametrize("lost", [1, 4, GOP, GOP + 3])
def test_the_picture_after_a_lost_one_tells_of_it(units: list[bytes], lost: int) -> None:
    """Nothing refers to a B picture, so the loss of one is none."""
    found = gaps(units[:lost] + units[lost + 1 :])
    assert found[:1] == ([lost] if is_referred_to(units[lost]) else [])


def test_a_lost_end_of_a_group_does_no_harm(units: list[bytes]) -> None:
    assert gaps(units[: GOP - 1] + units[GOP:]) == []


def test_after_a_restart_anything_may_come(units: list[bytes]) -> None:
    continuity = Continuity()
    for unit in units[:3]:
        continuity.has_gap(unit)
    continuity.restart()
    assert not continuity.has_gap(units[8])


@given(st.lists(st.binary(max_size=200), max_size=8), st.binary(max_size=60))
def test_nonsense_is_no_gap_and_no_error(parts: list[bytes], extradata: bytes) -> None:
    continuity = Continuity(extradata)
    for part in parts:
        continuity.has_gap(b"\0\0\1" + part)
