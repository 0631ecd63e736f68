"""``emberwatch regions`` shows what is scored of a camera."""

import io
import stat
from pathlib import Path

import numpy as np
import pytest

from monitor.config import Camera, Mask, Tiles, Zone
from monitor.draw_regions import draw, draw_sheet
from monitor.errors import ConfigError, ImageError, SourceError
from monitor.image import read_image
from monitor.inference.manifest import Geometry
from monitor.inference.masks import camera_regions
from tests.support.bundles import plain, tiny_bundle
from tests.support.clips import green_scene, make_clip

CORNER = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with one clip and one camera that is not there."""
    folder = tmp_path_factory.mktemp("site")
    make_clip(folder / "green.mp4", green_scene(), seconds=1.0)
    tiny_bundle(folder / "bundle")
    (folder / "monitor.yaml").write_text(
        "inference: {bundle: bundle, engine: openvino}\n"
        "cameras:\n"
        "  - name: yard\n"
        "    url: green.mp4\n"
        f"    masks: [{{name: furnace, polygon: {CORNER}, labels: [fire]}}]\n"
        "    zones: [{name: gate, polygon: [[0.6, 0.6], [0.9, 0.6], [0.9, 0.9]]}]\n"
        "  - {name: gone, url: 'rtsp://127.0.0.1:1/s'}\n"
        "ingest: {open_timeout: 2s}\n",
        encoding="utf-8",
    )
    return folder


def test_the_picture_is_written_for_its_owner_alone(site: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    file = tmp_path / "yard.png"
    draw(site / "monitor.yaml", "yard", file, out)
    assert out.getvalue() == f"{file}: yard, 1 mask and 1 zone, 3 pictures a frame\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_image(file).shape[1] >= 320
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_drawn_says_why(site: Path, tmp_path: Path) -> None:
    config, out = site / "monitor.yaml", io.StringIO()
    with pytest.raises(ConfigError, match="no enabled camera 'yrad'; known are yard, gone"):
        draw(config, "yrad", tmp_path / "a.png", out)
    with pytest.raises(SourceError, match="refuses the connection"):
        draw(config, "gone", tmp_path / "a.png", out)
    with pytest.raises(ImageError, match=r"cannot be written: No such file or directory"):
        draw(config, "yard", tmp_path / "none" / "a.png", out)
    assert not list(tmp_path.iterdir())


def test_each_picture_that_the_model_gets_is_shown_as_it_gets_it() -> None:
    camera = Camera(
        name="yard",
        url="x",
        tiles=Tiles(rows=1, columns=2),
        masks=[Mask(name="furnace", polygon=CORNER)],
        zones=[Zone(name="gate", polygon=[[0.6, 0.6], [0.9, 0.6], [0.9, 0.9]])],
    )
    pixels = plain((90, 90, 200), 640, 480)
    geometry = Geometry(width=200, height=200)
    sheet = draw_sheet(pixels, camera, camera_regions(camera, ("fire",)), geometry)
    assert (pixels == (90, 90, 200)).all()
    full, *_ = (sheet[480 + 22 : 480 + 222, left : left + 200] for left in (0, 204, 408))
    assert not full[:100, :100].any()
    assert (full[105:, 105:] == (90, 90, 200)).all()
    assert np.unique(sheet[:480].reshape(-1, 3), axis=0).shape[0] > 3  # outlines and names
