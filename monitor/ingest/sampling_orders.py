"""Tells workers how to sample their cameras for now."""

from collections.abc import Collection, Mapping

from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import SetSampling
from monitor.ingest.crew import Crew


def order_sampling(
    crew: Crew,
    records: Mapping[str, CameraRecord],
    wanted: Mapping[str, float],
    unfiltered: Collection[str],
) -> None:
    """Send what a worker does not know yet; safe to call at any time.

    Args:
        crew: the workers.
        records: of all cameras.
        wanted: samples a second of the cameras that are not to be read at their usual rate.
        unfiltered: cameras whose key frames are decoded without the loop filter.
    """
    for slot in crew.slots.values():
        if slot.process is None or slot.leaving_until is not None or slot.verdict is not None:
            continue
        for name, generation in slot.cameras.items():
            record = records.get(name)
            if record is None or record.generation != generation:
                continue
            fps, loop_filter = wanted.get(name, record.settings.fps), name not in unfiltered
            if (fps, loop_filter) != (record.ordered_fps, record.ordered_loop_filter):
                record.ordered_fps, record.ordered_loop_filter = fps, loop_filter
                slot.process.send(SetSampling(name, generation, fps, loop_filter))
