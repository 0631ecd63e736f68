"""The arguments of ``emberwatch train``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from monitor.cli_options import GroupColumn, GroupNotes, quiet_logs

ValueT = TypeVar("ValueT", int, float, Path)

SubsetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--subset",
        metavar="NAME=PATTERN",
        help="Figures of the pictures whose names fit; repeatable, also for one name.",
    ),
]


def train(
    image_dir: Annotated[
        Path, typer.Argument(metavar="IMAGE_DIR", help="One folder of pictures per label.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="BUNDLE", help="The bundle's folder.")
    ],
    backbone: Annotated[
        str,
        typer.Option(
            help="`default` (the bundle that ships), another bundle, `imagenet` (downloaded by "
            "Keras), or a weights file."
        ),
    ] = "default",
    cache_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For bottlenecks [~/.cache/emberwatch/trainer]."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same data and seed: same model.")] = 0,
    ray: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Compute features on the Ray cluster at this address; `local` starts Ray here.",
        ),
    ] = "",
    validation_percentage: Annotated[
        int, typer.Option(help="Share of the pictures that decides when it is best.")
    ] = 10,
    testing_percentage: Annotated[
        int, typer.Option(help="Share of the pictures that is kept for the final test.")
    ] = 10,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV", help="Table of `file` and group; a group stays on one side of the split."
        ),
    ] = None,
    group_column: GroupColumn = "group",
    group_note: GroupNotes = None,
    near_duplicates: Annotated[
        bool, typer.Option(help="Keep pictures that look alike on one side of the split.")
    ] = True,
    extra: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=FOLDER", help="More pictures of a label; repeatable."),
    ] = None,
    clips: Annotated[
        Path | None,
        typer.Option(metavar="TSV", help="Table of labelled clips to take frames of."),
    ] = None,
    clip_frames: Annotated[int, typer.Option(help="Frames of one clip, at most.")] = 10,
    oversample: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN=TIMES", help="Draw such files more often; repeatable."),
    ] = None,
    background: Annotated[
        str, typer.Option(metavar="LABEL", help="The label that means that nothing is wrong.")
    ] = "misc",
    mine: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="A clip, or a folder of pictures and clips, that shows no hazard: what the model "
            "gets wrong there is added to the background; repeatable.",
        ),
    ] = None,
    mine_frames: Annotated[int, typer.Option(help="Frames of one such clip, at most.")] = 60,
    steps: Annotated[int, typer.Option(help="Steps of the head's training.")] = 4000,
    learning_rate: Annotated[float, typer.Option(help="Of the head.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(help="Of the head.")] = 100,
    evaluate_every: Annotated[
        int, typer.Option(help="Steps between the head's evaluations.")
    ] = 100,
    patience: Annotated[
        int, typer.Option(help="Stop after so many evaluations without progress (0: never).")
    ] = 0,
    keep_every: Annotated[
        int, typer.Option(help="Keep the head every so many steps, in BUNDLE.heads (0: never).")
    ] = 0,
    cached_views: Annotated[
        int, typer.Option(help="Views of each picture that the head learns from as well.")
    ] = 2,
    head_label_smoothing: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the head: see --label-smoothing.")
    ] = 0.0,
    fine_tune_steps: Annotated[
        int, typer.Option(help="Steps on the whole network after the head (0: none).")
    ] = 0,
    fine_tune_minutes: Annotated[
        float, typer.Option(help="The same as wall time instead (0: none).")
    ] = 0.0,
    fine_tune_batch_size: Annotated[int, typer.Option(help="Of the whole network.")] = 16,
    fine_tune_learning_rate: Annotated[
        float, typer.Option(help="Of the upper blocks; the lower ones take a seventh.")
    ] = 1e-4,
    fine_tune_from: Annotated[
        str,
        typer.Option(
            metavar="LAYER",
            help="The lowest layer that learns: mixed0 to mixed10, a convolution, or all.",
        ),
    ] = "all",
    label_smoothing: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Share of a label that goes to all alike, in fine-tuning."
        ),
    ] = 0.05,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="What a run that is killed in fine-tuning loses, at most.")
    ] = 5.0,
    lower_every: Annotated[
        int, typer.Option(help="The lower blocks learn at every n-th step.")
    ] = 3,
    framework: Annotated[
        str, typer.Option(help="tensorflow, or jax, which fine-tunes on GPUs too.")
    ] = "tensorflow",
    rounded_steps: Annotated[
        bool, typer.Option(help="Learn to bear the int8 form's rounding (JAX only).")
    ] = False,
    view_workers: Annotated[
        int, typer.Option(help="Processes that make views; 0 for one thread.")
    ] = 0,
    class_share: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=SHARE", help="Share of the pictures drawn; repeatable."),
    ] = None,
    class_weight: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=WEIGHT", help="What a picture counts in the loss; repeatable."),
    ] = None,
    flip: Annotated[bool, typer.Option(help="Mirror half of the views.")] = True,
    random_crop: Annotated[
        int, typer.Option(metavar="PERCENT", help="Area that views leave out, at most.")
    ] = 45,
    random_brightness: Annotated[
        int, typer.Option(metavar="PERCENT", help="How much darker or brighter, at most.")
    ] = 25,
    small_views: Annotated[
        int, typer.Option(metavar="PERCENT", help="Views that are small in another scene.")
    ] = 20,
    degraded_views: Annotated[
        int, typer.Option(metavar="PERCENT", help="Views as from a bad camera.")
    ] = 40,
    favour: Annotated[
        str, typer.Option(metavar="LABEL", help="What a doubtful picture should be called.")
    ] = "",
    average_with: Annotated[
        str,
        typer.Option(
            metavar="BUNDLE",
            help="Give the mean of the new model and this one, from the same start weights.",
        ),
    ] = "",
    must_beat: Annotated[
        str,
        typer.Option(
            metavar="BUNDLE",
            help="Refuse a model that is worse than this one on the test pictures.",
        ),
    ] = "",
    gate_false_positives: Annotated[
        float, typer.Option(metavar="SHARE", help="False alarms that both may give there.")
    ] = 0.01,
    false_alarms: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Background pictures that the suggested threshold may let through [0.02, and a "
            "threshold of 0.3 to 0.9].",
        ),
    ] = None,
    subset: SubsetOption = None,
    summaries: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Training curves for TensorBoard.")
    ] = None,
    openvino: Annotated[
        bool, typer.Option(help="Write the int8 OpenVINO form beside the model.")
    ] = True,
    report_pictures: Annotated[
        bool,
        typer.Option(
            help="Put small copies of the worst mistakes, with heat maps, into the report."
        ),
    ] = True,
) -> None:
    """Retrain the model on pictures, one folder for each label.

    \b
      emberwatch train pictures/ --output my-model
      emberwatch train pictures/ --output my-model --fine-tune-minutes 60
    """
    folders = _pairs(extra, "--extra", Path)
    times = _pairs(oversample, "--oversample", int)
    shares = _pairs(class_share, "--class-share", float)
    weights = _pairs(class_weight, "--class-weight", float)

    from trainer.dataset import scan
    from trainer.option_checks import check_options
    from trainer.options import TrainOptions

    quiet_logs()
    options = TrainOptions(
        image_dir=image_dir,
        output=output,
        backbone=backbone,
        cache_dir=cache_dir,
        seed=seed,
        ray=ray,
        validation_percentage=validation_percentage,
        testing_percentage=testing_percentage,
        groups=groups,
        group_column=group_column,
        group_notes=tuple(group_note or ()),
        near_duplicates=near_duplicates,
        extra=tuple(folders),
        clips=clips,
        clip_frames=clip_frames,
        oversample=tuple(times),
        background=background,
        mine=tuple(mine or ()),
        mine_frames=mine_frames,
        steps=steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        evaluate_every=evaluate_every,
        patience=patience,
        keep_every=keep_every,
        cached_views=cached_views,
        head_label_smoothing=head_label_smoothing,
        fine_tune_steps=fine_tune_steps,
        fine_tune_minutes=fine_tune_minutes,
        fine_tune_batch_size=fine_tune_batch_size,
        fine_tune_learning_rate=fine_tune_learning_rate,
        fine_tune_from=fine_tune_from,
        label_smoothing=label_smoothing,
        checkpoint_minutes=checkpoint_minutes,
        lower_every=lower_every,
        framework=framework,
        rounded_steps=rounded_steps,
        view_workers=view_workers,
        class_shares=tuple(shares),
        class_weights=tuple(weights),
        flip=flip,
        random_crop=random_crop,
        random_brightness=random_brightness,
        small_views=small_views,
        degraded_views=degraded_views,
        favour=favour,
        average_with=average_with,
        must_beat=must_beat,
        gate_false_positives=gate_false_positives,
        false_alarms=false_alarms,
        subsets=named_patterns(subset),
        summaries=summaries,
        openvino=openvino,
        report_pictures=report_pictures,
    )
    # Before TensorFlow is loaded, which takes seconds.
    check_options(options)
    scan(options.image_dir, options.extra)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_output_hidden():
        from trainer.train import train as train_model

    train_model(options)


def named_patterns(texts: list[str] | None) -> tuple[tuple[str, str], ...]:
    """The pairs of ``NAME=PATTERN`` arguments of ``--subset``.

    Raises:
        typer.BadParameter: no ``=``, or nothing on a side of it.
    """
    pairs = []
    for text in texts or ():
        name, _, pattern = text.partition("=")
        if not (name.strip() and pattern):
            raise typer.BadParameter(
                f"--subset {text}: write it as NAME=PATTERN, such as cctv='fire/cctv_*'"
            )
        pairs.append((name.strip(), pattern))
    return tuple(pairs)


@contextmanager
def native_output_hidden() -> Iterator[None]:
    """TensorFlow writes about processor features while it is loaded, whatever its log level is."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _pairs(texts: list[str] | None, option: str, kind: type[ValueT]) -> list[tuple[str, ValueT]]:
    """The pairs of ``NAME=VALUE`` arguments.

    Raises:
        typer.BadParameter: no ``=``, or a value of another kind.
    """
    pairs = []
    for text in texts or ():
        name, separator, value = text.rpartition("=")
        try:
            if not (name and separator and value):
                raise ValueError
            pairs.append((name, kind(value)))
        except ValueError:
            what = {int: "a whole number", float: "a number", Path: "a path"}[kind]
            raise typer.BadParameter(
                f"{option} {text}: write it as NAME=VALUE, the value being {what}"
            ) from None
    return pairs
