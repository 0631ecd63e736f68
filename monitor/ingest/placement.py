"""Which camera is read by which worker, and who must sit apart after a fault: pure.

A group of cameras shares one worker process. There are up to ``workers`` shared groups. A camera
that made its worker hang or crash twice in a while is put into a group of its own (quarantine).
Where nobody knows which camera it was, the suspects are split into two groups, so the next crash
halves them again until the guilty one sits alone; the innocent come back soon. Groups apart end
after a time without a fault, so their number comes back to none; while there are as many of them
as allowed, cameras to be isolated share one with the others of their kind.
"""

import enum
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field


class GroupKind(enum.Enum):
    """Why a group exists."""

    SHARED = "shared"
    TRIAL = "trial"
    """Half of the suspects of a crash."""
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class PlacementLimits:
    """The numbers of the policy."""

    workers: int
    """Most shared groups."""
    strikes: int = 2
    """Faults within the window that move a camera."""
    window_seconds: float = 600.0
    quarantine_seconds: float = 1800.0
    """Time without a fault after which a quarantined camera comes back."""
    trial_seconds: float = 600.0
    """The same for suspects."""
    max_apart: int = 8
    """Most groups beside the shared ones."""


@dataclass(slots=True)
class Group:
    """Cameras that share a worker."""

    number: int
    kind: GroupKind
    since: float
    """When it was made, or had its last fault; monotonic seconds."""
    cameras: list[str] = field(default_factory=list)
    faults: deque[float] = field(default_factory=deque)
    """Times of recent faults whose author is unknown."""


@dataclass(frozen=True, slots=True)
class Move:
    """A camera was put into another group."""

    camera: str
    kind: GroupKind


class Placement:
    """The groups as they are now. Time comes in with each call."""

    def __init__(self, limits: PlacementLimits) -> None:
        self._limits = limits
        self._groups: dict[int, Group] = {}
        self._home: dict[str, int] = {}
        self._strikes: dict[str, deque[float]] = {}
        self._next = 0

    def groups(self) -> Sequence[Group]:
        """All groups; none is empty."""
        return tuple(self._groups.values())

    def group_of(self, camera: str) -> int | None:
        """Number of the camera's group."""
        return self._home.get(camera)

    def add(self, camera: str, now: float) -> int:
        """Place a camera in the shared group with the fewest, or in a new one while some are left.

        Returns:
            The number of its group.
        """
        shared = [group for group in self._groups.values() if group.kind is GroupKind.SHARED]
        if len(shared) < self._limits.workers:
            group = self._new_group(GroupKind.SHARED, now)
        else:
            group = min(shared, key=lambda each: (len(each.cameras), each.number))
        self._put(camera, group)
        return group.number

    def remove(self, camera: str) -> None:
        """Forget a camera, and its group where that is empty now."""
        self._take(camera)
        self._strikes.pop(camera, None)

    def fault(
        self, number: int, guilty: Collection[str], suspects: Sequence[str], now: float
    ) -> list[Move]:
        """A group's worker hung or crashed. To be called once its process is gone.

        Args:
            number: the group.
            guilty: cameras that did it for certain; empty where nobody knows.
            suspects: who may have done it, the most likely first; empty accuses nobody.
            now: monotonic time, seconds.

        Returns:
            Who sits in another group now.
        """
        group = self._groups.get(number)
        if group is None:
            return []
        group.since = now
        guilty = [camera for camera in guilty if camera in group.cameras]
        suspects = [camera for camera in suspects if camera in group.cameras]
        if not guilty and len(suspects) == 1:
            guilty = suspects
        moves = []
        if guilty:
            for camera in guilty:
                strikes = self._strikes.setdefault(camera, deque())
                if self._strike(strikes, now):
                    moves += self._isolate(camera, now)
        elif suspects and self._strike(group.faults, now):
            moves += self._split(group, suspects, now)
        return moves

    def over(self, now: float) -> list[int]:
        """Groups apart that were without a fault for long enough to be dissolved."""
        wait = {
            GroupKind.QUARANTINE: self._limits.quarantine_seconds,
            GroupKind.TRIAL: self._limits.trial_seconds,
        }
        return [
            group.number
            for group in self._groups.values()
            if group.kind is not GroupKind.SHARED and now - group.since >= wait[group.kind]
        ]

    def dissolve(self, number: int, now: float) -> list[Move]:
        """Put the cameras of a group apart back among the others."""
        group = self._groups.get(number)
        if group is None or group.kind is GroupKind.SHARED:
            return []
        cameras = tuple(group.cameras)
        for camera in cameras:
            self._take(camera)
            self.add(camera, now)
        return [Move(camera, GroupKind.SHARED) for camera in cameras]

    def _isolate(self, camera: str, now: float) -> list[Move]:
        """Give a guilty camera a group of its own, or one with others of its kind."""
        group = self._groups[self._home[camera]]
        room = self._apart() < self._limits.max_apart
        if group.kind is GroupKind.QUARANTINE and (not room or len(group.cameras) == 1):
            return []
        if len(group.cameras) == 1 and (room or group.kind is GroupKind.TRIAL):
            # Alone already. As quarantine it gets no other camera for company.
            group.kind = GroupKind.QUARANTINE
            return [Move(camera, GroupKind.QUARANTINE)]
        if room:
            target = self._new_group(GroupKind.QUARANTINE, now)
        else:
            quarantined = [
                each for each in self._groups.values() if each.kind is GroupKind.QUARANTINE
            ]
            if not quarantined:
                return []
            target = min(quarantined, key=lambda each: (len(each.cameras), each.number))
            target.since = now
        self._take(camera)
        self._put(camera, target)
        return [Move(camera, GroupKind.QUARANTINE)]

    def _split(self, group: Group, suspects: Sequence[str], now: float) -> list[Move]:
        """Put the likelier half of the suspects into a group of their own."""
        if self._apart() >= self._limits.max_apart:
            return []
        trial = self._new_group(GroupKind.TRIAL, now)
        # Both halves stay under suspicion: the next fault of either splits it at once.
        for _ in range(self._limits.strikes - 1):
            trial.faults.append(now)
            group.faults.append(now)
        half = suspects[: (len(suspects) + 1) // 2]
        for camera in half:
            self._take(camera)
            self._put(camera, trial)
        return [Move(camera, GroupKind.TRIAL) for camera in half]

    def _strike(self, times: deque[float], now: float) -> bool:
        """Note a fault; True where it is one too many, and then the count starts anew."""
        while times and now - times[0] > self._limits.window_seconds:
            times.popleft()
        times.append(now)
        if len(times) < self._limits.strikes:
            return False
        times.clear()
        return True

    def _apart(self) -> int:
        return sum(group.kind is not GroupKind.SHARED for group in self._groups.values())

    def _new_group(self, kind: GroupKind, now: float) -> Group:
        self._next += 1
        group = Group(self._next, kind, now)
        self._groups[group.number] = group
        return group

    def _put(self, camera: str, group: Group) -> None:
        group.cameras.append(camera)
        self._home[camera] = group.number

    def _take(self, camera: str) -> None:
        group = self._groups[self._home.pop(camera)]
        group.cameras.remove(camera)
        if not group.cameras:
            del self._groups[group.number]
