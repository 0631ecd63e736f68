"""``emberwatch regions``: a camera's picture with its regions, and what the model gets of it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.config import Camera
from monitor.decision.settings import alert_labels
from monitor.errors import ConfigError, ImageError, SourceError
from monitor.inference.manifest import Geometry
from monitor.inference.masks import camera_regions
from monitor.inference.regions import bounds, cut
from monitor.inference.scored import Region
from monitor.inference.stencil import Stencils
from monitor.polygon import Polygon
from monitor.probe import probe_all
from monitor.settings import read_settings

_MASK = (255, 70, 70)
_ZONE = (70, 230, 70)
_TILE = (120, 160, 255)
_INK = (255, 255, 255)
_PAPER = (60, 70, 90)
"""Behind the pictures; unlike what masks are filled with."""
_CAPTION = 22
"""Height of a line of text, pixels."""


def draw(config_path: Path, name: str, output: Path, out: TextIO) -> None:
    """Open a camera once and write a picture of what is scored of it.

    Args:
        config_path: the configuration.
        name: of the camera.
        output: the PNG file; written whole or not at all.
        out: told what was drawn.

    Raises:
        ConfigError: the configuration is wrong, or has no such camera.
        SourceError: the camera gives no picture.
        ImageError: the picture cannot be written.
    """
    settings = read_settings(config_path)
    feed = next((feed for feed in settings.feeds if feed.camera == name), None)
    if feed is None:
        known = ", ".join(feed.camera for feed in settings.feeds) or "none"
        raise ConfigError(f"there is no enabled camera '{name}'; known are {known}")
    camera = next(camera for camera in settings.config.cameras if camera.name == name)
    (probe,) = probe_all([feed], done=lambda _: None, watch_seconds=0.0, keep_picture=True)
    if probe.pixels is None:
        raise SourceError(probe.error)
    labels = alert_labels(settings.config, camera, settings.bundle.labels)
    views = camera_regions(camera, labels)
    sheet = draw_sheet(probe.pixels, camera, views, settings.bundle.geometry)
    _write(output, sheet)
    out.write(f"{output}: {name}, {_counted(camera)}, {len(views)} pictures a frame\n")


def draw_sheet(
    pixels: NDArray[np.uint8], camera: Camera, views: Sequence[Region], geometry: Geometry
) -> NDArray[np.uint8]:
    """A frame with its regions, and below it each picture that the model gets of it.

    Args:
        pixels: uint8 (h, w, 3), RGB; is not changed.
        camera: says what its masks and zones are called.
        views: the regions that are scored.
        geometry: the model's input.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    frame = pixels.copy()
    height, width = frame.shape[:2]
    for view in views:
        if view.name.startswith("tile-") and not view.view_of:
            left, top, right, bottom = bounds(view, width, height)
            cv2.rectangle(frame, (left, top), (right - 1, bottom - 1), _TILE, 1)
    for zone in camera.zones:
        _outline(frame, zone.points, _ZONE, zone.name)
    for mask in camera.masks:
        labels = f" ({', '.join(mask.labels)})" if mask.labels else ""
        _outline(frame, mask.points, _MASK, f"mask {mask.name}{labels}")
    stencils = Stencils(geometry)
    shown = [frame]
    columns = max(1, width // (geometry.width + 4))
    row: list[NDArray[np.uint8]] = []
    for index, view in enumerate(views):
        picture = cut(pixels, view, geometry)
        stencils.fill(picture, view, width, height)
        tile = np.full((geometry.height + _CAPTION, geometry.width + 4, 3), _PAPER, np.uint8)
        tile[_CAPTION:, :-4] = picture
        _text(tile, view.name, (2, _CAPTION - 6))
        row.append(tile)
        if len(row) == columns or index == len(views) - 1:
            shown.append(np.concatenate(row, axis=1))
            row = []
    widest = max(part.shape[1] for part in shown)
    sheet = np.full((sum(part.shape[0] for part in shown), widest, 3), _PAPER, np.uint8)
    top = 0
    for part in shown:
        sheet[top : top + part.shape[0], : part.shape[1]] = part
        top += part.shape[0]
    return sheet


def _outline(
    frame: NDArray[np.uint8], polygon: Polygon, colour: tuple[int, int, int], text: str
) -> None:
    height, width = frame.shape[:2]
    corners = np.round(np.array(polygon) * (width, height) - 0.5).astype(np.int32)
    cv2.polylines(frame, [corners], isClosed=True, color=colour, thickness=2)
    x, y = corners[corners[:, 1].argmin()]
    _text(frame, text, (int(x) + 4, max(int(y) - 6, _CAPTION)), colour)


def _text(
    canvas: NDArray[np.uint8],
    text: str,
    place: tuple[int, int],
    colour: tuple[int, int, int] = _INK,
) -> None:
    for ink, thickness in (((0, 0, 0), 3), (colour, 1)):
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, thickness, cv2.LINE_AA)


def _counted(camera: Camera) -> str:
    counts = ((len(camera.masks), "mask"), (len(camera.zones), "zone"))
    return " and ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)


def _write(path: Path, sheet: NDArray[np.uint8]) -> None:
    """A picture of a camera is nobody else's business: the file is for its owner alone."""
    done, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not done:
        raise ImageError(f"{path}: the picture cannot be encoded")
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                f.write(data.tobytes())
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise ImageError(
            f"{path}: the picture cannot be written: {error.strerror}; choose another --output"
        ) from error
