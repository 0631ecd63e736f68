"""Which camera made its worker hang or crash, as far as that can be known."""

from collections.abc import Iterable, Mapping

from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.crew import Crew, Slot, Verdict
from monitor.ingest.mailbox_layout import Phase
from monitor.ingest.worker_process import CrashReport

_NEARLY_SILENT = 0.75
"""Where one lock stops all threads, they fall silent within one period of their stamps: a camera is
only accused alone if others made progress well after it."""

_CROWD = 8
"""More silent cameras than this at once, while others make progress, are no decoders that hang: the
machine has no time for them, as when hundreds of cameras are opened on one that is busy."""
_CROWD_PATIENCE = 3.0
"""Then the worker gets this many times as long: killing it would make all of them begin anew. Of
cameras that it has not begun with, this many times what :meth:`CameraRecord.hang_seconds` gives
those already: with both, nine times the usual, 180 s at the least by default."""


def hang_verdict(
    slot: Slot,
    records: Mapping[str, CameraRecord],
    *,
    awake: float,
    hang_seconds: float,
    start_seconds: float,
) -> Verdict | None:
    """Whether a slot's worker hangs, and who did it; None where all make progress.

    A crowd that falls silent is not accused; a camera that was given up and does not go is, beside
    one as well.

    Args:
        slot: with a running process.
        records: of all cameras.
        awake: the supervisor's count of seconds.
        hang_seconds: the longest silence of a camera, but for its own timeouts.
        start_seconds: the longest time that a worker may take to start.
    """
    if not slot.ready:
        if awake - slot.since_awake <= start_seconds:
            return None
        return Verdict("hang", f"a worker did not start within {start_seconds:g} s")
    silence: dict[str, float] = {}
    allowed: dict[str, float] = {}
    for name, generation in slot.cameras.items():
        record = records.get(name)
        if record is not None and record.generation == generation and not record.ended:
            silence[name] = record.silence(awake)
            allowed[name] = record.hang_seconds(hang_seconds)
    silent = tuple(name for name, seconds in silence.items() if seconds > allowed[name])
    crowd = _CROWD < len(silent) < len(silence)
    if crowd:
        silent = tuple(n for n in silent if silence[n] > _CROWD_PATIENCE * allowed[n])
    stuck = tuple(
        name for (name, _), since in slot.departing.items() if awake - since > 2 * hang_seconds
    )
    if not silent and not stuck:
        return None
    nearly = _NEARLY_SILENT * min((allowed[name] for name in silent), default=0.0)
    if silent and slot.process is not None and slot.process.stopped():
        return Verdict("hang", "a worker was stopped by a signal; it is replaced")
    if silent and len(silence) > 1 and min(silence.values()) > nearly:
        detail = f"a worker with {len(silence)} cameras made no progress at all"
        return Verdict("hang", detail, suspects=_hottest_first(silence, records))
    guilty = silent + stuck
    detail = f"the reader of {_names(guilty)} made no progress for {hang_seconds:g} s or more"
    return Verdict("hang", detail, guilty=stuck if crowd else guilty)


def condemn_hung(
    crew: Crew,
    records: Mapping[str, CameraRecord],
    *,
    awake: float,
    hang_seconds: float,
    start_seconds: float,
) -> None:
    """Kill the workers that hang; arguments as for :func:`hang_verdict`."""
    for slot in crew.slots.values():
        living = slot.process is not None and slot.leaving_until is None
        if living and slot.verdict is None:
            verdict = hang_verdict(
                slot, records, awake=awake, hang_seconds=hang_seconds, start_seconds=start_seconds
            )
            if verdict is not None:
                crew.condemn(slot, verdict)


def suspects_of_crash(
    cameras: Iterable[str], records: Mapping[str, CameraRecord], report: CrashReport
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who crashed a worker: the guilty where the crash report names a thread, else the suspects.

    Args:
        cameras: those that the worker read.
        records: of all cameras.
        report: of the crash.

    Returns:
        The guilty, and the suspects with the likeliest first; at least one of both is empty. Nobody
        is accused where the worker was ended from outside, or in a thread that reads no camera.
    """
    if report.outside:
        return (), ()
    known = [name for name in cameras if name in records]
    if report.thread is not None:
        return tuple(n for n in known if records[n].mailbox.thread() == report.thread), ()
    busy = [name for name in known if records[name].mailbox.phase() != Phase.IDLE]
    return (), _hottest_first(busy, records)


def _hottest_first(names: Iterable[str], records: Mapping[str, CameraRecord]) -> tuple[str, ...]:
    """Those that got a packet last come first: a crash comes right after."""
    return tuple(sorted(names, key=lambda name: -records[name].mailbox.heartbeat()))


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
