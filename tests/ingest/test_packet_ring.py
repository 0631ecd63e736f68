"""The last seconds of a stream in memory, within bounds."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.packet_ring import (
    PACKET_OVERHEAD_BYTES,
    KeptPacket,
    PacketRing,
    StreamForm,
)

FORM = StreamForm("h264", b"one")
OTHER = StreamForm("h264", b"two")
SIZE = 100
PACKET_BYTES = SIZE + PACKET_OVERHEAD_BYTES


class Sink:
    """Keeps what it gets."""

    def __init__(self, wanted: int = 10**9) -> None:
        self.packets: list[KeptPacket] = []
        self.ends: list[str] = []
        self._wanted = wanted

    @property
    def times(self) -> list[float]:
        return [packet.at for packet in self.packets]

    def put(self, form: StreamForm, packets: Sequence[KeptPacket]) -> bool:
        assert form in (FORM, OTHER)
        self.packets += packets
        return len(self.packets) < self._wanted

    def end(self, reason: str) -> None:
        self.ends.append(reason)


def packet(at: float, *, is_key: bool = False, size: int = SIZE) -> KeptPacket:
    return KeptPacket(bytes(size), is_key, None, None, at, 1000.0 + at)


def filled(ring: PacketRing, seconds: int, gop: int = 2, begin: int = 0) -> PacketRing:
    """One packet a second, each ``gop`` one a key frame."""
    for at in range(begin, begin + seconds):
        ring.add(FORM, packet(float(at), is_key=at % gop == 0))
    return ring


def test_a_clip_begins_with_the_key_frame_before_and_goes_on_with_what_comes() -> None:
    ring = filled(PacketRing(10.0, 10**6), 10)
    sink = Sink()
    ring.clip(5.5, sink)
    assert sink.times == [4, 5, 6, 7, 8, 9]
    assert sink.packets[0].is_key
    filled(ring, 2, begin=10)
    assert sink.times[-2:] == [10, 11]


def test_a_sink_that_wants_no_more_gets_no_more() -> None:
    ring = filled(PacketRing(10.0, 10**6), 4)
    sink = Sink(wanted=5)
    ring.clip(2.0, sink)
    filled(ring, 10, begin=4)
    assert sink.times == [2, 3, 4, 5, 6]


def test_old_packets_go_by_groups_and_the_wanted_seconds_stay() -> None:
    ring = filled(PacketRing(5.0, 10**6), 40, gop=4)
    sink = Sink()
    ring.clip(0.0, sink)
    assert sink.times[0] == 32
    assert ring.kept_bytes == len(sink.times) * PACKET_BYTES


def test_what_is_held_stays_until_it_is_let_go() -> None:
    ring = filled(PacketRing(3.0, 10**6), 10)
    ring.hold(6.0)
    filled(ring, 30, begin=10)
    sink = Sink()
    ring.clip(6.0, sink)
    assert sink.times[0] == 6
    ring.hold(None)
    filled(ring, 2, begin=40)
    assert ring.seconds <= 6


def test_the_bound_in_bytes_is_stronger_than_a_hold() -> None:
    ring = PacketRing(100.0, 10 * PACKET_BYTES)
    ring.hold(0.0)
    filled(ring, 50)
    assert ring.kept_bytes <= 10 * PACKET_BYTES
    assert ring.seconds >= 7


def test_a_group_longer_than_the_ring_is_given_up_until_the_next_key_frame() -> None:
    ring = PacketRing(100.0, 5 * PACKET_BYTES)
    filled(ring, 9, gop=50)
    assert ring.kept_bytes == 0
    sink = Sink()
    ring.clip(0.0, sink)
    assert sink.packets == []
    ring.add(FORM, packet(9.0, is_key=True))
    assert sink.times == [9], "the clip goes on with what comes"


def test_another_form_is_not_mixed_with_what_was_before() -> None:
    ring = filled(PacketRing(100.0, 10**6), 4)
    ring.add(OTHER, packet(4.0, is_key=True))
    ring.add(OTHER, packet(5.0))
    sink = Sink()
    ring.clip(0.0, sink)
    assert sink.times == [4, 5]


def test_after_a_loss_nothing_is_kept_before_a_key_frame() -> None:
    ring = filled(PacketRing(100.0, 10**6), 3)
    ring.lost()
    ring.add(FORM, packet(3.0))
    ring.add(FORM, packet(4.0, is_key=True))
    sink = Sink()
    ring.clip(0.0, sink)
    assert sink.times == [0, 1, 2, 4]


def test_a_camera_that_is_given_up_ends_its_clips() -> None:
    ring = filled(PacketRing(100.0, 10**6), 3)
    sink = Sink()
    ring.clip(0.0, sink)
    ring.close("removed")
    assert sink.ends == ["removed"]
    assert ring.kept_bytes == 0


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 400), st.floats(0.0, 3.0)), max_size=80),
    st.floats(0.1, 20.0),
    st.integers(0, 12),
)
def test_whatever_comes_the_bounds_hold_and_clips_begin_with_a_key_frame(
    steps: list[tuple[bool, int, float]], seconds: float, packets: int
) -> None:
    ring = PacketRing(seconds, packets * PACKET_BYTES)
    at = 0.0
    for is_key, size, pause in steps:
        at += pause
        ring.add(FORM, packet(at, is_key=is_key, size=size))
        assert 0 <= ring.kept_bytes <= packets * PACKET_BYTES
        sink = Sink()
        ring.clip(at - seconds, sink)
        assert ring.kept_bytes == 0 or sink.packets[0].is_key
        assert all(before <= after for before, after in pairwise(sink.times))
        assert sum(kept.kept_bytes for kept in sink.packets) <= ring.kept_bytes
