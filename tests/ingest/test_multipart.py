"""MJPEG as cameras send it."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.multipart import MAX_PART_BYTES, MultipartError, MultipartReader

BODIES = st.lists(
    st.binary(min_size=1, max_size=300).map(lambda body: b"\xff\xd8" + body + b"\xff\xd9"),
    max_size=8,
)


def stream(bodies: list[bytes], *, lengths: bool, ends: bytes = b"\r\n") -> bytes:
    parts = [
        b"--frame"
        + ends
        + b"Content-Type: image/jpeg"
        + ends
        + (b"Content-length: %d" % len(body) + ends if lengths else b"")
        + ends
        + body
        + ends
        for body in bodies
    ]
    return b"".join(parts) + b"--frame--" + ends


@given(bodies=BODIES, lengths=st.booleans(), cuts=st.lists(st.integers(0, 3000), max_size=10))
def test_parts_come_out_whole_however_the_bytes_arrive(
    bodies: list[bytes], lengths: bool, cuts: list[int]
) -> None:
    if not lengths:
        bodies = [body.replace(b"--frame", b"") for body in bodies]
    data = stream(bodies, lengths=lengths)
    reader = MultipartReader("frame")
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [body for begin, end in pairwise(edges) for body in reader.feed(data[begin:end])]
    assert found == bodies


@pytest.mark.parametrize("boundary", ["frame", "--frame", '"frame"'])
def test_dashes_and_quotes_of_the_boundary_do_not_matter(boundary: str) -> None:
    reader = MultipartReader(boundary)
    assert list(reader.feed(stream([b"picture"], lengths=True))) == [b"picture"]


def test_plain_line_ends() -> None:
    reader = MultipartReader("frame")
    data = stream([b"\xff\xd8one\xff\xd9", b"\xff\xd8two\xff\xd9"], lengths=False, ends=b"\n")
    assert [body.rstrip(b"\n") for body in reader.feed(data)] == [
        b"\xff\xd8one\xff\xd9",
        b"\xff\xd8two\xff\xd9",
    ]


def test_endless_headers_are_refused() -> None:
    reader = MultipartReader("frame")
    with pytest.raises(MultipartError, match="no boundary"):
        _parts(reader, [b"x" * 1000] * 100)


def test_pictures_of_absurd_length_are_refused() -> None:
    reader = MultipartReader("frame")
    with pytest.raises(MultipartError, match="bytes"):
        list(reader.feed(b"--frame\r\nContent-Length: %d\r\n\r\n" % (MAX_PART_BYTES + 1)))


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_any_bytes_give_parts_or_a_refusal(chunks: list[bytes]) -> None:
    reader = MultipartReader("-")
    with contextlib.suppress(MultipartError):
        _parts(reader, chunks)


def _parts(reader: MultipartReader, chunks: list[bytes]) -> list[bytes]:
    return [body for chunk in chunks for body in reader.feed(chunk)]
