"""``emberwatch label --heat-map``: a picture of where the model sees something."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.errors import EmberwatchError, EngineError, ImageError
from monitor.image import read_image
from monitor.inference.bundle import Bundle
from monitor.label_heat import draw, label_with_heat_map
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, plain, tiny_bundle, tiny_cells_bundle
from tests.support.pictures import write_picture

SIDE = 128


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_cells_bundle(tmp_path_factory.mktemp("bundle"))


def test_fire_in_a_corner_is_framed_and_scored(bundle: Bundle, tmp_path: Path) -> None:
    pixels = plain(MISC_COLOUR, SIDE, SIDE)
    pixels[: SIDE // 4, : SIDE // 4] = FIRE_COLOUR
    source = write_picture(tmp_path / "yard.png", pixels)
    out = io.StringIO()
    status = label_with_heat_map(
        source, tmp_path / "seen.png", bundle=bundle.path, engine="openvino", as_json=True, out=out
    )
    assert status == 0
    assert json.loads(out.getvalue())["path"] == str(source)
    drawn = read_image(tmp_path / "seen.png")
    assert drawn.shape == pixels.shape
    changed = np.abs(drawn.astype(int) - pixels).max(-1) > 20
    assert changed[: SIDE // 3, : SIDE // 3].any()
    assert not changed[SIDE // 2 :, SIDE // 2 :].any()


def test_nothing_to_see_leaves_the_picture_but_for_the_text() -> None:
    pixels = plain(MISC_COLOUR, SIDE, SIDE)
    drawn = draw(pixels, np.zeros((8, 8), np.float32), "fire 0.00")
    assert (drawn[SIDE // 2 :] == pixels[SIDE // 2 :]).all()
    assert (drawn[: SIDE // 2] != pixels[: SIDE // 2]).any()


def test_large_picture_is_drawn_smaller() -> None:
    drawn = draw(plain(MISC_COLOUR, 3840, 960), np.ones((8, 8), np.float32), "smoke 0.90")
    assert drawn.shape == (480, 1920, 3)


def test_model_that_does_not_tell_is_refused(tmp_path: Path) -> None:
    silent = tiny_bundle(tmp_path / "silent").path
    source = write_picture(tmp_path / "a.png", plain(FIRE_COLOUR))
    with pytest.raises(EngineError, match="does not tell where"):
        label_with_heat_map(
            source, tmp_path / "b.png", bundle=silent, engine="openvino", out=io.StringIO()
        )
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("name", ["seen.gif", "missing/seen.png"])
def test_copy_that_cannot_be_written_is_named(bundle: Bundle, tmp_path: Path, name: str) -> None:
    source = write_picture(tmp_path / "a.png", plain(FIRE_COLOUR))
    with pytest.raises(ImageError, match="seen"):
        label_with_heat_map(
            source, tmp_path / name, bundle=bundle.path, engine="openvino", out=io.StringIO()
        )


def test_several_images_are_refused() -> None:
    result = CliRunner().invoke(app, ["label", "--heat-map", "seen.png", "a.jpg", "b.jpg"])
    assert isinstance(result.exception, EmberwatchError)
    assert "one image and 2 were given" in str(result.exception)
