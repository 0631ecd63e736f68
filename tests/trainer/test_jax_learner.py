"""Fine-tuning in JAX against the same steps in TensorFlow, on a network of milliseconds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import picture
from trainer.backbone import build_model, load_backbone
from trainer.learning import Learner
from trainer.plan import Plan
from trainer.size import SIZE
from trainer.tensorflow_learner import TensorFlowLearner

pytest.importorskip("jax", reason="the extra 'jax' is not installed")
JaxLearner = pytest.importorskip("trainer.jax_learner").JaxLearner

LABELS = ("fire", "misc", "smoke")
PICTURES = np.stack([picture(LABELS[n % 3], n, SIZE, SIZE) for n in range(6)])
TARGETS = np.arange(6, dtype=np.int32) % 3
PLAN = Plan(100, 0, 1e-3, 2, (1.25, 1.0, 1.0))

Make = Callable[[Plan], Learner]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Any:
    backbone = write_tiny_backbone(tmp_path_factory.mktemp("learner") / "tiny")
    return build_model(load_backbone(str(backbone)).model, 3)


def taught(learner: Learner, steps: int) -> list[float]:
    return [learner.learn(PICTURES, TARGETS, 1.0)[0] for _ in range(steps)]


def apart(one: list[NDArray[np.float32]], other: list[NDArray[np.float32]]) -> float:
    """How far the weights of two are apart, in all."""
    return float(np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(one, other, strict=True))))


def test_it_learns_as_tensorflow_does(start: Any) -> None:
    mine, theirs = JaxLearner(start, PLAN), TensorFlowLearner(start, PLAN)
    found, wanted = taught(mine, 13), taught(theirs, 12)
    # The loss that is told is that of the step before.
    np.testing.assert_allclose(found[1:], wanted, rtol=0.05)
    assert wanted[-1] < wanted[0]
    moved = apart(theirs.averaged(), start.get_weights())
    assert apart(mine.averaged(), theirs.averaged()) < 0.3 * moved
    judged = mine.validate(PICTURES, TARGETS.astype(np.int64))
    np.testing.assert_allclose(judged, theirs.validate(PICTURES, TARGETS.astype(np.int64)),
                               rtol=0.1)  # fmt: skip


def test_a_run_goes_on_where_it_was_stopped(start: Any) -> None:
    calm, first, second = (JaxLearner(start, PLAN) for _ in range(3))
    taught(calm, 10)
    taught(first, 5)
    numbers, weights = first.state()
    second.restore({**numbers, **{f"weight{i}": value for i, value in enumerate(weights)}})
    assert second.step == 5
    taught(second, 5)
    assert apart(calm.averaged(), second.averaged()) == 0


def test_a_run_of_tensorflow_goes_on_in_jax(start: Any) -> None:
    calm, first = TensorFlowLearner(start, PLAN), TensorFlowLearner(start, PLAN)
    taught(calm, 10)
    taught(first, 5)
    numbers, weights = first.state()
    second = JaxLearner(start, PLAN)
    second.restore({**numbers, **{f"weight{i}": value for i, value in enumerate(weights)}})
    taught(second, 5)
    assert apart(calm.averaged(), second.averaged()) < 0.5 * apart(
        first.averaged(), calm.averaged()
    )


@pytest.mark.parametrize(("learn_from", "still"), [("all", 0), ("mixed9", 28)])
def test_what_is_to_stay_stays(start: Any, learn_from: str, still: int) -> None:
    learner = JaxLearner(start, Plan(100, 0, 1e-3, 1, (1.0, 1.0, 1.0), learn_from=learn_from))
    taught(learner, 5)
    same = [bool((a == b).all())
            for a, b in zip(learner.averaged(), start.get_weights(), strict=True)]  # fmt: skip
    assert sum(same[:still]) == still
    assert not all(same[still:])


def test_every_other_step_is_rounded_where_asked_for(start: Any) -> None:
    plain = JaxLearner(start, PLAN)
    rounding = JaxLearner(start, Plan(100, 0, 1e-3, 2, (1.25, 1.0, 1.0), rounded_steps=True))
    taught(plain, 1)
    taught(rounding, 1)
    first_plain, first_rounding = plain.state()[0], rounding.state()[0]
    assert all((first_plain[name] == first_rounding[name]).all() for name in first_plain)
    taught(plain, 1)
    taught(rounding, 1)
    second_plain, second_rounding = plain.state()[0], rounding.state()[0]
    assert any((second_plain[name] != second_rounding[name]).any() for name in second_plain)


@pytest.mark.parametrize("lower_every", [1, 2, 3, 4])
def test_the_lower_blocks_learn_at_rounded_steps_too(start: Any, lower_every: int) -> None:
    learner = JaxLearner(start, Plan(100, 0, 1e-3, lower_every, (1.0,) * 3, rounded_steps=True))
    seen: set[tuple[bool, bool]] = set()
    take = learner._learn

    def spy(*given: Any, lower: bool, rounded: bool) -> Any:
        seen.add((lower, rounded))
        return take(*given, lower=lower, rounded=rounded)

    learner._learn = spy
    taught(learner, 3 * lower_every)
    assert {(True, True), (True, False)} <= seen
