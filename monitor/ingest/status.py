"""What ingest says about its cameras: their state now, and what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.ingest.frame import Health

SOFTWARE = "software"
DECODERS: tuple[str, ...] = (SOFTWARE, "vaapi", "cuda")
"""What may decode a stream."""

REASONS: tuple[str, ...] = (
    "open",
    "refused",
    "unreachable",
    "not_found",
    "dns",
    "auth",
    "stall",
    "decode",
    "ended",
    "hang",
    "worker_lost",
    "error",
)
"""Why a camera is down or was reconnected: the bounded set of values of the label ``reason``.

``open`` could not be opened, for another reason than the next four; ``not_found`` the path is
unknown there; ``ended`` the stream or file came to its end; ``hang`` the decoder made no progress
and its worker was killed; ``worker_lost`` the worker process died.
"""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """All that a worker must know to read one camera. Crosses into the worker as JSON on a pipe."""

    camera: str
    url: str
    """Without credentials."""
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    fps: float = 1.0
    """Wanted sampling rate, frames a second."""
    decode: str = "auto"
    """``auto``, ``key`` (key frames only) or ``all``."""
    loop: bool = False
    """Start again at the end of a file or folder."""
    paced: bool = True
    """Files run in their own time; False reads as fast as the machine goes."""
    transport: str = "tcp"
    """``tcp`` or ``udp``, for RTSP."""
    snapshot: bool = False
    """For http(s): the URL gives one picture a request, and is asked at ``fps``."""
    tls_verify: bool = True
    """For rtsps and https: the camera must show a certificate that this machine trusts."""
    open_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 10.0
    hwaccel: str = "none"
    """``auto``, ``none``, ``vaapi`` or ``cuda``: hardware to decode streams with."""
    substream_url: str | None = None
    """The camera's small stream, without credentials; it is read instead where it can be."""
    known_creep: float = 0.0
    """By how much its time stamps were seen to run slow, seconds a second; learned, not configured:
    some cameras number their pictures for 25 a second and make 24.9."""
    max_side: int = 1920
    """Frames larger than this on their longer side are scaled down to it while converted."""
    ring_seconds: float = 0.0
    """How much of the stream is kept for clips; more, as it begins with a key frame."""
    ring_bytes: int = 0
    """Most memory for that; 0: nothing is kept, and there are no clips."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source turned out to be once opened."""

    kind: str
    """``rtsp``, ``http``, ``file``, ``folder``, ``snapshot`` or ``device``."""
    codec: str
    width: int
    height: int
    declared_fps: float | None = None
    key_interval_seconds: float | None = None
    """Measured, not declared; None until two key frames were seen."""
    decoder: str = SOFTWARE
    """What decodes it: ``software``, ``vaapi`` or ``cuda``."""
    note: str = ""
    """What is not as it was configured: hardware that cannot be used, a sub-stream that cannot be
    read; else empty. Without credentials."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """The state of one camera now; counters count since the daemon started."""

    camera: str
    up: bool
    """Frames arrive: the source is open and gave one within the time that its rate allows."""
    reason: str
    """One of REASONS while down, else an empty string."""
    detail: str
    """The last error as a sentence, without credentials; empty while up."""
    health: Health
    info: StreamInfo | None
    frames: int
    """Sampled frames put into the mailbox."""
    dropped: Mapping[str, int]
    """Frames that were sampled and not handed on, by reason: ``overwritten``, ``frozen``, …"""
    reconnects: Mapping[str, int]
    """Reconnects by reason, one key for each of REASONS."""
    last_frame_at: float | None
    """Unix time of the newest frame; None before the first."""
    last_frame_monotonic: float | None
    bad_packets: int = 0
    """What arrived and could not be decoded: packets of a stream, or whole pictures."""
    ring_bytes: int = 0
    """Memory that its last seconds take in its worker, kept for clips."""
    delay_seconds: float = 0.0
    """From the camera to the mailbox, of the newest frame: what it waited unread, as far as its
    stream tells, and the time to decode it."""


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """Something that belongs in the log: a camera came up, went down, was moved, …"""

    camera: str
    kind: str
    """``up``, ``down``, ``health``, ``note`` (something is not as it was configured),
    ``worker_started``, ``worker_failed`` (could not be started),
    ``worker_lost``, ``quarantined``, …"""
    reason: str
    detail: str
    at: float
