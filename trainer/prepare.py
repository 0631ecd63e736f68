"""From folders to data that can be trained on: list, read, group, split."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError, UsageError
from monitor.image import read_image, resize
from monitor.inference.manifest import is_label
from trainer.backbone import FEATURES, Backbone
from trainer.bottleneck import Cache, compute_bottlenecks, feature_model
from trainer.clips import clip_examples, read_clips
from trainer.console import Console
from trainer.dataset import TINY_CLASS, Dataset, Example, Side, fingerprint, scan
from trainer.groups import apply_groups, find_pairs, join, read_groups
from trainer.leaks import Leaks, find_leaks
from trainer.learned import NOTHING, Learned, Unseen, learned_by_all, unseen
from trainer.look import Looked, Unreadable, look
from trainer.options import DEFAULT_BACKGROUND, TrainOptions
from trainer.ray_features import features_on_ray
from trainer.size import SIZE
from trainer.split import split
from trainer.subsets import require_subsets

_DEFAULTS = {
    field.name: field.default
    for field in fields(TrainOptions)
    if field.name
    in ("class_weights", "patience", "flip", "random_crop", "random_brightness", "small_views",
        "degraded_views", "fine_tune_from", "label_smoothing",
        "rounded_steps",
        # Of the head, which fine-tuning starts from.
        "steps", "learning_rate", "batch_size", "evaluate_every", "cached_views",
        "head_label_smoothing")
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mined:
    """What a search for hard negatives found."""

    looked_at: int
    wrong: int
    """Called a hazard by the first head."""
    added: int
    """Of the wrong ones: those that do not look like a held-out picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything that training and evaluation read."""

    dataset: Dataset
    features: NDArray[np.float16]
    """float16 (n, 2048), in the order of the dataset's examples."""
    targets: NDArray[np.int64]
    """(n,): label numbers."""
    fingerprint: str
    unreadable: tuple[Unreadable, ...]
    thumbnails: NDArray[np.float32]
    """float32 (n, 16, 16), in the same order: what likeness is judged by."""
    digests: tuple[str, ...]
    """sha256 of each picture's file, in the same order."""
    before: Learned = NOTHING
    """What the backbone had learned from when the run began."""
    unseen: Unseen | None = None
    """How much of the data is new to it; None where the backbone came without any bundle."""
    leaks: Leaks | None = None
    """What was kept together, and what nearly alike stands across the split."""
    mined: Mined | None = None
    """None where no footage was searched."""

    @property
    def learned(self) -> Learned:
        """What the trained network has learned from, its backbone's past included."""
        return self.before.extended(self.dataset, self.digests)

    def rows(self, side: Side) -> NDArray[np.int64]:
        """Positions of one side's examples."""
        return np.array([i for i, e in enumerate(self.dataset.examples) if e.side is side])


def prepare(options: TrainOptions, backbone: Backbone, console: Console) -> Prepared:
    """List the pictures, compute their bottlenecks, join what is alike, and split.

    Raises:
        TrainingError: the data cannot be trained on; says which folder, label or table.
        UsageError: an option names a label that the data has not.
    """
    examples = list_examples(options)
    require_subsets(options.subsets, examples)
    labels = sorted({example.label for example in examples})
    for label in labels:
        if not is_label(label):
            raise TrainingError(
                f"{options.image_dir}: the folder {label!r} gives no label that a model can use: "
                "1 to 63 printable characters, without spaces at the ends; rename it"
            )
    named = (*dict(options.class_shares), *dict(options.class_weights))
    # Folders without the default's "misc" are fine; a background that was asked for must be there.
    asked = options.background if options.background != DEFAULT_BACKGROUND else ""
    for label in (*named, *filter(None, (options.favour, asked))):
        if label not in labels:
            raise UsageError(
                f"training options: '{label}' is no label; the labels are {', '.join(labels)}"
            )
    with console.bar("pictures", len(examples)) as bar:
        looked = look(examples, options.cache, bar.advance)
    for broken in looked.unreadable:
        console.warn(f"left out: {broken.reason}")
    _require_readable(looked.examples, labels)
    grouped: Sequence[Example] = looked.examples
    pairs = find_pairs(looked.examples, looked.thumbnails)
    if options.near_duplicates:
        grouped = join(looked.examples, pairs)
    # Of a model that this one is averaged with, too: its test must be one for both.
    past = learned_by_all([name for name in (options.backbone, options.average_with) if name])
    before = past or NOTHING
    known = before.groups(grouped, looked.digests)
    dataset = split(
        grouped,
        options.validation_percentage,
        options.testing_percentage,
        options.oversample,
        known,
    )
    leaks = find_leaks(
        looked.examples,
        dataset.examples,
        looked.thumbnails,
        pairs,
        [before.knows(*pair) for pair in zip(looked.examples, looked.digests, strict=True)],
    )
    console.say(str(leaks))
    # What takes minutes comes last: all that can be wrong with the data has been found by now.
    features = _features(dataset, looked, backbone, options, console)
    number = {label: index for index, label in enumerate(dataset.labels)}
    digests = {e.name: digest for e, digest in zip(dataset.examples, looked.digests, strict=True)}
    return Prepared(
        dataset,
        features,
        np.array([number[example.label] for example in dataset.examples]),
        fingerprint(dataset, digests),
        looked.unreadable,
        looked.thumbnails,
        looked.digests,
        before,
        unseen(dataset, known, before.complete) if past else None,
        leaks,
    )


