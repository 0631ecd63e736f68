"""What a scrape shows, read back through the client's own parser."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families

from monitor.alerts.outbox import SinkState
from monitor.alerts.sink_thread import RESULTS
from monitor.clock import ManualClock
from monitor.decision.state import AlertState, Explanation, Transition
from monitor.ingest.frame import Health
from monitor.ingest.status import REASONS, CameraStatus
from monitor.metrics import Metrics
from monitor.metrics_cameras import DROP_REASONS, Watched
from monitor.metrics_conditions import ConditionMetrics
from monitor.metrics_daemon import RESTART_REASONS
from monitor.metrics_delivery import DeliveryMetrics
from monitor.metrics_pipeline import STAGE_BUCKETS
from monitor.metrics_web import WebMetrics
from monitor.web.live import Live
from tests.support.web_states import FixedState, snapshot

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
LABELS = ("fire", "misc", "smoke")
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def status(
    camera: str,
    *,
    up: bool = True,
    reason: str = "",
    health: Health = Health.OK,
    frames: int = 0,
    dropped: Mapping[str, int] | None = None,
    reconnects: Mapping[str, int] | None = None,
    at: float | None = None,
    bad_packets: int = 0,
) -> CameraStatus:
    return CameraStatus(
        camera=camera,
        up=up,
        reason=reason,
        detail="",
        health=health,
        info=None,
        frames=frames,
        dropped=dropped or {},
        reconnects=reconnects or {},
        last_frame_at=None if at is None else 1000.0 + at,
        last_frame_monotonic=at,
        bad_packets=bad_packets,
    )


class Scene:
    """Metrics with everything that they are given, and a way to read them."""

    def __init__(self) -> None:
        self.clock = ManualClock(wall=1000.0, monotonic=0.0)
        self.statuses: dict[str, CameraStatus] = {}
        self.registry = CollectorRegistry()
        self.metrics = Metrics(
            self.registry,
            cameras=[Watched("yard", ("fire", "smoke"), 15.0), Watched("dock", ("fire",), 5.0)],
            labels=LABELS,
            statuses=lambda: self.statuses,
            clock=self.clock,
            version="1.2.3",
        )

    def series(self) -> Series:
        text = generate_latest(self.registry).decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self.series().get((name, frozenset(labels.items())))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def transition(camera: str, alert: str, previous: AlertState, state: AlertState) -> Transition:
    why = Explanation(0.6, 0.9, 0.8, 0.0, "full", 3, 3.0)
    return Transition(camera, alert, "fire", previous, state, 1000.0, 0.0, 0.8, why)


def test_every_label_set_exists_before_anything_happens(scene: Scene) -> None:
    series = scene.series()
    for camera, alerts in (("yard", ("fire", "smoke")), ("dock", ("fire",))):
        of_camera = ("camera", camera)
        for name in ("emberwatch_frames_total", "emberwatch_frames_scored_total"):
            assert series[name, frozenset([of_camera])] == 0
        assert series["emberwatch_camera_up", frozenset([of_camera])] == 0
        for reason in REASONS:
            labels = frozenset([of_camera, ("reason", reason)])
            assert series["emberwatch_camera_reconnects_total", labels] == 0
            assert series["emberwatch_camera_down_reason", labels] == 0
        for reason in DROP_REASONS:
            labels = frozenset([of_camera, ("reason", reason)])
            assert series["emberwatch_frames_dropped_total", labels] == 0
        for health in Health:
            labels = frozenset([of_camera, ("health", health.label)])
            assert series["emberwatch_camera_health", labels] == 0
        for alert in alerts:
            labels = frozenset([of_camera, ("alert", alert)])
            assert series["emberwatch_alert_state", labels] == 0
            assert series["emberwatch_alerts_total", labels] == 0
    for stage in STAGE_BUCKETS:
        labels = frozenset([("stage", stage)])
        assert series["emberwatch_stage_duration_seconds_count", labels] == 0
    for reason in RESTART_REASONS:
        labels = frozenset([("reason", reason)])
        assert series["emberwatch_worker_restarts_total", labels] == 0
    assert series["emberwatch_engine_failures_total", frozenset()] == 0
    assert series["emberwatch_batches_total", frozenset()] == 0


def test_camera_that_gave_no_frame_yet_has_no_age_and_no_health(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", up=False, reason="refused")
    age = scene.value("emberwatch_frame_age_seconds", camera="yard")
    assert age is not None
    assert math.isnan(age)
    assert scene.value("emberwatch_last_frame_timestamp_seconds", camera="yard") == 0
    assert scene.value("emberwatch_camera_health", camera="yard", health="ok") == 0


def test_age_grows_between_scrapes_without_anyone_updating_it(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", at=0.0)
    scene.clock.advance(2.0)
    assert scene.value("emberwatch_frame_age_seconds", camera="yard") == 2.0
    scene.clock.advance(40.0)
    assert scene.value("emberwatch_frame_age_seconds", camera="yard") == 42.0
    assert scene.value("emberwatch_last_frame_timestamp_seconds", camera="yard") == 1000.0


def test_age_follows_no_step_of_the_wall_clock(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", at=0.0)
    scene.clock.advance(2.0)
    scene.clock.step_wall(-3600.0)
    assert scene.value("emberwatch_frame_age_seconds", camera="yard") == 2.0


def test_totals_of_ingest_are_shown_as_ingest_counts_them(scene: Scene) -> None:
    scene.statuses["yard"] = status(
        "yard",
        frames=7,
        dropped={"overwritten": 2, "quota": 1},
        reconnects={"stall": 3},
        at=0.0,
        bad_packets=4,
    )
    assert scene.value("emberwatch_packets_bad_total", camera="yard") == 4
    assert scene.value("emberwatch_frames_total", camera="yard") == 7
    dropped = "emberwatch_frames_dropped_total"
    assert scene.value(dropped, camera="yard", reason="overwritten") == 2
    assert scene.value(dropped, camera="yard", reason="quota") == 1
    assert scene.value(dropped, camera="yard", reason="frozen") == 0
    assert scene.value("emberwatch_camera_reconnects_total", camera="yard", reason="stall") == 3


def test_frames_dropped_after_ingest_are_added_to_those_that_ingest_dropped(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", dropped={"overwritten": 2, "frozen": 1}, at=0.0)
    scene.metrics.count_dropped("yard", "frozen")
    scene.metrics.count_dropped("yard", "engine")
    dropped = "emberwatch_frames_dropped_total"
    assert scene.value(dropped, camera="yard", reason="frozen") == 2
    assert scene.value(dropped, camera="yard", reason="engine") == 1
    assert scene.value(dropped, camera="yard", reason="overwritten") == 2


def test_down_camera_shows_one_reason_until_it_is_up_again(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", up=False, reason="auth")
    name = "emberwatch_camera_down_reason"
    shown = {r: scene.value(name, camera="yard", reason=r) for r in REASONS}
    assert [reason for reason, value in shown.items() if value == 1] == ["auth"]
    scene.statuses["yard"] = status("yard", at=0.0)
    assert scene.value(name, camera="yard", reason="auth") == 0
    assert scene.value("emberwatch_camera_up", camera="yard") == 1


@pytest.mark.parametrize("health", list(Health))
def test_exactly_one_health_is_shown(scene: Scene, health: Health) -> None:
    scene.statuses["yard"] = status("yard", health=health, at=0.0)
    shown = [
        h
        for h in Health
        if scene.value("emberwatch_camera_health", camera="yard", health=h.label) == 1
    ]
    assert shown == [health]


SCORES = {"fire": 0.9, "smoke": 0.08, "misc": 0.02}


def test_scores_of_a_fresh_frame_are_shown_for_every_label(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", at=0.0)
    scene.metrics.set_scores("yard", SCORES, 0.0)
    for label, score in SCORES.items():
        assert scene.value("emberwatch_score", camera="yard", label=label) == score


def test_frames_that_were_scored_and_those_that_needed_no_score_are_counted(scene: Scene) -> None:
    scene.metrics.count_scored("yard")
    for _ in range(3):
        scene.metrics.count_unchanged("yard")
    assert scene.value("emberwatch_frames_scored_total", camera="yard") == 1
    assert scene.value("emberwatch_frames_unchanged_total", camera="yard") == 3
    assert scene.value("emberwatch_frames_unchanged_total", camera="dock") == 0


def test_withdrawn_scores_are_absent_not_frozen(scene: Scene) -> None:
    scene.metrics.set_scores("yard", SCORES, 0.0)
    scene.metrics.set_scores("dock", SCORES, 0.0)
    scene.metrics.withdraw_scores("yard")
    assert scene.value("emberwatch_score", camera="yard", label="fire") is None
    assert scene.value("emberwatch_score", camera="dock", label="fire") == 0.9


def test_score_of_an_old_picture_vanishes_even_if_nobody_withdraws_it(scene: Scene) -> None:
    scene.metrics.set_scores("yard", SCORES, 0.0)
    scene.metrics.set_scores("dock", SCORES, 0.0)
    scene.clock.advance(5.5)
    assert scene.value("emberwatch_score", camera="yard", label="fire") == 0.9
    assert scene.value("emberwatch_score", camera="dock", label="fire") is None


def test_score_of_a_frozen_picture_is_not_shown(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", health=Health.FROZEN, at=0.0)
    scene.metrics.set_scores("yard", SCORES, 0.0)
    assert scene.value("emberwatch_score", camera="yard", label="fire") is None


def test_what_is_usual_is_shown_until_the_camera_is_gone(scene: Scene) -> None:
    assert scene.value("emberwatch_baseline", camera="yard", label="fire") is None
    scene.metrics.set_usual("yard", {"fire": 0.0, "smoke": 0.6, "hazard": 0.6})
    assert scene.value("emberwatch_baseline", camera="yard", label="smoke") == 0.6
    assert scene.value("emberwatch_baseline", camera="yard", label="fire") == 0.0
    assert scene.value("emberwatch_baseline", camera="yard", label="hazard") is None
    scene.metrics.remove_camera("yard")
    assert scene.value("emberwatch_baseline", camera="yard", label="smoke") is None


def test_firing_is_counted_once_and_its_state_is_shown(scene: Scene) -> None:
    inactive, pending, firing = AlertState.INACTIVE, AlertState.PENDING, AlertState.FIRING
    for previous, state in ((inactive, pending), (pending, firing), (firing, inactive)):
        scene.metrics.record_transition(transition("yard", "fire", previous, state))
        shown = scene.value("emberwatch_alert_state", camera="yard", alert="fire")
        assert shown == int(state)
    assert scene.value("emberwatch_alerts_total", camera="yard", alert="fire") == 1


def test_state_restored_after_a_restart_is_not_a_new_alert(scene: Scene) -> None:
    scene.metrics.set_alert_state("yard", "fire", AlertState.FIRING)
    assert scene.value("emberwatch_alert_state", camera="yard", alert="fire") == 2
    assert scene.value("emberwatch_alerts_total", camera="yard", alert="fire") == 0


def test_removed_camera_leaves_no_series_behind(scene: Scene) -> None:
    scene.statuses["yard"] = status("yard", at=0.0)
    scene.metrics.set_scores("yard", SCORES, 0.0)
    scene.metrics.remove_camera("yard")
    # What is still on its way from the other rooms must not bring it back.
    scene.metrics.set_scores("yard", SCORES, 0.0)
    scene.metrics.record_transition(
        transition("yard", "fire", AlertState.PENDING, AlertState.FIRING)
    )
    scene.metrics.remove_camera("yard")
    assert not [key for key in scene.series() if ("camera", "yard") in key[1]]
    assert scene.value("emberwatch_camera_up", camera="dock") == 0


def test_added_camera_is_complete_at_once(scene: Scene) -> None:
    scene.metrics.add_camera(Watched("gate", ("smoke",), 10.0))
    of_gate = [key for key in scene.series() if ("camera", "gate") in key[1]]
    of_dock = [key for key in scene.series() if ("camera", "dock") in key[1]]
    assert len(of_gate) == len(of_dock)


def test_changed_camera_keeps_its_counters_and_loses_the_rules_it_had(scene: Scene) -> None:
    scene.metrics.record_transition(
        transition("yard", "fire", AlertState.PENDING, AlertState.FIRING)
    )
    scene.metrics.add_camera(Watched("yard", ("fire",), 30.0))
    assert scene.value("emberwatch_alerts_total", camera="yard", alert="fire") == 1
    assert scene.value("emberwatch_alert_state", camera="yard", alert="smoke") is None
    assert scene.value("emberwatch_camera_stale_after_seconds", camera="yard") == 30.0


def test_failures_are_counted_beside_attempts(scene: Scene) -> None:
    scene.metrics.pipeline.count_batch(4)
    scene.metrics.pipeline.count_batch(16)
    scene.metrics.pipeline.count_engine_failure()
    scene.metrics.daemon.count_store("write")
    scene.metrics.daemon.count_store("write", failed=True)
    assert scene.value("emberwatch_batches_total") == 2
    assert scene.value("emberwatch_engine_failures_total") == 1
    assert scene.value("emberwatch_batch_size_sum") == 20
    assert scene.value("emberwatch_store_operations_total", operation="write") == 2
    assert scene.value("emberwatch_store_failures_total", operation="write") == 1


def test_refused_reload_keeps_the_time_of_the_last_good_one(scene: Scene) -> None:
    scene.clock.advance(60)
    scene.metrics.daemon.count_reload()
    scene.clock.advance(60)
    scene.metrics.daemon.count_reload(failed=True)
    at = "emberwatch_config_last_reload_success_timestamp_seconds"
    assert scene.value(at) == 1060
    assert scene.value("emberwatch_config_last_reload_successful") == 0
    assert scene.value("emberwatch_config_reloads_total") == 2
    assert scene.value("emberwatch_config_reload_failures_total") == 1
    scene.metrics.daemon.count_reload()
    assert scene.value("emberwatch_config_last_reload_successful") == 1


def test_stages_have_buckets_of_their_own_size(scene: Scene) -> None:
    scene.metrics.pipeline.observe_stage("decide", 0.00007)
    scene.metrics.pipeline.observe_stage("capture_to_decision", 1.2)
    name = "emberwatch_stage_duration_seconds_bucket"
    assert scene.value(name, stage="decide", le="5e-05") == 0
    assert scene.value(name, stage="decide", le="0.0001") == 1
    assert scene.value(name, stage="capture_to_decision", le="1.0") == 0
    assert scene.value(name, stage="capture_to_decision", le="1.5") == 1


def test_model_and_build_name_what_runs(scene: Scene) -> None:
    scene.metrics.pipeline.set_model(
        sha256="0123456789abcdef",
        engine="openvino",
        device="CPU (int8)",
        labels=LABELS,
        geometry="squash 299x299",
    )
    assert scene.value(
        "emberwatch_model_info", bundle="0123456789ab", engine="openvino", device="CPU (int8)",
        labels="fire,misc,smoke", geometry="squash 299x299",
    ) == 1  # fmt: skip
    builds = [dict(labels) for name, labels in scene.series() if name == "emberwatch_build_info"]
    assert builds[0]["version"] == "1.2.3"
    assert scene.value("emberwatch_start_timestamp_seconds") == 1000.0


def test_sinks_have_all_their_series_from_the_start() -> None:
    registry, metrics = CollectorRegistry(), DeliveryMetrics()
    registry.register(metrics)
    state = SinkState("mail", "apprise", {"delivered": 2}, 1, 3.5, 100.0, "busy")
    metrics.read_from(lambda: [state])
    metrics.observe("mail", 0.3)
    values = {
        (sample.name, sample.labels.get("result", sample.labels.get("le", ""))): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    for result, count in zip(RESULTS, (2, 0, 0, 0, 0), strict=True):
        assert values["emberwatch_deliveries_total", result] == count
    assert values["emberwatch_sink_up", ""] == 0
    assert values["emberwatch_delivery_queue", ""] == 1
    assert values["emberwatch_delivery_oldest_age_seconds", ""] == 3.5
    assert values["emberwatch_delivery_last_success_timestamp_seconds", ""] == 100
    assert values["emberwatch_delivery_delay_seconds_bucket", "0.5"] == 1
    assert not any(name.endswith("_created") for name, _ in values)


def test_both_formats_are_written_without_created_series(scene: Scene) -> None:
    scene.metrics.pipeline.count_batch(1)
    for accept in ("text/plain", OPENMETRICS):
        encode, _ = choose_encoder(accept)
        text = encode(scene.registry)
        assert b"emberwatch_batches_total 1.0" in text
        assert b"_created" not in text


def test_two_registries_share_nothing() -> None:
    one, other = Scene(), Scene()
    one.metrics.pipeline.count_batch(1)
    assert other.value("emberwatch_batches_total") == 0


def test_documentation_names_every_metric_and_no_other(scene: Scene) -> None:
    scene.registry.register(ConditionMetrics(tuple, tuple, clock=scene.clock))
    scene.registry.register(WebMetrics(dict, Live(FixedState(snapshot()))))
    scene.registry.register(DeliveryMetrics())
    encode, _ = choose_encoder(OPENMETRICS)
    text = encode(scene.registry).decode()
    exported = {
        line.split()[2] for line in text.splitlines() if line.startswith("# TYPE emberwatch_")
    }
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
    suffixes = ("_total", "_info", "")
    documented = {
        line.split("`")[1].split("{")[0]
        for line in page.splitlines()
        if line.startswith("| `emberwatch_")
    }
    stripped = {
        next(name.removesuffix(s) for s in suffixes if name.endswith(s)) for name in documented
    }
    assert stripped == exported


@given(
    frames=st.integers(0, 2**40),
    age=st.floats(0, 1e6),
    stale_after=st.floats(0.1, 1e5),
    health=st.sampled_from(Health),
)
def test_score_is_shown_exactly_while_its_picture_is_current(
    frames: int, age: float, stale_after: float, health: Health
) -> None:
    scene = Scene()
    scene.metrics.add_camera(Watched("yard", ("fire",), stale_after))
    scene.statuses["yard"] = status("yard", frames=frames, health=health, at=0.0)
    scene.metrics.set_scores("yard", SCORES, 0.0)
    scene.clock.advance(age)
    shown = scene.value("emberwatch_score", camera="yard", label="fire") is not None
    assert shown == (age <= stale_after and health is not Health.FROZEN)
