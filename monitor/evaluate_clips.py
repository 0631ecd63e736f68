"""``emberwatch evaluate-clips``: how the daemon would have done on clips with known contents."""

import json
from pathlib import Path
from typing import TextIO

from monitor.clip_labels import ClipLabel, read_labels
from monitor.clip_measures import Measures, Outcome, measure
from monitor.clips import ClipPipeline, ClipResult, clip_config

LABELS_NAME = "LABELS.tsv"


def evaluate_clips(
    folder: Path,
    *,
    config: Path | None = None,
    as_json: bool = False,
    within_seconds: float = 10.0,
    out: TextIO,
    err: TextIO,
) -> int:
    """Replay all clips that ``LABELS.tsv`` in a folder names, and compare alerts with labels.

    As JSON each clip is one line, and the last line sums up.

    Args:
        folder: holds ``LABELS.tsv`` and the clips that it names.
        config: a configuration file; the defaults where it is left out.
        as_json: one JSON object a line, else a table for people.
        within_seconds: an alert later than this after the onset comes too late.
        out: where the result goes.
        err: where faults of clips go.

    Returns:
        The exit status: 0, or 1 where a clip could not be read to its end.

    Raises:
        ConfigError: the configuration or the labels are wrong.
        BundleError: the bundle cannot be used.
        EngineError: the engine cannot run, or failed.
    """
    labels = read_labels(folder / LABELS_NAME)
    write = _json_line if as_json else _text_line
    outcomes: list[Outcome] = []
    status = 0
    if not as_json:
        out.write(_HEADING)
    with ClipPipeline(clip_config(config)) as pipeline:
        for label in labels:
            result = pipeline.run(folder / label.file)
            if result.error is not None:
                status = 1
                err.write(f"emberwatch evaluate-clips: {result.error}\n")
                err.flush()
            if not result.frames_scored:
                continue
            outcome = judge(label, result, within_seconds)
            outcomes.append(outcome)
            out.write(write(outcome))
            out.flush()
    measures = measure(outcomes)
    out.write(_json_summary(measures) if as_json else _text_summary(measures, within_seconds))
    return status


def judge(label: ClipLabel, result: ClipResult, within_seconds: float) -> Outcome:
    """Compare what fired in a clip with what it shows."""
    labels = {t.alert: t.label for t in result.transitions}
    times = [(at, labels[alert]) for alert, at in result.first_firing().items()]
    return Outcome(
        label=label,
        seconds=result.seconds,
        frames_scored=result.frames_scored,
        max_scores=result.max_scores,
        firings=tuple(sorted(times)),
        within_seconds=within_seconds,
    )


_HEADING = f"{'clip':<44} {'onset':>6} {'alert at':>8} {'delay':>6}  {'called':<12} result\n"


def _text_line(outcome: Outcome) -> str:
    onset = outcome.label.onset_seconds
    delay = outcome.delay_seconds
    first = outcome.firings[0][0] if outcome.firings else None
    called = " > ".join(label for _, label in outcome.firings)
    return (
        f"{outcome.label.file:<44} {_number(onset):>6} {_number(first):>8} {_number(delay):>6}  "
        f"{called or '-':<12} {outcome.verdict}\n"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _text_summary(measures: Measures, within_seconds: float) -> str:
    lines = [
        f"{measures.hazards} clips with fire or smoke, {measures.quiet} without, "
        f"{measures.camera_hours * 3600:.0f} s in all; in time is within {within_seconds:g} s",
        f"precision {_share(measures.precision)}   recall {_share(measures.recall)}   "
        f"F1 {_share(measures.f1)}",
        f"false alarms {measures.false_alarms}: {_number(measures.false_alarms_per_hour)} for each "
        f"hour without fire or smoke",
        f"time to detect: median {_number(measures.median_delay)} s, longest "
        f"{_number(measures.longest_delay)} s",
        f"fire called fire: {measures.fires_called_fire} of {measures.fires_raised} raised",
    ]
    return "\n" + "\n".join(lines) + "\n"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _json_line(outcome: Outcome) -> str:
    return _dump(
        {
            "clip": outcome.label.file,
            "class": outcome.label.kind,
            "onset_seconds": outcome.label.onset_seconds,
            "frames_scored": outcome.frames_scored,
            "max_scores": {name: round(s, 5) for name, s in outcome.max_scores.items()},
            "fired": [
                {"label": label, "at_seconds": round(at, 3)} for at, label in outcome.firings
            ],
            "delay_seconds": outcome.delay_seconds,
            "result": outcome.verdict,
        }
    )


def _json_summary(measures: Measures) -> str:
    return _dump({"summary": measures.as_dict()})


def _dump(line: dict[str, object]) -> str:
    return json.dumps(line) + "\n"
