"""Hardware that decodes video: which there is, and why one is not used."""

from pathlib import Path

from av import error as ffmpeg
from av.codec import Codec
from av.codec.hwaccel import HWAccel

_NODES = {"cuda": "/dev/nvidiactl", "vaapi": "/dev/dri/renderD128"}
"""What is there where the driver of a kind is; in the order in which they are tried."""


def hardware_for(wanted: str, devices: Path = Path("/")) -> tuple[str, str]:
    """The kind of hardware to decode with, and why none is.

    Args:
        wanted: ``auto``, ``none``, or a kind: ``vaapi`` or ``cuda``.
        devices: the root of the file system in which devices are looked for.

    Returns:
        The kind, empty for software; and a sentence where hardware was wanted that cannot be used,
        else empty.
    """
    if wanted == "none":
        return "", ""
    kinds = tuple(_NODES) if wanted == "auto" else (wanted,)
    reasons = []
    for kind in kinds:
        if not (devices / _NODES[kind].lstrip("/")).exists():
            if wanted != "auto":
                reasons.append(f"{kind} cannot be used: there is no {_NODES[kind]}")
            continue
        reason = _why_not(kind)
        if not reason:
            return kind, ""
        reasons.append(f"{kind} cannot be used: {reason}")
    return "", "; ".join(reasons)


def accelerator(kind: str) -> HWAccel | None:
    """For FFmpeg; a stream that the hardware cannot decode is decoded in software."""
    return HWAccel(kind, allow_software_fallback=True) if kind else None


def _why_not(kind: str) -> str:
    """Why a kind cannot decode H.264 here; empty where it can."""
    try:
        HWAccel(kind, allow_software_fallback=False).create(Codec("h264", "r"))
    except NotImplementedError:
        return "this build of FFmpeg (PyAV's) does not know it"
    except (ffmpeg.FFmpegError, OSError, RuntimeError) as error:
        return f"its driver does not answer ({type(error).__name__})"
    return ""
