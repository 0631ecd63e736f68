"""What of the scores counts for which rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decision.evidence import EvidencePlan
from monitor.decision.settings import RuleSettings

LABELS = ("fire", "misc", "smoke", "sparks")
RULES = [RuleSettings(label, label, 0.6) for label in ("smoke", "sparks", "fire")]


def evidence(fire: float, misc: float, smoke: float, sparks: float, *hazards: str) -> list[float]:
    plan = EvidencePlan(RULES, LABELS, hazards or ("smoke", "fire"))
    return plan.evidence(plan.values([fire, misc, smoke, sparks]))


@pytest.mark.parametrize(
    ("fire", "smoke", "for_fire", "for_smoke"),
    [(0.45, 0.45, 0.9, 0.9), (0.4, 0.5, 0.4, 0.9), (0.05, 0.9, 0.05, 0.95), (0.7, 0.1, 0.8, 0.8)],
)
def test_whole_hazard_counts_for_labels_no_graver_than_the_leading_one(
    fire: float, smoke: float, for_fire: float, for_smoke: float
) -> None:
    found = evidence(fire, 1 - fire - smoke, smoke, 0.0)
    assert found == pytest.approx([for_smoke, 0.0, for_fire, fire + smoke])


def test_label_between_the_mildest_and_the_gravest_gets_its_own_and_graver_scores() -> None:
    found = evidence(0.25, 0.0, 0.5, 0.25, "smoke", "sparks", "fire")
    assert found == [1.0, 0.5, 0.25, 1.0]


def test_hazard_labels_that_the_model_lacks_are_passed_over() -> None:
    assert evidence(0.5, 0.25, 0.25, 0.0, "steam", "fire") == [0.25, 0.0, 0.5, 0.5]


def test_ranks_tell_how_grave_a_label_is() -> None:
    assert EvidencePlan(RULES, LABELS, ("smoke", "fire")).ranks == (0, -1, 1)


@given(st.tuples(*[st.floats(0, 1)] * 4))
def test_evidence_lies_between_nothing_and_one(scores: tuple[float, float, float, float]) -> None:
    assert all(0.0 <= found <= 1.0 for found in evidence(*scores))


@given(st.tuples(*[st.floats(0, 0.25)] * 4), st.floats(0, 0.25))
def test_more_fire_is_never_less_evidence(
    scores: tuple[float, float, float, float], more: float
) -> None:
    fire, misc, smoke, sparks = scores
    before = evidence(fire, misc, smoke, sparks)
    after = evidence(fire + more, misc, smoke, sparks)
    assert all(old <= new for old, new in zip(before, after, strict=True))