def _on_ray(
    dataset: Dataset, looked: Looked, backbone: Backbone, options: TrainOptions, console: Console
) -> None:
    """Fill the cache from a cluster; nothing is started where nothing is missing."""
    cache = Cache(options.cache, backbone)
    missing = {
        digest: example.path.resolve()
        for example, digest in zip(dataset.examples, looked.digests, strict=True)
        if bytes.fromhex(digest) not in cache
    }
    if not missing:
        return
    with console.bar("Ray", len(missing)) as bar:
        model = feature_model(backbone)
        for digest, features, small in features_on_ray(missing, model, SIZE, FEATURES, options.ray):
            cache.put(bytes.fromhex(digest), features.astype(np.float16), small)
            bar.advance(1)
    cache.flush()


def _features(
    dataset: Dataset, looked: Looked, backbone: Backbone, options: TrainOptions, console: Console
) -> NDArray[np.float16]:
    if options.ray:
        _on_ray(dataset, looked, backbone, options, console)
    with console.bar("bottlenecks", len(dataset.examples)) as bar:
        found = compute_bottlenecks(dataset.examples, backbone, options.cache, bar.advance)
    if found.digests == looked.digests:
        return found.features
    reasons = [broken.reason for broken in found.unreadable] or [
        f"{example.path}: the picture has changed"
        for example, old, new in zip(dataset.examples, looked.digests, found.digests, strict=True)
        if old != new
    ]
    raise TrainingError(
        f"{reasons[0]}, and it was read a moment ago; leave the pictures alone while training "
        "runs, then start again: it goes on"
    )


def list_examples(options: TrainOptions) -> list[Example]:
    """The pictures of all sources, with the groups that are known by name.

    Raises:
        TrainingError: a folder or table is unfit.
    """
    examples = scan(options.image_dir, options.extra)
    groups: dict[str, str] = {}
    if options.groups is not None:
        groups = read_groups(options.groups, options.group_column, options.group_notes)
        examples = apply_groups(examples, options.image_dir, groups)
    if options.clips is None:
        return examples
    labels = {example.label for example in examples}
    clips = read_clips(options.clips)
    # A clip may be in a group with pictures: the table then names the clip's own file.
    known = apply_groups(
        [Example(clip.path, clip.name, clip.label, f"clip/{clip.name}") for clip in clips],
        options.image_dir,
        groups,
    )
    of_clip = {f"clip/{clip.name}": clip.group for clip in known}
    frames = clip_examples(clips, labels, options.background, options.clip_frames, options.cache)
    return examples + [replace(frame, group=of_clip[frame.group]) for frame in frames]


def load_pictures(examples: Sequence[Example], console: Console, what: str) -> NDArray[np.uint8]:
    """Read pictures at the model's size: uint8 (n, 299, 299, 3)."""
    pictures = np.empty((len(examples), SIZE, SIZE, 3), np.uint8)
    with console.bar(what, len(examples)) as bar:
        for index, example in enumerate(examples):
            resize(read_image(example.path), SIZE, SIZE, out=pictures[index])
            bar.advance(1)
    return pictures


def run_key(options: TrainOptions, prepared: Prepared, backbone: Backbone) -> str:
    """Name what fine-tuning depends on: only a run with the same name may go on from it."""
    parts = (
        prepared.fingerprint,
        backbone.sha256,
        options.seed,
        options.background,
        options.fine_tune_steps,
        options.fine_tune_minutes,
        options.fine_tune_batch_size,
        options.fine_tune_learning_rate,
        options.lower_every,
        options.class_shares,
        options.oversample,
        options.favour,
        # Only where they are used: older checkpoints stay good.
        *(
            (name, getattr(options, name))
            for name, default in _DEFAULTS.items()
            if getattr(options, name) != default
        ),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def extended_fingerprint(known: str, digests: Sequence[str]) -> str:
    """Name data that more training pictures, of these sha256, were added to."""
    return "sha256:" + hashlib.sha256("\n".join([known, *sorted(digests)]).encode()).hexdigest()


def tiny_labels(dataset: Dataset) -> list[tuple[str, int]]:
    """Labels with so few pictures that their figures mean little."""
    counts = Counter(example.label for example in dataset.examples)
    return [(label, counts[label]) for label in dataset.labels if counts[label] < TINY_CLASS]


def _require_readable(examples: Sequence[Example], labels: Sequence[str]) -> None:
    left = {example.label for example in examples}
    for label in labels:
        if label not in left:
            raise TrainingError(
                f"label '{label}': none of its pictures can be read; replace them and start again"
            )
