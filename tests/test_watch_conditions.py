"""Silences, sites, times and signals around the decisions of a watch."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.alerts import silence_tables
from monitor.alerts.routing import Route
from monitor.config import Config
from monitor.inference.batcher import Batcher
from monitor.inference.bundle import Bundle
from monitor.inference.scorer import Scorer
from monitor.ingest.frame import Health
from monitor.metrics_conditions import ConditionMetrics
from monitor.quiet import LOOK_SECONDS
from monitor.watch import Watch
from monitor.web.view import CameraView
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, tiny_bundle
from tests.test_watch import CALM, MAX_WAIT, FailingEngine, Stand, status

UNSURE = (115, 20, 20)
"""RGB; the tiny model gives it 0.86 for fire, which is not certain."""


class Conditioned(Stand):
    """A watch whose configuration is given as in the file, with a signal that is set by hand."""

    def __init__(self, folder: Path, bundle: Bundle, engine: FailingEngine) -> None:
        super().__init__(folder, bundle, engine)
        self.on: frozenset[str] = frozenset()
        self._bundle = bundle
        self.begin()
        self.registry.register(
            ConditionMetrics(lambda: self.watch.views(self.statuses), tuple, clock=self.clock)
        )

    def begin(self) -> None:
        """A watch that begins anew on the same store."""
        self.watch = Watch(
            self._bundle.labels,
            Scorer(self.engine, self._bundle.geometry),
            Batcher(4, MAX_WAIT),
            keeper=self.keeper,
            metrics=self.metrics,
            clock=self.clock,
            signals=lambda: self.on,
        )

    def configure(self, *names: str, camera: dict[str, Any] | None = None, **keys: Any) -> None:
        cameras = [
            {"name": name, "url": f"file:/{name}.mp4", "stale_after": 5, **(camera or {})}
            for name in names
        ]
        self.watch.apply(Config.model_validate({"cameras": cameras, **keys}))

    def silence(self, camera: str, seconds: float, label: str | None = None) -> int:
        """As the command does it, from a connection of its own; the id."""
        with silence_tables.daemon_store(self.path) as connection:
            return silence_tables.add(
                connection,
                camera=camera,
                label=label,
                created_at=self.clock.wall(),
                ends_at=self.clock.wall() + seconds,
                created_by="anna",
                comment="roof work",
            ).id

    def wait(self, seconds: float = LOOK_SECONDS) -> None:
        self.clock.advance(seconds)
        self.watch.tend(self.statuses)

    def burn(self, camera: str = "yard", frames: int = 4) -> None:
        for _ in range(frames):
            self.see(FIRE_COLOUR, camera=camera)

    def view(self, camera: str = "yard") -> CameraView:
        (found,) = [view for view in self.watch.views(self.statuses) if view.name == camera]
        return found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def stand(tmp_path: Path, bundle: Bundle) -> Iterator[Conditioned]:
    engine = FailingEngine(bundle)
    made = Conditioned(tmp_path, bundle, engine)
    yield made
    made.keeper.close()
    engine.close()


def test_a_silenced_alert_fires_is_kept_and_shown_and_is_marked(stand: Conditioned) -> None:
    stand.configure("yard")
    number = stand.silence("yard", 3600)
    with capture_logs() as lines:
        stand.wait()
        stand.burn()
    assert stand.watch.firing() == [("yard", "fire")]
    assert stand.value("alert_state", camera="yard", alert="fire") == 2
    assert stand.value("alert_silenced", camera="yard", alert="fire") == 1
    assert stand.value("silence_active", camera="yard") == 1
    until = stand.value("silence_end_timestamp_seconds", camera="yard")
    assert until == pytest.approx(1_000_000.0 + 3600)
    (event,) = stand.keeper.events(10, camera=None, before_id=None, open_only=False)
    assert all(step.silenced for step in event.steps)
    (silence,) = stand.view().silences
    assert (silence.id, silence.comment) == (number, "roof work")
    assert [alert.silenced for alert in stand.view().alerts] == [True, True]
    assert "silence_begun" in [line["event"] for line in lines]
    (fired,) = (line for line in lines if line["event"] == "alert_firing")
    assert fired["silenced"] is True


def test_a_silence_for_one_label_leaves_the_others(stand: Conditioned) -> None:
    stand.configure("yard", "hall")
    stand.silence("yard", 3600, "smoke")
    stand.wait()
    assert stand.value("alert_silenced", camera="yard", alert="fire") == 0
    assert stand.value("alert_silenced", camera="yard", alert="smoke") == 1
    assert stand.value("alert_silenced", camera="hall", alert="smoke") == 0


def test_a_silence_ends_by_itself_and_what_still_fires_is_told(stand: Conditioned) -> None:
    stand.configure("yard")
    stand.silence("yard", 60)
    stand.wait()
    stand.burn()
    stand.wait()
    with capture_logs() as lines:
        stand.wait(60)
    assert stand.value("alert_silenced", camera="yard", alert="fire") == 0
    assert stand.watch.silences() == ()
    assert "silence_ended" in [line["event"] for line in lines]
    (told,) = (line for line in lines if line["event"] == "alert_firing")
    assert told["log_level"] == "error"


def test_a_silence_that_is_expired_ends_at_the_next_look(stand: Conditioned) -> None:
    stand.configure("yard")
    number = stand.silence("yard", 3600)
    stand.wait()
    assert stand.watch.silences()
    with silence_tables.daemon_store(stand.path) as connection:
        silence_tables.expire(connection, number, stand.clock.wall())
    stand.wait()
    assert stand.watch.silences() == ()


def test_a_clock_that_is_set_back_lengthens_no_silence(stand: Conditioned) -> None:
    stand.configure("yard")
    stand.silence("yard", 60)
    stand.wait()
    stand.clock.step_wall(-30 * 3600)
    stand.wait(59)
    assert stand.watch.silences() == ()


def test_a_silence_outlives_a_restart(stand: Conditioned) -> None:
    stand.configure("yard")
    stand.silence("yard", 3600)
    stand.begin()
    stand.configure("yard")
    stand.wait()
    assert stand.value("silence_active", camera="yard") == 1


def test_silences_that_cannot_be_read_stay_known_until_they_end(stand: Conditioned) -> None:
    stand.configure("yard")
    stand.silence("yard", 60)
    stand.wait()
    with sqlite3.connect(stand.path) as connection:
        connection.execute("ALTER TABLE silences RENAME TO lost")
    connection.close()
    stand.wait()
    assert stand.watch.silences()
    assert "silences" in stand.keeper.fault
    stand.wait(60)
    assert stand.watch.silences() == ()


def told(stand: Conditioned) -> list[str]:
    """What waits for the sink."""
    return [head.kind for head in stand.keeper.heads("mail")]


def test_sinks_hear_of_a_silenced_fire_once_its_silence_is_over(stand: Conditioned) -> None:
    stand.keeper.route([Route("mail")])
    stand.configure("yard")
    stand.silence("yard", 60)
    stand.wait()
    stand.burn("yard")
    stand.wait()
    assert told(stand) == []
    stand.wait(60)
    assert told(stand) == ["firing"]
    stand.wait(60)
    assert len(told(stand)) == 1


def test_sink_that_is_new_hears_of_what_fires_already(stand: Conditioned) -> None:
    stand.configure("yard")
    stand.burn("yard")
    stand.wait()
    stand.keeper.route([Route("mail")])
    stand.configure("yard")
    stand.wait()
    assert told(stand) == ["firing"]


def test_silence_that_ends_while_the_daemon_is_down_is_told_after_its_start(
    stand: Conditioned,
) -> None:
    stand.keeper.route([Route("mail")])
    stand.configure("yard")
    stand.silence("yard", 60)
    stand.wait()
    stand.burn("yard")
    stand.clock.advance(120)
    stand.begin()
    stand.configure("yard")
    stand.wait()
    assert told(stand) == ["firing"]


AGREE = {"sites": [{"name": "site", "agree": 2, "within": "20s"}]}


def test_one_camera_waits_for_another_and_both_make_one_incident(stand: Conditioned) -> None:
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    for _ in range(4):
        stand.see(MISC_COLOUR, camera="gate")
        stand.see(UNSURE, camera="yard")
    assert stand.watch.firing() == []
    assert stand.value("site_alert_state", site="site", label="fire") == 1
    for _ in range(4):
        stand.see(UNSURE, camera="gate")
        stand.see(UNSURE, camera="yard")
    assert sorted(stand.watch.firing()) == [("gate", "fire"), ("yard", "fire")]
    assert stand.value("site_alert_state", site="site", label="fire") == 2
    events = stand.keeper.events(10, camera=None, before_id=None, open_only=True)
    assert {event.site for event in events} == {"site"}
    assert {event.incident_id for event in events} == {min(event.id for event in events)}


def test_a_camera_whose_other_is_down_decides_alone(stand: Conditioned) -> None:
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    stand.see(MISC_COLOUR, camera="gate")
    stand.statuses["gate"] = status("gate", stand.clock.monotonic(), up=False)
    for _ in range(4):
        stand.see(UNSURE, camera="yard")
    assert stand.watch.firing() == [("yard", "fire")]


@pytest.mark.parametrize(
    "health", [Health.DARK, Health.BRIGHT, Health.COVERED, Health.LOOPED, Health.MOVED]
)
def test_a_camera_whose_other_does_not_show_the_place_decides_alone(
    stand: Conditioned, health: Health
) -> None:
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    stand.see(MISC_COLOUR, camera="gate")
    for _ in range(4):
        assert stand.see(MISC_COLOUR, camera="gate", health=health)
        stand.see(UNSURE, camera="yard")
    assert stand.watch.firing() == [("yard", "fire")]


def test_pictures_that_need_no_score_tell_that_the_place_is_not_shown(stand: Conditioned) -> None:
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    for _ in range(3):
        stand.see(UNSURE, camera="yard")
    stand.glimpse(CALM, camera="gate")
    assert not stand.glimpse(CALM, camera="gate", health=Health.LOOPED)
    stand.see(UNSURE, camera="yard")
    assert stand.watch.firing() == [("yard", "fire")]


def test_what_a_covered_camera_sees_all_the_same_counts(stand: Conditioned) -> None:
    stand.configure("yard", "gate", "roof", camera={"site": "site"}, **AGREE)
    for _ in range(4):
        stand.see(MISC_COLOUR, camera="roof")
        stand.see(UNSURE, camera="gate", health=Health.COVERED)
        stand.see(UNSURE, camera="yard")
    assert sorted(stand.watch.firing()) == [("gate", "fire"), ("yard", "fire")]


def test_a_certain_fire_needs_no_other_camera(stand: Conditioned) -> None:
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    for _ in range(4):
        stand.see(MISC_COLOUR, camera="gate")
        stand.burn(frames=1)
    assert stand.watch.firing() == [("yard", "fire")]


def test_what_the_other_camera_saw_is_known_after_a_restart(stand: Conditioned) -> None:
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    for _ in range(3):
        stand.see(MISC_COLOUR, camera="yard")
        stand.see(UNSURE, camera="gate")
    stand.begin()
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    for _ in range(3):
        stand.see(UNSURE, camera="yard")
    assert ("yard", "fire") in stand.watch.firing()


def test_a_site_that_asks_for_agreement_only_after_a_reload_is_waited_for(
    stand: Conditioned,
) -> None:
    alone = {"sites": [{"name": "site", "agree": 1, "within": "20s"}]}
    stand.configure("yard", "gate", camera={"site": "site"}, **alone)
    for _ in range(10):
        stand.see(MISC_COLOUR, camera="gate")
        stand.see(MISC_COLOUR, camera="yard")
    stand.configure("yard", "gate", camera={"site": "site"}, **AGREE)
    for _ in range(4):
        stand.see(UNSURE, camera="yard")
    assert stand.watch.firing() == []


def test_cameras_without_a_site_have_incidents_of_their_own(stand: Conditioned) -> None:
    stand.configure("yard", "gate")
    stand.burn("yard")
    stand.burn("gate")
    events = stand.keeper.events(10, camera=None, before_id=None, open_only=True)
    assert [event.incident_id for event in events] == [event.id for event in events]
    assert stand.value("site_alert_state", site="site", label="fire") is None


def test_a_signal_inhibits_a_rule_and_what_fires_goes_on(stand: Conditioned) -> None:
    stand.configure(
        "yard",
        camera={"inhibited_by": ["key"]},
        signals=[{"name": "key", "prometheus": "http://h", "query": "up"}],
    )
    stand.on = frozenset({"key"})
    stand.burn()
    assert stand.watch.firing() == []
    assert stand.value("rule_active", camera="yard", alert="fire") == 0
    assert stand.view().alerts[0].note == "inhibited by key"
    stand.on = frozenset()
    stand.burn()
    assert stand.watch.firing() == [("yard", "fire")]
    stand.on = frozenset({"key"})
    stand.burn()
    assert stand.watch.firing() == [("yard", "fire")]


def test_another_threshold_by_time_is_shown(stand: Conditioned) -> None:
    stand.configure(
        "yard",
        time_intervals=[{"name": "always", "time_intervals": [{}]}],
        rules=[
            {
                "name": "fire",
                "label": "fire",
                "threshold": 0.6,
                "thresholds": [{"threshold": 0.9, "during": "always"}],
            }
        ],
    )
    assert stand.value("rule_threshold", camera="yard", alert="fire") == 0.9
    assert stand.value("rule_active", camera="yard", alert="fire") == 1
    assert stand.view().alerts[0].note == "threshold 0.9 in always"


def test_a_reload_that_changes_conditions_alone_keeps_what_fires(stand: Conditioned) -> None:
    stand.configure("yard")
    stand.burn()
    intervals = [{"name": "always", "time_intervals": [{}]}]
    stand.configure("yard", camera={"mute_time_intervals": ["always"]}, time_intervals=intervals)
    stand.burn(frames=1)
    assert stand.watch.firing() == [("yard", "fire")]
    assert stand.value("rule_active", camera="yard", alert="fire") == 0
