"""``emberwatch check --connect``: what each camera turns out to be, one line each."""

from collections.abc import Sequence
from typing import TextIO

from monitor.ingest.status import SourceSettings
from monitor.probe import Probe, probe_all


def connect_all(settings: Sequence[SourceSettings], out: TextIO) -> int:
    """Open each camera once and say what it is, as the answers come.

    Returns:
        The exit code: 1 where a camera gives no picture.
    """
    width = max((len(entry.camera) for entry in settings), default=0)

    def show(probe: Probe) -> None:
        verdict = "FAIL" if probe.error else "OK"
        out.write(f"  {probe.camera:<{width}}  {verdict:<4}  {describe(probe)}\n")
        out.flush()

    out.write(f"opening {_count(len(settings))}\n")
    out.flush()
    failed = sum(bool(probe.error) for probe in probe_all(settings, done=show))
    if failed:
        out.write(f"{failed} of {_count(len(settings))} without a picture\n")
        return 1
    out.write("every camera gives pictures\n")
    return 0


def describe(probe: Probe) -> str:
    """What a camera turned out to be, or why it gives no picture, in one line."""
    if probe.error:
        return probe.error.removeprefix(f"camera {probe.camera}: ")  # the name leads the line
    parts = []
    if probe.info is not None:
        parts += [f"{probe.info.kind}, {probe.info.codec}"]
        parts += [f"{probe.info.width}x{probe.info.height}"]
        if probe.info.declared_fps:
            parts.append(f"{probe.info.declared_fps:g} fps declared")
        if probe.info.key_interval_seconds:
            parts.append(f"a key frame every {probe.info.key_interval_seconds:.1f} s")
    if probe.health is not None:
        parts.append(f"picture {probe.health.label}")
    if probe.first_picture_seconds is not None:
        parts.append(f"first picture after {probe.first_picture_seconds:.1f} s")
    return ", ".join(parts)


def _count(cameras: int) -> str:
    return f"{cameras} {'camera' if cameras == 1 else 'cameras'}"
