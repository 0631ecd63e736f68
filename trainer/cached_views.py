"""Bottlenecks of augmented views: computed once, so that the head can learn from views too.

Each view is a function of the picture's content, the recipe, the seed and the view's number, and
of the scene it is put into if it is a small one. Scenes are background pictures of the training
side. They are chosen on a ring of hashes: a new picture becomes the scene of a few views, and all
others keep theirs.
"""

import hashlib
import inspect
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError, TrainingError
from monitor.image import read_image
from trainer import augment, degrade, views
from trainer.augment import Recipe, view
from trainer.backbone import FEATURES, Backbone
from trainer.bottleneck import BATCH, Extractor, network_key
from trainer.dataset import Example
from trainer.look import read_ahead
from trainer.rows import KEY_BYTES, Rows

_ROW = np.dtype([("key", np.uint8, (KEY_BYTES,)), ("features", np.float16, (FEATURES,))])


@dataclass(frozen=True, slots=True)
class PlannedView:
    """One view that is to be made."""

    key: bytes
    """Names all that it depends on, beside recipe and network."""
    picture: int
    """Position of its picture."""
    scene: int | None
    """Position of the picture it is put into, if any."""
    seed: int


def plan_views(
    digests: Sequence[str], scenes: Sequence[int], share: float, count: int, seed: int
) -> list[PlannedView]:
    """Decide what views there are: the first of every picture, then the second, and so on.

    Args:
        digests: sha256 of each picture's file.
        scenes: positions of the pictures that may be scenes.
        share: how many of the views are small ones, 0 to 1.
        count: views of each picture.
        seed: of all that is random.
    """
    ring = sorted({digests[index]: index for index in scenes}.items())
    places = [digest for digest, _ in ring]
    planned = []
    for number in range(count):
        for index, digest in enumerate(digests):
            own = hashlib.sha256(f"{digest} {seed} {number}".encode())
            rng = np.random.default_rng(int.from_bytes(own.digest()[:8], "big"))
            scene = None
            if places and rng.random() < share:
                at = bisect_left(places, own.hexdigest()) % len(ring)
                # A picture is no scene for itself.
                at = at if places[at] != digest else (at + 1) % len(ring)
                scene = ring[at] if places[at] != digest else None
            own.update(f" {scene[0] if scene else '-'}".encode())
            planned.append(
                PlannedView(
                    own.digest(),
                    index,
                    scene[1] if scene else None,
                    int.from_bytes(own.digest()[8:16], "big"),
                )
            )
    return planned


def compute_views(
    examples: Sequence[Example],
    digests: Sequence[str],
    backbone: Backbone,
    recipe: Recipe,
    background: str,
    count: int,
    seed: int,
    cache_dir: Path,
    progress: Callable[[int], None],
) -> NDArray[np.float16]:
    """Give the bottlenecks of ``count`` views of every picture, from the cache or computed.

    Args:
        examples: the pictures, of the training side alone.
        digests: sha256 of each picture's file.
        backbone: what the features come from.
        recipe: what views look like.
        background: the label whose pictures are scenes.
        count: views of each picture, at least 1.
        seed: of all that is random.
        cache_dir: where they are kept.
        progress: called with the number of views that were just done.

    Returns:
        float16 (count, n, 2048).

    Raises:
        TrainingError: a picture cannot be read any more, or the cache cannot be used.
    """
    scenes = [index for index, e in enumerate(examples) if e.label == background]
    planned = plan_views(digests, scenes, recipe.small, count, seed)
    name = f"{network_key(backbone)}-views-{recipe_key(recipe)}.rows"
    rows = Rows(cache_dir / "bottlenecks" / name, _ROW)
    missing = list({v.key: v for v in planned if v.key not in rows}.values())
    progress(len(planned) - len(missing))
    extractor = Extractor(backbone)

    def make(wanted: PlannedView) -> NDArray[np.uint8] | ImageError:
        try:
            scene = None if wanted.scene is None else read_image(examples[wanted.scene].path)
            pixels = views.scale_down(read_image(examples[wanted.picture].path))
        except ImageError as error:
            return error
        return view(
            pixels,
            None if scene is None else views.scale_down(scene),
            recipe,
            np.random.default_rng(wanted.seed),
        )

    made: Iterator[tuple[PlannedView, NDArray[np.uint8] | ImageError]] = zip(
        missing, read_ahead(make, missing), strict=True
    )
    while some := list(islice(made, BATCH)):
        pictures = []
        for _, picture in some:
            if isinstance(picture, ImageError):
                rows.flush()
                raise TrainingError(
                    f"{picture}; it was read a moment ago: leave the pictures alone while "
                    "training runs, then start again: it goes on"
                ) from picture
            pictures.append(picture)
        for (wanted, _), features in zip(some, extractor.features(pictures), strict=True):
            rows.put(wanted.key, features=features)
        progress(len(some))
    rows.flush()
    found = np.array([rows[v.key]["features"] for v in planned], np.float16)
    return found.reshape(count, len(examples), FEATURES)


def recipe_key(recipe: Recipe) -> str:
    """Names a recipe and the code that follows it: views that were made otherwise are not used."""
    code = "".join(inspect.getsource(part) for part in (augment, degrade, views.scale_down))
    named = f"{recipe!r}\n{views.SHORT_SIDE}\n{code}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]
