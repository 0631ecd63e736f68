"""A model whose scores anyone can foretell, judged on pictures of known colours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError
from monitor.inference.bundle import Bundle
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR, plain, tiny_bundle
from tests.support.pictures import write_picture
from trainer.assess import Assessment, Grouping, assess
from trainer.assess_output import as_dict, as_text
from trainer.console import Console
from trainer.figures import Figures, decide, source_of
from trainer.subsets import Subsets


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("assess") / "tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 fires of two sources, one of them seen as smoke; 4 misc, one of them seen as fire."""
    root = tmp_path_factory.mktemp("pictures")
    for name, colour in {
        "fire/barn_001.png": FIRE_COLOUR,
        "fire/barn_002.png": FIRE_COLOUR,
        "fire/yard-7.png": FIRE_COLOUR,
        "fire/yard-8.png": SMOKE_COLOUR,
        "misc/barn_003.png": MISC_COLOUR,
        "misc/hall1.png": MISC_COLOUR,
        "misc/hall2.png": MISC_COLOUR,
        "misc/lamp_1.png": FIRE_COLOUR,
    }.items():
        write_picture(root / name, plain(colour))
    return root


def run(
    bundle: Bundle,
    folder: Path,
    grouping: Grouping | None = None,
    subsets: Subsets = (),
    threshold: float | None = None,
) -> Assessment:
    return assess(
        bundle,
        folder,
        engine="openvino",
        background="misc",
        grouping=grouping,
        console=Console(quiet=True),
        subsets=subsets,
        threshold=threshold,
    )


@pytest.fixture(scope="module")
def assessed(bundle: Bundle, folder: Path) -> Assessment:
    return run(bundle, folder)


@pytest.fixture(scope="module")
def found(assessed: Assessment) -> Figures:
    return assessed.figures


def test_figures_say_what_the_model_did(found: Figures) -> None:
    np.testing.assert_array_equal(found.whole.confusion, [[3, 0, 1], [1, 3, 0], [0, 0, 0]])
    fire, misc, smoke = found.labels
    assert (fire.recall.value, fire.precision.value) == (0.75, 0.75)
    assert (fire.false_positives.value, fire.false_positives.count) == (0.25, 4)
    assert (fire.threshold, misc.threshold) == (0.5, None)
    assert smoke.recall.count == 0
    assert found.whole.hazard_recall is not None
    assert found.whole.hazard_recall.value == 1
    assert found.hazards is not None
    assert found.hazards.roc_auc is not None
    assert 0.75 <= found.hazards.roc_auc <= 1


def test_sources_are_what_stands_before_the_number(found: Figures) -> None:
    assert {part.name: part.count for part in found.sources} == {
        "barn": 3, "yard": 2, "hall": 2, "lamp": 1
    }  # fmt: skip
    by_name = {part.name: part for part in found.sources}
    assert by_name["lamp"].false_positives is not None
    assert by_name["lamp"].false_positives.value == 1
    assert by_name["yard"].accuracy.value == 0.5
    assert found.groups == ()


@pytest.mark.parametrize(
    ("name", "source"),
    [("fire/cctv_0017.jpg", "cctv"), ("a/web photo (3).png", "web photo"), ("misc/0001.jpg", "-"),
     ("fire/plain.jpg", "plain"), ("fire/deep/er/x-1.2.jpg", "x")],
)  # fmt: skip
def test_a_source_is_read_off_the_name(name: str, source: str) -> None:
    assert source_of(name) == source


