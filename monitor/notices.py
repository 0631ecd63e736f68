"""What people must be told of silences and signals, beside the alerts themselves."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.alerts.silences import Silence
from monitor.signal_poller import SignalState
from monitor.web.view import Fault


def condition_faults(
    signals: Iterable[SignalState], silences: Iterable[Silence]
) -> Iterator[Fault]:
    """A notice for each signal that is not known or is on, and for each silence in force."""
    for signal in signals:
        if signal.fault:
            yield Fault(
                "signals",
                f"'{signal.name}' is not known and counts as off: {signal.fault}",
                critical=False,
            )
        elif signal.on:
            yield Fault("signals", f"'{signal.name}' is on", critical=False)
    for silence in silences:
        yield Fault("silence", silence_text(silence), critical=False)


def silence_text(silence: Silence) -> str:
    """``camera 'yard' until 2027-03-01 17:30 CET, by anna: welding (id 4)``."""
    what = "" if silence.label is None else f"{silence.label} at "
    until = datetime.fromtimestamp(silence.ends_at).astimezone()
    return (
        f"{what}camera '{silence.camera}' until {until:%Y-%m-%d %H:%M %Z}, by "
        f"{silence.created_by}: {silence.comment} (id {silence.id})"
    )
