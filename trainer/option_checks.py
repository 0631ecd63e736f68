"""Whether a training run can work as it is asked for, found before anything long starts."""

import math
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from monitor.errors import UsageError
from monitor.inference.bundle import resolve_bundle
from trainer.layers import check_layer
from trainer.options import FRAMEWORKS, TrainOptions

_LEAST = {
    "validation_percentage": 1, "testing_percentage": 1, "steps": 1, "batch_size": 1,
    "fine_tune_steps": 0, "fine_tune_minutes": 0, "fine_tune_batch_size": 1, "lower_every": 1,
    "clip_frames": 1, "mine_frames": 1, "evaluate_every": 1, "patience": 0, "keep_every": 0,
    "cached_views": 0, "seed": 0, "view_workers": 0,
}  # fmt: skip
_ABOVE_ZERO = ("learning_rate", "fine_tune_learning_rate", "checkpoint_minutes")
_PERCENT = {"random_crop": 90, "random_brightness": 90, "small_views": 100, "degraded_views": 100}
_SHARES = ("gate_false_positives", "false_alarms", "label_smoothing", "head_label_smoothing")
_MOST_HELD_OUT = 80
# A bundle is 110 MB; while it is written there is a copy of the model in full precision beside it.
_BUNDLE_BYTES = 300 * 1000**2
# Bottlenecks take 14 KB a picture with two views.
_CACHE_BYTES = 150 * 1000**2
# Two checkpoints, and the next of them while it is written: each is four copies of the weights.
_CHECKPOINT_BYTES = 900 * 1000**2


def check_options(options: TrainOptions) -> None:
    """Refuse what cannot work, before long work starts.

    Creates nothing but the cache folder and the folder that the output will lie in.

    Raises:
        UsageError: a value out of range, a missing folder or file, an unwritable output.
    """
    if not options.image_dir.is_dir():
        raise UsageError(
            f"{options.image_dir}: there is no such folder; give a folder that holds one folder "
            "of pictures per label"
        )
    _check_ranges(options)
    check_layer(options.fine_tune_from)
    _check_inputs(options)
    if options.ray:
        _require_ray()
    _check_framework(options)
    _check_output(options.output, options.image_dir)
    if options.average_with and not options.fine_tunes:
        raise UsageError(
            "--average-with: only a fine-tuned model has a mean with another; add "
            "--fine-tune-minutes or --fine-tune-steps"
        )
    bundles = (("--average-with", options.average_with), ("--must-beat", options.must_beat))
    for option, name in bundles:
        if name and not resolve_bundle(name).is_dir():
            raise UsageError(
                f"{option} {name}: there is no such folder; give a bundle's, or 'default' for the "
                "one that ships"
            )
    if options.must_beat:
        _check_output(options.rejected, options.image_dir)
    if options.summaries is not None:
        _check_writable(options.summaries, "the folder for summaries", 0)
    needed = _CACHE_BYTES + (_CHECKPOINT_BYTES if options.fine_tunes else 0)
    _check_writable(options.cache, "the cache folder", needed)


def _require_ray() -> None:
    """Look whether it is there without importing it, which takes seconds."""
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise UsageError("--ray: Ray is not installed; pip install 'ray[data]>=2.50'")


def _check_framework(options: TrainOptions) -> None:
    if options.framework not in FRAMEWORKS:
        raise UsageError(f"--framework {options.framework}: it must be {' or '.join(FRAMEWORKS)}")
    if options.framework == "jax" and find_spec("jax") is None:
        raise UsageError(
            "--framework jax: JAX is not installed; pip install 'emberwatch[jax]', and for a GPU "
            "of NVIDIA 'jax[cuda13]'"
        )
    asked = options.framework != FRAMEWORKS[0] or options.view_workers
    if asked and not options.fine_tunes:
        raise UsageError(
            "--framework and --view-workers: they are for fine-tuning alone; add "
            "--fine-tune-minutes or --fine-tune-steps"
        )
    if options.rounded_steps and options.framework != "jax":
        raise UsageError("--rounded-steps: only JAX can round; add --framework jax")


