"""A web server as the daemon has it, before a real store and a state made by hand."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from prometheus_client import CollectorRegistry

from monitor.alerts import tables
from monitor.alerts.keeper import Keeper
from monitor.clock import SystemClock
from monitor.decision.state import AlertState, Explanation, Transition
from monitor.inference.scored import Box
from monitor.thumbnails import Thumbnail
from monitor.web.access import Role, Token
from monitor.web.desk import Desk
from monitor.web.server import WebServer
from monitor.web.settings import WebSettings
from tests.support.web_states import WALL, FixedState, snapshot

VIEWER = "viewer-token-0123456789abcdef"
OPERATOR = "operator-token-0123456789abcdef"


def jpeg(width: int, height: int, seed: int = 0) -> bytes:
    """A picture of soft colours."""
    rough = np.random.default_rng(seed).integers(40, 200, (5, 8, 3), dtype=np.uint8)
    smooth = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", smooth)[1].tobytes()


def tokens() -> tuple[Token, ...]:
    """One of each role."""
    return (
        Token.of("desk", Role.VIEW, VIEWER),
        Token.of("night-shift", Role.OPERATE, OPERATOR),
    )


def authorized(token: str) -> dict[str, str]:
    """The headers of a request with a token."""
    return {"authorization": f"Bearer {token}"}


def no_desk() -> Desk:
    """One without a store and pictures."""
    return Desk(clock=SystemClock(), thumbnail=lambda _camera: None)


def keeper_in(folder: Path) -> Keeper:
    """A real store."""
    return Keeper(folder / "events.db", clock=SystemClock(), count=lambda _what, _failed: None)


@dataclass
class Site:
    """A running server and all that is behind it."""

    server: WebServer
    state: FixedState
    keeper: Keeper
    desk: Desk
    evidence: Path

    @property
    def url(self) -> str:
        return self.server.url


@contextmanager
def web_site(
    folder: Path,
    *,
    settings: WebSettings | None = None,
    state: FixedState | None = None,
    listen: str = "127.0.0.1:0",
    thumbnail: Callable[[str], Thumbnail | None] | None = None,
    ended_logins: Path | None = None,
) -> Iterator[Site]:
    """Serve a state with a store in ``folder``; each camera shows a small picture."""
    picture = Thumbnail(jpeg(240, 135), WALL, 1)
    state = state or FixedState(snapshot())

    def soft(camera: str) -> Thumbnail | None:
        known = {shown.name for shown in state.shown.cameras}
        return picture if camera in known else None

    evidence = folder / "evidence"
    evidence.mkdir(parents=True)
    desk = Desk(clock=SystemClock(), thumbnail=thumbnail or soft)
    keeper = keeper_in(folder)
    desk.kept_by(keeper, evidence)
    server = WebServer(
        listen,
        state,
        desk,
        CollectorRegistry(),
        version="1.2.3",
        settings=settings or WebSettings(tokens=tokens()),
        ended_logins=ended_logins,
    )
    server.start()
    try:
        yield Site(server, state, keeper, desk, evidence)
    finally:
        server.stop()
        keeper.close()


def transition(
    camera: str, state: AlertState, at: float, *, previous: AlertState, score: float = 0.8,
    label: str = "fire", silenced: bool = False,
) -> Transition:  # fmt: skip
    """A change of state at a Unix time."""
    evidence = tuple((float(age), round(score + age / 50, 3)) for age in range(-9, 1))
    why = Explanation(0.6, min(1.0, score + 0.05), score, 0.1, "full", 3, 2.0, evidence)
    box = None if state is AlertState.INACTIVE else Box(0.2, 0.3, 0.5, 0.7)
    return Transition(
        camera, label, label, previous, state, at, at, score, why, "hazard", box, "", silenced
    )


def incident(
    camera: str, at: float, *, ended: bool = True, label: str = "fire"
) -> list[Transition]:
    """An alert that is pending, fires after two seconds and, after a minute, ends."""
    inactive, pending, firing = AlertState
    steps = [
        transition(camera, pending, at, previous=inactive, score=0.7, label=label),
        transition(camera, firing, at + 2, previous=pending, score=0.9, label=label),
    ]
    if ended:
        steps.append(transition(camera, inactive, at + 60, previous=firing, score=0.1, label=label))
    return steps


def record(keeper: Keeper, steps: Sequence[Transition]) -> None:
    """Write steps to the store, all in one transaction."""

    def work(connection: sqlite3.Connection) -> None:
        for step in steps:
            tables.add_transition(connection, step)

    keeper.change_with(work)
