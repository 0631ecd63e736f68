"""``emberwatch tune``: proposes settings of the decision for a stated budget of false alarms."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from monitor.clip_labels import ClipLabel, read_labels
from monitor.clips import ClipPipeline, clip_config
from monitor.config import Config
from monitor.decision.settings import BaselineSettings, decision_settings, rule_settings
from monitor.errors import ConfigError, SourceError
from monitor.evaluate_clips import LABELS_NAME
from monitor.inference.scored import ScoredFrame
from monitor.moment import parse_moment
from monitor.recording import Part, Source, read_recording
from monitor.svg import write_svg
from trainer.console import Console
from trainer.sweep import Candidate, Case, Hazard, candidates, choose, judge, pareto
from trainer.tune_output import Findings, write_json, write_text
from trainer.tune_plot import plot_svg

_PERIODS = {"day": 7.0, "week": 1.0, "month": 7 / 30.4375, "year": 7 / 365.25}
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)/camera/(day|week|month|year)")
EVENT_COLUMNS = ("camera", "began", "ended", "label")


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """What to tune on, and for what."""

    sources: tuple[Path, ...]
    """Folders that ``emberwatch record`` wrote, and folders of clips with ``LABELS.tsv``."""
    budget_per_week: float
    config: Path | None = None
    """Gives rules, model and the settings that are compared with; the defaults without it."""
    events: Path | None = None
    """Table of known fire and smoke in the recordings; all else in them counts as quiet."""
    within_seconds: float = 10.0
    plot: Path | None = None
    """Where the picture of all that was tried goes; none without it."""


def parse_budget(text: str) -> float:
    """False alarms for each camera and week, of ``1/camera/week`` or ``0.5/camera/month``.

    Raises:
        ValueError: the text is no budget.
    """
    match = _BUDGET.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no budget; write it like 1/camera/week, or with day, month or year"
        )
    if not float(match[1]):
        raise ValueError(f"{text!r} can be proven by no recording; allow some, like 1/camera/year")
    return float(match[1]) * _PERIODS[match[2]]


def tune(options: TuneOptions, *, as_json: bool, out: TextIO, console: Console) -> int:
    """Sweep thresholds, times and smoothings over recorded scores, and propose settings.

    Returns:
        The exit status: 0, or 1 where no settings keep to the budget.

    Raises:
        ConfigError: the configuration, the labels or the events are wrong.
        RecordingError: a folder holds no recording, or a broken one.
        BundleError: the bundle cannot be used for the clips.
        EngineError: the engine cannot run, or failed.
        EmberwatchError: the plot cannot be written.
    """
    config = clip_config(options.config)
    camera = config.cameras[0]
    rules = rule_settings(config, camera)
    if not rules:
        raise ConfigError(
            f"{options.config}: camera '{camera.name}' has no rule, so there is nothing to tune; "
            "name one, or put a camera with rules first"
        )
    cases = load_cases(options, config, [rule.label for rule in rules], console)
    # Without the baseline: what it takes away it has learned on this camera, and false alarms are
    # counted as a camera gives them on its first day.
    settings = replace(decision_settings(config, camera), baseline=BaselineSettings(enabled=False))
    current = Candidate(rules[0].threshold, rules[0].hold_seconds, settings.smoothing)
    tried = [*candidates()]
    if current not in tried:
        tried.append(current)
    scores = []
    with console.bar("settings", len(tried)) as bar:
        for candidate in tried:
            tried_rules = candidate.rules(rules)
            scores.append(judge(candidate, cases, tried_rules, settings, options.within_seconds))
            bar.advance(1)
    proposed = choose(scores, options.budget_per_week)
    # With each rule's own threshold and time: those of the first alone stand in the table.
    now = judge(current, cases, rules, settings, options.within_seconds)
    found = Findings(
        options.budget_per_week,
        options.within_seconds,
        now,
        proposed,
        tuple(pareto(scores)),
        tuple(scores),
    )
    if options.plot is not None:
        write_svg(options.plot, plot_svg(found))
    (write_json if as_json else write_text)(out, found)
    return 0 if proposed is not None else 1


def load_cases(
    options: TuneOptions, config: Config, labels: Sequence[str], console: Console
) -> list[Case]:
    """Read the recordings, and score the clips.

    Raises:
        ConfigError: an event is of a camera or a time that was not recorded, or of no rule's label.
    """
    events = read_events(options.events) if options.events is not None else []
    for event in events:
        if event.label not in labels:
            raise ConfigError(
                f"{options.events}: no rule is for label '{event.label}'; there are rules for "
                f"{', '.join(dict.fromkeys(labels))}"
            )
    cases: list[Case] = []
    for folder in options.sources:
        if (folder / LABELS_NAME).is_file():
            cases += _clip_cases(folder, config, console)
        else:
            cases += _recorded_cases(folder, events)
    named = {case.name for case in cases}
    for event in events:
        if event.camera not in named:
            raise ConfigError(
                f"{options.events}: camera '{event.camera}' is in no recording; there are "
                f"{', '.join(sorted(named))}"
            )
    found = sum(len(case.hazards) for case in cases if case.name in {e.camera for e in events})
    if found < len(events):
        raise ConfigError(
            f"{options.events}: {len(events) - found} of {len(events)} events lie outside of what "
            "was recorded; mend their times, or take them out"
        )
    return cases


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """Fire or smoke that a camera is known to have seen; Unix times, seconds."""

    camera: str
    began: float
    ended: float
    label: str


def read_events(path: Path) -> list[KnownEvent]:
    """Read a tab-separated table with the columns camera, began, ended, label.

    Times are Unix times in seconds, or ISO 8601 such as ``2026-03-01T14:30:00+01:00``.

    Raises:
        ConfigError: it cannot be read, or a row is wrong; says which line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    found = []
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        line = rows.line_num
        missing = [column for column in EVENT_COLUMNS if not row.get(column)]
        if missing:
            raise ConfigError(f"{path}:{line}: {missing[0]} is missing; the columns are "
                              f"{', '.join(EVENT_COLUMNS)}, separated by tabs")  # fmt: skip
        try:
            began, ended = parse_moment(row["began"]), parse_moment(row["ended"])
        except ValueError as error:
            raise ConfigError(f"{path}:{line}: {error}") from error
        if ended <= began:
            raise ConfigError(f"{path}:{line}: it ends before it begins")
        found.append(KnownEvent(row["camera"], began, ended, row["label"]))
    return found


