"""Regions with thresholds of their own.

A rule's state is moved by one number against one threshold, and the strongest evidence of all
regions is that number. Where a region (a zone, the tiles) has a threshold of its own, its evidence
is moved in log-odds by the distance between the two thresholds: what reaches the region's threshold
reaches the rule's, and what is more stays more. So a far corner at 0.5 against its 0.4 counts for
more than the full view at 0.6 against 0.65.
"""

from collections.abc import Mapping
from math import exp, log

_LEAST = 1e-6
"""Odds are taken of values at least this far from 0 and 1: a model in half precision gives both."""


class RegionThresholds:
    """The thresholds of one camera's regions; made once for a camera."""

    def __init__(self, thresholds: Mapping[str, float]) -> None:
        """
        Args:
            thresholds: by the name of the region, above 0 and below 1; others have the rules' own.
        """
        self._own = dict(thresholds)

    def now(self, region: str, rule_threshold: float, threshold: float) -> float:
        """What stands against a rule in a region. While the rule has another threshold, the
        region's own is moved as far, in log-odds.

        Args:
            region: its name.
            rule_threshold: the threshold that the region's own stands in for.
            threshold: that of the rule now.
        """
        own = self._own.get(region)
        if own is None:
            return threshold
        if threshold == rule_threshold:
            return own
        return _probability(log_odds(own) + log_odds(threshold) - log_odds(rule_threshold))

    def lift(self, region: str, evidence: float, rule_threshold: float) -> float:
        """The evidence of a region as it counts against a rule's threshold, 0 to 1.

        It is at least ``rule_threshold`` exactly where ``evidence`` is at least the region's own.
        """
        own = self._own.get(region)
        if own is None or own == rule_threshold:
            return evidence
        lifted = _probability(log_odds(evidence) + log_odds(rule_threshold) - log_odds(own))
        if evidence >= own:
            return max(lifted, rule_threshold)
        return min(lifted, _BELOW * rule_threshold)


_BELOW = 1 - 1e-12


def log_odds(probability: float) -> float:
    """The natural logarithm of the odds; of 0 and 1 that of one in a million."""
    bounded = min(max(probability, _LEAST), 1 - _LEAST)
    return log(bounded / (1 - bounded))


def _probability(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))
