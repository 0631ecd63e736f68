"""Evidence: what of a region's scores counts for which rule.

A burning car at 0.45 fire and 0.45 smoke is a hazard of 0.9, and a rule on each label alone would
sleep through it. So the labels in ``hazards`` (mildest first: smoke, fire) share their evidence:

- the *hazard* is the sum of their scores; with the labels fire, smoke and misc that is 1 - misc;
- the *leading* label is the one with the highest score; of equals the graver leads;
- a rule for a hazard label that is no graver than the leading one gets the whole hazard;
- a rule for a graver label gets the scores of its own and of graver labels alone.

So evidence for fire counts for smoke's rule, while smoke alone never raises fire. A rule for any
other label gets the score of that label, and nothing else.
"""

from collections.abc import Sequence

from monitor.decision.settings import RuleSettings
from monitor.errors import ConfigError

HAZARD_COLUMN = "hazard"
"""The name of the value behind the labels."""


class EvidencePlan:
    """Which scores count for which rule; made once for a camera."""

    def __init__(
        self, rules: Sequence[RuleSettings], labels: Sequence[str], hazards: Sequence[str]
    ) -> None:
        """Resolve names to positions.

        Raises:
            ConfigError: a rule is for a label that the model does not have.
        """
        for rule in rules:
            if rule.label not in labels:
                raise ConfigError(
                    f"rule '{rule.name}' is for label '{rule.label}', which the model does not "
                    f"have; its labels are {', '.join(labels)}. Change the rule, or the bundle."
                )
        self._size = len(labels)
        self._joint = tuple(labels.index(label) for label in hazards if label in labels)
        known = tuple(label for label in hazards if label in labels)
        self.ranks = tuple(known.index(r.label) if r.label in known else -1 for r in rules)
        """For each rule how grave its label is, 0 the mildest; -1 where it shares no evidence."""
        self._own = tuple(labels.index(rule.label) for rule in rules)
        self.meant = tuple(
            self._joint[rank:] if rank >= 0 else (own,)
            for rank, own in zip(self.ranks, self._own, strict=True)
        )
        """For each rule the positions of its label and, in the joint evidence, of graver ones: what
        the rule is about in a picture."""
        self._labels = tuple(labels)

    @property
    def joint(self) -> tuple[int, ...]:
        """Positions of the labels that share their evidence, mildest first."""
        return self._joint

    def columns(self) -> dict[int, str]:
        """Position and name of each value that counts for some rule, the hazard behind them."""
        counted = sorted({*self._own, *self._joint})
        return {index: self._labels[index] for index in counted} | {self._size: HAZARD_COLUMN}

    def values(self, scores: Sequence[float]) -> list[float]:
        """The scores with the hazard behind them: what is smoothed.

        Raises:
            ValueError: there are more or fewer scores than labels, or one is no number.
        """
        if len(scores) != self._size:
            raise ValueError(f"{len(scores)} scores for {self._size} labels")
        values = list(scores)
        if not 0.0 <= sum(values) <= self._size:
            raise ValueError(f"scores {values} are no probabilities")
        hazard = 0.0
        for index in self._joint:
            hazard += values[index]
        values.append(hazard if hazard < 1.0 else 1.0)
        return values

    def evidence(self, values: Sequence[float]) -> list[float]:
        """What counts for each rule, in the order of the rules, and the hazard as the last one."""
        joint = self._joint
        lead = -1
        highest = -1.0
        for rank, index in enumerate(joint):
            if values[index] >= highest:
                highest = values[index]
                lead = rank
        hazard = values[-1]
        found = []
        for rank, own in zip(self.ranks, self._own, strict=True):
            if rank < 0:
                found.append(values[own])
            elif rank <= lead:
                found.append(hazard)
            else:
                graver = 0.0
                for index in joint[rank:]:
                    graver += values[index]
                found.append(graver if graver < hazard else hazard)
        found.append(hazard)
        return found
