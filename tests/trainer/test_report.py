"""The training report, from made-up figures: nothing is trained here."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.html import assert_stands_alone
from tests.support.pictures import write_folders
from trainer.backbone import Backbone
from trainer.dataset import Dataset, Example, Side
from trainer.gate import Verdict
from trainer.head import Progress
from trainer.judge import judge
from trainer.learned import Unseen
from trainer.options import TrainOptions
from trainer.plan import Status
from trainer.prepare import Mined, Prepared
from trainer.report import Report, split_of, spoken, write_report
from trainer.settings_table import settings
from trainer.size import SIZE
from trainer.stopwatch import Stopwatch

LABELS = ("fire", "misc", "smoke")


def logits(prepared: Prepared, side: Side, wrong: int) -> NDArray[np.float32]:
    """Sure and right, but for the first few."""
    targets = prepared.targets[prepared.rows(side)].copy()
    targets[:wrong] = (targets[:wrong] + 1) % 3
    return np.asarray(4 * np.eye(3)[targets] + np.linspace(0, 1, 3), np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    """Mean colours of 8x8 cells, and a linear layer: it ends as a real one does."""
    pictures = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    maps = keras.layers.AveragePooling2D(37)(keras.layers.Rescaling(1 / 255)(pictures))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(maps)
    scores = keras.layers.Dense(3, name="logits")(pooled)
    return keras.Model(pictures, keras.layers.Softmax()(scores))


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Report]:
    root = tmp_path_factory.mktemp("report")
    write_folders(root / "images", 12)
    sides = [Side.TRAIN] * 4 + [Side.VALIDATION] * 4 + [Side.TEST] * 4
    examples = tuple(
        Example(path, f"{label}/<i>{path.name}", label, f"{label}{n // 2}", sides[n])
        for label in LABELS
        for n, path in enumerate(sorted((root / "images" / label).iterdir()))
    )
    prepared = Prepared(
        Dataset(LABELS, examples),
        np.zeros((36, 4), np.float16),
        np.repeat(np.arange(3), 12),
        "sha256:0123",
        (),
        np.zeros((36, 16, 16), np.float32),
        tuple(f"{n:064x}" for n in range(36)),
        mined=Mined(20, 3, 2),
    )

    def build(**given: Any) -> Report:
        options = TrainOptions(
            root / "images", root / "out" / "<my> model", fine_tune_steps=4, must_beat="/a/b/old",
            subsets=(("few & far", "*1?.jpg"), ("none", "*00.jpg")), **given,
        )  # fmt: skip
        judged = judge(
            options, prepared, logits(prepared, Side.VALIDATION, 2), logits(prepared, Side.TEST, 3)
        )
        head = tuple(Progress(n * 10, 1 / n, 0.6, 0.7, 1.2 / n) for n in range(1, 6))
        tuned = (
            Status(2, 0.5, 0.4, 0.9, 5.0),
            Status(4, 1.0, float("nan"), float("nan"), 5.0, 0.3, 0.95),
        )
        watch = Stopwatch(lambda: 7.0)
        with watch.stage("head"):
            pass
        return Report(
            options, prepared, judged, judged, head, tuned, None,
            Backbone(None, "start.h5", "ab" * 32), Verdict("accuracy", 0.9, 0.8, 12), watch,
            "2026-01-01T00:00:00+00:00",
        )  # fmt: skip

    return build


def test_the_report_stands_alone_and_tells_all(
    make: Callable[..., Report], model: Any, tmp_path: Path
) -> None:
    write_report(make(), model, tmp_path)
    text = (tmp_path / "index.html").read_text("utf-8")
    page = assert_stands_alone(text)
    for told in ("<my> model", "few & far", "sha256:0123", "ab" * 32, "Gate: passed", "old",
                 "fire/<i>", "20 pictures and frames", "false_alarms", "in 2 groups",
                 "0.0 s"):  # fmt: skip
        assert told in page.text, told
    assert "/a/b" not in text
    assert len(text) < 1_000_000
    assert len(page.all("img")) == 2 * 3  # a heat map beside each mistake
    titles = [image["alt"] for image in page.all("img")]
    assert titles[1] == "heat map of misc"


def test_every_curve_has_its_points(
    make: Callable[..., Report], model: Any, tmp_path: Path
) -> None:
    write_report(make(), model, tmp_path)
    text = (tmp_path / "index.html").read_text("utf-8")
    for title in ("Head: loss", "Head: accuracy", "Fine-tuning: loss", "Fine-tuning: accuracy"):
        assert f"<figcaption>{title}</figcaption>" in text
    lines = {
        str(line["points"]).count(",") for line in assert_stands_alone(text).all("polyline")
    }  # fmt: skip
    assert 5 in lines  # of the head's five evaluations
    assert 101 in lines  # thresholds from 0 to 1
    assert "nan" not in text


def test_pictures_stay_out_where_they_are_not_wanted(
    make: Callable[..., Report], model: Any, tmp_path: Path
) -> None:
    write_report(make(report_pictures=False), model, tmp_path)
    page = assert_stands_alone((tmp_path / "index.html").read_text("utf-8"))
    assert page.all("img") == []
    assert "Pictures were left out on request" in page.text
    assert "fire/<i>" in page.text


def test_the_budget_is_told(make: Callable[..., Report], model: Any, tmp_path: Path) -> None:
    write_report(make(false_alarms=0.3, report_pictures=False), model, tmp_path)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert "for at most 30 % false alarms" in text


@pytest.mark.parametrize("complete", [True, False])
def test_pictures_that_were_learned_are_counted_only_where_the_backbone_says_which(
    make: Callable[..., Report], model: Any, tmp_path: Path, complete: bool
) -> None:
    given = make(report_pictures=False)
    counts = dict.fromkeys(LABELS, 12)
    unseen = Unseen(0, counts, counts, dict.fromkeys(LABELS, 4), complete)
    report = replace(given, prepared=replace(given.prepared, unseen=unseen))
    write_report(report, model, tmp_path)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert ("0 of the pictures are ones that the backbone had learned from" in text) == complete
    assert ("The backbone does not say which pictures" in text) != complete


def test_the_figures_lie_beside_as_json(
    make: Callable[..., Report], model: Any, tmp_path: Path
) -> None:
    write_report(make(report_pictures=False), model, tmp_path)
    record = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert record["pictures"] == 12
    assert record["subsets"]["few & far"]["pictures"] == 6
    assert record["subsets"]["none"]["accuracy"] is None


def test_the_split_counts_pictures_and_groups(make: Callable[..., Report]) -> None:
    fire = split_of(make().prepared)[0]
    assert (fire.label, fire.pictures, fire.groups) == ("fire", (4, 4, 4), (2, 2, 2))


def test_settings_tell_no_path_and_mark_what_was_given(tmp_path: Path) -> None:
    options = replace(
        TrainOptions(tmp_path / "images", tmp_path / "out"),
        backbone=str(tmp_path / "start.h5"), extra=(("fire", tmp_path / "more"),), flip=False,
    )  # fmt: skip
    told = {one.name: (one.value, one.given) for one in settings(options)}
    assert told["backbone"] == ("start.h5", True)
    assert told["extra"] == ("fire=more", True)
    assert told["flip"] == ("no", True)
    assert told["learning_rate"] == ("0.001", False)
    assert told["clips"] == ("-", False)
    assert not any(str(tmp_path.parent) in value for value, _ in told.values())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.24, "0.2 s"), (41.4, "41 s"), (200, "3 min 20 s"), (7500.2, "2 h 5 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
