"""What a sink is told: one piece of news of one event, and how it reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from monitor.alerts.events import Event, Step
from monitor.alerts.routing import Kind
from monitor.decision.outage import OUTAGE


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of news for one sink."""

    key: str
    """The same each time that it is sent: who has seen it before may leave it out."""
    kind: Kind
    event: Event
    step: Step | None
    """The change of state that it tells of; None where it tells of none."""
    at: float
    """Unix time of that change."""
    picture: Path | None = None
    """A file that shows it; None where there is none."""
    external_url: str = ""
    """Where people reach the pages; empty where nobody said."""
    drill: bool = False
    """Whether it is a test and nothing burns."""
    outdated: bool = False
    """Whether the sink has heard already that the same fires anew: what shows how things stand now
    leaves this out."""

    @property
    def status(self) -> Literal["firing", "resolved"]:
        return "resolved" if self.kind == "resolved" else "firing"

    @property
    def label(self) -> str:
        """What it is about: ``fire``, ``smoke``."""
        return self.step.label if self.step and self.kind != "resolved" else self.event.label

    @property
    def alert(self) -> str:
        """The rule that it is about."""
        return self.step.alert if self.step and self.kind != "resolved" else self.event.alert

    @property
    def link(self) -> str:
        """The page of the event; empty where nobody said where pages are."""
        if not self.external_url or self.drill:
            return self.external_url
        return f"{self.external_url.rstrip('/')}/events/{self.event.id}"

    @property
    def title(self) -> str:
        """One line for people."""
        what, where = self.label.capitalize(), self.event.camera
        if self.event.site:
            where = f"{where} ({self.event.site})"
        text = {
            "pending": f"{what} suspected at {where}",
            "firing": f"{what} at {where}",
            "upgraded": f"Now {self.label} at {where}",
            "escalation": f"{what} at {where}, and nobody has acknowledged it",
            "resolved": f"Over: {self.label} at {where}",
        }[self.kind]
        return f"DRILL, nothing burns: {text}" if self.drill else text

    @property
    def body(self) -> str:
        """Some lines for people, in the time of this machine."""
        event = self.event
        lines = [f"Camera {event.camera}, rule {self.alert}, seen at {_clock(self.at)}."]
        if self.label == OUTAGE and not self.drill:
            lines = list(self._outage_lines())
        if self.drill:
            lines.insert(0, "This is a test of the sink. Nothing burns.")
        elif self.label == OUTAGE:
            pass
        elif self.kind == "resolved":
            seconds = max(0.0, (event.ended_at or self.at) - event.began_at)
            lines.append(
                f"It lasted {seconds:.0f} s; the highest score was {_p(event.peak_score)}."
            )
        elif self.step is not None:
            why = self.step.why
            lines.append(
                f"Score {_p(self.step.score)} against a threshold of {_p(why.threshold)}, "
                f"in {why.region}."
            )
        if self.kind == "escalation":
            lines.append(f"It has been firing since {_clock(event.fired_at or event.began_at)}.")
        if self.link:
            lines.append(self.link)
        return "\n".join(lines)

    def _outage_lines(self) -> Iterator[str]:
        camera = self.event.camera
        if self.kind == "resolved":
            yield f"Camera {camera} is watched again since {_clock(self.at)}."
            return
        if self.step is not None:
            why = self.step.why
            since = _clock(self.at - why.seconds)
            yield f"Camera {camera} has not been watched since {since} ({why.region})."
        yield "What burns there is not seen."


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def _p(score: float) -> str:
    return f"{score:.2f}"
