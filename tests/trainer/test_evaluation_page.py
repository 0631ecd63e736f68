"""The page of ``emberwatch evaluate --html``."""

from pathlib import Path

import pytest

from monitor.errors import TrainingError
from monitor.inference.bundle import Bundle
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR, plain, tiny_cells_bundle
from tests.support.html import assert_stands_alone
from tests.support.pictures import write_picture
from trainer.assess import Assessment, Grouping, assess
from trainer.console import Console
from trainer.evaluation_page import write_evaluation

EVIL = "<b>&amp;\"'"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_cells_bundle(tmp_path_factory.mktemp("page") / "tiny")


@pytest.fixture(scope="module")
def found(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    root = tmp_path_factory.mktemp("pictures")
    for name, colour in {
        "fire/a1.png": FIRE_COLOUR,
        "fire/a2.png": SMOKE_COLOUR,
        f"misc/{EVIL} 1.png": FIRE_COLOUR,
        "misc/b2.png": MISC_COLOUR,
        "smoke/c1.png": SMOKE_COLOUR,
    }.items():
        write_picture(root / name, plain(colour))
    table = root / "groups.tsv"
    table.write_text("file\tgroup\nfire/a1.png\tone\nfire/a2.png\tone\n")
    return assess(
        bundle, root, engine="openvino", background="misc", grouping=Grouping(table),
        console=Console(quiet=True), subsets=((f"{EVIL} set", "*"), ("one", "fire/*")),
    )  # fmt: skip


def test_the_page_stands_alone_and_has_every_curve(found: Assessment, tmp_path: Path) -> None:
    write_evaluation(found, tmp_path / "new" / "page.html")
    text = (tmp_path / "new" / "page.html").read_text("utf-8")
    page = assert_stands_alone(text)
    for title in ("ROC", "ROC up to 10% false positives", "Precision and recall",
                  "What the threshold does", "Calibration"):  # fmt: skip
        assert f"<figcaption>{title}</figcaption>" in text
    assert len(page.all("figure")) == 5
    assert all(line["points"] for line in page.all("polyline"))
    assert page.all("img") == []
    assert "Pictures were left out" in page.text


def test_names_are_escaped(found: Assessment, tmp_path: Path) -> None:
    write_evaluation(found, tmp_path / "page.html", pictures=True, engine="openvino")
    page = assert_stands_alone((tmp_path / "page.html").read_text("utf-8"))
    assert f"{EVIL} set" in page.text
    assert f"misc/{EVIL} 1.png" in page.text
    assert f"misc/{EVIL} 1.png" in {image["alt"] for image in page.all("img")}


def test_the_worst_mistakes_are_shown_small(found: Assessment, tmp_path: Path) -> None:
    write_evaluation(found, tmp_path / "page.html", pictures=True, engine="openvino")
    text = (tmp_path / "page.html").read_text("utf-8")
    shown = assert_stands_alone(text).all("img")
    assert {image["alt"] for image in shown} == {
        "fire/a2.png", "heat map of smoke", f"misc/{EVIL} 1.png", "heat map of fire"
    }  # fmt: skip
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in shown)
    assert len(text) < 1_000_000


def test_a_page_that_cannot_be_written_is_named(found: Assessment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="the page cannot be written"):
        write_evaluation(found, tmp_path / "file" / "page.html")
