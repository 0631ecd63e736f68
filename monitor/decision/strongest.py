"""The strongest evidence of a frame: which region says the most for each rule, and for the hazard.

Each region is smoothed for itself, its evidence is held against its own threshold where it has
one, and of what is left the strongest counts. Of the last frames it is kept, to explain by.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.decision.baseline import Baseline
from monitor.decision.evidence import EvidencePlan
from monitor.decision.settings import DecisionSettings
from monitor.decision.smoothing import Smoother, make_smoother
from monitor.decision.snapshot import RegionSnapshot
from monitor.decision.thresholds import RegionThresholds

EVIDENCE_SAMPLES = 20
"""So many samples up to a change of state are kept in its explanation."""


@dataclass(slots=True)
class Found:
    """The strongest evidence for a rule over all regions of a frame."""

    stands: float = -1.0
    """What counts against the rule's threshold."""
    raw: float = 0.0
    smoothed: float = 0.0
    """What counts against the region's own threshold, where it has one."""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a frame came to."""

    elapsed: float
    """Seconds since the frame before."""
    found: Sequence[Found]
    """The evidence for each rule, in the order of the rules."""
    hazards: Sequence[Found]
    """The hazard as it stood against each rule."""

    def of(self, rule: int, *, by_hazard: bool) -> Found:
        """What decides about a rule: the hazard, or the rule's own evidence."""
        return (self.hazards if by_hazard else self.found)[rule]


class Strongest:
    """Smoothing and evidence of all regions of one camera."""

    def __init__(
        self,
        plan: EvidencePlan,
        rule_thresholds: Sequence[float],
        thresholds: RegionThresholds,
        settings: DecisionSettings,
        baseline: Baseline | None,
    ) -> None:
        """Begin with nothing seen.

        Args:
            plan: which values of a region count for which rule.
            rule_thresholds: the rules' own, in their order.
            thresholds: those of regions.
            settings: smoothing, and what is certain.
            baseline: lowers the values before they are smoothed; None where it is switched off.
        """
        self._plan = plan
        self._rule_thresholds = tuple(rule_thresholds)
        self._thresholds = thresholds
        self._smoothing = settings.smoothing
        self._certain = settings.certain
        self._baseline = baseline
        self._smoothers: dict[str, Smoother] = {}
        self._recent: deque[Sample] = deque(maxlen=EVIDENCE_SAMPLES)
        self.region = ""
        """The region of the newest frame that says the most; empty before the first."""
        self.raw: Sequence[float] = ()
        """Its values as the model gave them, the hazard behind the labels; empty before that."""

    @property
    def newest(self) -> Sample:
        """What the newest frame came to; there must have been one."""
        return self._recent[-1]

    def update(
        self, raws: Sequence[tuple[str, list[float]]], step: float, elapsed: float
    ) -> Sample:
        """Smooth every region, and find the strongest.

        Args:
            raws: the name and the values of each region, as the plan gives them.
            step: observed seconds that the frame adds.
            elapsed: seconds since the frame before, gaps included.
        """
        if len(raws) < len(self._smoothers):
            # The camera has other regions than before: what is not seen any more is forgotten.
            names = {name for name, _ in raws}
            self._smoothers = {n: s for n, s in self._smoothers.items() if n in names}
            if self._baseline is not None:
                self._baseline.keep(names)
        baseline = self._baseline
        found = [Found() for _ in self._rule_thresholds]
        hazards = [Found() for _ in self._rule_thresholds]
        strongest = -1.0
        for name, raw in raws:
            smoother = self._smoothers.get(name)
            if smoother is None:
                smoother = self._smoothers[name] = make_smoother(self._smoothing)
            counted = raw if baseline is None else baseline.lowered(name, raw)
            smoothed = smoother.update(counted, step)
            now = self._plan.evidence(raw)
            then = [
                new if new >= self._certain and new > old else old
                for new, old in zip(now, self._plan.evidence(smoothed), strict=True)
            ]
            total = then[-1]
            for index, threshold in enumerate(self._rule_thresholds):
                for best, column in ((found[index], index), (hazards[index], -1)):
                    stands = self._thresholds.lift(name, then[column], threshold)
                    if stands > best.stands:
                        best.stands, best.raw, best.region = stands, now[column], name
                        best.smoothed = then[column]
                    total = max(total, stands)
            if total > strongest:
                strongest = total
                self.region, self.raw = name, raw
        sample = Sample(round(elapsed, 3), found, hazards)
        self._recent.append(sample)
        return sample

    def history(self, rule: int, *, by_hazard: bool) -> tuple[tuple[float, float], ...]:
        """The last samples up to the newest, oldest first: seconds since it (0 or less), and what
        decided about the rule then; rounded to three digits."""
        told = []
        age = 0.0
        for sample in reversed(self._recent):
            then = sample.of(rule, by_hazard=by_hazard)
            told.append((0.0 - round(age, 3), round(then.smoothed, 3)))
            age += sample.elapsed
        return tuple(reversed(told))

    def dump_regions(self) -> tuple[RegionSnapshot, ...]:
        """The smoothing, as it must survive a restart."""
        return tuple(
            RegionSnapshot(name, tuple(tuple(row) for row in smoother.dump()))
            for name, smoother in self._smoothers.items()
        )

    def load_regions(self, regions: Iterable[RegionSnapshot]) -> None:
        """Go on from what :meth:`dump_regions` gave for the same labels and kind of smoothing."""
        for region in regions:
            smoother = self._smoothers[region.name] = make_smoother(self._smoothing)
            smoother.load(region.rows)

    def dump_recent(self) -> tuple[tuple[float, ...], ...]:
        """The last frames, as :attr:`monitor.decision.snapshot.DeciderSnapshot.recent`."""
        return tuple(
            (sample.elapsed, *(round(w.smoothed, 3) for w in (*sample.found, *sample.hazards)))
            for sample in self._recent
        )

    def load_recent(self, rows: Iterable[Sequence[float]]) -> None:
        """Go on from what :meth:`dump_recent` gave for the same rules."""
        count = len(self._rule_thresholds)
        for elapsed, *values in rows:
            whats = [Found(smoothed=value) for value in values]
            self._recent.append(Sample(elapsed, whats[:count], whats[count:]))
