"""Training from folders of pictures to a bundle, one stage after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from monitor.inference.bundle import (
    KERAS_NAME,
    OPENVINO_XML,
    BaseWeights,
    Bundle,
    Geometry,
    Manifest,
    OpenVinoForm,
)
from trainer.augment import Recipe
from trainer.backbone import SIZE, Backbone, build_model, load_backbone
from trainer.calibrate import find_temperature, suggest_thresholds
from trainer.console import Console
from trainer.dataset import Side
from trainer.evaluate import Evaluation, evaluate
from trainer.export import (
    apply_temperature,
    compare,
    finish,
    keras_logits,
    new_bundle,
    round_to_half,
    save_keras,
)
from trainer.finetune import Plan, Status, fine_tune, spread_weights
from trainer.head import Head, Progress, softmax, train_head
from trainer.options import TrainOptions, check_options
from trainer.prepare import Prepared, load_pictures, prepare, run_key, tiny_labels
from trainer.quantize import calibration_pictures, openvino_scores, quantize
from trainer.report import Report, write_report
from trainer.views import Sampler

__all__ = ["TrainOptions", "train"]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """A model's figures and what its scores mean."""

    temperature: float
    thresholds: dict[str, float]
    evaluation: Evaluation
    logits: NDArray[np.float32]
    """Of the test pictures, calibrated."""


def train(options: TrainOptions, console: Console | None = None) -> Bundle:
    """Train a model and write its bundle.

    Stages: read and split the pictures, train the head on cached bottlenecks, fine-tune the whole
    network where asked, calibrate, evaluate, export. What was done before is not done again:
    bottlenecks and checkpoints are kept in the cache folder.

    Args:
        options: see :class:`trainer.options.TrainOptions`.
        console: where news and progress bars go; stderr by default.

    Returns:
        The bundle that now lies in ``options.output``.

    Raises:
        TrainingError: the options, the data or the disk do not allow it.
    """
    console = console or Console()
    check_options(options)
    keras.utils.set_random_seed(options.seed)
    backbone = load_backbone(options.backbone)
    prepared = prepare(options, backbone, console)
    _describe(prepared, console)
    head, head_history = _train_head(options, prepared, console)
    frozen = _judge(
        options,
        prepared,
        head.logits(prepared.features[prepared.rows(Side.VALIDATION)]),
        head.logits(prepared.features[prepared.rows(Side.TEST)]),
    )
    console.say(f"frozen backbone, test: {_summary(frozen.evaluation)}")
    labels = prepared.dataset.labels
    model = build_model(backbone.model, len(labels))
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    statuses: list[Status] = []
    if options.fine_tunes:
        model, statuses = _fine_tune(options, prepared, backbone, model, console)
    round_to_half(model)
    test = load_pictures(prepared.dataset.of(Side.TEST), console, "test")
    validation = load_pictures(prepared.dataset.of(Side.VALIDATION), console, "validation")
    with console.wait("scoring the validation and test pictures with the canonical model"):
        judged = _judge(
            options, prepared, keras_logits(model, validation), keras_logits(model, test)
        )
    apply_temperature(model, judged.temperature)
    # Dividing the last layer leaves half precision by a hair; what is judged is what is stored.
    round_to_half(model)
    console.say(f"test: {_summary(judged.evaluation)}")
    with new_bundle(options.output) as folder:
        save_keras(model, folder / KERAS_NAME)
        form = None
        if options.openvino:
            with console.wait("making and checking the int8 form"):
                form = _export_int8(options, prepared, model, folder, test, judged)
            console.say(
                f"int8: accuracy {form.accuracy:.1%} (canonical {form.canonical_accuracy:.1%}), "
                f"agreement {form.agreement:.1%}, largest difference {form.max_difference:.3f}"
            )
        report = Report(
            options, prepared, frozen.evaluation, judged.evaluation, judged.temperature,
            judged.thresholds, tuple(head_history), tuple(statuses), form, backbone.name,
        )  # fmt: skip
        write_report(report, folder / "report")
        bundle = finish(folder, _manifest(options, prepared, backbone, frozen, judged, form))
    console.say(f"the bundle is complete: {options.output}")
    return Bundle(options.output, bundle.manifest, bundle.sha256)


def _describe(prepared: Prepared, console: Console) -> None:
    counts = prepared.dataset.counts()
    for label in prepared.dataset.labels:
        parts = ", ".join(f"{counts[label, side]} {side}" for side in Side)
        console.say(f"{label}: {parts}")
    for label, count in tiny_labels(prepared.dataset):
        console.warn(f"label '{label}' has only {count} pictures; its figures mean little")


def _shares(options: TrainOptions, labels: Sequence[str]) -> dict[str, float]:
    given = dict(options.class_shares)
    return {label: given.get(label, 1 / len(labels)) for label in labels}


