"""What a decider must remember over a restart, as plain values that JSON can hold.

Monotonic time does not survive a reboot, so no snapshot holds it: durations are kept as observed
seconds, and the time of the newest frame as Unix time.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from monitor.decision.state import AlertState

FORMAT = 2
"""2 added the baseline. Format 1 is still read; it knows none."""

_READABLE = (1, FORMAT)


@dataclass(frozen=True, slots=True)
class StretchSnapshot:
    running: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class RuleSnapshot:
    """One rule; see :class:`monitor.decision.rules.RuleMachine` for the words."""

    name: str
    label: str
    state: str
    """``inactive``, ``pending`` or ``firing``."""
    above: StretchSnapshot
    hazard: StretchSnapshot
    below: StretchSnapshot
    frames: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class RegionSnapshot:
    """The smoother of one region."""

    name: str
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class LevelsSnapshot:
    """What one region usually shows, in log-odds above neutral."""

    name: str
    neutral: float
    """Up to here, in log-odds, the usual lowers nothing."""
    usual: tuple[float, ...]
    """What is in use now, one value a column; empty where nothing is."""
    levels: tuple[tuple[float, ...], ...]
    """One row a column, one value an hour of the day."""


@dataclass(frozen=True, slots=True)
class BaselineSnapshot:
    """See :class:`monitor.decision.baseline.Baseline`."""

    model: str
    """Which model gave the scores that it was learned from."""
    columns: tuple[str, ...]
    floor: float
    """A level here says that nothing is known."""
    seen: float
    """Observed seconds since the last look."""
    regions: tuple[LevelsSnapshot, ...]


@dataclass(frozen=True, slots=True)
class DeciderSnapshot:
    """One camera's decision between two frames."""

    camera: str
    captured_at: float | None
    """Unix time of the newest frame; None before the first."""
    labels: tuple[str, ...]
    smoothing: str
    """The kind of smoothing; rows of another kind are not taken over."""
    rules: tuple[RuleSnapshot, ...]
    regions: tuple[RegionSnapshot, ...]
    baseline: BaselineSnapshot | None = None
    """None where it is switched off, and in format 1."""
    recent: tuple[tuple[float, ...], ...] = ()
    """One row for each of the last frames, oldest first: seconds since the frame before, the
    evidence for each rule, the hazard as it stood against each rule. Empty in snapshots that were
    written before it was kept."""
    format: int = FORMAT

    def to_json(self) -> str:
        """One line of JSON, from which :meth:`from_json` gives an equal snapshot."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "DeciderSnapshot":
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: the text is no snapshot, or one of another format.
        """
        try:
            raw: Any = json.loads(text)
            if raw["format"] not in _READABLE:
                raise ValueError(f"a snapshot of format {raw['format']}, and this reads {FORMAT}")
            return cls(
                camera=raw["camera"],
                captured_at=raw["captured_at"],
                labels=tuple(raw["labels"]),
                smoothing=raw["smoothing"],
                rules=tuple(
                    RuleSnapshot(
                        name=rule["name"],
                        label=rule["label"],
                        state=AlertState[rule["state"].upper()].label,
                        above=StretchSnapshot(**rule["above"]),
                        hazard=StretchSnapshot(**rule["hazard"]),
                        below=StretchSnapshot(**rule["below"]),
                        frames=rule["frames"],
                        elapsed=rule["elapsed"],
                    )
                    for rule in raw["rules"]
                ),
                regions=tuple(
                    RegionSnapshot(region["name"], tuple(tuple(row) for row in region["rows"]))
                    for region in raw["regions"]
                ),
                baseline=_baseline(raw.get("baseline")),
                recent=_recent(raw.get("recent", []), len(raw["rules"])),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no snapshot of a decision: {error!r}") from error


def _recent(raw: Any, rules: int) -> tuple[tuple[float, ...], ...]:
    rows = tuple(tuple(float(value) for value in row) for row in raw)
    if any(len(row) != 1 + 2 * rules for row in rows):
        raise ValueError("no snapshot of a decision: its recent evidence is not that of its rules")
    return rows


def _baseline(raw: Any) -> BaselineSnapshot | None:
    if raw is None:
        return None
    return BaselineSnapshot(
        model=raw["model"],
        columns=tuple(raw["columns"]),
        floor=float(raw["floor"]),
        seen=float(raw["seen"]),
        regions=tuple(
            LevelsSnapshot(
                region["name"],
                float(region["neutral"]),
                tuple(float(level) for level in region["usual"]),
                tuple(tuple(float(level) for level in row) for row in region["levels"]),
            )
            for region in raw["regions"]
        ),
    )
