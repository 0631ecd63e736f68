"""Finds lost pictures of H.264 by the numbers that the pictures carry. Pure.

A decoder that misses a picture others refer to takes another one in its place and says nothing:
what comes out is a smear of old and new, until the next key frame. Each reference picture of H.264
has a number (``frame_num``) that is one more than the last one's, so a gap tells of the loss.
H.265's decoder finds missing references by itself.
"""

from dataclasses import dataclass

_SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8
_FIRST_SLICE_BYTES = 48
"""More than enough for the numbers at the beginning of a slice."""
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameter sets say how colour is kept."""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What of a sequence's parameters matters here."""

    bits: int
    """Of a picture's number."""
    gaps_allowed: bool
    colour_planes: bool


class _Bits:
    """Reads bits; beyond the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("the data end too early")
        return (self._value >> self._left) & ((1 << count) - 1)

    def number(self) -> int:
        """An Exp-Golomb number without sign."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a number is too long")
        return (1 << zeros) - 1 + self.take(zeros)


class Continuity:
    """Follows the pictures of one H.264 stream with start codes (Annex B), in order."""

    def __init__(self, extradata: bytes = b"") -> None:
        """
        Args:
            extradata: parameter sets that came outside of the stream; may be empty.
        """
        self._sequences: dict[int, _Parameters] = {}
        self._pictures: dict[int, int] = {}
        self._last: int | None = None
        self.has_gap(extradata)

    def restart(self) -> None:
        """What comes next need not follow on what was before."""
        self._last = None

    def has_gap(self, data: bytes) -> bool:
        """Whether a picture that others refer to is missing before this one.

        Args:
            data: one access unit. What cannot be understood says nothing.
        """
        try:
            return self._look(data)
        except (ValueError, KeyError, IndexError):
            self._last = None
            return False

    def _look(self, data: bytes) -> bool:
        start = data.find(b"\0\0\1")
        while start >= 0:
            begin = start + 3
            kind, referred = data[begin] & 0x1F, bool(data[begin] & 0x60)
            if kind in (_SLICE, _IDR):
                head = data[begin + 1 : begin + 1 + _FIRST_SLICE_BYTES]
                return self._picture(_Bits(head), kind == _IDR, referred)
            start = data.find(b"\0\0\1", begin)
            body = data[begin + 1 : start if start >= 0 else len(data)]
            if kind == _SPS:
                self._sequence(body)
            elif kind == _PPS:
                bits = _Bits(body)
                number = bits.number()
                self._pictures[number] = bits.number()
        return False

    def _picture(self, bits: _Bits, is_idr: bool, referred: bool) -> bool:
        bits.number()  # first macroblock
        bits.number()  # kind of slice
        parameters = self._sequences[self._pictures[bits.number()]]
        if parameters.colour_planes:
            bits.take(2)
        number = bits.take(parameters.bits)
        last, self._last = self._last, number if referred or self._last is None else self._last
        if is_idr or last is None or parameters.gaps_allowed:
            return False
        return number not in (last, (last + 1) % (1 << parameters.bits))

    def _sequence(self, body: bytes) -> None:
        profile = body[0]
        bits = _Bits(body[3:])
        number = bits.number()
        colour_planes = False
        if profile in _WITH_CHROMA:
            chroma = bits.number()
            colour_planes = chroma == 3 and bool(bits.take(1))
            bits.number()
            bits.number()
            bits.take(1)
            if bits.take(1):
                for index in range(12 if chroma == 3 else 8):
                    if bits.take(1):
                        _skip_scaling(bits, 16 if index < 6 else 64)
        number_bits = bits.number() + 4
        order = bits.number()
        if order == 0:
            bits.number()
        elif order == 1:
            bits.take(1)
            bits.number()
            bits.number()
            for _ in range(min(bits.number(), 255)):
                bits.number()
        bits.number()  # reference pictures
        self._sequences[number] = _Parameters(number_bits, bool(bits.take(1)), colour_planes)


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.number()
            step = (code + 1) // 2 if code % 2 else -(code // 2)
            following = (last + step) % 256
        last = following or last
