"""The two phases of learning, as the options ask for them: the head, then the whole network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.augment import Recipe
from trainer.backbone import Backbone, build_model
from trainer.cached_views import compute_views
from trainer.checkpoint import save_checkpoint
from trainer.console import Console
from trainer.dataset import Side
from trainer.finetune import fine_tune
from trainer.head import Head, Progress, train_head
from trainer.history import History
from trainer.learning import Learner
from trainer.options import TrainOptions
from trainer.plan import Plan, Status
from trainer.prepare import Prepared, load_pictures, run_key
from trainer.summaries import Summaries
from trainer.views import Sampler


def learn_head(
    options: TrainOptions,
    prepared: Prepared,
    backbone: Backbone,
    console: Console,
    summaries: Summaries,
    what: str = "head",
) -> tuple[Head, list[Progress]]:
    """Train the head on the bottlenecks of the training pictures and of their views.

    Args:
        options: how.
        prepared: the data.
        backbone: what the views' bottlenecks come from.
        console: where progress is shown.
        summaries: where the curves go.
        what: its name in curves and in kept files.

    Raises:
        TrainingError: a picture cannot be read any more, or the cache cannot be written.
    """
    labels = prepared.dataset.labels
    rows, held_out = prepared.rows(Side.TRAIN), prepared.rows(Side.VALIDATION)
    targets = prepared.targets[rows]
    weights = np.array([prepared.dataset.examples[int(row)].times for row in rows], float)
    shares = _shares(options, labels)
    for number, label in enumerate(labels):
        weights[targets == number] *= shares[label] / weights[targets == number].sum()
    features = prepared.features[rows]
    if options.cached_views:
        views = _views(options, prepared, rows, backbone, console)
        features = np.concatenate([features, *views])
        targets = np.tile(targets, 1 + len(views))
        weights = np.tile(weights, 1 + len(views))
    with console.bar("head", options.steps) as bar:

        def show(now: Progress) -> None:
            accuracies = f"{now.train_accuracy:.1%}, validation {now.validation_accuracy:.1%}"
            bar.set(now.step, f"accuracy: train {accuracies}")
            summaries.add(
                "train", now.step,
                **{f"{what}__loss": now.loss, f"{what}__accuracy": now.train_accuracy},
            )  # fmt: skip
            summaries.add(
                "validation", now.step,
                **{f"{what}__loss": now.validation_loss,
                   f"{what}__accuracy": now.validation_accuracy},
            )  # fmt: skip

        def keep(step: int, head: Head) -> None:
            path = options.heads / f"{what}-{step:06}.npz"
            arrays = {"kernel": head.kernel, "bias": head.bias, "labels": np.array(labels)}
            save_checkpoint(path, arrays, ())

        return train_head(
            features,
            targets,
            weights,
            (prepared.features[held_out], prepared.targets[held_out]),
            labels=len(labels),
            steps=options.steps,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            seed=options.seed,
            on_progress=show,
            label_weights=_label_weights(options, labels),
            smoothing=options.head_label_smoothing,
            evaluate_every=options.evaluate_every,
            patience=options.patience,
            keep_every=options.keep_every,
            on_keep=keep,
        )


def learn_whole(
    options: TrainOptions,
    prepared: Prepared,
    backbone: Backbone,
    start: Any,
    console: Console,
    summaries: Summaries,
) -> tuple[Any, tuple[Status, ...]]:
    """Fine-tune the whole network, or from the layer that the options name.

    Args:
        options: how.
        prepared: the data.
        backbone: what it was before, with the head's training behind it.
        start: the whole model with its head.
        console: where progress is shown.
        summaries: where the curves go.

    Returns:
        The model, and how it stood on the way.

    Raises:
        TrainingError: a picture cannot be read any more, or a checkpoint cannot be written.
    """
    labels = prepared.dataset.labels
    validation = load_pictures(prepared.dataset.of(Side.VALIDATION), console, "validation")
    plan = Plan(
        options.fine_tune_steps,
        options.fine_tune_minutes,
        options.fine_tune_learning_rate,
        options.lower_every,
        _label_weights(options, labels, favour=options.favour),
        options.checkpoint_minutes * 60,
        options.patience,
        options.label_smoothing,
        options.fine_tune_from,
        options.rounded_steps,
        options.view_workers,
    )
    folder = options.cache / "runs" / run_key(options, prepared, backbone)
    console.say(f"fine-tuning; a run that is stopped goes on from {folder}")
    history = History(folder)
    with console.bar("fine-tuning", 100) as bar:

        def show(now: Status) -> None:
            text = f"step {now.step}, {now.pictures_per_second:.1f} pictures/s"
            if now.validation_accuracy is None:
                text += f", accuracy: train {now.train_accuracy:.1%}"
            else:
                text += f", accuracy: validation {now.validation_accuracy:.1%}"
            history.add(now)
            bar.set(min(100.0, 100 * now.done), text)
            summaries.add(
                "train", now.step, fine_tuning__loss=now.loss,
                fine_tuning__accuracy=now.train_accuracy,
                fine_tuning__pictures_per_second=now.pictures_per_second,
            )  # fmt: skip
            summaries.add(
                "validation", now.step, fine_tuning__loss=now.validation_loss,
                fine_tuning__accuracy=now.validation_accuracy,
            )  # fmt: skip

        weights = fine_tune(
            _learner(options, start, plan),
            sampler(options, prepared),
            (validation, prepared.targets[prepared.rows(Side.VALIDATION)]),
            plan,
            folder,
            show,
        )
    model = build_model(backbone.model, len(labels))
    model.set_weights(weights)
    return model, history.statuses


def _learner(options: TrainOptions, start: Any, plan: Plan) -> Learner:
    # Loaded late: JAX need not be there, and each takes seconds and memory.
    if options.framework == "jax":
        from trainer.jax_learner import JaxLearner

        return JaxLearner(start, plan)
    from trainer.tensorflow_learner import TensorFlowLearner

    return TensorFlowLearner(start, plan)


def sampler(options: TrainOptions, prepared: Prepared) -> Sampler:
    """Draws training views of the whole network."""
    labels = prepared.dataset.labels
    return Sampler(
        prepared.dataset.of(Side.TRAIN),
        labels,
        _shares(options, labels),
        options.background,
        recipe(options),
        options.fine_tune_batch_size,
        options.seed,
    )


def recipe(options: TrainOptions) -> Recipe:
    """What the views look like, those of both phases."""
    return Recipe(
        degraded=options.degraded_views / 100,
        small=options.small_views / 100,
        mirrored=0.5 if options.flip else 0.0,
        least_area=1 - options.random_crop / 100,
        brightness=options.random_brightness / 100,
    )


def _views(
    options: TrainOptions,
    prepared: Prepared,
    rows: NDArray[np.int64],
    backbone: Backbone,
    console: Console,
) -> NDArray[np.float16]:
    examples = [prepared.dataset.examples[int(row)] for row in rows]
    with console.bar("views", len(examples) * options.cached_views) as bar:
        return compute_views(
            examples,
            [prepared.digests[int(row)] for row in rows],
            backbone,
            recipe(options),
            options.background,
            options.cached_views,
            options.seed,
            options.cache,
            bar.advance,
        )


def _shares(options: TrainOptions, labels: Sequence[str]) -> Mapping[str, float]:
    given = dict(options.class_shares)
    return {label: given.get(label, 1 / len(labels)) for label in labels}


def _label_weights(
    options: TrainOptions, labels: Sequence[str], favour: str = ""
) -> tuple[float, ...]:
    """Weights of labels: 1 or what is given; 1.25 times for what a doubtful picture is to be."""
    given = dict(options.class_weights)
    return tuple(given.get(label, 1.0) * (1.25 if label == favour else 1.0) for label in labels)
