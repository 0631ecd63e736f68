"""One step of fine-tuning after the other: the model in training and its averaged twin."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.backbone import BACKBONE_LAYER, build_model
from trainer.head import accuracy, cross_entropy
from trainer.learning import numbered
from trainer.plan import Plan
from trainer.rates import (
    AVERAGE_EVERY,
    BETA1,
    BETA2,
    CLIP_NORM,
    EPSILON,
    average_decay,
    rates_of,
)


class TensorFlowLearner:
    """The model in training, its averaged twin, and Adam's memory.

    Attributes:
        step: steps taken.
        seconds: time spent.
        stale: validations since the best one.
    """

    def __init__(self, start: Any, plan: Plan) -> None:
        backbone = start.get_layer(BACKBONE_LAYER)
        labels = len(plan.label_weights)
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
        self._rates = rates_of(self._model, plan.learn_from)
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
        lower = self._rates.has_lower and self.step % self._plan.lower_every == 0
        self.step += 1
        self._lower_steps += lower
        loss, correct = (self._learn_all if lower else self._learn_upper)(
            tf.constant(pictures),
            tf.constant(targets),
            tf.constant(rate * self._plan.learning_rate, tf.float32),
            tf.constant(self.step, tf.float32),
            tf.constant(max(1, self._lower_steps), tf.float32),
        )
        if self.step % AVERAGE_EVERY == 0:
            self._average(tf.constant(average_decay(self.step), tf.float32))
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
        self._twin.set_weights(numbered(state, "weight"))
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
        chosen = self._rates.chosen(lower=lower)
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
            gradients, _ = tf.clip_by_global_norm(gradients, CLIP_NORM)
            for i, gradient in zip(chosen, gradients, strict=True):
                count = steps if self._rates.is_upper[i] else lower_steps
                # The fused kernel: plain tensor arithmetic took a tenth of each step.
                tf.raw_ops.ResourceApplyAdam(
                    var=self._variables[i].handle,
                    m=self._means[i].handle,
                    v=self._squares[i].handle,
                    beta1_power=tf.pow(BETA1, count),
                    beta2_power=tf.pow(BETA2, count),
                    lr=rate * self._rates.rate[i],
                    beta1=BETA1,
                    beta2=BETA2,
                    epsilon=EPSILON,
                    grad=gradient,
                )
            hits = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), targets)
            return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

        return tf.function(learn, autograph=False)
