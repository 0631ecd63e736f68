"""``emberwatch replay FOLDER --camera NAME``: what the daemon would have said of recorded scores.

Scores are decided by the daemon's own decider, with the settings of the configuration and its times
of day; signals count as off, and other cameras of a site are not waited for. Nothing is left out:
the baseline is learned from the recording's first frame on, also where only a part is asked for.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from monitor.clips import clip_config
from monitor.config import Camera, Config
from monitor.decision.conditions import CameraConditions, conditions
from monitor.decision.decider import Decider
from monitor.decision.settings import decision_settings, rule_settings
from monitor.decision.state import AlertState, Transition
from monitor.errors import ConfigError
from monitor.explain import TimelineCollector
from monitor.explain_picture import timeline_svg
from monitor.inference.scored import ScoredFrame
from monitor.recording import Part, RecordingError, read_recording
from monitor.svg import write_svg


@dataclass(frozen=True, slots=True)
class Asked:
    """Which scores of a recording."""

    folder: Path
    camera: str
    began: float | None = None
    """Unix time; None: from the beginning."""
    ended: float | None = None
    """Unix time; None: to the end."""


def replay_recording(
    asked: Asked,
    *,
    config: Path | None = None,
    as_json: bool = False,
    explain: Path | None = None,
    out: TextIO,
) -> int:
    """Decide on recorded scores, write each change of state, and draw the timeline if asked to.

    Args:
        asked: which scores.
        config: a configuration file with the camera; the defaults where it is left out.
        as_json: one JSON object a line, else text for people.
        explain: where the picture goes.
        out: where the result goes.

    Returns:
        The exit status, 0.

    Raises:
        ConfigError: the configuration is wrong, or has no such camera.
        RecordingError: the folder holds no such recording, nothing of that time, or a broken
            archive.
        EmberwatchError: the picture cannot be written, or would hold too much.
    """
    settings = clip_config(config)
    camera = settings.cameras[0] if config is None else _camera(settings, asked.camera, config)
    parts = list(read_recording(asked.folder, [asked.camera]))
    collector = TimelineCollector(asked.camera, unix=True)
    frames = 0
    fired: dict[str, None] = {}
    for frame, transitions, decider in _decide(parts, settings, camera, asked.ended):
        at = frame.captured_at
        if asked.began is not None and at < asked.began:
            continue
        frames += 1
        for transition in transitions:
            _write(out, transition, as_json)
            if transition.state is AlertState.FIRING:
                fired[transition.alert] = None
        if explain is not None:
            collector.add(at, decider.levels(), transitions)
    if not frames:
        first, last = float(parts[0].captured_at[0]), float(parts[-1].captured_at[-1])
        raise RecordingError(
            f"{asked.folder}: holds no scores of camera '{asked.camera}' at that time; they are "
            f"from {_clock(first)} to {_clock(last)}"
        )
    if as_json:
        line = {"camera": asked.camera, "frames": frames, "fired": list(fired)}
        out.write(json.dumps(line) + "\n")
    else:
        out.write(f"  {frames} frames of recorded scores; fired: {', '.join(fired) or 'nothing'}\n")
    if explain is not None:
        write_svg(explain, timeline_svg(collector.timeline()))
    return 0


def _decide(
    parts: list[Part], config: Config, camera: Camera, ended: float | None
) -> Iterator[tuple[ScoredFrame, list[Transition], Decider]]:
    """Each frame, what it changed, and the decider as it stands until the next one is taken."""
    decider: Decider | None = None
    before: Part | None = None
    times = CameraConditions(conditions(config, camera))
    for part in parts:
        # Time begins anew where the machine did; another model or rate is like a reload.
        if decider is None or before is None or not part.follows(before):
            decider = _next_decider(decider, part, config, camera)
        before = part
        for frame in part.frames():
            if ended is not None and frame.captured_at > ended:
                return
            transitions = decider.update(frame, times.standings(frame.captured_at, frozenset()))
            yield frame, transitions, decider


def _next_decider(before: Decider | None, part: Part, config: Config, camera: Camera) -> Decider:
    source = part.source
    settings = replace(
        decision_settings(config, camera, source.bundle), sample_seconds=1.0 / source.fps
    )
    decider = Decider(part.camera, rule_settings(config, camera), source.labels, settings)
    if before is not None:
        decider.restore(before.snapshot())
    return decider


def _camera(config: Config, name: str, path: Path) -> Camera:
    for camera in config.cameras:
        if camera.name == name:
            return camera
    names = ", ".join(camera.name for camera in config.cameras)
    raise ConfigError(f"{path}: has no camera '{name}'; there are {names}")


def _write(out: TextIO, transition: Transition, as_json: bool) -> None:
    if as_json:
        line = {
            "camera": transition.camera,
            "alert": transition.alert,
            "label": transition.label,
            "state": transition.event,
            "at": transition.captured_at,
            "score": round(transition.score, 5),
        }
        out.write(json.dumps(line) + "\n")
        return
    out.write(
        f"  {_clock(transition.captured_at)}  {transition.alert:<16} {transition.event:<9} "
        f"{transition.score:.3f}\n"
    )


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
