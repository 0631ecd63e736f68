"""What is wrong beside the cameras, one plain line each: sinks, the disk, a reload, silences."""

from collections.abc import Iterator

from monitor.readings import Reading, SinkReading

LATE_SECONDS = 60.0
"""So long may news wait for a sink that works; as in the shipped alert rules."""


def fault_lines(reading: Reading) -> Iterator[str]:
    """All that people must know to trust what the table shows, the gravest first."""
    for sink in reading.sinks:
        if not sink.up:
            yield f"sink '{sink.name}' cannot send{_waits(sink)}"
        elif sink.oldest_seconds > LATE_SECONDS:
            yield f"sink '{sink.name}' is late{_waits(sink)}"
    # While the model is loaded nobody has looked at the store yet, and its metric is 0.
    if reading.engine and not reading.store_up:
        yield (
            "the event store cannot be written: new events are in memory alone (is the disk full? "
            "the log says why)"
        )
    if not reading.evidence_up:
        yield "pictures and clips of alerts cannot be written (is the disk full? the log says why)"
    if not reading.reload_successful:
        yield "the last reload was refused: the settings before it are in force (the log says why)"
    silenced = [
        f"{camera.name} ({', '.join(sorted(camera.silenced))})"
        for camera in reading.cameras
        if camera.silenced
    ]
    if silenced:
        yield f"silenced: {', '.join(silenced)}"


def _waits(sink: SinkReading) -> str:
    if not sink.waiting:
        return ""
    seconds = sink.oldest_seconds
    age = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    which = "delivery waits" if sink.waiting == 1 else "deliveries wait"
    return f": {sink.waiting} {which}, the oldest for {age}"
