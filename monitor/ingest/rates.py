"""Tells workers which of their cameras to sample faster for a while."""

from collections.abc import Mapping

from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import SetRate
from monitor.ingest.crew import Crew


def order_rates(
    crew: Crew, records: Mapping[str, CameraRecord], wanted: Mapping[str, float]
) -> None:
    """Send what a worker does not know yet; safe to call at any time.

    Args:
        crew: the workers.
        records: of all cameras.
        wanted: samples a second of the cameras that are not to be read at their usual rate.
    """
    for slot in crew.slots.values():
        if slot.process is None or slot.leaving_until is not None or slot.verdict is not None:
            continue
        for name, generation in slot.cameras.items():
            record = records.get(name)
            if record is None or record.generation != generation:
                continue
            fps = wanted.get(name, record.settings.fps)
            if fps != record.ordered_fps:
                record.ordered_fps = fps
                slot.process.send(SetRate(name, generation, fps))
