"""Parameter sets within H.264 and H.265 with start codes (Annex B): what a picture's size and form
follow from, and what a player needs before the first picture. Pure."""

from collections.abc import Iterator

_SETS = {"h264": frozenset({7, 8}), "hevc": frozenset({32, 33, 34})}
_SEQUENCES = {"h264": 7, "hevc": 33}
_PICTURES = {"h264": range(1, 6), "hevc": range(32)}
_START = b"\0\0\1"

BYTE_STREAM_CODECS = frozenset(_SETS)
"""Codecs whose packets are looked into here."""


def sequence_sets(codec: str, data: bytes) -> bytes:
    """The sequence parameter sets of an access unit or of extradata, one behind the other.

    Two pictures with the same ones can stand in one file; empty where there are none.
    """
    wanted = _SEQUENCES.get(codec)
    return b"".join(unit for kind, unit in _units(codec, data) if kind == wanted)


def parameter_sets(codec: str, data: bytes) -> bytes:
    """All parameter sets before the first picture of an access unit, with start codes."""
    wanted = _SETS.get(codec, frozenset[int]())
    return b"".join(b"\0" + _START + unit for kind, unit in _units(codec, data) if kind in wanted)


def _units(codec: str, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of the units before the first picture: what follows it is not searched."""
    start = data.find(_START)
    while start >= 0:
        begin = start + len(_START)
        if begin >= len(data):
            return
        kind = data[begin] & 0x1F if codec == "h264" else data[begin] >> 1 & 0x3F
        if kind in _PICTURES.get(codec, ()):
            return
        start = data.find(_START, begin)
        # Zeros before a start code belong to it.
        yield kind, data[begin : start if start >= 0 else len(data)].rstrip(b"\0")
