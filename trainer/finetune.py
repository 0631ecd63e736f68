"""Fine-tuning: the layers of the network learn, the lower ones least or not at all.

Training goes by the clock where minutes are given: the learning rate falls by the share of the
time that is used up, so a slow or busy machine ends at the same point with fewer steps. Where
steps are given, nothing depends on the clock. A run that is stopped goes on from its last
checkpoint.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.checkpoint import load_checkpoint, save_checkpoint
from trainer.learning import Learner, numbered
from trainer.plan import Plan, Status
from trainer.view_workers import ahead
from trainer.views import Sampler

_WARM_UP_STEPS = 50
_TELL_SECONDS = 10
# Where steps are given, validation comes at the same steps in each run, however fast it is.
_EVALUATE_EVERY = 100


def fine_tune(
    run: Learner,
    sampler: Sampler,
    validation: tuple[NDArray[np.uint8], NDArray[np.int64]],
    plan: Plan,
    folder: Path,
    on_status: Callable[[Status], None],
) -> list[NDArray[np.float32]]:
    """Train the whole network, or its upper part.

    Args:
        run: the model with a trained head, in the framework that trains it.
        sampler: gives the batches.
        validation: pictures uint8 (n, 299, 299, 3) and targets (n,), which choose the weights.
        plan: how long and how fast.
        folder: where checkpoints are kept and looked for.
        on_status: called about every ten seconds and at each checkpoint.

    Returns:
        The weights, in the model's order, of the averaged model that did best on validation.

    Raises:
        TrainingError: a checkpoint cannot be written, or a picture cannot be read any more.
    """
    state = load_checkpoint(folder / "last.npz")
    best = load_checkpoint(folder / "best.npz")
    if state is not None:
        run.restore(state)
    best_loss = float(best["loss"][0]) if best is not None else math.inf
    clock = _Clock(plan, run)
    losses: list[float] = []
    right: list[float] = []
    value = share = math.nan
    judged_at = -1
    last_told = last_saved = time.monotonic()
    with ahead(sampler, run.step, plan.view_workers) as batches:
        for batch in batches:
            if clock.done() >= 1 or (plan.patience and run.stale >= plan.patience):
                break
            loss, correct = run.learn(batch.pictures, batch.targets, clock.rate())
            losses.append(loss)
            right.append(correct)
            clock.tick(len(batch.targets))
            now = time.monotonic()
            due = now - last_saved >= plan.checkpoint_seconds
            judged = run.step % _EVALUATE_EVERY == 0 if plan.steps else due
            if now - last_told < _TELL_SECONDS and not (due or judged):
                continue
            status = Status(run.step, clock.done(), float(np.mean(losses)),
                            float(np.mean(right)), clock.speed())  # fmt: skip
            if judged:
                value, share = run.validate(*validation)
                judged_at = run.step
                run.stale += 1
                # A run that was killed between the two files comes to the best step again.
                if value < best_loss or (best is not None and run.step == _step_of(best)):
                    best_loss, run.stale = value, 0
                    known = {"loss": np.array([value]), "step": np.array([run.step])}
                    save_checkpoint(folder / "best.npz", known, run.averaged())
                status = replace(status, validation_loss=value, validation_accuracy=share)
            if judged or due:
                save_checkpoint(folder / "last.npz", *run.state())
                clock.skip()
                last_saved = time.monotonic()
            on_status(status)
            losses.clear()
            right.clear()
            last_told = time.monotonic()
    if judged_at != run.step:
        value, share = run.validate(*validation)
    on_status(Status(run.step, 1.0, math.nan, math.nan, clock.speed(), value, share))
    save_checkpoint(folder / "last.npz", *run.state())
    best = load_checkpoint(folder / "best.npz")
    if best is not None and best_loss < value:
        return numbered(best, "weight")
    return run.averaged()


def _step_of(best: dict[str, NDArray[Any]]) -> int:
    """When the best checkpoint was taken; -1 in those of the first version, which do not say."""
    return int(best["step"][0]) if "step" in best else -1


class _Clock:
    """How far the plan is, by steps or by time spent; time while stopped does not count."""

    def __init__(self, plan: Plan, run: Learner) -> None:
        self._plan = plan
        self._run = run
        self._mark = time.monotonic()
        self._pictures = 0
        self._seconds = 0.0

    def done(self) -> float:
        if self._plan.steps:
            return self._run.step / self._plan.steps
        return self._run.seconds / (self._plan.minutes * 60)

    def rate(self) -> float:
        warm = min(1.0, (self._run.step + 1) / _WARM_UP_STEPS)
        return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, self.done())))

    def tick(self, pictures: int) -> None:
        now = time.monotonic()
        self._run.seconds += now - self._mark
        self._seconds += now - self._mark
        self._mark = now
        self._pictures += pictures

    def skip(self) -> None:
        """Time since the last tick counts for the plan, and not for the speed."""
        now = time.monotonic()
        self._run.seconds += now - self._mark
        self._mark = now

    def speed(self) -> float:
        return self._pictures / self._seconds if self._seconds else 0.0