def test_a_table_of_groups_gives_figures_by_group(
    bundle: Bundle, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "groups.tsv"
    table.write_text("file\tgroup\nfire/barn_001.png\tbarn\nmisc/barn_003.png\tbarn\n")
    found = run(bundle, folder, Grouping(table))
    assert {part.name: part.count for part in found.figures.groups}["group:barn"] == 2
    assert "group (worst first)" in as_text(found)


def test_the_joint_evidence_decides_and_the_leading_hazard_names_it() -> None:
    scores = np.array([[0.3, 0.4, 0.3], [0.1, 0.6, 0.3], [0.0, 1.0, 0.0]])
    labels = ("fire", "misc", "smoke")
    assert decide(scores, labels, "misc", 0.5).tolist() == [0, 1, 1]
    assert decide(scores, labels, "misc", 0.35).tolist() == [0, 2, 1]
    assert decide(scores, labels, None, 0.5).tolist() == [1, 1, 1]


def test_a_subset_has_figures_of_its_own(bundle: Bundle, folder: Path) -> None:
    subsets = (("barn", "*/barn_*"), ("hot", "misc/lamp_*"), ("hot", "fire/yard*"))
    found = run(bundle, folder, subsets=subsets)
    barn, hot = found.figures.subsets
    assert (barn.name, barn.count, barn.recall["fire"].count) == ("barn", 3, 2)
    assert barn.accuracy.value == 1
    assert (hot.count, hot.recall["fire"].value, hot.recall["misc"].value) == (3, 0.5, 0)
    assert hot.false_positives is not None
    assert hot.false_positives.value == 1
    assert "  fire called fire  50.0%" in as_text(found)
    assert as_dict(found)["subsets"]["barn"]["recall"]["smoke"] is None


def test_a_subset_without_pictures_is_refused_before_scoring(bundle: Bundle, folder: Path) -> None:
    with pytest.raises(TrainingError, match="--subset none=x: no picture has such a name"):
        run(bundle, folder, subsets=(("none", "x"),))


def test_another_threshold_is_another_operating_point(bundle: Bundle, folder: Path) -> None:
    found = run(bundle, folder, threshold=1.0).figures
    assert found.whole.threshold == 1
    assert found.whole.confusion[:, 1].sum() == 8
    assert found.thresholds[0].recall == found.thresholds[0].false_positive_rate == 1


def test_the_json_is_plain_and_complete(assessed: Assessment) -> None:
    record = json.loads(json.dumps(as_dict(assessed)))
    assert record["pictures"] == 8
    assert record["confusion"]["fire"] == {"fire": 3, "misc": 0, "smoke": 1}
    assert record["labels"]["smoke"]["recall"] is None
    assert record["hazards"]["false_positive_rate"]["value"] == 0.25
    assert record["hazards"]["roc"][0] == [0, 0]
    assert {m["picture"] for m in record["mistakes"]} == {"fire/yard-8.png", "misc/lamp_1.png"}


def test_a_folder_that_is_no_label_is_named(bundle: Bundle, tmp_path: Path) -> None:
    write_picture(tmp_path / "steam" / "1.png", plain(SMOKE_COLOUR))
    with pytest.raises(TrainingError, match="'steam' is no label of this model"):
        run(bundle, tmp_path)


def test_folders_without_pictures_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no picture in folders named fire, misc"):
        run(bundle, tmp_path)
    (tmp_path / "fire").mkdir()
    (tmp_path / "fire" / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(TrainingError, match="none of the pictures can be read"):
        run(bundle, tmp_path)


def test_the_command_prints_figures_and_says_by_its_status_what_was_left_out(
    bundle: Bundle, folder: Path
) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "monitor", "evaluate", str(bundle.path), str(folder),
             "--engine", "openvino", *arguments],
            capture_output=True, text=True, timeout=120, env={**os.environ}, check=False,
        )  # fmt: skip

    done = command()
    assert done.returncode == 0, done.stderr
    assert "accuracy       75.0% (40.9% to 92.9%, n=8)" in done.stdout
    broken = folder / "misc" / "broken.jpg"
    broken.write_bytes(b"no picture")
    try:
        done = command("--json")
    finally:
        broken.unlink()
    assert done.returncode == 1
    assert "broken.jpg" in done.stderr
    assert json.loads(done.stdout)["pictures"] == 8
