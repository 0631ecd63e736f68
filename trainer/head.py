"""The linear layer on a frozen backbone, trained on cached bottlenecks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EVALUATE_EVERY = 100
"""Steps between evaluations."""

_WEIGHT_DECAY = 1e-4
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A linear layer: logits = features @ kernel + bias."""

    kernel: Floats
    """float32 (features, labels)."""
    bias: Floats
    """float32 (labels,)."""

    def logits(self, features: NDArray[np.floating]) -> Floats:
        """float32 (n, labels) for features (n, features)."""
        return np.asarray(features.astype(np.float32) @ self.kernel + self.bias, np.float32)


@dataclass(frozen=True, slots=True)
class Progress:
    """How training stands; what the progress bar shows and the report plots."""

    step: int
    loss: float
    """Cross-entropy on the last training batches, nats."""
    train_accuracy: float
    validation_accuracy: float
    validation_loss: float


def softmax(logits: NDArray[np.floating]) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def cross_entropy(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Mean cross-entropy, nats."""
    top = logits.max(axis=-1)
    total = np.log(np.exp(logits - top[:, None]).sum(axis=-1)) + top
    return float(np.mean(total - logits[np.arange(len(targets)), targets]))


def accuracy(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Share of rows whose highest logit is the target's."""
    return float(np.mean(logits.argmax(axis=-1) == targets))


def train_head(
    features: NDArray[np.float16],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    validation: tuple[NDArray[np.float16], NDArray[np.int64]],
    *,
    labels: int,
    steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    on_progress: Callable[[Progress], None],
    label_weights: Sequence[float] | None = None,
    smoothing: float = 0.0,
    evaluate_every: int = EVALUATE_EVERY,
    patience: int = 0,
    keep_every: int = 0,
    on_keep: Callable[[int, Head], None] = lambda _step, _head: None,
) -> tuple[Head, list[Progress]]:
    """Train by Adam with a cosine schedule on class-balanced batches.

    Args:
        features: (n, 2048) of the training pictures.
        targets: (n,) label numbers.
        weights: (n,) how likely each picture is drawn; need not sum to 1.
        validation: features and targets by which it is watched.
        labels: number of labels.
        steps: number of batches.
        learning_rate: at the start; falls to zero.
        batch_size: pictures a step.
        seed: of the drawing of batches.
        on_progress: called at each evaluation and at the end.
        label_weights: how much a picture of each label counts in the loss; 1 by default.
        smoothing: share of a picture's label that is given to all labels alike.
        evaluate_every: steps between evaluations.
        patience: stop after so many evaluations without a smaller validation loss, and give the
            head that had the smallest; 0 goes to the end and gives the last.
        keep_every: steps between calls of ``on_keep``; 0 for none.
        on_keep: is given the step and a copy of the head.

    Returns:
        The head, and how training went.
    """
    rng = np.random.default_rng(seed)
    data = features.astype(np.float32)
    held_out = validation[0].astype(np.float32)
    kernel = rng.normal(0, 0.001, (data.shape[1], labels)).astype(np.float32)
    bias = np.zeros(labels, np.float32)
    state = [(np.zeros_like(part), np.zeros_like(part)) for part in (kernel, bias)]
    worth = np.ones(labels) if label_weights is None else np.asarray(label_weights, float)
    best, best_loss, stale = Head(kernel, bias), np.inf, 0
    chosen = rng.choice(len(data), (steps, batch_size), p=weights / weights.sum())
    history: list[Progress] = []
    losses: list[float] = []
    right: list[float] = []
    for step in range(1, steps + 1):
        rows = chosen[step - 1]
        batch, wanted = data[rows], targets[rows]
        logits = batch @ kernel + bias
        losses.append(cross_entropy(logits, wanted))
        right.append(accuracy(logits, wanted))
        error = softmax(logits)
        error[np.arange(batch_size), wanted] -= 1 - smoothing
        error -= smoothing / labels
        share = worth[wanted]
        error *= (share / share.sum())[:, None].astype(np.float32)
        gradients = (batch.T @ error + _WEIGHT_DECAY * kernel, error.sum(axis=0))
        rate = learning_rate * 0.5 * (1 + np.cos(np.pi * (step - 1) / steps))
        rate *= np.sqrt(1 - _BETA2**step) / (1 - _BETA1**step)
        for part, gradient, (mean, square) in zip((kernel, bias), gradients, state, strict=True):
            mean += (1 - _BETA1) * (gradient - mean)
            square += (1 - _BETA2) * (gradient * gradient - square)
            part -= np.float32(rate) * mean / (np.sqrt(square) + _EPSILON)
        if keep_every and step % keep_every == 0:
            on_keep(step, Head(kernel.copy(), bias.copy()))
        if step % evaluate_every == 0 or step == steps:
            judged = held_out @ kernel + bias
            now = Progress(
                step,
                float(np.mean(losses)),
                float(np.mean(right)),
                accuracy(judged, validation[1]),
                cross_entropy(judged, validation[1]),
            )
            history.append(now)
            on_progress(now)
            losses.clear()
            right.clear()
            stale += 1
            if now.validation_loss < best_loss:
                best, best_loss, stale = Head(kernel.copy(), bias.copy()), now.validation_loss, 0
            if patience and stale >= patience:
                break
    return (best if patience else Head(kernel, bias)), history
