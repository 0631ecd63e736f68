"""Fine-tuning: the layers of the network learn, the lower ones least or not at all.

Training goes by the clock where minutes are given: the learning rate falls by the share of the
time that is used up, so a slow or busy machine ends at the same point with fewer steps. Where
steps are given, nothing depends on the clock. A run that is stopped goes on from its last
checkpoint.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.backbone import BACKBONE_LAYER, build_model, upper_layers
from trainer.checkpoint import load_checkpoint, save_checkpoint
from trainer.head import accuracy, cross_entropy
from trainer.layers import ALL_LAYERS, learning_layers
from trainer.views import Sampler, ahead

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7
_CLIP_NORM = 3.0
_WARM_UP_STEPS = 50
_LOWER_RATE = 0.15
_HEAD_RATE = 10.0
_TELL_SECONDS = 10
# Where steps are given, validation comes at the same steps in each run, however fast it is.
_EVALUATE_EVERY = 100
# Weights are averaged every fifth step: over the last few hundred steps, at a fifth of the cost.
_AVERAGE_EVERY = 5
_AVERAGE_DECAY = 0.985


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    steps: int
    """Steps in all; 0 where minutes decide."""
    minutes: float
    learning_rate: float
    lower_every: int
    label_weights: tuple[float, ...]
    """How much an example of each label weighs."""
    checkpoint_seconds: float = 300.0
    """What a run that is killed loses, at the most. Where minutes decide, the model is also
    validated that often; where steps do, every 100 steps."""
    patience: int = 0
    """Stop after so many validations without a smaller loss; 0 never stops early."""
    smoothing: float = 0.05
    """Share of a picture's label that is given to all labels alike."""
    learn_from: str = ALL_LAYERS
    """The lowest layer that learns: see :func:`trainer.layers.learning_layers`."""


@dataclass(frozen=True, slots=True)
class Status:
    """How fine-tuning stands."""

    step: int
    done: float
    """Share of the plan, 0 to 1."""
    loss: float
    train_accuracy: float
    pictures_per_second: float
    validation_loss: float | None = None
    """At checkpoints only."""
    validation_accuracy: float | None = None


