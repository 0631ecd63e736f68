"""Training from folders of pictures to a bundle, one stage after the other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import keras
import numpy as np

from monitor.errors import TrainingError
from monitor.inference.bundle import (
    KERAS_NAME,
    OPENVINO_XML,
    BaseWeights,
    Bundle,
    Geometry,
    Manifest,
    OpenVinoForm,
    OperatingPoint,
)
from trainer.augment import Recipe
from trainer.backbone import SIZE, Backbone, build_model, load_backbone
from trainer.checkpoint import save_checkpoint
from trainer.console import Console
from trainer.dataset import Side
from trainer.export import (
    apply_temperature,
    finish,
    keras_logits,
    new_bundle,
    round_to_half,
    save_keras,
)
from trainer.finetune import Plan, Status, fine_tune, spread_weights
from trainer.gate import Verdict, incumbent_scores, judge_against, load_incumbent
from trainer.head import Head, Progress, softmax, train_head
from trainer.history import History
from trainer.judge import Judged, judge, summary
from trainer.leaks import write_leaks
from trainer.learned import write_learned
from trainer.mine import mine
from trainer.options import TrainOptions, check_options
from trainer.prepare import Prepared, load_pictures, prepare, run_key, tiny_labels
from trainer.quantize import Known, calibration_pictures, export_int8
from trainer.report import Report, write_report
from trainer.stopwatch import Stopwatch
from trainer.summaries import Summaries
from trainer.views import Sampler

__all__ = ["TrainOptions", "train"]


def train(options: TrainOptions, console: Console | None = None) -> Bundle:
    """Train a model and write its bundle.

    Stages: read and split the pictures, train the head on cached bottlenecks, fine-tune the whole
    network where asked, calibrate, evaluate, export. What was done before is not done again:
    bottlenecks and checkpoints are kept in the cache folder. Footage to mine is searched with the
    first head; a model that must beat another one is compared with it before it is written.

    Args:
        options: see :class:`trainer.options.TrainOptions`.
        console: where news and progress bars go; stderr by default.

    Returns:
        The bundle that now lies in ``options.output``.

    Raises:
        TrainingError: the options, the data or the disk do not allow it, or the model is worse
            than the one that it must beat.
    """
    console = console or Console()
    check_options(options)
    summaries = Summaries(options.summaries)
    try:
        return _train(options, console, summaries)
    finally:
        summaries.close()


def _train(options: TrainOptions, console: Console, summaries: Summaries) -> Bundle:
    keras.utils.set_random_seed(options.seed)
    watch = Stopwatch()
    with watch.stage("reading pictures, features"):
        backbone = load_backbone(options.backbone)
        prepared = prepare(options, backbone, console)
    _describe(prepared, console)
    labels = prepared.dataset.labels
    incumbent = load_incumbent(options.must_beat, labels) if options.must_beat else None
    with watch.stage("head"):
        head, head_history = _train_head(options, prepared, console, summaries)
    if options.mine:
        with watch.stage("mining"):
            prepared = mine(options, prepared, backbone, head, console)
        if prepared.mined is not None and prepared.mined.added:
            with watch.stage("head"):
                head, head_history = _train_head(
                    options, prepared, console, summaries, "mined_head"
                )
    frozen = judge(
        options,
        prepared,
        head.logits(prepared.features[prepared.rows(Side.VALIDATION)]),
        head.logits(prepared.features[prepared.rows(Side.TEST)]),
    )
    console.say(f"frozen backbone, test: {summary(frozen.evaluation)}")
    model = build_model(backbone.model, len(labels))
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    statuses: tuple[Status, ...] = ()
    if options.fine_tunes:
        with watch.stage("fine-tuning"):
            model, statuses = _fine_tune(options, prepared, backbone, model, console, summaries)
    round_to_half(model)
    with watch.stage("test"):
        test = load_pictures(prepared.dataset.of(Side.TEST), console, "test")
        validation = load_pictures(prepared.dataset.of(Side.VALIDATION), console, "validation")
    with (
        watch.stage("test"),
        console.wait("scoring the validation and test pictures with the canonical model"),
    ):
        logits = keras_logits(model, validation)
        judged = judge(options, prepared, logits, keras_logits(model, test))
    apply_temperature(model, judged.temperature)
    # Dividing the last layer leaves half precision by a hair; what is judged is what is stored.
    round_to_half(model)
    console.say(f"test: {summary(judged.evaluation)}")
    verdict = None
    if incumbent is not None:
        with watch.stage("gate"), console.wait("scoring the test pictures with the older model"):
            older = incumbent_scores(incumbent, labels, prepared.dataset.of(Side.TEST))
        verdict = judge_against(
            softmax(judged.logits), older, prepared.targets[prepared.rows(Side.TEST)], labels,
            options.background, options.gate_false_positives,
        )  # fmt: skip
        console.say(f"gate: {verdict}")
    rejected = verdict is not None and not verdict.passed
    output = options.rejected if rejected else options.output
    with new_bundle(output) as folder:
        save_keras(model, folder / KERAS_NAME)
        form = None
        if options.openvino:
            with watch.stage("int8 form"):
                form = export_int8(
                    model,
                    folder / OPENVINO_XML,
                    calibration_pictures(
                        _sampler(options, prepared), prepared.dataset.of(Side.TRAIN)
                    ),
                    Known(validation, softmax(logits / judged.temperature)),
                    Known(test, softmax(judged.logits)),
                    prepared.targets[prepared.rows(Side.TEST)],
                    console,
                )
        created = datetime.now(UTC).isoformat(timespec="seconds")
        report = Report(
            options, prepared, frozen, judged, tuple(head_history), statuses, form, backbone,
            verdict, watch, created,
        )  # fmt: skip
        write_report(report, model, folder / "report")
        if prepared.leaks is not None:
            write_leaks(prepared.leaks, folder / "report")
        write_learned(folder, prepared.learned)
        bundle = finish(
            folder, _manifest(options, prepared, backbone, frozen, judged, form, verdict, created)
        )
    if rejected:
        raise TrainingError(
            f"the new model is worse than {options.must_beat}: {verdict}; {options.output} is as "
            f"it was, the new model lies in {output}: see its report"
        )
    console.say(f"the bundle is complete: {output}")
    return Bundle(output, bundle.manifest, bundle.sha256)


def _describe(prepared: Prepared, console: Console) -> None:
    counts = prepared.dataset.counts()
    for label in prepared.dataset.labels:
        parts = ", ".join(f"{counts[label, side]} {side}" for side in Side)
        console.say(f"{label}: {parts}")
    if prepared.unseen is not None:
        if prepared.unseen.complete:
            console.say(
                f"{prepared.unseen.known} pictures are ones that the backbone has learned from, or "
                "belong to such; they are trained on"
            )
        for sentence in prepared.unseen.warnings:
            console.warn(sentence)
    for label, count in tiny_labels(prepared.dataset):
        console.warn(f"label '{label}' has only {count} pictures; its figures mean little")


def _shares(options: TrainOptions, labels: Sequence[str]) -> dict[str, float]:
    given = dict(options.class_shares)
    return {label: given.get(label, 1 / len(labels)) for label in labels}


def _train_head(
    options: TrainOptions,
    prepared: Prepared,
    console: Console,
    summaries: Summaries,
    what: str = "head",
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
            label_weights=spread_weights(labels, "", dict(options.class_weights)),
            evaluate_every=options.evaluate_every,
            patience=options.patience,
            keep_every=options.keep_every,
            on_keep=keep,
        )


def _fine_tune(
    options: TrainOptions,
    prepared: Prepared,
    backbone: Backbone,
    start: Any,
    console: Console,
    summaries: Summaries,
) -> tuple[Any, tuple[Status, ...]]:
    labels = prepared.dataset.labels
    sampler = _sampler(options, prepared)
    validation = load_pictures(prepared.dataset.of(Side.VALIDATION), console, "validation")
    plan = Plan(
        options.fine_tune_steps,
        options.fine_tune_minutes,
        options.fine_tune_learning_rate,
        options.lower_every,
        spread_weights(labels, options.favour, dict(options.class_weights)),
        patience=options.patience,
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
    return model, history.statuses


def _sampler(options: TrainOptions, prepared: Prepared) -> Sampler:
    labels = prepared.dataset.labels
    return Sampler(
        prepared.dataset.of(Side.TRAIN),
        labels,
        _shares(options, labels),
        options.background,
        Recipe(
            degraded=options.degraded_views / 100,
            small=options.small_views / 100,
            mirrored=0.5 if options.flip else 0.0,
            least_area=1 - options.random_crop / 100,
            brightness=options.random_brightness / 100,
        ),
        options.fine_tune_batch_size,
        options.seed,
    )


def _manifest(
    options: TrainOptions,
    prepared: Prepared,
    backbone: Backbone,
    frozen: Judged,
    judged: Judged,
    form: OpenVinoForm | None,
    verdict: Verdict | None,
    created: str,
) -> Manifest:
    metrics = judged.evaluation.metrics()
    if verdict is not None:
        metrics |= {"gate": round(verdict.candidate, 4), "gate_older": round(verdict.incumbent, 4)}
    if prepared.unseen is not None:
        metrics |= prepared.unseen.metrics()
    if prepared.mined is not None:
        metrics["mined"] = float(prepared.mined.added)
    if options.fine_tunes:
        metrics |= {f"frozen_{name}": v for name, v in frozen.evaluation.metrics().items()}
    return Manifest(
        labels=list(prepared.dataset.labels),
        geometry=Geometry(mode="squash", width=SIZE, height=SIZE),
        temperature=round(judged.temperature, 6),
        thresholds=judged.thresholds,
        operating_point=_operating_point(options, judged),
        metrics=metrics,
        data_fingerprint=prepared.fingerprint,
        base_weights=BaseWeights(name=backbone.name, sha256=backbone.sha256),
        seed=options.seed,
        created=created,
        openvino=form,
    )


def _operating_point(options: TrainOptions, judged: Judged) -> OperatingPoint | None:
    point = judged.validation
    if point is None:
        return None
    return OperatingPoint(
        threshold=point.threshold,
        budget=options.false_alarms,
        false_alarms=round(point.false_positive_rate, 4),
        hazard_recall=round(point.recall, 4),
    )
