"""Fine-tuning with JAX: the same steps as :mod:`trainer.tensorflow_learner`, on GPUs too.

Checkpoints are the same, so a run that began on one goes on on the other.
"""

from collections import deque
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from trainer.head import accuracy, cross_entropy
from trainer.learning import numbered
from trainer.network import logits, steps_of
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

_VALIDATED_AT_ONCE = 32


class JaxLearner:
    """The model in training, its averaged twin, and Adam's memory.

    Attributes:
        step: steps taken.
        seconds: time spent.
        stale: validations since the best one.
    """

    def __init__(self, start: Any, plan: Plan) -> None:
        self._plan = plan
        self.step = 0
        self.seconds = 0.0
        self.stale = 0
        self._lower_steps = 0
        self._steps = steps_of(start)
        self._rates = rates_of(start, plan.learn_from)
        # Copies: a step gives the arrays that it was given to what it returns.
        self._now = [jnp.array(value) for value in start.get_weights()]
        self._twin = [jnp.array(value) for value in start.get_weights()]
        self._means = [jnp.zeros_like(value) for value in self._now]
        self._squares = [jnp.zeros_like(value) for value in self._now]
        self._told: deque[tuple[Any, Any]] = deque()
        self._learn = jax.jit(
            self._take_step, static_argnames=("lower", "rounded"), donate_argnums=(0, 1, 2)
        )
        self._average = jax.jit(_move, donate_argnums=0)
        self._forward = jax.jit(partial(logits, self._steps))

    def learn(
        self, pictures: NDArray[np.uint8], targets: NDArray[np.int32], rate: float
    ) -> tuple[float, float]:
        """Take one step; gives the loss and the share that was right.

        They are those of the step before, so that the device need not wait for this one to be
        prepared.
        """
        lower = self._rates.has_lower and self.step % self._plan.lower_every == 0
        # Every other one of those that the lower blocks learn at, too.
        turn = self._lower_steps if lower else self.step
        rounded = self._plan.rounded_steps and turn % 2 == 1
        self.step += 1
        self._lower_steps += lower
        self._now, self._means, self._squares, loss, correct = self._learn(
            self._now, self._means, self._squares,
            jnp.asarray(pictures), jnp.asarray(targets),
            jnp.float32(rate * self._plan.learning_rate),
            jnp.float32(self.step), jnp.float32(max(1, self._lower_steps)),
            lower=lower, rounded=rounded,
        )  # fmt: skip
        if self.step % AVERAGE_EVERY == 0:
            self._twin = self._average(self._twin, self._now, jnp.float32(average_decay(self.step)))
        self._told.append((loss, correct))
        loss, correct = self._told.popleft() if len(self._told) > 1 else self._told[0]
        return float(loss), float(correct)

    def validate(
        self, pictures: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> tuple[float, float]:
        """Loss and accuracy of the averaged model."""
        made = []
        for at in range(0, len(pictures), _VALIDATED_AT_ONCE):
            part = pictures[at : at + _VALIDATED_AT_ONCE]
            # One shape, which is compiled once.
            full = np.zeros((_VALIDATED_AT_ONCE, *part.shape[1:]), np.uint8)
            full[: len(part)] = part
            made.append(np.asarray(self._forward(self._twin, full))[: len(part)])
        found = np.concatenate(made)
        return cross_entropy(found, targets), accuracy(found, targets)

    def averaged(self) -> list[NDArray[np.float32]]:
        """The weights of the averaged model, in the model's order."""
        return [np.asarray(value) for value in self._twin]

    def state(self) -> tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]:
        """All that is needed to go on."""
        numbers: dict[str, NDArray[Any]] = {
            "counts": np.array([self.step, self._lower_steps]),
            "seconds": np.array([self.seconds]),
            "stale": np.array([self.stale]),
        }
        kept = (("mean", self._means), ("square", self._squares), ("now", self._now))
        for name, values in kept:
            numbers |= {f"{name}{index}": np.asarray(one) for index, one in enumerate(values)}
        return numbers, self.averaged()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what :meth:`state` gave."""
        self.step, self._lower_steps = (int(value) for value in state["counts"])
        self.seconds = float(state["seconds"][0])
        self.stale = int(state["stale"][0]) if "stale" in state else 0
        self._twin = [jnp.array(value) for value in numbered(state, "weight")]
        self._means = [jnp.array(value) for value in numbered(state, "mean")]
        self._squares = [jnp.array(value) for value in numbered(state, "square")]
        self._now = [jnp.array(value) for value in numbered(state, "now")]

    def _take_step(
        self, now: Any, means: Any, squares: Any, pictures: Any, targets: Any, rate: Any,
        steps: Any, lower_steps: Any, *, lower: bool, rounded: bool,
    ) -> Any:  # fmt: skip
        # Of what does not learn, and of all below it, no gradient is computed.
        chosen = self._rates.chosen(lower=lower)
        worth = jnp.array(self._plan.label_weights, jnp.float32)
        labels, smoothing = len(self._plan.label_weights), self._plan.smoothing
        wanted = jax.nn.one_hot(targets, labels) * (1 - smoothing) + smoothing / labels
        importance = worth[targets]

        def loss_of(learning: Any) -> Any:
            weights = list(now)
            for number, value in zip(chosen, learning, strict=True):
                weights[number] = value
            found = logits(self._steps, weights, pictures, rounded=rounded)
            each = -(wanted * jax.nn.log_softmax(found)).sum(axis=-1)
            return (each * importance).sum() / importance.sum(), found

        (loss, found), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            [now[number] for number in chosen]
        )
        norm = jnp.sqrt(sum((gradient**2).sum() for gradient in gradients))
        scale = CLIP_NORM / jnp.maximum(norm, CLIP_NORM)
        now, means, squares = list(now), list(means), list(squares)
        for number, gradient in zip(chosen, gradients, strict=True):
            count = steps if self._rates.is_upper[number] else lower_steps
            cut = gradient * scale
            means[number] += (1 - BETA1) * (cut - means[number])
            squares[number] += (1 - BETA2) * (cut**2 - squares[number])
            unbiased = jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count)
            step = means[number] / (jnp.sqrt(squares[number]) + EPSILON)
            now[number] -= rate * self._rates.rate[number] * unbiased * step
        right = (found.argmax(axis=-1) == targets).mean()
        return now, means, squares, loss, right


def _move(twin: Any, now: Any, decay: Any) -> Any:
    return [old - (1 - decay) * (old - new) for old, new in zip(twin, now, strict=True)]