def _check_ranges(options: TrainOptions) -> None:
    for name, least in _LEAST.items():
        value = getattr(options, name)
        _require(options, name, value >= least and math.isfinite(value), f"at least {least}")
    for name in _ABOVE_ZERO:
        value = getattr(options, name)
        _require(options, name, value > 0 and math.isfinite(value), "above 0")
    for name, most in _PERCENT.items():
        _require(options, name, 0 <= getattr(options, name) <= most, f"0 to {most}")
    for name in _SHARES:
        value = getattr(options, name)
        _require(options, name, value is None or 0 <= value < 1, "0 to below 1")
    if options.validation_percentage + options.testing_percentage > _MOST_HELD_OUT:
        raise UsageError(
            f"--validation-percentage {options.validation_percentage} and --testing-percentage "
            f"{options.testing_percentage} take more than {_MOST_HELD_OUT} percent of the "
            "pictures; leave more to train with"
        )
    if options.fine_tune_steps and options.fine_tune_minutes:
        raise UsageError("--fine-tune-steps and --fine-tune-minutes exclude each other; give one")
    pairs: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
        ("oversample", options.oversample),
        ("class-share", options.class_shares),
        ("class-weight", options.class_weights),
    )
    for option, given in pairs:
        for name, value in given:
            if not (value > 0 and math.isfinite(value)):
                raise UsageError(f"--{option} {name}={value:g}: it must be above 0")


def _require(options: TrainOptions, name: str, holds: bool, what: str) -> None:
    if not holds:
        raise UsageError(f"--{name.replace('_', '-')} {getattr(options, name)}: it must be {what}")


def _check_inputs(options: TrainOptions) -> None:
    for path in (options.groups, options.clips):
        if path is not None and not path.is_file():
            raise UsageError(f"{path}: there is no such file; give a table with tabs")
    for label, folder in options.extra:
        if not folder.is_dir():
            raise UsageError(
                f"{folder}: there is no such folder; --extra {label}=FOLDER wants one of pictures"
            )
    for place in options.mine:
        if not place.exists():
            raise UsageError(f"--mine {place}: there is no such file or folder; give one")
    if options.backbone != "imagenet" and not resolve_bundle(options.backbone).exists():
        raise UsageError(
            f"--backbone {options.backbone}: there is no such file or folder; give 'default', the "
            "folder of a bundle, 'imagenet', or a weights file of Keras's InceptionV3"
        )


def _check_output(output: Path, image_dir: Path) -> None:
    place = output.resolve()
    if place.exists() and not place.is_dir():
        raise UsageError(f"{output}: this is a file; give a folder for the bundle")
    if place.is_dir() and any(place.iterdir()) and not (place / "bundle.json").is_file():
        raise UsageError(
            f"{output}: the folder is not empty and holds no bundle, so it is left alone; "
            "give a new folder"
        )
    if place.is_relative_to(image_dir.resolve()):
        raise UsageError(
            f"{output}: it lies in {image_dir}, where each folder is a label; give a folder "
            "elsewhere"
        )
    if place.is_mount() or (place.is_dir() and not os.access(place, os.W_OK | os.X_OK)):
        # The old bundle is moved away when the new one is complete.
        raise UsageError(
            f"{output}: this folder cannot be replaced, as it is a mount point or not yours to "
            "write; give a new folder, in it or elsewhere"
        )
    _check_writable(place.parent, "the folder of the output", _BUNDLE_BYTES)


def _check_writable(folder: Path, what: str, needed_bytes: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{what} {folder} cannot be made: {error.strerror}; give another place"
        ) from error
    try:
        # Rights tell not all: the disk may be read-only, or let nobody write, root neither.
        tempfile.TemporaryDirectory(dir=folder, prefix=".emberwatch-").cleanup()
    except OSError as error:
        raise UsageError(
            f"{what} {folder} cannot be written to: {error.strerror}; change its rights or give "
            "another place"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise UsageError(
            f"{what} {folder} has {free / 1e6:.0f} MB free, and up to {needed_bytes / 1e6:.0f} MB "
            "are needed; free space or give another place"
        )
