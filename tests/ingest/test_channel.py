import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.channel import (
    AddCamera,
    ChannelError,
    Down,
    Message,
    Opened,
    Ready,
    RemoveCamera,
    Removed,
    Setup,
    Stop,
    decode,
    encode,
    receive,
)
from monitor.ingest.status import SourceSettings, StreamInfo

TEXT = st.text(max_size=30)
WHOLE = st.integers(0, 2**53)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.none() | TEXT
SETTINGS = st.builds(
    SourceSettings, camera=TEXT, url=TEXT, username=MAYBE, password=MAYBE, fps=FLOAT
)
INFO = st.builds(
    StreamInfo,
    kind=TEXT,
    codec=TEXT,
    width=WHOLE,
    height=WHOLE,
    declared_fps=st.none() | FLOAT,
    key_interval_seconds=st.none() | FLOAT,
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Setup, max_back_off_seconds=FLOAT, concurrent_opens=WHOLE),
    st.builds(AddCamera, settings=SETTINGS, generation=WHOLE),
    st.builds(RemoveCamera, camera=TEXT, generation=WHOLE),
    st.builds(Stop),
    st.builds(Ready),
    st.builds(Opened, camera=TEXT, generation=WHOLE, info=INFO),
    st.builds(Down, camera=TEXT, generation=WHOLE, reason=TEXT, detail=TEXT, final=st.booleans()),
    st.builds(Removed, camera=TEXT, generation=WHOLE),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@given(MESSAGES)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(encode(message)) == message


@given(st.binary(max_size=200))
def test_no_bytes_give_anything_but_a_message_or_a_refusal(data: bytes) -> None:
    with pytest.raises(ChannelError):
        decode(data)


@given(MESSAGES, st.data())
def test_no_changed_field_gives_anything_but_a_message_or_a_refusal(
    message: Message, data: st.DataObject
) -> None:
    body = json.loads(encode(message))
    key = data.draw(st.sampled_from(sorted(body)))
    body[key] = data.draw(JSON)
    try:
        changed = decode(json.dumps(body).encode())
    except ChannelError:
        return
    assert encode(changed)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "Setup", "max_back_off_seconds": NaN, "concurrent_opens": 1}',
        '{"type": "Setup", "max_back_off_seconds": 1e999, "concurrent_opens": 1}',
        '{"type": "Setup", "max_back_off_seconds": 1, "concurrent_opens": true}',
        '{"type": "Setup", "max_back_off_seconds": 1}',
        '{"type": "Stop", "more": 1}',
        '{"type": "Halt"}',
        '{"type": ["Stop"]}',
        "[" * 50_000,
        '{"type": "Setup", "concurrent_opens": 1, "max_back_off_seconds": ' + "9" * 400 + "}",
    ],
)
def test_wrong_messages_are_refused(text: str) -> None:
    with pytest.raises(ChannelError):
        decode(text.encode())


def test_a_refusal_does_not_repeat_what_it_refuses() -> None:
    with pytest.raises(ChannelError) as refused:
        decode(b'{"type": "AddCamera", "password": "hunter2"')
    assert "hunter2" not in str(refused.value)


def test_a_message_too_long_is_refused() -> None:
    with pytest.raises(ChannelError, match="too long"):
        encode(AddCamera(SourceSettings(camera="a", url="x" * 70_000), 1))


def test_a_descriptor_travels_beside_its_message(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    order = AddCamera(SourceSettings(camera="a", url="rtsp://h/", password="secret"), 3)
    descriptor = os.memfd_create("test")
    os.write(descriptor, b"hello")
    socket.send_fds(theirs, [encode(order)], [descriptor])
    os.close(descriptor)
    received = receive(ours)
    assert received is not None
    assert received[0] == order
    assert os.pread(received[1][0], 5, 0) == b"hello"
    os.close(received[1][0])


def test_descriptors_of_a_refused_packet_are_closed(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    before = len(list(Path("/proc/self/fd").iterdir()))
    socket.send_fds(theirs, [b"nonsense"], [0])
    with pytest.raises(ChannelError):
        receive(ours)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_empty_channel_and_a_closed_one_differ(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    with pytest.raises(BlockingIOError):
        receive(ours)
    theirs.close()
    assert receive(ours) is None