def _recorded_cases(folder: Path, events: Sequence[KnownEvent]) -> list[Case]:
    by_camera: dict[str, list[Part]] = {}
    for part in read_recording(folder):
        by_camera.setdefault(part.camera, []).append(part)
    return [
        Case(name, tuple(parts), tuple(_hazards(parts, [e for e in events if e.camera == name])))
        for name, parts in by_camera.items()
    ]


def _hazards(parts: Sequence[Part], events: Iterable[KnownEvent]) -> Iterable[Hazard]:
    """Events in the monotonic time of the first part that shows some of them.

    One may begin between two parts, or before the first: its beginning is counted back then.
    """
    for event in events:
        for part in parts:
            first, last = float(part.captured_at[0]), float(part.captured_at[-1])
            if first <= event.ended and event.began <= last:
                began = float(np.interp(event.began, part.captured_at, part.monotonic))
                began -= max(0.0, first - event.began)
                yield Hazard(began, began + event.ended - event.began, event.label)
                break


def _clip_cases(folder: Path, config: Config, console: Console) -> Iterable[Case]:
    labels = read_labels(folder / LABELS_NAME)
    cases = []
    with ClipPipeline(config) as pipeline, console.bar("clips", len(labels)) as bar:
        for label in labels:
            try:
                frames = list(pipeline.scored_frames(folder / label.file))
            except SourceError as error:
                raise ConfigError(f"{error}; mend the clip, or take it out of the table") from error
            bar.advance(1)
            if frames:
                cases.append(_clip_case(label, _clip_part(pipeline, label.file, frames)))
    return cases


def _clip_part(pipeline: ClipPipeline, name: str, frames: Sequence[ScoredFrame]) -> Part:
    times = np.array([frame.captured_monotonic for frame in frames])
    regions = tuple(part.region.name for part in frames[0].regions)
    scores = np.stack([np.stack([p.scores for p in frame.regions]) for frame in frames])
    source = Source(tuple(pipeline.labels), regions, "clips", pipeline.camera.fps)
    return Part(name, source, times, times, scores)


def _clip_case(label: ClipLabel, part: Part) -> Case:
    if label.onset_seconds is None:
        return Case(label.file, (part,))
    end = max(float(part.monotonic[-1]), label.onset_seconds)
    return Case(label.file, (part,), (Hazard(label.onset_seconds, end, label.kind),))
