"""What a training run is asked for, checked before anything long starts."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from monitor.errors import TrainingError
from monitor.inference.bundle import resolve_bundle

DEFAULT_BACKGROUND = "misc"


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Everything that decides what comes out of a training run; paths and numbers only."""

    image_dir: Path
    """One folder of pictures per label."""
    output: Path
    """The bundle's folder; an older bundle there is replaced when the new one is complete."""

    backbone: str = "imagenet"
    """``imagenet`` (downloaded by Keras), a weights file of Keras's InceptionV3 without its top,
    the folder of a bundle, or ``default`` for the one that ships."""
    cache_dir: Path | None = None
    """Where bottlenecks, frames and checkpoints are kept; by default
    ``~/.cache/emberwatch/trainer``."""
    seed: int = 0
    ray: str = ""
    """The address of a Ray cluster that computes bottlenecks, or ``local`` for one on this machine
    alone; empty: this process computes them."""

    # Data.
    validation_percentage: int = 10
    testing_percentage: int = 10
    groups: Path | None = None
    """A table with tabs: the column ``file`` (relative to IMAGE_DIR or to its parent) and
    ``group_column``; files of one group stay on one side of the split."""
    group_column: str = "group"
    group_notes: tuple[str, ...] = ()
    """Values of the group column that are remarks and name no group."""
    near_duplicates: bool = True
    """Keep pictures that look alike on one side of the split."""
    extra: tuple[tuple[str, Path], ...] = ()
    """More folders of pictures, each counted under a label: (label, folder)."""
    clips: Path | None = None
    """A table of labelled clips (columns ``file``, ``class`` and, in seconds,
    ``fire_or_smoke_onset_s``) beside the clips; frames of them are trained on."""
    clip_frames: int = 10
    """Frames taken of one clip, at most."""
    oversample: tuple[tuple[str, int], ...] = ()
    """(pattern of file names, times): such pictures are drawn more often."""
    background: str = DEFAULT_BACKGROUND
    """The label that means that nothing is wrong; the others are hazards."""
    mine: tuple[Path, ...] = ()
    """Clips and folders of pictures and clips that are known to hold no hazard; what the head gets
    wrong in them joins the background's training pictures."""
    mine_frames: int = 60
    """Frames looked at in one such clip, at most."""

    # The head, on a frozen backbone.
    steps: int = 4000
    learning_rate: float = 1e-3
    batch_size: int = 100
    evaluate_every: int = 100
    """Steps of the head between evaluations on the validation pictures."""
    patience: int = 0
    """Stop after so many evaluations without a smaller validation loss; 0 never stops early. Of
    the head every ``evaluate_every`` steps, of fine-tuning at each checkpoint."""
    keep_every: int = 0
    """Keep the head every so many steps, beside the output; 0 keeps none."""

    # Fine-tuning of the whole network; 0 minutes and 0 steps mean none.
    fine_tune_steps: int = 0
    """Steps, exactly; alternatively give minutes."""
    fine_tune_minutes: float = 0.0
    """Wall time to fit the steps into, by the speed that is measured at the start."""
    fine_tune_batch_size: int = 16
    fine_tune_learning_rate: float = 1e-4
    """Of the upper blocks (from mixed7); the lower ones take a seventh, the head ten times it."""
    lower_every: int = 3
    """The lower blocks learn at every n-th step: they are half of the cost."""
    class_shares: tuple[tuple[str, float], ...] = ()
    """(label, share) of the pictures drawn; equal where empty."""
    class_weights: tuple[tuple[str, float], ...] = ()
    """(label, weight): how much a picture of it counts in the loss; 1 where not given."""
    flip: bool = True
    """Mirror half of the views of fine-tuning."""
    random_crop: int = 45
    """Views of fine-tuning keep all but at most so many percent of the area."""
    random_brightness: int = 25
    """They are darker or brighter by at most so many percent."""
    small_views: int = 20
    """Percent of them that show the picture small in another scene."""
    degraded_views: int = 40
    """Percent of them that look as from a bad camera."""
    favour: str = ""
    """A label whose examples weigh 1.25 times: what a doubtful picture should be called."""

    # What comes out.
    must_beat: str = ""
    """A bundle that the new one is compared with on the test pictures. A worse one is written to
    OUTPUT.rejected, and OUTPUT is left as it was."""
    gate_false_positives: float = 0.01
    """Share of background pictures that both may call a hazard in that comparison."""
    false_alarms: float | None = None
    """Share of the background's validation pictures that the suggested threshold may let through;
    None for 2 % and a threshold of 0.3 to 0.9."""
    subsets: tuple[tuple[str, str], ...] = ()
    """(name, pattern of file names): rows of their own in the figures."""
    summaries: Path | None = None
    """A folder for TensorBoard."""
    openvino: bool = True
    """Write the int8 OpenVINO form beside the canonical model."""
    report_pictures: bool = True
    """Put small copies of the worst mistakes into the report. They are the training data's."""

    @property
    def fine_tunes(self) -> bool:
        """Whether the backbone is trained after the head."""
        return self.fine_tune_steps > 0 or self.fine_tune_minutes > 0

    @property
    def rejected(self) -> Path:
        """Where a model goes that does not pass the gate."""
        return self.output.with_name(f"{self.output.name}.rejected")

    @property
    def heads(self) -> Path:
        """Where heads are kept on the way."""
        return self.output.with_name(f"{self.output.name}.heads")

    @property
    def cache(self) -> Path:
        """The cache folder in force."""
        if self.cache_dir is not None:
            return self.cache_dir
        return Path("~/.cache/emberwatch/trainer").expanduser()


