"""Evidence of alerts: wires what the watch sees, what workers keep, and the clerk that writes.

All but the look-ups belong to the watch's thread, and nothing here waits for a disk.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.alerts.events import Evidence as EvidenceFile
from monitor.alerts.evidence_clerk import Clerk
from monitor.alerts.evidence_folder import EvidenceFolder
from monitor.alerts.evidence_jobs import ClipEnd, ClipWish, Fired, First, Over
from monitor.alerts.evidence_picture import Heat, Sight
from monitor.alerts.evidence_retention import Bounds
from monitor.alerts.evidence_shelf import EvidenceShelf
from monitor.alerts.keeper_shared import SharedStore
from monitor.clock import Clock
from monitor.config import Config
from monitor.config_camera import films
from monitor.decision.state import AlertState, Transition
from monitor.inference.locate import heat_map
from monitor.inference.scored import ScoredFrame
from monitor.ingest.clip_orders import ClipOrder, ClipOrders
from monitor.ingest.frame import Frame
from monitor.metrics_evidence import EvidenceMetrics

EVIDENCE_FOLDER = "evidence"
"""Within ``state_dir``."""

_STOP_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame whose scores changed the state of alerts."""

    frame: Frame
    scored: ScoredFrame
    labels: tuple[str, ...]
    """Of the model, in the order of its scores."""
    hazards: tuple[str, ...]
    """Labels that share their evidence, the mildest first."""