def fine_tune(
    start: Any,
    labels: int,
    sampler: Sampler,
    validation: tuple[NDArray[np.uint8], NDArray[np.int64]],
    plan: Plan,
    folder: Path,
    on_status: Callable[[Status], None],
) -> list[NDArray[np.float32]]:
    """Train the whole network, or its upper part.

    Args:
        start: the model with a trained head, as :func:`trainer.backbone.build_model` makes it.
        labels: number of labels.
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
    run = _Run(start, labels, plan)
    state = load_checkpoint(folder / "last.npz")
    best = load_checkpoint(folder / "best.npz")
    if state is not None:
        run.restore(state)
    best_loss = float(best["loss"][0]) if best is not None else math.inf
    clock = _Clock(plan, run)
    losses: list[float] = []
    right: list[float] = []
    last_told = last_saved = time.monotonic()
    with ahead(sampler, run.step) as batches:
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
    value, share = run.validate(*validation)
    on_status(Status(run.step, 1.0, math.nan, math.nan, clock.speed(), value, share))
    save_checkpoint(folder / "last.npz", *run.state())
    best = load_checkpoint(folder / "best.npz")
    if best is not None and best_loss < value:
        return _numbered(best, "weight")
    return run.averaged()


def _step_of(best: dict[str, NDArray[Any]]) -> int:
    """When the best checkpoint was taken; -1 in those of the first version, which do not say."""
    return int(best["step"][0]) if "step" in best else -1


class _Clock:
    """How far the plan is, by steps or by time spent; time while stopped does not count."""

    def __init__(self, plan: Plan, run: "_Run") -> None:
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


class _Run:
    """The model in training, its averaged twin, and Adam's memory.

    Attributes:
        step: steps taken.
        seconds: time spent.
        stale: validations since the best one.
    """

    def __init__(self, start: Any, labels: int, plan: Plan) -> None:
        backbone = start.get_layer(BACKBONE_LAYER)
        self._plan = plan
        self.step = 0
        self.seconds = 0.0
        self.stale = 0
        self._model = build_model(backbone, labels, "mixed_bfloat16")
        self._twin = build_model(backbone, labels, "mixed_bfloat16")
        self._model.set_weights(start.get_weights())
        self._twin.set_weights(start.get_weights())
        self._logits = keras.Model(self._model.input, self._model.get_layer("logits").output)
        self._twin_logits = keras.Model(self._twin.input, self._twin.get_layer("logits").output)
        self._variables = [variable.value for variable in self._model.weights]
        upper = upper_layers(backbone)
        head = {variable.path for variable in self._model.get_layer("logits").weights}
        inside = {
            variable.path: layer.name
            for layer in self._model.get_layer(BACKBONE_LAYER).layers
            for variable in layer.weights
        }
        self._is_upper = [
            v.path in head or inside.get(v.path) in upper for v in self._model.weights
        ]
        learning = learning_layers([layer.name for layer in backbone.layers], plan.learn_from)
        self._learns = [v.path in head or inside.get(v.path) in learning
                        for v in self._model.weights]  # fmt: skip
        self._has_lower = any(
            learns and not is_upper
            for learns, is_upper in zip(self._learns, self._is_upper, strict=True)
        )
        self._rates = [
            _HEAD_RATE if v.path in head else 1.0 if is_upper else _LOWER_RATE
            for v, is_upper in zip(self._model.weights, self._is_upper, strict=True)
        ]
        self._means = [tf.Variable(tf.zeros_like(v)) for v in self._variables]
        self._squares = [tf.Variable(tf.zeros_like(v)) for v in self._variables]
        self._lower_steps = 0
        self._average = tf.function(self._move_average, autograph=False)
        self._learn_all = self._make_step(lower=True)
        self._learn_upper = self._make_step(lower=False)
        self._forward = tf.function(lambda x: self._twin_logits(x, training=False), autograph=False)

    def learn(
        self, pictures: NDArray[np.uint8], targets: NDArray[np.int32], rate: float
    ) -> tuple[float, float]:
        """Take one step; gives the loss and the share of the batch that was right."""
        lower = self._has_lower and self.step % self._plan.lower_every == 0
        self.step += 1
        self._lower_steps += lower
        loss, correct = (self._learn_all if lower else self._learn_upper)(
            tf.constant(pictures),
            tf.constant(targets),
            tf.constant(rate * self._plan.learning_rate, tf.float32),
            tf.constant(self.step, tf.float32),
            tf.constant(max(1, self._lower_steps), tf.float32),
        )
        if self.step % _AVERAGE_EVERY == 0:
            count = self.step // _AVERAGE_EVERY
            self._average(tf.constant(min(_AVERAGE_DECAY, (1 + count) / (10 + count)), tf.float32))
        return float(loss), float(correct)

    def validate(
        self, pictures: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> tuple[float, float]:
        """Loss and accuracy of the averaged model."""
        logits = np.concatenate(
            [
                self._forward(tf.constant(pictures[at : at + 16])).numpy()
                for at in range(0, len(pictures), 16)
            ]
        )
        return cross_entropy(logits, targets), accuracy(logits, targets)

    def averaged(self) -> list[NDArray[np.float32]]:
        """The weights of the averaged model, in the model's order."""
        return [np.asarray(value) for value in self._twin.get_weights()]

    def state(self) -> tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]:
        """All that is needed to go on."""
        numbers = {"counts": np.array([self.step, self._lower_steps]),
                   "seconds": np.array([self.seconds]),
                   "stale": np.array([self.stale])}  # fmt: skip
        for name, values in (("mean", self._means), ("square", self._squares)):
            numbers |= {f"{name}{index}": value.numpy() for index, value in enumerate(values)}
        numbers |= {f"now{i}": value.numpy() for i, value in enumerate(self._variables)}
        return numbers, self.averaged()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a checkpoint."""
        self.step, self._lower_steps = (int(count) for count in state["counts"])
        self.seconds = float(state["seconds"][0])
        # Checkpoints of the first version do not tell.
        self.stale = int(state["stale"][0]) if "stale" in state else 0
        self._twin.set_weights(_numbered(state, "weight"))
        for name, values in (
            ("mean", self._means), ("square", self._squares), ("now", self._variables)
        ):  # fmt: skip
            for index, value in enumerate(values):
                value.assign(state[f"{name}{index}"])

    def _move_average(self, decay: Any) -> None:
        for mine, twin in zip(self._variables, self._twin.weights, strict=True):
            twin.value.assign_sub((1 - decay) * (twin.value - mine))

    def _make_step(self, *, lower: bool) -> Any:
        # Of what is not watched, and of all below it, no gradient is computed.
        chosen = [
            i
            for i, (learns, is_upper) in enumerate(zip(self._learns, self._is_upper, strict=True))
            if learns and (lower or is_upper)
        ]
        smoothing = self._plan.smoothing
        weights = tf.constant(self._plan.label_weights, tf.float32)
        labels = len(self._plan.label_weights)

        def learn(pictures: Any, targets: Any, rate: Any, steps: Any, lower_steps: Any) -> Any:
            watched = [self._variables[i] for i in chosen]
            wanted = tf.one_hot(targets, labels) * (1 - smoothing) + smoothing / labels
            importance = tf.gather(weights, targets)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(watched)
                logits = self._logits(pictures, training=False)
                each = tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
                loss = tf.reduce_sum(each * importance) / tf.reduce_sum(importance)
            gradients = tape.gradient(loss, watched)
            gradients, _ = tf.clip_by_global_norm(gradients, _CLIP_NORM)
            for i, gradient in zip(chosen, gradients, strict=True):
                count = steps if self._is_upper[i] else lower_steps
                # The fused kernel: plain tensor arithmetic took a tenth of each step.
                tf.raw_ops.ResourceApplyAdam(
                    var=self._variables[i].handle,
                    m=self._means[i].handle,
                    v=self._squares[i].handle,
                    beta1_power=tf.pow(_BETA1, count),
                    beta2_power=tf.pow(_BETA2, count),
                    lr=rate * self._rates[i],
                    beta1=_BETA1,
                    beta2=_BETA2,
                    epsilon=_EPSILON,
                    grad=gradient,
                )
            hits = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), targets)
            return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

        return tf.function(learn, autograph=False)


def _numbered(values: dict[str, NDArray[Any]], name: str) -> list[NDArray[Any]]:
    count = sum(key.startswith(name) for key in values)
    return [values[f"{name}{index}"] for index in range(count)]


def spread_weights(
    labels: Sequence[str], favour: str, given: Mapping[str, float] | None = None
) -> tuple[float, ...]:
    """Weights of labels: 1 or what is given; 1.25 times for what a doubtful picture is to be."""
    known = given or {}
    return tuple(known.get(label, 1.0) * (1.25 if label == favour else 1.0) for label in labels)