def check_options(options: TrainOptions) -> None:
    """Refuse what cannot work, before long work starts; creates nothing but the cache folder.

    Raises:
        TrainingError: a value out of range, a missing folder or file, an unwritable output.
    """
    if not options.image_dir.is_dir():
        raise TrainingError(
            f"{options.image_dir}: there is no such folder; give a folder that holds one folder "
            "of pictures per label"
        )
    _check_ranges(options)
    files = [path for path in (options.groups, options.clips) if path is not None]
    for path in files:
        if not path.is_file():
            raise TrainingError(f"{path}: there is no such file; give a table with tabs")
    for label, folder in options.extra:
        if not folder.is_dir():
            raise TrainingError(
                f"{folder}: there is no such folder; --extra {label}=FOLDER wants one of pictures"
            )
    for place in options.mine:
        if not place.exists():
            raise TrainingError(f"--mine {place}: there is no such file or folder; give one")
    if options.ray:
        _require_ray()
    _check_backbone(options.backbone)
    _check_output(options.output)
    if options.must_beat:
        if not resolve_bundle(options.must_beat).is_dir():
            raise TrainingError(
                f"--must-beat {options.must_beat}: there is no such folder; give a bundle's, or "
                "'default' for the one that ships"
            )
        _check_output(options.rejected)
    if options.summaries is not None:
        _check_writable(options.summaries, "the folder for summaries")
    _check_writable(options.cache, "the cache folder")


def _require_ray() -> None:
    """Look whether it is there without importing it, which takes seconds."""
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise TrainingError("--ray: Ray is not installed; pip install 'emberwatch[cluster]'")


def _check_ranges(options: TrainOptions) -> None:
    held_out = options.validation_percentage + options.testing_percentage
    rules = (
        (options.validation_percentage >= 1, "validation_percentage must be at least 1"),
        (options.testing_percentage >= 1, "testing_percentage must be at least 1"),
        (held_out <= 80, "validation and testing take more than 80 percent of the pictures"),
        (options.steps >= 1, "steps must be at least 1"),
        (options.batch_size >= 1, "batch_size must be at least 1"),
        (options.learning_rate > 0, "learning_rate must be above 0"),
        (options.fine_tune_steps >= 0, "fine_tune_steps must not be negative"),
        (options.fine_tune_minutes >= 0, "fine_tune_minutes must not be negative"),
        (options.fine_tune_batch_size >= 1, "fine_tune_batch_size must be at least 1"),
        (options.fine_tune_learning_rate > 0, "fine_tune_learning_rate must be above 0"),
        (options.lower_every >= 1, "lower_every must be at least 1"),
        (options.clip_frames >= 1, "clip_frames must be at least 1"),
        (options.mine_frames >= 1, "mine_frames must be at least 1"),
        (options.evaluate_every >= 1, "evaluate_every must be at least 1"),
        (options.patience >= 0, "patience must not be negative"),
        (options.keep_every >= 0, "keep_every must not be negative"),
        (0 <= options.random_crop <= 90, "random_crop must be 0 to 90"),
        (0 <= options.random_brightness <= 90, "random_brightness must be 0 to 90"),
        (0 <= options.small_views <= 100, "small_views must be 0 to 100"),
        (0 <= options.degraded_views <= 100, "degraded_views must be 0 to 100"),
        (0 <= options.gate_false_positives < 1, "gate_false_positives must be 0 to below 1"),
        (options.false_alarms is None or 0 <= options.false_alarms < 1,
         "false_alarms must be 0 to below 1"),
        (all(weight > 0 for _, weight in options.class_weights), "a class weight must be above 0"),
        (all(times >= 1 for _, times in options.oversample), "oversample must be at least 1"),
        (all(share > 0 for _, share in options.class_shares), "a class share must be above 0"),
        (
            not (options.fine_tune_steps and options.fine_tune_minutes),
            "fine_tune_steps and fine_tune_minutes exclude each other",
        ),
    )  # fmt: skip
    for holds, fault in rules:
        if not holds:
            raise TrainingError(f"training options: {fault}; change it and start again")


def _check_backbone(backbone: str) -> None:
    if backbone != "imagenet" and not resolve_bundle(backbone).exists():
        raise TrainingError(
            f"--backbone {backbone}: there is no such file or folder; give 'imagenet', a weights "
            "file of Keras's InceptionV3, or the folder of a bundle"
        )


def _check_output(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise TrainingError(f"{output}: this is a file; give a folder for the bundle")
    if output.is_dir() and any(output.iterdir()) and not (output / "bundle.json").is_file():
        raise TrainingError(
            f"{output}: the folder is not empty and holds no bundle, so it is left alone; "
            "give a new folder"
        )
    _check_writable(output.resolve().parent, "the folder of the output")


def _check_writable(folder: Path, what: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(
            f"{what} {folder} cannot be made: {error.strerror}; give another place"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise TrainingError(
            f"{what} {folder} cannot be written to; change its rights or give another place"
        )
