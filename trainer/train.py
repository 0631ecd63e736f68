"""Training from folders of pictures to a bundle, one stage after the other."""

from datetime import UTC, datetime

import keras

from monitor.errors import TrainingError
from monitor.inference.bundle import KERAS_NAME, OPENVINO_XML, Bundle
from monitor.inference.manifest import BaseWeights, Geometry, Manifest, OpenVinoForm, OperatingPoint
from trainer.average import load_partner, mean_weights
from trainer.backbone import Backbone, build_model, load_backbone
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
from trainer.gate import Verdict, incumbent_scores, judge_against, load_incumbent
from trainer.head import softmax
from trainer.judge import Judged, judge, summary
from trainer.leaks import write_leaks
from trainer.learn import learn_head, learn_whole, sampler
from trainer.learned import write_learned
from trainer.mine import mine
from trainer.option_checks import check_options
from trainer.options import TrainOptions
from trainer.plan import Status
from trainer.prepare import Prepared, load_pictures, prepare, tiny_labels
from trainer.quantize import Known, calibration_pictures, export_int8
from trainer.report import Report, write_report
from trainer.size import SIZE
from trainer.stopwatch import Stopwatch
from trainer.summaries import Summaries

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
        UsageError: the options cannot work.
        TrainingError: the data or the disk do not allow it, or the model is worse than the one
            that it must beat.
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
    partner = (
        load_partner(options.average_with, labels, backbone.sha256)
        if options.average_with
        else None
    )
    incumbent = load_incumbent(options.must_beat, labels) if options.must_beat else None
    with watch.stage("head"):
        head, head_history = learn_head(options, prepared, backbone, console, summaries)
    if options.mine:
        with watch.stage("mining"):
            prepared = mine(options, prepared, backbone, head, console)
        if prepared.mined is not None and prepared.mined.added:
            with watch.stage("head"):
                head, head_history = learn_head(
                    options, prepared, backbone, console, summaries, "mined_head"
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
            model, statuses = learn_whole(options, prepared, backbone, model, console, summaries)
    if partner is not None:
        model.set_weights(mean_weights(model, partner))
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
                        sampler(options, prepared), prepared.dataset.of(Side.TRAIN)
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
