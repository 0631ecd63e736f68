"""Wires cameras that must agree: which site's board each camera reports to, and what of it was
known before a restart."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from monitor.alerts.keeper import Keeper
from monitor.clock import Clock
from monitor.config import Camera, Config
from monitor.decision.conditions import Standing
from monitor.decision.decider import Decider
from monitor.decision.site import SiteBoard, site_settings
from monitor.decision.state import Transition

NONE_HELD: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seat:
    """A watched camera with its decision."""

    camera: Camera
    decider: Decider


class Sites:
    """The boards of all sites that ask for agreement. For the watch's thread."""

    def __init__(self, *, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._boards: dict[str, SiteBoard] = {}
        self._of: dict[str, SiteBoard] = {}
        """The board of each camera that has one."""

    def apply(self, config: Config, seats: Iterable[Seat]) -> None:
        """Take the sites of a configuration; what was seen at those that stay is not forgotten.

        Args:
            config: the whole configuration.
            seats: the watched cameras.
        """
        placed = [seat for seat in seats if seat.camera.site is not None]
        now = self._clock.monotonic()
        boards, of = {}, {}
        for name, settings in site_settings(config).items():
            board = self._boards.get(name) or SiteBoard(settings)
            board.settings = settings
            boards[name] = board
            members = {s.camera.name: s for s in placed if s.camera.site == name}
            for gone in set(board.cameras) - members.keys():
                board.leave(gone)
            fresh = [seat for camera, seat in members.items() if camera not in board.cameras]
            for camera, seat in members.items():
                board.join(camera, seat.camera.stale_after, seat.decider.incidents, now)
                of[camera] = board
            if fresh:
                self._recall(board, fresh, now)
        self._boards, self._of = boards, of

    def _recall(self, board: SiteBoard, seats: Collection[Seat], now: float) -> None:
        """What cameras that join saw last, from their restored decisions and the store."""
        wall = self._clock.wall()
        names = {seat.camera.name for seat in seats}
        for seat in seats:
            at = seat.decider.captured_at
            for incident in _open(seat.decider) if at is not None else ():
                board.recall(seat.camera.name, incident, now - max(0.0, wall - (at or 0.0)))
        for camera, incident, ended_at in self._keeper.ended_since(wall - board.settings.within):
            if camera in names:
                board.recall(camera, incident, now - max(0.0, wall - ended_at))

    def held(self, seat: Seat, at: float) -> frozenset[str]:
        """Incidents that may not begin to fire at a camera alone.

        Args:
            seat: the camera.
            at: when its frame was received, monotonic.
        """
        board = self._of.get(seat.camera.name)
        if board is None:
            return NONE_HELD
        return board.held(seat.camera.name, seat.decider.incidents, at)

    def saw(
        self,
        seat: Seat,
        at: float,
        standings: Iterable[Standing],
        transitions: Iterable[Transition],
        *,
        sees: bool,
    ) -> None:
        """A frame of a camera was decided on.

        Args:
            seat: the camera.
            at: when the frame was received, monotonic.
            standings: how its rules stood.
            transitions: what the frame changed.
            sees: whether the frame shows the place. The others do not wait for a camera that does
                not, but what it makes out all the same counts.
        """
        board = self._of.get(seat.camera.name)
        if board is None:
            return
        able = {
            incident
            for incident, standing in zip(seat.decider.incidents, standings, strict=True)
            if sees and standing.holds
        }
        active = _open(seat.decider) | {transition.incident for transition in transitions}
        board.saw(seat.camera.name, at, able=able, active=active)

    def blind(self, camera: str) -> None:
        """A camera gives no fresh picture."""
        board = self._of.get(camera)
        if board is not None:
            board.blind(camera)


def _open(decider: Decider) -> set[str]:
    """Incidents with an alert that is pending or firing."""
    states: Mapping[str, int] = decider.states()
    return {
        incident
        for incident, state in zip(decider.incidents, states.values(), strict=True)
        if state
    }
