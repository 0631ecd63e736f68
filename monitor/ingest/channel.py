"""What the daemon and a worker say to each other: typed messages, one JSON text in one packet.

Credentials cross here and nowhere else: a Unix socket pair has no name in the file system, and
neither command line nor environment of a worker ever holds one. The daemon trusts nothing that
comes back: whatever is not exactly one of the messages below is refused.
"""

import dataclasses
import json
import math
import socket
import types
import typing
from dataclasses import dataclass
from typing import Any, NoReturn

from monitor.errors import EmberwatchError
from monitor.ingest.status import SourceSettings, StreamInfo

LONGEST_MESSAGE = 65536
"""Bytes; a Unix socket's buffer holds a few of these at the least."""
LONGEST_DETAIL = 500
"""Characters of an error that are passed on."""


class ChannelError(EmberwatchError):
    """What arrived on the channel is no message of this version."""


@dataclass(frozen=True, slots=True)
class Setup:
    """To a worker, first of all: what holds for all its cameras."""

    max_back_off_seconds: float
    concurrent_opens: int


@dataclass(frozen=True, slots=True)
class AddCamera:
    """To a worker: read this camera. The mailbox's descriptor travels beside the message."""

    settings: SourceSettings
    generation: int
    """Counts how often this camera was handed out; answers for an older one are out of date."""


@dataclass(frozen=True, slots=True)
class RemoveCamera:
    """To a worker: stop reading this camera, then say ``Removed``."""

    camera: str
    generation: int


@dataclass(frozen=True, slots=True)
class SetRate:
    """To a worker: sample this camera so often from now on, without opening it anew."""

    camera: str
    generation: int
    fps: float


@dataclass(frozen=True, slots=True)
class HoldPackets:
    """To a worker: keep this camera's packets since a monotonic time; None: no longer."""

    camera: str
    generation: int
    since: float | None


@dataclass(frozen=True, slots=True)
class SaveClip:
    """To a worker: write a clip, then say ``ClipDone``. The file's descriptor travels beside it."""

    camera: str
    generation: int
    clip: int
    since: float
    """Monotonic time; it begins with the key frame before."""
    until: float
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: close all cameras and end."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: it has started."""


@dataclass(frozen=True, slots=True)
class Opened:
    """From a worker: the camera is open, or more is known about its stream."""

    camera: str
    generation: int
    info: StreamInfo


@dataclass(frozen=True, slots=True)
class Down:
    """From a worker: the camera gives no pictures."""

    camera: str
    generation: int
    reason: str
    """One of REASONS."""
    detail: str
    """A sentence without credentials."""
    final: bool
    """A file came to its end: it will not be opened again."""


@dataclass(frozen=True, slots=True)
class Removed:
    """From a worker: the camera's thread has ended."""

    camera: str
    generation: int


@dataclass(frozen=True, slots=True)
class ClipDone:
    """From a worker: a clip is written, as far as it goes."""

    camera: str
    clip: int
    container: str
    """``mp4`` or ``mkv``; empty where nothing was written."""
    seconds: float
    began_at: float
    """Unix time of its first packet."""
    cut: str
    """Why it ended before its time, one of the words of ``clip_writer.CUTS``; else empty."""


ToWorker = Setup | AddCamera | RemoveCamera | SetRate | HoldPackets | SaveClip | Stop
FromWorker = Ready | Opened | Down | Removed | ClipDone
Message = ToWorker | FromWorker

_TYPES: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (*typing.get_args(ToWorker), *typing.get_args(FromWorker))
}


def encode(message: Message) -> bytes:
    """One packet.

    Raises:
        ChannelError: it is longer than a packet may be.
    """
    body = {"type": type(message).__name__, **dataclasses.asdict(message)}
    data = json.dumps(body, allow_nan=False).encode()
    if len(data) > LONGEST_MESSAGE:
        raise ChannelError(f"a message of {len(data)} bytes is too long; shorten the camera's URL")
    return data


def decode(data: bytes) -> Message:
    """The message of a packet.

    Raises:
        ChannelError: it is none of the known ones, or a field has another type.
    """
    try:
        body = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        # The text itself stays out of the message: it may hold a password.
        raise ChannelError(f"a packet of {len(data)} bytes is no message") from error
    name = body.pop("type", None) if isinstance(body, dict) else None
    kind = _TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ChannelError("a packet holds a message of an unknown type")
    return typing.cast("Message", _build(kind, body))


def receive(channel: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and the descriptors that came with it; None where the other end is closed.

    Raises:
        ChannelError: what arrived is no message; its descriptors are closed.
        BlockingIOError: nothing is there, and the socket does not block.
    """
    data, descriptors, flags, _ = socket.recv_fds(channel, LONGEST_MESSAGE, 4)
    try:
        if not data:
            return None
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ChannelError("a message arrived cut short")
        return decode(data), descriptors
    except ChannelError:
        for descriptor in descriptors:
            socket.close(descriptor)
        raise


def _build(kind: type[Any], body: object) -> object:
    """A dataclass from the JSON object that should describe it, types checked."""
    hints = typing.get_type_hints(kind)
    if not isinstance(body, dict) or set(body) != set(hints):
        raise ChannelError(f"a {kind.__name__} has other fields than it should")
    values = {name: _value(kind, name, hint, body[name]) for name, hint in hints.items()}
    return kind(**values)


def _value(kind: type[Any], name: str, hint: object, value: object) -> object:
    if isinstance(hint, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        hint = next(option for option in options if option is not type(None))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(value)
    if type(value) is not hint or (isinstance(value, float) and not math.isfinite(value)):
        raise ChannelError(f"the field {name} of a {kind.__name__} has a wrong value")
    return value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ChannelError("a number in a message is too large") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a message may hold")
