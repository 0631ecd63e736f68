"""How far a fragmented MP4 that was not finished can be played. Pure, but for reading."""

import struct
from typing import BinaryIO

_MOST_BOXES = 100_000


def whole_fragments(file: BinaryIO) -> int:
    """Bytes up to the end of the last whole fragment; 0 where there is none.

    A fragment is a ``moof`` and the ``mdat`` behind it, after the head (``ftyp``, ``moov``).
    """
    length = file.seek(0, 2)
    at = whole = 0
    has_head = in_fragment = False
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return whole
        size, kind = struct.unpack(">I4s", head)
        if size < 8 or at + size > length:  # longer forms are not written by us
            return whole
        at += size
        if kind == b"moov":
            has_head = True
        elif kind == b"moof":
            in_fragment = True
        elif kind == b"mdat" and has_head and in_fragment:
            in_fragment, whole = False, at
    return whole
