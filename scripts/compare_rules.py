#!/usr/bin/env python3
"""Compare Emberwatch's rule with those of others on the same scores: the table in docs/decision.md.

    scripts/compare_rules.py FOLDER [--scores FILE] [--without CLIP]

FOLDER holds clips and LABELS.tsv, as for `emberwatch evaluate-clips`. Every clip is scored at four
frames a second and judged at one, at each of the four phases. Clips of the training set barely tell
rules apart, so the scores are made harder: hazards are lowered and quiet clips raised by 1 in
log-odds, and noise of 0.8 is added that goes on from frame to frame (correlation 0.5). Quiet clips
are looped to an hour. Each rule's threshold is swept, and taken where its false alarms are no more
than those of the default rule at its own threshold.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from monitor.clip_labels import ClipLabel, read_labels
from monitor.clips import ClipPipeline
from monitor.config import Config
from monitor.decision.decider import Decider
from monitor.decision.settings import DecisionSettings, RuleSettings, SmoothingSettings
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.rivals import RIVALS, Rival, Series

FPS = 4
SHIFT, NOISE, CARRY = 1.0, 0.8, 0.5
REPEATS = 3
QUIET_SECONDS = 3600
KEEP = 30
"""Samples of a second: alarms of the others end as late as ours, or each dip would count anew."""

WITHIN_SECONDS = 10.0
EARLY_SECONDS = 1.0
LABELS = ("fire", "smoke", "misc")


@dataclass(frozen=True, slots=True)
class Trace:
    """The scores of a clip, a row a second: fire, smoke and misc."""

    label: ClipLabel
    times: Series
    scores: Series


Judge = Callable[[Trace, float], list[float]]
"""Times at which alarms begin in a trace, at a threshold."""


@dataclass(frozen=True, slots=True)
class Result:
    threshold: float
    recall: float
    alarms_per_day: float
    delay: float


def score_clips(folder: Path, kept: Path | None) -> dict[str, list[list[float]]]:
    """Time, fire, smoke and misc of each frame of each clip; from ``kept`` where that exists."""
    if kept is not None and kept.exists():
        read: dict[str, list[list[float]]] = json.loads(kept.read_text("utf-8"))
        return read
    config = Config.model_validate({"cameras": [{"name": "clip", "url": "clip", "fps": FPS}]})
    found: dict[str, list[list[float]]] = {}
    with ClipPipeline(config) as pipeline:
        order = [pipeline.labels.index(label) for label in LABELS]
        for label in read_labels(folder / "LABELS.tsv"):
            found[label.file] = [
                [s.captured_monotonic, *(float(s.regions[0].scores[i]) for i in order)]
                for s in pipeline.scored_frames(folder / label.file)
            ]
    if kept is not None:
        kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def traces(
    folder: Path, scored: dict[str, list[list[float]]], without: str | None = None
) -> Iterator[Trace]:
    """Hazards at each phase and with several draws of noise, quiet clips looped; all harder."""
    random = np.random.default_rng(0)
    for label in read_labels(folder / "LABELS.tsv"):
        if label.file == without:
            continue
        rows = np.array(scored[label.file])
        stride = max(1, round(1.0 / float(np.median(np.diff(rows[:, 0])))))
        phases = [rows[offset::stride] for offset in range(min(stride, len(rows)))]
        if label.hazard:
            for phase in phases * REPEATS:
                yield Trace(label, phase[:, 0], harder(phase[:, 1:], -SHIFT, random))
        else:
            rounds = QUIET_SECONDS // sum(len(phase) for phase in phases) + 1
            looped = np.concatenate(phases * rounds)[:QUIET_SECONDS, 1:]
            yield Trace(
                label, np.arange(len(looped), dtype=np.float64), harder(looped, SHIFT, random)
            )


def harder(scores: Series, shift: float, random: np.random.Generator) -> Series:
    """Move the hazard in log-odds, with noise that goes on from frame to frame."""
    noise = random.normal(0.0, NOISE, len(scores))
    for index in range(1, len(noise)):
        noise[index] = CARRY * noise[index - 1] + np.sqrt(1 - CARRY**2) * noise[index]
    logits = np.log(np.clip(scores, 1e-5, 1.0))
    logits[:, LABELS.index("misc")] -= shift + noise
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def ours(smoothing: SmoothingSettings, hold: float) -> Judge:
    """Emberwatch's decision."""

    def judge(trace: Trace, threshold: float) -> list[float]:
        rules = [RuleSettings(name, name, threshold, hold) for name in ("fire", "smoke")]
        settings = replace(DecisionSettings(), smoothing=smoothing)
        decider = Decider("clip", rules, LABELS, settings)
        found = []
        up = False
        for at, row in zip(trace.times.tolist(), trace.scores, strict=True):
            region = ScoredRegion(Region("full"), row.astype(np.float32))
            changes = decider.update(ScoredFrame("clip", 0, at, at, (region,)))
            if not up and any(change.event == "firing" for change in changes):
                found.append(at)
            up = any(state.label == "firing" for state in decider.states().values())
        return found

    return judge


