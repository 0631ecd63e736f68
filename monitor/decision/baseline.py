"""The camera's own baseline: what each region of this view usually scores at this time of day.

A wall that has looked like smoke all week is no news. A score counts for what it is above what
the region usually shows: its log-odds are lowered by ``usual - neutral``, where *neutral* is
``margin`` below the lowest threshold of the camera's rules, or below the region's own. So a scene
as it always was stands at neutral at most, and what is new must rise ``margin`` above it to reach a
threshold.

**What is learned.** For each region, and in it for each label that a rule or the hazard counts and
for the hazard itself, 24 levels in log-odds above neutral, one for each hour of the day (UTC). Once
a minute, the level of the hour at hand moves towards the newest score: up by ``rise_per_day`` for
an hour of observed time, down at a quarter of that, so that it settles at the score that four of
five frames stay below. An hour of the day comes once a day, so ``rise_per_day`` is also the most
that a level rises in a day, however long something lasts.

**What it can never do**, whatever the scene:

- act within the first day. Levels begin at a floor that is more than ``rise_per_day`` below
  neutral, and are not kept below it. So what builds up within a day on a quiet camera, a slow fire
  among it, meets no baseline at all;
- lower a score by more than ``limit``; and evidence of at least ``certain`` is never lowered, see
  :mod:`monitor.decision.decider`;
- learn while an alert is pending: what is being decided on is not yet usual. While one fires,
  the operator knows of it, and levels rise at a quarter of the speed: a lamp that is switched on
  each evening is known after a week, a fire that burns for days is not;
- end what it did not begin: while an alert is pending or firing, the baseline at its begin stands.

**What it reads.** The usual level at a time is the highest within an hour of it, fading out in the
half hour beyond: lamps are not switched on to the minute, and dusk moves with the season.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from monitor.decision.settings import BaselineSettings
from monitor.decision.snapshot import BaselineSnapshot, LevelsSnapshot
from monitor.decision.state import AlertState
from monitor.decision.thresholds import log_odds

HOURS = 24
FALL_SHARE = 0.25
"""Levels fall at this part of the speed at which they rise; the quantile that they settle at is
1 / (1 + this), 0.8."""

FLOOR_SHARE = 1.1
"""The floor is ``rise_per_day`` times this below neutral: an hour may have a look more or less."""

FIRING_SHARE = 0.25
"""While an alert fires, levels move at this part of the speed."""

_TICK_SECONDS = 60.0
_LONGEST_TICK_SECONDS = 300.0
"""Observed time that one look may stand for: the wall clock says when to look, and may be wrong."""


class Baseline:
    """What all regions of one camera usually show."""

    def __init__(
        self,
        settings: BaselineSettings,
        columns: Mapping[int, str],
        joint: Sequence[int],
        threshold: float,
        region_thresholds: Iterable[tuple[str, float]] = (),
    ) -> None:
        """Begin with nothing known.

        Args:
            settings: its constants.
            columns: position and name of each value of a frame that is learned; the hazard is the
                last.
            joint: positions of the labels that share their evidence.
            threshold: the lowest of the camera's rules.
            region_thresholds: regions with a threshold of their own.
        """
        self._settings = settings
        self._columns = tuple(columns)
        self._names = tuple(columns.values())
        self._joint = tuple(joint)
        self._neutral = log_odds(threshold) - settings.margin
        self._neutrals = {n: log_odds(t) - settings.margin for n, t in region_thresholds}
        self._floor = round(-settings.rise_per_day * FLOOR_SHARE, 4)
        self._cap = settings.limit
        self._rise = settings.rise_per_day / 3600.0
        self._minute: float | None = None
        self._seen = 0.0
        self._levels: dict[str, list[list[float]]] = {}
        self._usual: dict[str, tuple[float, ...]] = {}
        self._factors: dict[str, tuple[tuple[int, float], ...]] = {}
        self.shown: Mapping[str, float] = self._show()
        """What is usual now by label, 0 to 1, the highest of all regions; 0 where none is known."""

    def due(self, wall: float, step: float) -> bool:
        """Count a frame; whether it is the first of a minute, in which there is something to do.

        Args:
            wall: Unix time of the frame, seconds.
            step: observed seconds that it adds.
        """
        self._seen += step
        minute = wall // _TICK_SECONDS
        if minute == self._minute:
            return False
        self._minute = minute
        return True

    def lowered(self, region: str, values: list[float]) -> list[float]:
        """The values as they count, 0 to 1; the list itself where nothing is lowered."""
        factors = self._factors.get(region)
        if factors is None:
            return values
        counted = list(values)
        for index, factor in factors:
            odds = values[index] * factor  # log-odds minus x are odds times exp(-x)
            counted[index] = odds / (odds + 1.0 - values[index])
        # What is above the usual in one label alone is news, however high the hazard usually is.
        for index in self._joint:
            if counted[index] > counted[-1]:
                counted[-1] = counted[index]
        return counted

    def usual(self, region: str) -> list[float]:
        """What the region usually shows at the time of the last look, in the order of the values
        of a frame, 0 to 1 and 0 where nothing is known; empty where that holds for all."""
        usual = self._usual.get(region)
        if usual is None:
            return []
        found = [0.0] * (max(self._columns) + 1)
        for index, level in zip(self._columns, usual, strict=True):
            found[index] = self._shown(region, level)
        return found

    def refresh(self) -> None:
        """Take what is usual at this time of day into use; not while an alert is up."""
        hour = ((self._minute or 0.0) * _TICK_SECONDS % 86400.0) / 3600.0
        self._usual = {
            name: tuple(self._level_at(column, hour) for column in columns)
            for name, columns in self._levels.items()
        }
        self._apply()

    def learn(self, frame: Sequence[tuple[str, Sequence[float]]], state: AlertState) -> None:
        """Move the levels of the hour towards the scores of a frame.

        Args:
            frame: the name and the values of each region, as the model gave them.
            state: the highest of the camera's alerts, after the frame.
        """
        seconds = min(self._seen, _LONGEST_TICK_SECONDS)
        self._seen = 0.0
        if state is AlertState.PENDING:
            return
        move = self._rise * seconds * (FIRING_SHARE if state is AlertState.FIRING else 1.0)
        hour = int((self._minute or 0.0) * _TICK_SECONDS % 86400.0 // 3600.0)
        for name, values in frame:
            levels = self._levels.get(name)
            neutral = self._neutral_of(name)
            scores = [min(self._cap, log_odds(values[index]) - neutral) for index in self._columns]
            if levels is None:
                if max(scores) <= self._floor:
                    continue  # nearly all regions: nothing worth a note was ever there
                levels = self._levels[name] = [[self._floor] * HOURS for _ in self._columns]
            for column, score in zip(levels, scores, strict=True):
                level = column[hour]
                if score > level:
                    level = min(score, level + move)
                elif level > self._floor:
                    level = max(score, level - move * FALL_SHARE, self._floor)
                column[hour] = round(level, 4)
            if all(level == self._floor for column in levels for level in column):
                del self._levels[name]

    def skip(self) -> None:
        """Learn nothing from what was seen since the last look."""
        self._seen = 0.0

    def keep(self, regions: Collection[str]) -> None:
        """Forget all other regions."""
        for table in (self._levels, self._usual, self._factors):
            for name in [name for name in table if name not in regions]:
                del table[name]
        self.shown = self._show()

    def dump(self) -> BaselineSnapshot:
        """All that must survive a restart."""
        return BaselineSnapshot(
            model=self._settings.model,
            columns=self._names,
            floor=self._floor,
            seen=self._seen,
            regions=tuple(
                LevelsSnapshot(
                    name,
                    self._neutral_of(name),
                    self._usual.get(name, ()),
                    tuple(tuple(column) for column in self._levels.get(name, ())),
                )
                for name in {**self._levels, **self._usual}
            ),
        )

    def load(self, snapshot: BaselineSnapshot, wall: float | None) -> None:
        """Go on from what :meth:`dump` gave, if it was learned from the same model.

        Args:
            wall: Unix time of the newest frame then.
        """
        if (snapshot.model, snapshot.columns) != (self._settings.model, self._names):
            return

        self._minute = None if wall is None else wall // _TICK_SECONDS
        self._seen = snapshot.seen
        for region in snapshot.regions:
            moved = region.neutral - self._neutral_of(region.name)

            def here(level: float, moved: float = moved) -> float:
                # At the floor of then nothing was known, wherever the floor is now.
                known = level > snapshot.floor
                return min(max(level + moved, self._floor), self._cap) if known else self._floor

            if region.levels:
                self._levels[region.name] = [[here(x) for x in row] for row in region.levels]
            if region.usual:
                self._usual[region.name] = tuple(here(x) for x in region.usual)
        self._apply()

    def _level_at(self, column: Sequence[float], hour: float) -> float:
        own = int(hour)
        level = column[own]
        for neighbour in (own - 1, own + 1):
            distance = abs(hour - neighbour - 0.5)
            fade = max(0.0, distance - 1.0) * 2.0 * (self._cap - self._floor)
            level = max(level, column[neighbour % HOURS] - fade)
        return level

    def _apply(self) -> None:
        self._factors = {}
        for name, usual in self._usual.items():
            factors = tuple(
                (index, math.exp(-level))
                for index, level in zip(self._columns, usual, strict=True)
                if level > 0.0
            )
            if factors:
                self._factors[name] = factors
        self.shown = self._show()

    def _show(self) -> dict[str, float]:
        shown = dict.fromkeys(self._names, 0.0)
        for region, usual in self._usual.items():
            for name, level in zip(self._names, usual, strict=True):
                shown[name] = max(shown[name], self._shown(region, level))
        return shown

    def _neutral_of(self, region: str) -> float:
        return self._neutrals.get(region, self._neutral)

    def _shown(self, region: str, level: float) -> float:
        if level <= self._floor:
            return 0.0
        return 1.0 / (1.0 + math.exp(-level - self._neutral_of(region)))
