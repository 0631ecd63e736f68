"""Training views: each picture is cropped, relit, worsened or made small before it is learned from.

Pure functions of pixels and a random generator. Views are uint8 RGB at the model's size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.image import resize
from trainer.degrade import degrade
from trainer.size import SIZE

Pixels = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Recipe:
    """How often each kind of view is made."""

    degraded: float = 0.4
    """Low resolution, hard compression, grey, night or noise."""
    small: float = 0.2
    """The picture as a small part of a background scene: fires start small and far away."""
    smallest: float = 0.15
    largest: float = 0.6
    """Bounds of a small view's side, as a share of the scene's."""
    mirrored: float = 0.5
    least_area: float = 0.55
    """Of the picture, in a view of its own."""
    brightness: float = 0.25
    """How much darker or brighter at most, as a share."""


def view(pixels: Pixels, scene: Pixels | None, recipe: Recipe, rng: Rng) -> Pixels:
    """Make one training view.

    Args:
        pixels: uint8 (h, w, 3), the picture that is learned.
        scene: uint8 (h, w, 3), a background picture to put it into; None where there is none.
        recipe: how often what happens.
        rng: decides everything.

    Returns:
        uint8 (299, 299, 3).
    """
    if scene is not None:
        share = recipe.smallest * (recipe.largest / recipe.smallest) ** rng.random()
        made = paste(crop(scene, rng, 0.5), crop(pixels, rng, 0.7), share, rng)
    else:
        made = crop(pixels, rng, recipe.least_area)
    if rng.random() < recipe.mirrored:
        made = np.ascontiguousarray(made[:, ::-1])
    made = relight(made, rng, recipe.brightness)
    if rng.random() < recipe.degraded:
        made = degrade(made, rng)
    return made


def crop(pixels: Pixels, rng: Rng, least: float) -> Pixels:
    """Cut out a random part, at least ``least`` of the area, and squash it to 299 x 299."""
    height, width = pixels.shape[:2]
    area = rng.uniform(least, 1.0)
    stretch = np.sqrt(rng.uniform(0.85, 1.18)) if least < 1 else 1.0
    rows = min(height, max(1, round(height * np.sqrt(area) * stretch)))
    columns = min(width, max(1, round(width * np.sqrt(area) / stretch)))
    top = int(rng.integers(0, height - rows + 1))
    left = int(rng.integers(0, width - columns + 1))
    return resize(np.ascontiguousarray(pixels[top : top + rows, left : left + columns]), SIZE, SIZE)


def paste(scene: Pixels, inset: Pixels, share: float, rng: Rng) -> Pixels:
    """Put ``inset`` into the scene, ``share`` of its side large, with soft edges."""
    rows = max(8, round(SIZE * share))
    columns = min(SIZE, max(8, round(rows * rng.uniform(0.75, 1.33))))
    small = resize(inset, columns, rows).astype(np.float32)
    top = int(rng.integers(0, SIZE - rows + 1))
    left = int(rng.integers(0, SIZE - columns + 1))
    mask = _soft_mask(rows, columns, rng)
    made = scene.copy()
    under = made[top : top + rows, left : left + columns].astype(np.float32)
    if rng.random() < 0.5:
        # Brought near to the scene's brightness, so that a seam tells nothing.
        small *= np.clip((under.mean() + 20) / (small.mean() + 20), 0.6, 1.5)
    if rng.random() < 0.3:
        # Only what is bright, added to the scene as light is: a flame or a lamp at night.
        light = small.max(axis=2, keepdims=True)
        glow = np.clip((light - 90) / 90, 0, 1)
        if glow.mean() > 0.15:
            mask = mask * glow
            small = np.float32(255) - (255 - small) * (255 - under) / np.float32(255)
    blended = under + (small - under) * mask
    made[top : top + rows, left : left + columns] = np.clip(blended, 0, 255).astype(np.uint8)
    return made


def _soft_mask(rows: int, columns: int, rng: Rng) -> NDArray[np.float32]:
    y = np.abs(np.linspace(-1, 1, rows, dtype=np.float32))[:, None]
    x = np.abs(np.linspace(-1, 1, columns, dtype=np.float32))[None, :]
    # From a rectangle with a soft border to an ellipse that fades out.
    distance = np.maximum(x, y) if rng.random() < 0.5 else np.sqrt(x * x + y * y)
    border = rng.uniform(0.08, 0.5)
    return np.asarray(np.clip((1 - distance) / border, 0, 1)[..., None], np.float32)


def relight(pixels: Pixels, rng: Rng, brightness: float = 0.25) -> Pixels:
    """Change brightness (by at most that share), contrast, gamma and the colour of the light."""
    gain = rng.uniform(1 - brightness, 1 + brightness) * rng.uniform(0.93, 1.07, 3)
    offset = rng.uniform(-18, 18)
    gamma = rng.uniform(0.8, 1.25)
    ramp = (np.arange(256, dtype=np.float32) / 255) ** gamma * 255
    table = np.clip((ramp[:, None] - 128) * gain[None, :] + 128 + offset, 0, 255)
    return np.asarray(cv2.LUT(pixels, table.astype(np.uint8)[:, None, :]), np.uint8)
