"""Brings the workers to what the placement says: starts, orders, and asks to end."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitor.errors import ConfigError
from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import AddCamera, ChannelError, RemoveCamera, encode
from monitor.ingest.crew import Crew, Slot
from monitor.ingest.placement import Placement
from monitor.ingest.status import SourceSettings

_HIGHEST_GENERATION = 2**63


@dataclass(frozen=True, slots=True)
class Report:
    """What was done about a worker, for the log."""

    kind: str
    """``worker_started`` or ``worker_failed``."""
    reason: str
    """One of REASONS, or empty."""
    detail: str


def check_messages(feeds: Iterable[SourceSettings]) -> None:
    """See to it that the order to read each camera can be given, before any of them is given.

    Raises:
        ConfigError: the settings of a camera are longer than a message may be.
    """
    for feed in feeds:
        try:
            encode(AddCamera(feed, _HIGHEST_GENERATION))
        except ChannelError as error:
            raise ConfigError(f"camera {feed.camera}: {error}") from None


def reconcile(
    crew: Crew,
    placement: Placement,
    records: Mapping[str, CameraRecord],
    *,
    awake: float,
    now: float,
) -> list[Report]:
    """Do whatever is missing for each group to be read by its worker; safe to call at any time.

    Args:
        crew: the workers.
        placement: the groups as they should be.
        records: of all cameras.
        awake: the supervisor's count of seconds.
        now: monotonic time, seconds.

    Returns:
        Which workers were started, or could not be.
    """
    reports = []
    wanted = {
        group.number: [name for name in group.cameras if not records[name].ended]
        for group in placement.groups()
    }
    for slot in list(crew.slots.values()):
        if not wanted.get(slot.number):
            if slot.process is not None:
                crew.dismiss(slot)
            elif slot.number not in wanted:
                crew.drop(slot)
    for number, names in wanted.items():
        if not names:
            continue
        slot = crew.slot(number)
        if slot.process is None and now >= slot.restart_at:
            report = _start(crew, slot, awake)
            reports.append(report)
            if slot.process is None:
                for name in names:
                    records[name].unserved(report.detail)
        if slot.process is not None and slot.leaving_until is None and slot.verdict is None:
            _give_orders(slot, names, records, awake, crew.generations)
    return reports


def _start(crew: Crew, slot: Slot, awake: float) -> Report:
    try:
        pid = crew.spawn(slot, awake)
    except OSError as error:
        detail = f"no worker process could be started: {error.strerror or error}; it is tried again"
        return Report("worker_failed", "error", detail)
    return Report("worker_started", "", f"worker {pid} was started")


def _give_orders(
    slot: Slot,
    names: list[str],
    records: Mapping[str, CameraRecord],
    awake: float,
    generations: Iterator[int],
) -> None:
    process = slot.process
    if process is None:
        return
    for name, generation in list(slot.cameras.items()):
        if name not in names or records[name].generation != generation:
            process.send(RemoveCamera(name, generation))
            slot.departing[name, generation] = awake
            del slot.cameras[name]
    for name in names:
        if name not in slot.cameras:
            record = records[name]
            try:
                record.hand_out(awake, next(generations))
                process.send(AddCamera(record.settings, record.generation), record.descriptor)
            except OSError as error:
                # Nobody was told of it; the next tick tries again.
                why = error.strerror or str(error)
                record.unserved(f"it could not be handed to a worker: {why}; it is tried again")
                continue
            slot.cameras[name] = record.generation
