"""Readiness and how well a camera is watched, judged from snapshots alone."""

from dataclasses import replace

import pytest

from monitor.ingest.frame import Health
from monitor.web.health import Sight, readiness, sight
from monitor.web.view import CameraView, Fault
from tests.support.web_states import camera, snapshot


def test_one_camera_with_a_fresh_score_is_enough() -> None:
    judged = readiness(snapshot(camera("yard"), camera("dock", age=None, up=False, reason="dns")))
    assert judged.ready
    assert judged.reasons == ()


def test_without_a_fresh_score_the_reason_counts_the_cameras() -> None:
    judged = readiness(
        snapshot(
            camera("a", age=60.0, up=False, reason="refused"),
            camera("b", age=None, up=False, reason="auth"),
            camera("c", age=60.0),
        )
    )
    assert judged.reasons == ("cameras: none has a fresh score (2 down, 1 stale)",)


def test_score_of_a_frozen_picture_is_no_fresh_score() -> None:
    assert not readiness(snapshot(camera("yard", health=Health.FROZEN))).ready


@pytest.mark.parametrize("part", ["engine", "store"])
def test_critical_fault_makes_not_ready_by_name(part: str) -> None:
    judged = readiness(snapshot(camera("yard"), faults=(Fault(part, "it broke"),)))
    assert judged.reasons == (f"{part}: it broke",)


def test_fault_that_is_not_critical_leaves_it_ready() -> None:
    fault = Fault("config", "the reload was refused", critical=False)
    assert readiness(snapshot(camera("yard"), faults=(fault,))).ready


def test_model_that_is_not_loaded_is_named() -> None:
    loading = replace(snapshot(camera("yard", scores=None)), model=None)
    assert "engine: the model is not loaded yet" in readiness(loading).reasons


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (camera("a", up=False, reason="stall"), Sight.DOWN),
        (camera("a", age=None, up=False), Sight.WAITING),
        (camera("a", age=15.5), Sight.STALE),
        (camera("a", health=Health.DARK), Sight.IMPAIRED),
        (camera("a", scores=None), Sight.UNSCORED),
        (camera("a"), Sight.WATCHED),
        (CameraView("a", 15.0, None, None, ()), Sight.WAITING),
    ],
)
def test_sight_names_the_worst_that_holds(shown: CameraView, wanted: Sight) -> None:
    assert sight(snapshot(shown), shown) is wanted
