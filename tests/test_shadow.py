"""A candidate model beside the one in use: what is compared, counted and told, and what it cannot
harm."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.config import Config
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.errors import EmberwatchError, EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.regions import full_view
from monitor.inference.scored import ScoredFrame, ScoredRegion, Scores
from monitor.inference.shadow import FAILURES_TO_GIVE_UP, Sample, ShadowScorer, is_chosen
from monitor.inference.swap import Loaded
from monitor.metrics_shadow import ShadowMetrics
from monitor.shadow import Judged, Shadow
from tests.support.bundles import FIRE_COLOUR, LABELS, plain, tiny_bundle
from tests.support.daemon import wait_for
from tests.support.frames import frame

RULES = (RuleSettings("fire", "fire", 0.65), RuleSettings("smoke", "smoke", 0.65))
JUDGED = Judged(RULES, DecisionSettings(), LABELS)
FULL = (full_view(),)
SIDE = 32
LOAD_SECONDS = 120.0
"""A candidate has a low priority, and the machine may be busy."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle"), side=SIDE)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator["Stand"]:
    made = Stand(tmp_path)
    yield made
    made.shadow.close(10.0)


class Stand:
    """A shadow with its metrics."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = ShadowMetrics()
        self.shadow = Shadow(self.metrics, ManualClock(wall=1e6, monotonic=100.0))

    def apply(self, bundle: Path | None, share: float = 1.0) -> None:
        inference: dict[str, object] = {"engine": "openvino"}
        if bundle is not None:
            inference["shadow"] = {"bundle": str(bundle), "share": share}
        config = {
            "state_dir": str(self.folder),
            "cameras": [{"name": "yard", "url": "x"}],
            "inference": inference,
        }
        self.shadow.apply(Config.model_validate(config), LABELS)

    def values(self) -> dict[str, float]:
        return {
            " ".join([sample.name.removeprefix("emberwatch_shadow_"), *sample.labels.values()]): (
                sample.value
            )
            for family in self.metrics.families(["yard"])
            for sample in family.samples
        }

    def compare(self, row: tuple[float, float, float], count: int = 1) -> dict[str, float]:
        """Offer pictures of a fire of which the model in use says ``row``."""
        wait_for(lambda: self.shadow.wants("yard", 1), "the candidate is up", seconds=LOAD_SECONDS)
        for number in range(count):
            before = self.values()["frames_total yard"]
            shown = frame(sequence=number, pixels=plain(FIRE_COLOUR))
            part = ScoredRegion(full_view(), np.array(row, np.float32))
            scored = ScoredFrame("yard", number, 0.0, 0.0, (part,))
            self.shadow.offer(shown, FULL, scored, JUDGED)
            wait_for(
                lambda before=before: self.values()["frames_total yard"] > before,  # type: ignore[misc] # bound early
                "the candidate scored it",
            )
        return self.values()


def test_a_candidate_that_says_the_same_disagrees_never(stand: Stand, bundle: Bundle) -> None:
    stand.apply(bundle.path)
    found = stand.compare((1.0, 0.0, 0.0), count=2)
    assert found["frames_total yard"] == 2
    for kind in ("label", "raised", "missed"):
        assert found[f"disagreements_total yard {kind}"] == 0
    assert found["score_difference_bucket fire 0.01"] == 2
    assert found["up"] == 1
    assert f"info {bundle.sha256[:12]} openvino" in " ".join(found)


def test_where_a_candidate_differs_it_is_counted_how_and_how_far(
    stand: Stand, bundle: Bundle
) -> None:
    stand.apply(bundle.path)
    found = stand.compare((0.4, 0.6, 0.0))
    assert found["disagreements_total yard label"] == 1
    assert found["disagreements_total yard raised"] == 1
    assert found["disagreements_total yard missed"] == 0
    assert found["score_difference_bucket fire 0.5"] == 0
    assert found["score_difference_bucket fire 0.7"] == 1
    assert found["score_difference_sum fire"] == pytest.approx(0.6, abs=0.01)


def test_without_a_candidate_there_are_no_series(stand: Stand, bundle: Bundle) -> None:
    assert stand.values() == {}
    stand.apply(bundle.path)
    assert stand.values()["frames_total yard"] == 0
    stand.apply(None)
    assert stand.values() == {}
    assert not stand.shadow.wants("yard", 1)


def test_a_candidate_that_cannot_be_loaded_says_so_and_is_tried_again_by_a_reload(
    stand: Stand, tmp_path: Path
) -> None:
    path = tmp_path / "late"
    stand.apply(path)
    wait_for(lambda: stand.shadow.fault, "the failure is known")
    assert "the shadow model was given up: bundle" in stand.shadow.fault
    assert (stand.values()["up"], stand.values()["failures_total"]) == (0, 1)
    tiny_bundle(path, side=SIDE)
    stand.apply(path)
    assert stand.compare((1.0, 0.0, 0.0))["up"] == 1
    assert stand.shadow.fault == ""


def test_a_candidate_of_other_classes_is_refused(stand: Stand, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "other", labels=("flame", "misc", "smoke"), side=SIDE)
    stand.apply(tmp_path / "other")
    fault = wait_for(lambda: stand.shadow.fault, "the failure is known")
    assert "it has no label fire, which the rules need" in fault


def test_a_reload_that_changes_the_share_alone_keeps_the_candidate(
    stand: Stand, bundle: Bundle
) -> None:
    stand.apply(bundle.path)
    stand.compare((1.0, 0.0, 0.0))
    stand.apply(bundle.path, share=0.5)
    assert stand.values()["frames_total yard"] == 1
    chosen = [stand.shadow.wants("yard", number) for number in range(50)]
    assert 0 < sum(chosen) < 50


class Scripted:
    """An engine that waits or answers as it is told; without an answer, it fails."""

    name = "scripted"
    device = "none"
    labels = LABELS
    batch_sizes = (1,)

    def __init__(self, act: Callable[[], Scores | None]) -> None:
        self._act = act
        self.closed = threading.Event()

    def warm_up(self) -> None:
        """Nothing to warm."""

    def score(self, _pictures: object, _plain: object = None) -> Scores:
        answer = self._act()
        if answer is None:
            raise EngineError("the device was lost")
        return answer

    def close(self) -> None:
        self.closed.set()


def scripted(
    bundle: Bundle, act: Callable[[], Scores | None]
) -> tuple[ShadowScorer, Scripted, list[str]]:
    engine = Scripted(act)
    told: list[str] = []

    def failed(error: EmberwatchError, given_up: bool) -> None:
        told.append(f"{error}{' for good' if given_up else ''}")

    loaded = Loaded(bundle, engine)  # type: ignore[arg-type] # the part of one that is used
    scorer = ShadowScorer(lambda: loaded, on_ready=lambda _: None, on_failure=failed)
    wait_for(lambda: scorer.up, "it is up")
    return scorer, engine, told


def sample() -> Sample:
    return Sample(frame(), FULL, lambda _scored, _labels: None)


def test_a_candidate_that_fails_again_and_again_is_given_up(bundle: Bundle) -> None:
    scorer, engine, told = scripted(bundle, lambda: None)
    for _ in range(FAILURES_TO_GIVE_UP):
        wait_for(lambda: scorer.offer(sample()), "there is room")
    assert engine.closed.wait(10)
    wait_for(lambda: scorer.fault, "it is given up")
    assert told[-1] == "the device was lost for good"
    assert len(told) == FAILURES_TO_GIVE_UP
    wait_for(lambda: not scorer.up, "it takes no more frames")


def test_what_a_library_raises_takes_the_candidate_and_nothing_else(bundle: Bundle) -> None:
    def crash() -> None:
        raise ZeroDivisionError("in the depths")

    scorer, engine, told = scripted(bundle, crash)
    assert scorer.offer(sample())
    assert engine.closed.wait(10)
    wait_for(lambda: "in the depths" in scorer.fault, "it is given up")
    assert len(told) == 1


def test_a_candidate_that_hangs_takes_no_more_frames_and_holds_up_nobody(bundle: Bundle) -> None:
    go, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go.wait(30)

    scorer, engine, _ = scripted(bundle, hang)
    assert scorer.offer(sample())
    assert begun.wait(10)
    assert [scorer.offer(sample()) for _ in range(4)] == [True, True, False, False]
    scorer.close(0.0)
    assert not engine.closed.is_set()
    go.set()
    assert engine.closed.wait(10)


@pytest.mark.parametrize("answer", [Scores(np.array([[1, 0, 0]], np.float32)), None])
def test_what_a_candidate_says_after_its_end_is_told_to_nobody(
    answer: Scores | None, bundle: Bundle
) -> None:
    go, begun = threading.Event(), threading.Event()

    def late() -> Scores | None:
        begun.set()
        go.wait(30)
        return answer

    scorer, engine, told = scripted(bundle, late)
    heard: list[ScoredFrame] = []
    assert scorer.offer(Sample(frame(), FULL, lambda scored, _labels: heard.append(scored)))
    assert begun.wait(10)
    scorer.close(0.0)
    go.set()
    assert engine.closed.wait(10)
    scorer.close(10.0)
    assert (heard, told, scorer.fault) == ([], [], "")


def test_a_candidate_that_ended_while_it_loaded_does_not_tell_that_it_failed() -> None:
    go = threading.Event()
    told: list[EmberwatchError] = []

    def load() -> Loaded:
        go.wait(30)
        raise EngineError("out of memory")

    scorer = ShadowScorer(
        load, on_ready=lambda _: None, on_failure=lambda error, _given_up: told.append(error)
    )
    scorer.close(0.0)
    go.set()
    scorer.close(10.0)
    assert (told, scorer.fault) == ([], "")


@given(st.text(max_size=10), st.integers(0, 2**40), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_all_of_a_smaller_one(
    camera: str, sequence: int, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    if is_chosen(camera, sequence, small):
        assert is_chosen(camera, sequence, large)
    assert is_chosen(camera, sequence, 1.0)
    assert not is_chosen(camera, sequence, 0.0)


def test_the_share_is_kept() -> None:
    chosen = sum(is_chosen("yard", number, 0.1) for number in range(5000))
    assert 400 < chosen < 600
