"""Training batches: which pictures, and what views of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.image import decode_image, resize
from trainer.augment import Recipe, view
from trainer.dataset import Example
from trainer.size import SIZE

SHORT_SIDE = 400
"""Of the pictures that views are made of, at most, pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One step's pictures and what they should be called."""

    pictures: NDArray[np.uint8]
    """uint8 (n, 299, 299, 3)."""
    targets: NDArray[np.int32]
    """int32 (n,): label numbers."""


class Pictures:
    """Keeps the files of pictures in memory, large ones scaled down once."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples
        self._data: dict[int, bytes] = {}

    def read(self, index: int) -> NDArray[np.uint8]:
        """The picture's pixels, the short side at most 400.

        Raises:
            ImageError: the file has vanished or changed since it was last read.
        """
        path = self._examples[index].path
        data = self._data.get(index)
        if data is None:
            data = _shrink(path.read_bytes(), str(path))
            self._data[index] = data
        return decode_image(data, str(path))


class Sampler:
    """Draws labels by their shares, pictures of a label by their weight, and makes views."""

    def __init__(
        self,
        examples: Sequence[Example],
        labels: Sequence[str],
        shares: Mapping[str, float],
        background: str,
        recipe: Recipe,
        batch_size: int,
        seed: int,
    ) -> None:
        self._pictures = Pictures(examples)
        self._recipe = recipe
        self.batch_size = batch_size
        self._seed = seed
        weights = np.array([shares.get(label, 0.0) for label in labels])
        self._shares = weights / weights.sum()
        self._members = [
            np.array([i for i, e in enumerate(examples) if e.label == label]) for label in labels
        ]
        self._odds = []
        for members in self._members:
            times = np.array([examples[int(i)].times for i in members], float)
            self._odds.append(times / times.sum())
        self._scenes = labels.index(background) if background in labels else None

    def batch(self, step: int) -> Batch:
        """The batch of a step: the same each time it is asked for."""
        rng = np.random.default_rng((self._seed, step))
        pictures = np.empty((self.batch_size, SIZE, SIZE, 3), np.uint8)
        targets = rng.choice(len(self._shares), self.batch_size, p=self._shares)
        for slot, target in enumerate(targets):
            pixels = self._draw(int(target), rng)
            scene = None
            # A background picture is put into others as well: a seam must not mean a hazard.
            if self._scenes is not None and rng.random() < self._recipe.small:
                scene = self._draw(self._scenes, rng)
            pictures[slot] = view(pixels, scene, self._recipe, rng)
        return Batch(pictures, targets.astype(np.int32))

    def _draw(self, label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        return self._pictures.read(int(rng.choice(self._members[label], p=self._odds[label])))


def scale_down(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture, uint8 (h, w, 3), with its short side at most 400: views need no more."""
    height, width = pixels.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    # Long strips are left with at least one pixel, small pictures as they are.
    if scale >= 1 or min(height, width) < 2:
        return pixels
    return resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def _shrink(data: bytes, name: str) -> bytes:
    pixels = decode_image(data, name)
    small = scale_down(pixels)
    if small is pixels:
        return data
    encoded, shrunk = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95]
    )
    return shrunk.tobytes() if encoded else data
