"""``emberwatch label --heat-map``: a picture with what the model sees on it drawn in."""

from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.decision.settings import DecisionSettings
from monitor.errors import EngineError, ImageError
from monitor.image import read_image
from monitor.inference.bundle import Bundle, load_bundle
from monitor.inference.engine import Engine
from monitor.inference.load import load_engine
from monitor.inference.locate import enlarge, find_box, heat_map
from monitor.inference.regions import bounds, cut, full_view
from monitor.inference.scored import Box, Region, Scores
from monitor.label import formatter

_OPACITY = 0.6
_LIME = (80, 255, 80)
_SHADOW = (0, 0, 0)
# Beyond this a picture only gets slower to write.
_LONGEST_SIDE = 1920


def label_with_heat_map(
    path: Path,
    target: Path,
    *,
    bundle: str | Path = "default",
    engine: str = "auto",
    as_json: bool = False,
    out: TextIO,
) -> int:
    """Score one picture, and draw on a copy where the hazard that leads is seen.

    Args:
        path: the picture.
        target: where the copy goes, PNG or JPEG by its name; a file that is there is replaced.
        bundle: ``default``, or the folder of a model bundle.
        engine: ``auto``, ``openvino`` or ``tensorflow``.
        as_json: the scores as one JSON object.
        out: where scores go.

    Returns:
        0.

    Raises:
        ImageError: the picture cannot be read, or the copy not written.
        BundleError: the bundle cannot be used.
        EngineError: the engine cannot run, or its model does not tell where it sees something.
        ConfigError: there is no such engine.
    """
    if target.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ImageError(f"{target}: no name of a picture to write; let it end in .png or .jpg")
    pixels = read_image(path)
    model = load_bundle(bundle)
    picture = cut(pixels, full_view(), model.geometry)[None]
    probabilities, cells = _score(model, engine, picture)
    row = probabilities[0]
    hazards = [n for n, name in enumerate(model.labels) if name in DecisionSettings().hazards]
    shown = max(hazards or range(len(row)), key=lambda n: float(row[n]))
    heat = heat_map(cells[0], [shown])
    drawn = draw(pixels, heat, f"{model.labels[shown]} {row[shown]:.2f}")
    made, data = cv2.imencode(target.suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    try:
        if not made:
            raise ImageError(f"{target}: the picture cannot be encoded; choose another name")
        target.write_bytes(data.tobytes())
    except OSError as error:
        raise ImageError(
            f"{target}: cannot be written: {error.strerror}; give another place"
        ) from error
    out.write(formatter(model.labels, as_json, single=True)[1](path, row))
    return 0


def draw(pixels: NDArray[np.uint8], heat: NDArray[np.float32], text: str) -> NDArray[np.uint8]:
    """Draw a heat map, its box and a text on a copy of a picture.

    Args:
        pixels: uint8 (height, width, 3), RGB; is not changed.
        heat: float32 (rows, columns), 0 to 1, of the whole picture.
        text: stands at the box, or in the corner where there is none.

    Returns:
        uint8 (h, w, 3), RGB: of the same size, or smaller where a side is longer than 1920.
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, _LONGEST_SIDE / max(height, width))
    height, width = max(1, round(height * factor)), max(1, round(width * factor))
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    glow = enlarge(heat, width, height).clip(0.0, 1.0)
    colours = cv2.applyColorMap((glow * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    part = (_OPACITY * glow)[..., None]
    drawn = (small * (1 - part) + cv2.cvtColor(colours, cv2.COLOR_BGR2RGB) * part).astype(np.uint8)
    size = max(0.4, width / 1000)
    thick = max(1, round(size * 2))
    box = find_box(heat, full_view())
    corner = (4, round(22 * size) + 4)
    if box is not None:
        left, top, right, bottom = bounds(_region(box), width, height)
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), _LIME, thick)
        corner = (left, top - 6 if top > 26 * size else bottom - 6)
    for colour, weight in ((_SHADOW, 3 * thick), (_LIME, thick)):
        cv2.putText(drawn, text, corner, cv2.FONT_HERSHEY_SIMPLEX, size, colour, weight)
    return drawn


def _region(box: Box) -> Region:
    return Region("box", box.left, box.top, box.right, box.bottom)


def _score(
    model: Bundle, name: str, picture: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities and cells: by the engine as it is, or else by the canonical model in it."""
    scores = _score_once(load_engine(model, name, max_batch=1), picture)
    if scores.cells is None and model.keras_path is not None:
        scores = _score_once(load_engine(model, name, precision="full", max_batch=1), picture)
    if scores.cells is None:
        raise EngineError(
            f"bundle {model.path}: its model does not tell where it sees something; give a bundle "
            "that 'emberwatch train' wrote, with its canonical model"
        )
    return scores.probabilities, scores.cells


def _score_once(engine: Engine, picture: NDArray[np.uint8]) -> Scores:
    try:
        return engine.score(picture)
    finally:
        engine.close()