def _train_head(
    options: TrainOptions, prepared: Prepared, console: Console
) -> tuple[Head, list[Progress]]:
    labels = prepared.dataset.labels
    rows, held_out = prepared.rows(Side.TRAIN), prepared.rows(Side.VALIDATION)
    targets = prepared.targets[rows]
    weights = np.array([prepared.dataset.examples[int(row)].times for row in rows], float)
    shares = _shares(options, labels)
    for number, label in enumerate(labels):
        weights[targets == number] *= shares[label] / weights[targets == number].sum()
    with console.bar("head", options.steps) as bar:

        def show(now: Progress) -> None:
            accuracies = f"{now.train_accuracy:.1%}, validation {now.validation_accuracy:.1%}"
            bar.set(now.step, f"accuracy: train {accuracies}")

        return train_head(
            prepared.features[rows],
            targets,
            weights,
            (prepared.features[held_out], prepared.targets[held_out]),
            labels=len(labels),
            steps=options.steps,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            seed=options.seed,
            on_progress=show,
        )


def _fine_tune(
    options: TrainOptions, prepared: Prepared, backbone: Backbone, start: Any, console: Console
) -> tuple[Any, list[Status]]:
    labels = prepared.dataset.labels
    sampler = _sampler(options, prepared)
    validation = load_pictures(prepared.dataset.of(Side.VALIDATION), console, "validation")
    plan = Plan(
        options.fine_tune_steps,
        options.fine_tune_minutes,
        options.fine_tune_learning_rate,
        options.lower_every,
        spread_weights(labels, options.favour),
    )
    folder = options.cache / "runs" / run_key(options, prepared, backbone)
    console.say(f"fine-tuning; a run that is stopped goes on from {folder}")
    statuses: list[Status] = []
    with console.bar("fine-tuning", 100) as bar:

        def show(now: Status) -> None:
            text = f"step {now.step}, {now.pictures_per_second:.1f} pictures/s"
            if now.validation_accuracy is None:
                text += f", accuracy: train {now.train_accuracy:.1%}"
            else:
                text += f", accuracy: validation {now.validation_accuracy:.1%}"
                statuses.append(now)
            bar.set(min(100.0, 100 * now.done), text)

        weights = fine_tune(
            start,
            len(labels),
            sampler,
            (validation, prepared.targets[prepared.rows(Side.VALIDATION)]),
            plan,
            folder,
            show,
        )
    model = build_model(backbone.model, len(labels))
    model.set_weights(weights)
    return model, statuses


def _sampler(options: TrainOptions, prepared: Prepared) -> Sampler:
    labels = prepared.dataset.labels
    return Sampler(
        prepared.dataset.of(Side.TRAIN),
        labels,
        _shares(options, labels),
        options.background,
        Recipe(),
        options.fine_tune_batch_size,
        options.seed,
    )


def _judge(
    options: TrainOptions,
    prepared: Prepared,
    validation: NDArray[np.float32],
    test: NDArray[np.float32],
) -> _Judged:
    """Calibrate on the validation logits, evaluate the test logits."""
    labels = prepared.dataset.labels
    wanted = prepared.targets[prepared.rows(Side.VALIDATION)]
    temperature = find_temperature(validation, wanted)
    thresholds = suggest_thresholds(validation / temperature, wanted, labels, options.background)
    logits = np.asarray(test / temperature, np.float32)
    found = evaluate(
        softmax(logits),
        prepared.dataset.of(Side.TEST),
        prepared.targets[prepared.rows(Side.TEST)],
        labels,
        options.background,
        min(thresholds.values()),
    )
    return _Judged(temperature, thresholds, found, logits)


def _export_int8(
    options: TrainOptions,
    prepared: Prepared,
    model: Any,
    folder: Any,
    test: NDArray[np.uint8],
    judged: _Judged,
) -> OpenVinoForm:
    path = folder / OPENVINO_XML
    pictures = calibration_pictures(_sampler(options, prepared), prepared.dataset.of(Side.TRAIN))
    quantize(model, pictures, path)
    wanted = prepared.targets[prepared.rows(Side.TEST)]
    return compare(openvino_scores(path, test), softmax(judged.logits), wanted)


def _manifest(
    options: TrainOptions,
    prepared: Prepared,
    backbone: Backbone,
    frozen: _Judged,
    judged: _Judged,
    form: OpenVinoForm | None,
) -> Manifest:
    metrics = judged.evaluation.metrics()
    if options.fine_tunes:
        metrics |= {f"frozen_{name}": v for name, v in frozen.evaluation.metrics().items()}
    return Manifest(
        labels=list(prepared.dataset.labels),
        geometry=Geometry(mode="squash", width=SIZE, height=SIZE),
        temperature=round(judged.temperature, 6),
        thresholds=judged.thresholds,
        metrics=metrics,
        data_fingerprint=prepared.fingerprint,
        base_weights=BaseWeights(name=backbone.name, sha256=backbone.sha256),
        seed=options.seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        openvino=form,
    )


def _summary(found: Evaluation) -> str:
    text = f"accuracy {found.accuracy}"
    if found.hazard_recall is not None:
        text += (
            f"; at threshold {found.threshold:.2f}: hazards found {found.hazard_recall}, "
            f"false {found.false_positives}"
        )
    return text