def theirs(rival: Rival, *, joint: bool) -> Judge:
    """Another rule, on the higher of fire and smoke, or on their sum."""

    def judge(trace: Trace, threshold: float) -> list[float]:
        fire, smoke = trace.scores[:, 0], trace.scores[:, 1]
        if joint:
            values = rival.values(fire + smoke)
        else:
            values = np.maximum(rival.values(fire), rival.values(smoke))
        return [float(trace.times[index]) for index in rival.alarms(values, threshold, KEEP)]

    return judge


def measure(judge: Judge, threshold: float, cases: list[Trace]) -> Result:
    hits: dict[str, list[bool]] = {}
    delays: list[float] = []
    alarms, seconds = 0, 0.0
    for trace in cases:
        found = judge(trace, threshold)
        onset = trace.label.onset_seconds
        if onset is None:
            alarms += len(found)
            seconds += float(trace.times[-1])
            continue
        # An alarm that began too early is no detection, nor does it hide one.
        after = [at for at in found if at >= onset - EARLY_SECONDS]
        hits.setdefault(trace.label.file, []).append(
            bool(after) and after[0] <= onset + WITHIN_SECONDS
        )
        delays += [max(0.0, after[0] - onset)] if after else []
    recall = float(np.mean([np.mean(each) for each in hits.values()]))
    return Result(threshold, recall, alarms * 86400.0 / seconds, median(delays) if delays else 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare rules on the same scores.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scores", type=Path, help="keep the scores here, and read them from here")
    parser.add_argument("--without", metavar="CLIP", help="leave out one clip of the table")
    arguments = parser.parse_args()
    scored = score_clips(arguments.folder, arguments.scores)
    cases = list(traces(arguments.folder, scored, arguments.without))
    default = ours(SmoothingSettings(), 1.0)
    judges: list[tuple[str, Judge, list[float]]] = []
    for rival in RIVALS:
        for joint in (False, True):
            name = f"{rival.name}, {'fire + smoke' if joint else 'each label'}"
            judges.append((name, theirs(rival, joint=joint), _range(0.3, 0.99, 0.01)))
    sequential = ours(SmoothingSettings("sequential"), 0.0)
    judges.append(("sequential, for 0 s", sequential, _range(0.65, 0.85, 0.2)))
    print("| rule | threshold | recall | false alarms per camera and day | median time to detect |")
    print("|---|---|---|---|---|")
    for threshold in (0.65, 0.70):
        bar = measure(default, threshold, cases)
        _print("**default: half-life 1 s, for 1 s**", bar)
        for name, judge, sweep in judges:
            results = (measure(judge, value, cases) for value in sweep)
            fit = next((r for r in results if r.alarms_per_day <= bar.alarms_per_day), None)
            if fit is not None:
                _print(name, fit)


def _range(low: float, high: float, step: float) -> list[float]:
    return [round(low + step * index, 2) for index in range(round((high - low) / step) + 1)]


def _print(name: str, result: Result) -> None:
    print(
        f"| {name} | {result.threshold:.2f} | {result.recall:.3f} | {result.alarms_per_day:.0f} "
        f"| {result.delay:.1f} s |",
        flush=True,
    )


if __name__ == "__main__":
    main()
