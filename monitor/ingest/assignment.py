"""Brings the workers to what the placement says: starts, orders, and asks to end."""

from collections.abc import Mapping

from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import AddCamera, RemoveCamera
from monitor.ingest.crew import Crew, Slot
from monitor.ingest.placement import Placement


def reconcile(
    crew: Crew,
    placement: Placement,
    records: Mapping[str, CameraRecord],
    *,
    awake: float,
    now: float,
) -> list[str]:
    """Do whatever is missing for each group to be read by its worker; safe to call at any time.

    Args:
        crew: the workers.
        placement: the groups as they should be.
        records: of all cameras.
        awake: the supervisor's count of seconds.
        now: monotonic time, seconds.

    Returns:
        Sentences about workers that were started, or could not be.
    """
    notes = []
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
            notes.append(_start(crew, slot, awake))
        if slot.process is not None and slot.leaving_until is None and slot.verdict is None:
            _give_orders(slot, names, records, awake)
    return notes


def _start(crew: Crew, slot: Slot, awake: float) -> str:
    try:
        pid = crew.spawn(slot, awake)
    except OSError as error:
        return f"no worker could be started: {error.strerror}; it is tried again"
    return f"worker {pid} was started"


def _give_orders(
    slot: Slot, names: list[str], records: Mapping[str, CameraRecord], awake: float
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
            record.hand_out(awake)
            slot.cameras[name] = record.generation
            process.send(AddCamera(record.settings, record.generation), record.descriptor)
