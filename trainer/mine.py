"""Hard negatives: footage known to hold no fire, searched for what a model gets wrong.

What it calls a hazard is the best that it can be shown: it joins the background pictures of the
training side, and the head is trained again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError
from trainer.backbone import Backbone
from trainer.bottleneck import compute_bottlenecks
from trainer.calibrate import find_temperature, hazard_scores, suggest_thresholds
from trainer.clips import Clip, clip_examples
from trainer.console import Console
from trainer.dataset import Dataset, Example, Side, pictures_in
from trainer.groups import join_alike
from trainer.head import Head, softmax
from trainer.options import TrainOptions
from trainer.prepare import Mined, Prepared, extended_fingerprint

CLIP_SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".ts", ".m4v"})
"""Lower-case suffixes of the files that count as clips."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstLook:
    """How a picture is scored from its bottleneck."""

    head: Head
    temperature: float
    threshold: float
    """Of the joint evidence of hazards."""
    background: int

    def wrong(self, features: NDArray[np.float16]) -> NDArray[np.bool_]:
        """Which background pictures (n, 2048) are called a hazard, or nearly: bool (n,)."""
        scores = softmax(self.head.logits(features) / self.temperature)
        alarmed = hazard_scores(scores, self.background) >= self.threshold
        return np.asarray(alarmed | (scores.argmax(axis=1) != self.background))


def mine(
    options: TrainOptions, prepared: Prepared, backbone: Backbone, head: Head, console: Console
) -> Prepared:
    """Search the footage of ``options.mine`` and add what the head gets wrong.

    Pictures that look like validation or test pictures are left out: those figures must stay true.

    Returns:
        The data with the new pictures on the training side, and in ``mined`` how many.

    Raises:
        TrainingError: there is no background label, no picture or clip is found, or one of the
            clips cannot be decoded.
    """
    if options.background not in prepared.dataset.labels:
        raise TrainingError(
            f"--mine: what is mined becomes '{options.background}', and that is no label here; "
            "name the label without hazards with --background"
        )
    judge = first_look(options, prepared, head)
    listed = list_footage(options.mine, options.background, options.mine_frames, options.cache)
    with console.bar("mining", len(listed)) as bar:
        found = compute_bottlenecks(listed, backbone, options.cache, bar.advance)
    for broken in found.unreadable:
        console.warn(f"left out: {broken.reason}")
    wrong = np.flatnonzero(judge.wrong(found.features)) if found.examples else np.zeros(0, int)
    picked = [found.examples[int(row)] for row in wrong]
    apart = np.ones(len(wrong), bool)
    if options.near_duplicates:
        apart = _apart(prepared, picked, found.thumbnails[wrong])
    rows = wrong[apart]
    fresh = [found.examples[int(row)] for row in rows]
    mined = Mined(len(found.examples), len(picked), len(rows))
    console.say(
        f"mined: {mined.wrong} of {mined.looked_at} pictures and frames were called a hazard; "
        f"{mined.added} join '{options.background}'"
        + (f", {mined.wrong - mined.added} look like held-out pictures and do not"
           if mined.wrong > mined.added else "")
    )  # fmt: skip
    if len(rows) == 0:
        return replace(prepared, mined=mined)
    return replace(
        prepared,
        dataset=Dataset(prepared.dataset.labels, (*prepared.dataset.examples, *fresh)),
        features=np.concatenate([prepared.features, found.features[rows]]),
        targets=np.concatenate([prepared.targets, np.full(len(rows), judge.background)]),
        fingerprint=extended_fingerprint(
            prepared.fingerprint, [found.digests[int(row)] for row in rows]
        ),
        unreadable=(*prepared.unreadable, *found.unreadable),
        thumbnails=np.concatenate([prepared.thumbnails, found.thumbnails[rows]]),
        digests=(*prepared.digests, *(found.digests[int(row)] for row in rows)),
        mined=mined,
    )


def first_look(options: TrainOptions, prepared: Prepared, head: Head) -> FirstLook:
    """A head, calibrated on the validation pictures as the finished model would be."""
    labels = prepared.dataset.labels
    rows = prepared.rows(Side.VALIDATION)
    wanted = prepared.targets[rows]
    logits = head.logits(prepared.features[rows])
    temperature = find_temperature(logits, wanted)
    thresholds = suggest_thresholds(
        logits / temperature, wanted, labels, options.background, options.false_alarms
    )
    return FirstLook(head, temperature, min(thresholds.values()), labels.index(options.background))


def list_footage(
    places: Sequence[Path], background: str, frames: int, cache: Path
) -> list[Example]:
    """The pictures and frames of folders and clips, as background examples of the training side.

    Raises:
        TrainingError: there is neither picture nor clip in a place, or a clip cannot be decoded.
    """
    examples: list[Example] = []
    for place in places:
        clips = [place] if place.is_file() else sorted(
            path for path in place.rglob("*")
            if path.suffix.lower() in CLIP_SUFFIXES and path.is_file()
            and not path.name.startswith(".")
        )  # fmt: skip
        pictures = pictures_in(place) if place.is_dir() else []
        if not clips and not pictures:
            raise TrainingError(f"--mine {place}: there is neither picture nor clip in it")
        base = place if place.is_dir() else place.parent
        for path in pictures:
            name = f"mined/{base.name}/{path.relative_to(base).as_posix()}"
            examples.append(Example(path, name, background, name))
        rows = [Clip(p, f"{base.name}/{p.relative_to(base).as_posix()}", background, 0.0)
                for p in clips]  # fmt: skip
        examples += [
            replace(frame, name=f"mined/{frame.name}")
            for frame in clip_examples(rows, [background], background, frames, cache)
        ]
    return examples


def _apart(
    prepared: Prepared, picked: Sequence[Example], thumbnails: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which of the picked belong to no group of a held-out picture: bool (n,)."""
    known = prepared.dataset.examples
    joined, _ = join_alike([*known, *picked], np.concatenate([prepared.thumbnails, thumbnails]))
    held_out = {e.group for e in joined[: len(known)] if e.side is not Side.TRAIN}
    return np.array([e.group not in held_out for e in joined[len(known) :]], bool)
