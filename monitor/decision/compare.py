"""How far two models differ about one frame, in the terms of a camera's rules. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.decision.evidence import EvidencePlan
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.decision.thresholds import RegionThresholds
from monitor.inference.scored import ScoredFrame


@dataclass(frozen=True, slots=True)
class Difference:
    """What a candidate says of a frame, beside what the model in use says."""

    label: bool
    """Whether another label leads in the full view."""
    raised: bool
    """Whether the candidate's evidence is over the threshold of a rule, and the model's is not."""
    missed: bool
    """Whether it is the other way round."""
    scores: Mapping[str, float]
    """For each label that both know the largest distance of their scores in any region, 0 to 1."""


class Comparison:
    """Compares the frames of one camera."""

    def __init__(
        self,
        rules: Sequence[RuleSettings],
        settings: DecisionSettings,
        labels: Sequence[str],
        candidate_labels: Sequence[str],
    ) -> None:
        """
        Args:
            rules: of the camera.
            settings: likewise.
            labels: of the model in use, in the order of its scores.
            candidate_labels: of the candidate.

        Raises:
            ConfigError: a rule is for a label that one of them does not have.
        """
        self._rules = tuple(rules)
        self._thresholds = RegionThresholds(dict(settings.region_thresholds))
        self._labels = tuple(labels)
        self._candidate_labels = tuple(candidate_labels)
        self._plan = EvidencePlan(rules, labels, settings.hazards)
        self._candidate_plan = EvidencePlan(rules, candidate_labels, settings.hazards)

    def compare(self, scored: ScoredFrame, candidate: ScoredFrame) -> Difference:
        """Compare the scores of one frame, with the same regions in both; none is smoothed."""
        over = self._over(self._plan, scored)
        candidate_over = self._over(self._candidate_plan, candidate)
        return Difference(
            label=_leading(scored, self._labels) != _leading(candidate, self._candidate_labels),
            raised=bool(candidate_over - over),
            missed=bool(over - candidate_over),
            scores={
                label: max(
                    abs(float(a.scores[index]) - float(b.scores[other]))
                    for a, b in zip(scored.regions, candidate.regions, strict=True)
                )
                for index, label in enumerate(self._labels)
                if label in self._candidate_labels
                for other in [self._candidate_labels.index(label)]
            },
        )

    def _over(self, plan: EvidencePlan, scored: ScoredFrame) -> set[str]:
        """The rules whose threshold is reached in some region."""
        found = set()
        for part in scored.regions:
            evidence = plan.evidence(plan.values(part.scores.tolist()))
            for rule, value in zip(self._rules, evidence, strict=False):  # the hazard is behind
                if value >= self._thresholds.now(part.region.name, rule.threshold, rule.threshold):
                    found.add(rule.name)
        return found


def _leading(scored: ScoredFrame, labels: Sequence[str]) -> str:
    return labels[int(scored.regions[0].scores.argmax())]
