"""What the log says of alerts."""

from collections.abc import Mapping
from dataclasses import astuple

import structlog

from monitor.decision.state import AlertState, Transition

log = structlog.get_logger(__name__)


def log_transition(transition: Transition) -> None:
    """Log a change of state, with why it happened."""
    why = transition.why
    # Whoever is woken by the level is woken by a firing alert, and by no other.
    say = log.error if transition.event == "firing" else log.info
    more: dict[str, object] = {"site": transition.site} if transition.site else {}
    if transition.silenced:
        more["silenced"] = True
        say = log.warning if transition.event == "firing" else log.info
    say(
        f"alert_{transition.event}",
        camera=transition.camera,
        alert=transition.alert,
        label=transition.label,
        score=round(transition.score, 4),
        threshold=why.threshold,
        raw=round(why.score, 4),
        baseline=round(why.baseline, 4),
        region=why.region,
        box=None if transition.box is None else list(astuple(transition.box)),
        frames=why.frames,
        seconds=round(why.seconds, 1),
        **more,
    )


def log_ended(camera: str, states: Mapping[str, AlertState], cause: str) -> None:
    """Log the alerts of a camera that end without their pictures saying so."""
    for alert, state in states.items():
        if state:
            log.warning("alert_ended", camera=camera, alert=alert, was=state.label, cause=cause)
