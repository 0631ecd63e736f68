"""Splits MJPEG over HTTP (multipart/x-mixed-replace) into its pictures. Pure.

Cameras differ in what they send around the pictures: boundaries with or without the leading
dashes, with or without Content-Length, with other line ends. So a part is found by what all have in
common, a boundary line, and by the length only where it is given.
"""

from collections.abc import Iterator

MAX_PART_BYTES = 32 * 1024 * 1024
_MAX_HEADER_BYTES = 16 * 1024


class MultipartError(ValueError):
    """The bytes are no multipart stream; the text completes 'the camera sends …'."""


class MultipartReader:
    """Takes bytes as they come, gives the bodies of whole parts.

    Args:
        boundary: of the Content-Type, as it stands there.
    """

    def __init__(self, boundary: str) -> None:
        # Some cameras put the dashes into the parameter as well, others leave them out in both.
        self._mark = b"--" + boundary.strip('"').lstrip("-").encode("latin-1", "replace")
        self._buffer = bytearray()
        self._length: int | None = None
        self._in_body = False
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that are complete with these bytes.

        Raises:
            MultipartError: no part ends within the bounds.
        """
        self._buffer += data
        while True:
            if not self._in_body and not self._read_header():
                return
            body = self._read_body()
            if body is None:
                return
            if body:
                yield body

    def _read_header(self) -> bool:
        start = self._buffer.find(self._mark)
        if start >= 0:
            for blank in (b"\r\n\r\n", b"\n\n"):
                end = self._buffer.find(blank, start, start + _MAX_HEADER_BYTES)
                if end >= 0:
                    self._length = _content_length(bytes(self._buffer[start:end]))
                    del self._buffer[: end + len(blank)]
                    self._in_body, self._searched = True, 0
                    return True
        if len(self._buffer) > _MAX_HEADER_BYTES + len(self._mark):
            raise MultipartError("no boundary between its pictures")
        return False

    def _read_body(self) -> bytes | None:
        if self._length is not None:
            if len(self._buffer) < self._length:
                return None
            end = self._length
        else:
            end = self._buffer.find(self._mark, self._searched)
            if end < 0:
                self._searched = max(0, len(self._buffer) - len(self._mark))
                if len(self._buffer) > MAX_PART_BYTES:
                    raise MultipartError("a picture without an end")
                return None
        body = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._in_body = False
        return body if self._length is not None else body.removesuffix(b"\r\n")


def _content_length(header: bytes) -> int | None:
    for line in header.splitlines()[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            try:
                length = int(value)
            except ValueError:
                return None
            if not 0 <= length <= MAX_PART_BYTES:
                raise MultipartError(f"a picture of {length} bytes")
            return length or None
    return None
