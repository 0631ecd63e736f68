"""From frames to alerts: what is scored, what is dropped and counted, what is withdrawn."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from monitor.alerts.keeper import Keeper
from monitor.clock import ManualClock
from monitor.config import Camera, Config, Inference, Tiles
from monitor.errors import EngineError
from monitor.inference.batcher import Batcher
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Plain
from monitor.inference.load import load_engine
from monitor.inference.scored import Scores
from monitor.inference.scorer import Scorer
from monitor.ingest.frame import Frame, Glimpse, Health
from monitor.ingest.gist import NO_GIST
from monitor.ingest.status import REASONS, CameraStatus
from monitor.layout import Image
from monitor.metrics import Metrics
from monitor.scoring_health import UNSCORED_SECONDS
from monitor.state_saver import SAVE_SECONDS
from monitor.watch import Watch
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, plain, tiny_bundle

MAX_WAIT = 0.05


class FailingEngine:
    """The real engine, with a switch that makes it fail as a device that was lost does."""

    def __init__(self, bundle: Bundle) -> None:
        self._engine = load_engine(bundle, "openvino", max_batch=4)
        self.name = self._engine.name
        self.device = self._engine.device
        self.labels = self._engine.labels
        self.batch_sizes = self._engine.batch_sizes
        self.failures_to_come = 0

    def warm_up(self) -> None:
        self._engine.warm_up()

    def score(self, pictures: NDArray[np.uint8], plain: Plain | None = None) -> Scores:
        if self.failures_to_come:
            self.failures_to_come -= 1
            raise EngineError("the device was lost")
        return self._engine.score(pictures, plain)

    def close(self) -> None:
        self._engine.close()


class Stand:
    """A watch with everything around it, on a clock that is moved by hand."""

    def __init__(self, folder: Path, bundle: Bundle, engine: FailingEngine) -> None:
        self.clock = ManualClock(wall=1_000_000.0, monotonic=100.0)
        self.registry = CollectorRegistry()
        self.statuses: dict[str, CameraStatus] = {}
        self.metrics = Metrics(
            self.registry,
            cameras=(),
            labels=bundle.labels,
            statuses=lambda: self.statuses,
            clock=self.clock,
            version="test",
        )
        self.engine = engine
        self.path = folder / "events.db"
        self.keeper = Keeper(
            self.path,
            clock=self.clock,
            count=lambda operation, failed: self.metrics.daemon.count_store(
                operation, failed=failed
            ),
        )
        self.watch = Watch(
            bundle.labels,
            Scorer(
                engine,
                bundle.geometry,
                on_failure=lambda _: self.metrics.pipeline.count_engine_failure(),
            ),
            Batcher(4, MAX_WAIT),
            keeper=self.keeper,
            metrics=self.metrics,
            clock=self.clock,
        )
        self.sequence = 0

    def apply(self, *names: str, **settings: float) -> None:
        cameras = [
            Camera.model_validate({"name": name, "url": f"file:/{name}.mp4", **settings})
            for name in names
        ]
        self.watch.apply(Config(cameras=cameras))

    def see(
        self,
        colour: tuple[int, int, int],
        *,
        camera: str = "yard",
        health: Health = Health.OK,
        age: float = 0.0,
        gist: NDArray[np.uint8] = NO_GIST,
    ) -> bool:
        """One frame, a second after the one before; whether it was scored."""
        self.clock.advance(1.0)
        self.sequence += 1
        now = self.clock.monotonic() - age
        self.statuses[camera] = status(camera, now, health)
        frame = Frame(
            camera,
            self.sequence,
            Image.of(plain(colour)),
            self.clock.wall() - age,
            now,
            now,
            health,
            gist,
        )
        self.watch.take([frame])
        self.clock.advance(MAX_WAIT)
        worked = self.watch.score()
        self.watch.tend(self.statuses)
        return worked

    def glimpse(
        self, gist: NDArray[np.uint8], *, camera: str = "yard", health: Health = Health.OK
    ) -> bool:
        """A frame with this gist, a second after the one before; whether its picture is wanted.

        Where it is, it is a calm one.
        """
        self.clock.advance(1.0)
        self.sequence += 1
        at, now = self.clock.wall(), self.clock.monotonic()
        self.statuses[camera] = status(camera, now, health)
        seen = Glimpse(camera, self.sequence, at, now, health, gist)
        wanted = self.watch.wants(seen)
        frames = [
            Frame(camera, self.sequence, Image.of(plain(MISC_COLOUR)), at, now, now, health, gist)
        ]
        self.watch.take(frames if wanted else [])
        self.clock.advance(MAX_WAIT)
        self.watch.score()
        self.watch.tend(self.statuses)
        return wanted

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"emberwatch_{name}", labels)

    def dropped(self, reason: str) -> float | None:
        return self.value("frames_dropped_total", camera="yard", reason=reason)

    def score_shown(self) -> float | None:
        return self.value("score", camera="yard", label="fire")


def status(
    camera: str, last: float, health: Health = Health.OK, *, up: bool = True
) -> CameraStatus:
    return CameraStatus(
        camera=camera,
        up=up,
        reason="" if up else "stall",
        detail="",
        health=health,
        info=None,
        frames=1,
        dropped={},
        reconnects=dict.fromkeys(REASONS, 0),
        last_frame_at=last,
        last_frame_monotonic=last,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def stand(tmp_path: Path, bundle: Bundle) -> Iterator[Stand]:
    engine = FailingEngine(bundle)
    made = Stand(tmp_path, bundle, engine)
    yield made
    made.keeper.close()
    engine.close()


def test_fire_fires_is_stored_and_counted(stand: Stand) -> None:
    stand.apply("yard")
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    assert stand.watch.firing() == [("yard", "fire")]
    assert stand.value("alerts_total", camera="yard", alert="fire") == 1
    assert stand.value("alert_state", camera="yard", alert="fire") == 2
    assert (stand.score_shown() or 0) > 0.9
    assert stand.keeper.load_states()["yard"].rules[0].state == "firing"


def test_frozen_frames_are_not_scored_and_the_score_before_is_withdrawn(stand: Stand) -> None:
    stand.apply("yard")
    stand.see(MISC_COLOUR)
    assert stand.score_shown() is not None
    assert not stand.see(FIRE_COLOUR, health=Health.FROZEN)
    assert stand.score_shown() is None
    assert stand.dropped("frozen") == 1


def test_a_blank_picture_raises_nothing_and_ends_nothing(stand: Stand) -> None:
    """A model says something by chance of a picture in which there is nothing."""
    black = np.full((36, 64), 3, np.uint8)
    stand.apply("yard")
    for _ in range(4):
        assert not stand.see(FIRE_COLOUR, health=Health.DARK, gist=black)
    assert stand.score_shown() is None
    assert stand.dropped("blank") == 4
    assert not stand.watch.firing()
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    assert stand.watch.firing() == [("yard", "fire")]
    for _ in range(60):
        stand.see(MISC_COLOUR, health=Health.DARK, gist=black)
    assert stand.watch.firing() == [("yard", "fire")], "lights that fail are no all-clear"
    assert stand.score_shown() is None


def test_frames_that_waited_too_long_are_not_scored(stand: Stand) -> None:
    stand.apply("yard", stale_after=5)
    assert not stand.see(FIRE_COLOUR, age=6)
    assert stand.score_shown() is None
    assert stand.dropped("stale") == 1


def test_the_score_of_a_camera_that_went_down_is_withdrawn_at_once(stand: Stand) -> None:
    stand.apply("yard")
    stand.see(MISC_COLOUR)
    stand.watch.tend({"yard": status("yard", stand.clock.monotonic(), up=False)})
    assert stand.score_shown() is None


def test_a_first_failure_of_the_engine_is_retried_and_a_second_is_a_fault(stand: Stand) -> None:
    stand.apply("yard")
    stand.engine.failures_to_come = 1
    assert stand.see(MISC_COLOUR)
    assert stand.watch.fault == ""
    assert stand.value("engine_failures_total") == 1
    stand.engine.failures_to_come = 2
    assert not stand.see(MISC_COLOUR)
    assert stand.watch.fault == "the device was lost"
    assert stand.dropped("engine") == 1
    assert stand.see(MISC_COLOUR)
    assert stand.watch.fault == ""


def test_frames_that_come_and_are_never_scored_are_a_fault(stand: Stand) -> None:
    stand.apply("yard", stale_after=5)
    stand.see(FIRE_COLOUR, age=6)
    assert stand.watch.fault == ""
    stand.clock.advance(UNSCORED_SECONDS)
    assert "overloaded" in stand.watch.fault
    stand.see(MISC_COLOUR)
    assert stand.watch.fault == ""


def test_a_frozen_camera_is_no_fault_of_the_engine(stand: Stand) -> None:
    stand.apply("yard")
    stand.see(FIRE_COLOUR, health=Health.FROZEN)
    stand.clock.advance(UNSCORED_SECONDS)
    assert stand.watch.fault == ""


def test_a_camera_that_did_not_change_is_left_alone_by_a_reload(stand: Stand) -> None:
    stand.apply("yard", "hall")
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    stand.apply("yard", "gate")
    assert stand.watch.firing() == [("yard", "fire")]
    assert stand.score_shown() is not None
    assert [view.name for view in stand.watch.views({})] == ["yard", "gate"]


def test_a_changed_camera_keeps_its_firing_alert_and_loses_its_score(stand: Stand) -> None:
    stand.apply("yard")
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    stand.apply("yard", fps=2)
    assert stand.watch.firing() == [("yard", "fire")]
    assert stand.score_shown() is None
    assert stand.value("alerts_total", camera="yard", alert="fire") == 1


def test_the_event_of_a_camera_that_is_removed_ends(stand: Stand) -> None:
    stand.apply("yard")
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    stand.apply("gate")
    assert stand.watch.firing() == []
    assert stand.value("alert_state", camera="yard", alert="fire") is None


def test_open_decisions_are_kept_between_changes_of_state(stand: Stand) -> None:
    stand.apply("yard")
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    before = stand.keeper.load_states()["yard"].captured_at or 0.0
    stand.clock.advance(SAVE_SECONDS)
    stand.see(FIRE_COLOUR)
    after = stand.keeper.load_states()["yard"].captured_at or 0.0
    assert after >= before + SAVE_SECONDS


CALM = np.full((36, 64), 90, np.uint8)


def test_a_calm_scene_that_does_not_change_keeps_its_score_and_costs_none(stand: Stand) -> None:
    stand.apply("yard")
    wanted = [stand.glimpse(CALM) for _ in range(12)]
    assert wanted == [True, *[False] * 4] * 2 + [True, False]
    assert stand.value("frames_scored_total", camera="yard") == 3
    assert stand.value("frames_unchanged_total", camera="yard") == 9
    assert stand.score_shown() is not None
    assert stand.watch.work()["yard"].attended == 12
    assert stand.glimpse(CALM + 20), "a change is scored at once"


def test_a_scene_in_a_burst_or_with_an_alert_is_scored_each_time(stand: Stand) -> None:
    stand.apply("yard")
    stand.glimpse(CALM)
    stand.watch.in_burst = {"yard"}
    assert stand.glimpse(CALM)
    stand.watch.in_burst = set()
    assert not stand.glimpse(CALM)
    for _ in range(3):
        stand.see(FIRE_COLOUR)
    assert stand.watch.firing()
    assert all(stand.glimpse(CALM) for _ in range(5))


@pytest.mark.parametrize("tiles", [None, Tiles(rows=2, columns=4)], ids=["waiting", "begun"])
def test_a_frame_that_waits_for_its_score_is_not_overtaken_by_one_that_looks_calm(
    stand: Stand, tiles: Tiles | None
) -> None:
    camera = Camera(name="yard", url="file:/yard.mp4", tiles=tiles)
    batch = {"max_size": 4, "max_wait": MAX_WAIT}
    inference = Inference.model_validate({"batch": batch})
    stand.watch.apply(Config(cameras=[camera], inference=inference))
    watch, clock = stand.watch, stand.clock
    stand.glimpse(CALM)
    clock.advance(1.0)
    while watch.score():
        pass
    at, now = clock.wall(), clock.monotonic()
    hot = Frame("yard", 2, Image.of(plain(FIRE_COLOUR)), at, now, now, Health.OK, CALM + 60)
    watch.take([hot])
    if tiles:
        assert watch.score(), "its first four regions of nine"
    clock.advance(1.0)
    at, now = clock.wall(), clock.monotonic()
    assert not watch.wants(Glimpse("yard", 3, at, now, Health.OK, CALM))
    watch.take([])
    while watch.score():
        pass
    assert watch.pending == {"yard"}
    assert (stand.score_shown() or 0) > 0.9
    assert watch.work()["yard"].attended == 3


def test_a_frame_that_comes_late_changes_nothing_that_is_shown(stand: Stand) -> None:
    stand.apply("yard")
    stand.see(MISC_COLOUR)
    shown = stand.watch.views({})[0].scores
    stand.see(FIRE_COLOUR, age=1.5)
    assert stand.watch.views({})[0].scores == shown


def test_a_camera_that_was_blind_is_scored_anew(stand: Stand) -> None:
    stand.apply("yard")
    stand.glimpse(CALM)
    stand.see(MISC_COLOUR, health=Health.FROZEN)
    assert stand.score_shown() is None
    assert stand.glimpse(CALM)
    assert not stand.glimpse(CALM)


def test_with_an_interval_of_nothing_every_frame_is_wanted(stand: Stand) -> None:
    cameras = [Camera(name="yard", url="file:/yard.mp4")]
    stand.watch.apply(Config(cameras=cameras, inference=Inference(still_interval=0.0)))
    assert all(stand.glimpse(CALM) for _ in range(5))


def test_with_a_budget_no_tile_from_before_an_outage_is_decided_on(stand: Stand) -> None:
    camera = Camera(name="yard", url="file:/yard.mp4", tiles=Tiles(rows=1, columns=2))
    stand.watch.apply(Config(cameras=[camera], inference=Inference(budget=2)))
    for _ in range(3):
        stand.glimpse(CALM)
    stand.statuses["yard"] = status("yard", stand.clock.monotonic(), up=False)
    stand.clock.advance(3600.0)
    stand.watch.tend(stand.statuses)
    stand.engine.failures_to_come = 2
    stand.glimpse(CALM)
    assert stand.dropped("engine") == 1
    scored = stand.value("regions_unscored_total", camera="yard")
    stand.glimpse(CALM)
    assert stand.score_shown() is not None
    assert stand.value("regions_unscored_total", camera="yard") == scored


def test_tiles_that_do_not_change_are_spared_and_all_are_scored_under_an_alert(
    stand: Stand,
) -> None:
    camera = Camera(name="yard", url="file:/yard.mp4", tiles=Tiles(rows=1, columns=2))
    stand.watch.apply(Config(cameras=[camera]))
    stand.glimpse(CALM)
    assert stand.value("regions_unscored_total", camera="yard") == 0
    left = CALM.copy()
    left[:, :16] = 160
    stand.glimpse(left)
    assert stand.value("regions_unscored_total", camera="yard") == 1
    for _ in range(4):
        stand.see(FIRE_COLOUR)
    assert stand.watch.firing()
    spared = stand.value("regions_unscored_total", camera="yard")
    stand.see(FIRE_COLOUR)
    assert stand.value("regions_unscored_total", camera="yard") == spared
