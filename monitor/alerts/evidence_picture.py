"""The picture of an alert: where the model saw something, what, how sure, when and on which camera.

What is said stands below the picture and not on it: it is read on any background, and hides nothing
of what was seen.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from monitor.inference.locate import enlarge
from monitor.inference.scored import Box, Region
from monitor.layout import Image

_BAR = (24, 24, 27)
_TEXT = (244, 244, 245)
_DIM = (161, 161, 170)
_EDGE = (0, 0, 0)
_COLOURS = {"fire": (255, 122, 61), "smoke": (125, 211, 252)}
_OTHER = (250, 204, 21)
_HEAT = (34, 211, 238)
"""A colour that neither flames nor smoke have: heat must not look like what it points at."""
_OPACITY = 0.25
_COLD = 0.15
"""Below this part of the strongest heat the picture is left as it is."""
_LEVELS = (0.25, 0.5, 0.75)
"""Parts of the strongest heat that have a line around them."""
_SMALLEST, _LARGEST = 11.0, 26.0
"""Size of the text, pixels: a fiftieth of the picture's width within these."""


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """Where in one region the model sees something."""

    region: Region
    heat: NDArray[np.float32]
    """float32 (rows, columns), 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One frame in which an alert changed its state, with all that a person wants to know of it."""

    camera: str
    alert: str
    label: str
    incident: str
    """Tells together with the camera which event it belongs to."""
    score: float
    """What stood against the threshold, 0 to 1."""
    captured_at: float
    """Unix time, seconds."""
    captured_monotonic: float
    image: Image
    """As the worker decoded it."""
    box: Box | None = None
    """Where it is seen; None where the model does not tell."""
    heat: Heat | None = None


def annotate(sight: Sight, note: str = "") -> NDArray[np.uint8]:
    """A copy of the picture with heat and box, and what is known in a bar below.

    Args:
        sight: what was seen.
        note: stands behind the score, such as ``first sight``.

    Returns:
        uint8 (height + bar, width, 3), RGB.
    """
    drawn = sight.image.rgb().copy()
    colour = _COLOURS.get(sight.label, _OTHER)
    if sight.heat is not None:
        _draw_heat(drawn, sight.heat)
    if sight.box is not None:
        _draw_box(drawn, sight.box, colour)
    when = datetime.fromtimestamp(sight.captured_at).astimezone()
    said = f"{sight.label} {sight.score:.2f}" + (f"  {note}" if note else "")
    bar = _bar(drawn.shape[1], said, colour, sight.camera, f"{when:%Y-%m-%d %H:%M:%S %Z}")
    return np.concatenate([drawn, bar])


def jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """The picture as a JPEG file.

    Args:
        pixels: uint8 (height, width, 3), RGB.
        quality: 1 to 100.
    """
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), flags)[1].tobytes()


def _draw_heat(drawn: NDArray[np.uint8], heat: Heat) -> None:
    left, top, right, bottom = _pixels(heat.region, drawn)
    part = drawn[top:bottom, left:right]
    glow = enlarge(heat.heat, part.shape[1], part.shape[0]).clip(0.0, 1.0)
    opacity = ((glow - _COLD).clip(0.0) / (1 - _COLD) * _OPACITY)[..., None]
    part[...] = part * (1 - opacity) + np.asarray(_HEAT, np.float32) * opacity
    for level in _LEVELS:
        found, _ = cv2.findContours(
            (glow >= level).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        lines = part.copy()
        cv2.drawContours(lines, found, -1, _HEAT, 1, cv2.LINE_AA)
        part[...] = cv2.addWeighted(lines, 0.7, part, 0.3, 0.0)


def _draw_box(drawn: NDArray[np.uint8], box: Box, colour: tuple[int, int, int]) -> None:
    """A thin outline with a dark one around it: seen before light and dark alike."""
    left, top, right, bottom = _pixels(box, drawn)
    thick = max(1, round(drawn.shape[1] / 450))
    for outward, shade, width in ((thick, _EDGE, thick), (0, colour, thick)):
        start = (max(left - outward, 0), max(top - outward, 0))
        end = (
            min(right - 1 + outward, drawn.shape[1] - 1),
            min(bottom - 1 + outward, drawn.shape[0] - 1),
        )
        if start[0] < end[0] and start[1] < end[1]:
            cv2.rectangle(drawn, start, end, shade, width)


def _pixels(part: Region | Box, drawn: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    height, width = drawn.shape[:2]
    left, top = round(part.left * width), round(part.top * height)
    return (
        left,
        top,
        max(round(part.right * width), left + 1),
        max(round(part.bottom * height), top + 1),
    )


def _bar(
    width: int, said: str, colour: tuple[int, int, int], camera: str, when: str
) -> NDArray[np.uint8]:
    """Score at the left, camera beside it, time at the right; a narrow bar has more lines."""
    size = min(max(width / 50, _SMALLEST), _LARGEST)
    font = _font(size)
    pad, gap, line = round(size * 0.7), round(size * 1.2), round(size * 1.35)
    room = width - 2 * pad
    first = font.getlength(said) + gap + font.getlength(camera)
    camera_line = 0 if first <= room else 1
    when_line = 0 if first + gap + font.getlength(when) <= room else camera_line + 1
    bar = PIL.Image.new("RGB", (width, (when_line + 1) * line + pad), _BAR)
    draw = ImageDraw.Draw(bar)
    middle = pad / 2 + line / 2
    beside = pad + font.getlength(said) + gap if camera_line == 0 else pad
    draw.text((pad, middle), said, fill=colour, font=font, anchor="lm")
    draw.text((beside, middle + camera_line * line), camera, fill=_TEXT, font=font, anchor="lm")
    at = (width - pad, "rm") if when_line == 0 else (pad, "lm")
    draw.text((at[0], middle + when_line * line), when, fill=_DIM, font=font, anchor=at[1])
    return np.asarray(bar, np.uint8)


@lru_cache(maxsize=8)
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType; install its wheel")
    return font