class Evidence:
    """Pictures and clips of alerts.

    Args:
        config: the configuration; the folder below its ``state_dir`` is made where it is missing.
        clips: orders clips of cameras.
        store: where events and their files stand.
        metrics: where it is counted.
        clock: the machine's.
    """

    def __init__(
        self,
        config: Config,
        clips: ClipOrders,
        store: SharedStore,
        metrics: EvidenceMetrics,
        clock: Clock,
    ) -> None:
        self._clips = clips
        self._clock = clock
        self._shelf = EvidenceShelf(
            EvidenceFolder(config.state_dir / EVIDENCE_FOLDER),
            store,
            counts=metrics,
            wall=clock.wall,
            monotonic=clock.monotonic,
        )
        self._clerk = Clerk(self._shelf, store, counts=metrics, monotonic=clock.monotonic)
        self._before = self._after = 0.0
        self._snapshots = False
        self._filmed: frozenset[str] = frozenset()
        self._open: dict[tuple[str, str], dict[str, AlertState]] = {}
        """Alerts that are pending or firing, by camera and incident."""
        self._held: dict[tuple[str, str], float] = {}
        """Monotonic time at which incidents began whose clips were not ordered yet."""
        self.apply(config)
        self._clerk.start()

    @property
    def fault(self) -> str:
        """Why evidence cannot be written, or the last file could not be; empty if it was."""
        if self._clerk.died:
            return "the thread that writes evidence has ended; restart the daemon"
        return self._shelf.fault

    @property
    def pictures(self) -> bool:
        """Whether pictures are made. For any thread."""
        return self._snapshots

    # Look-ups, for any thread.

    def of_event(self, event_id: int) -> list[EvidenceFile]:
        """The files of an event that are there, in the order in which they were added.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._shelf.of_event(event_id)

    def snapshot_for(self, event_id: int) -> Path | None:
        """The newest picture of an event with box and score; None where there is none.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._shelf.snapshot_for(event_id)

    def path_of(self, file: EvidenceFile) -> Path | None:
        """Where a file is; None where the store names what cannot be one of ours."""
        return self._shelf.path_of(file)

    # For the watch's thread.

    def apply(self, config: Config) -> None:
        """Go on by another configuration."""
        evidence = config.evidence
        self._before, self._after = evidence.before, evidence.after
        self._snapshots = evidence.snapshots
        self._filmed = frozenset(
            camera.name for camera in config.cameras if films(camera, evidence)
        )
        self._clerk.quality = evidence.quality
        self._shelf.bounds = Bounds(evidence.max_age, evidence.max_size, evidence.min_free)
        watched = {camera.name for camera in config.cameras if camera.enabled}
        for key in [key for key in self._open if key[0] not in watched]:
            self._end(key)

    def saw(self, seen: Seen, transitions: Collection[Transition]) -> None:
        """Alerts of a camera changed their state in a frame; to be called once that is recorded."""
        for transition in transitions:
            key = (transition.camera, transition.incident or transition.alert)
            alerts = self._open.setdefault(key, {})
            if transition.state is AlertState.INACTIVE:
                alerts.pop(transition.alert, None)
                if not alerts:
                    self._end(key)
                continue
            alerts[transition.alert] = transition.state
            if transition.state is AlertState.PENDING:
                self._began(key, seen, transition)
            else:
                self._fired(key, seen, transition)

    def tend(self) -> None:
        """Pass on what the clerk wants and what workers tell; to be called some times a second."""
        tasks = self._clerk.tasks
        while tasks:
            task = tasks.popleft()
            self._clips.order(
                ClipOrder(
                    task.clip, task.camera, task.descriptor, task.since, task.until, task.max_bytes
                )
            )
            self._clips.hold(task.camera, self._held_since(task.camera))
        self._hear()

    def close(self) -> None:
        """Write what waits; to be called after the workers have ended."""
        self._hear()
        self._clerk.close(_STOP_SECONDS)

    def _began(self, key: tuple[str, str], seen: Seen, transition: Transition) -> None:
        if self._snapshots:
            self._clerk.submit(First(_sight(seen, transition, key[1])))
        if key[0] in self._filmed and key not in self._held:
            self._held[key] = transition.captured_monotonic
            self._clips.hold(key[0], self._held_since(key[0]))

    def _fired(self, key: tuple[str, str], seen: Seen, transition: Transition) -> None:
        began = self._held.pop(key, transition.captured_monotonic)
        wish = None
        if key[0] in self._filmed:
            wish = ClipWish(began - self._before, transition.captured_monotonic + self._after)
        if self._snapshots or wish is not None:
            sight = _sight(seen, transition, key[1])
            self._clerk.submit(Fired(sight, self._snapshots, wish))

    def _end(self, key: tuple[str, str]) -> None:
        self._open.pop(key, None)
        self._held.pop(key, None)
        if key[0] in self._filmed:
            self._clips.hold(key[0], self._held_since(key[0]))
        if self._snapshots:
            self._clerk.submit(Over(*key))

    def _held_since(self, camera: str) -> float | None:
        """From when on a camera's packets are to be kept for clips that may be ordered."""
        began = [at for (name, _), at in self._held.items() if name == camera]
        return min(began) - self._before if began else None

    def _hear(self) -> None:
        for done in self._clips.take():
            self._clerk.submit(ClipEnd(done.clip, done.container, done.began_at, done.cut))


def _sight(seen: Seen, transition: Transition, incident: str) -> Sight:
    return Sight(
        camera=transition.camera,
        alert=transition.alert,
        label=transition.label,
        incident=incident,
        score=transition.score,
        captured_at=transition.captured_at,
        captured_monotonic=transition.captured_monotonic,
        image=seen.frame.image,
        box=transition.box,
        heat=_heat(seen, transition),
    )


def _heat(seen: Seen, transition: Transition) -> Heat | None:
    """What the box of the transition was made from."""
    meant = _meant(transition.label, seen.labels, seen.hazards)
    for part in seen.scored.regions:
        if part.region.name == transition.why.region and part.cells is not None:
            if len(meant) == len(seen.labels):
                return None
            return Heat(part.region, heat_map(part.cells, meant))
    return None


def _meant(label: str, labels: Sequence[str], hazards: Sequence[str]) -> list[int]:
    """Positions of a label and of graver ones."""
    graver = hazards[hazards.index(label) :] if label in hazards else (label,)
    return [labels.index(name) for name in graver if name in labels]
