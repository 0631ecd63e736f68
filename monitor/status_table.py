"""Draws a reading of the daemon for people: a table on a terminal, or plain lines."""

import math
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.decision.state import AlertState
from monitor.readings import CameraReading, Reading

_CALM = "misc"
"""The label whose score says that nothing burns."""

_BARS = ((104, 8), (84, 3), (0, 0))
"""Least width of the terminal, and how many columns the bar of a score has there."""

SLOW_RATIO = 0.8
"""Cameras whose frames are scored less often than this share of their rate are shown so."""

_ALERT_STYLES = {
    AlertState.INACTIVE: "dim",
    AlertState.PENDING: "bold black on yellow",
    AlertState.FIRING: "bold white on red",
}


def table(reading: Reading, width: int = 120) -> RenderableType:
    """One row for each camera: whether it is watched, its scores, its alerts.

    Args:
        width: columns of the terminal; where they are few, the bars of the scores are short.
    """
    cells = next(bar for least, bar in _BARS if width >= least)
    grid = Table(expand=False, header_style="bold", border_style="dim")
    grid.add_column("Camera", no_wrap=True)
    grid.add_column("State", no_wrap=True)
    grid.add_column("Picture", no_wrap=True)
    grid.add_column("Age", justify="right", no_wrap=True)
    labels = reading.labels or _labels_seen(reading.cameras)
    for label in labels:
        grid.add_column(label.capitalize(), no_wrap=True)
    grid.add_column("Alerts", no_wrap=True)
    for camera in reading.cameras:
        grid.add_row(
            Text(camera.name, style="bold"),
            _state(camera),
            _picture(camera),
            _age(camera),
            *(_score(label, camera.scores.get(label), cells) for label in labels),
            _alerts(camera),
        )
    return Group(_headline(reading), grid)


def line(camera: CameraReading) -> str:
    """One camera in one plain line, for where no terminal is."""
    rate = f" at {camera.sampling_ratio:.0%} of its rate"
    up = f"up{rate}" if camera.sampling_ratio < SLOW_RATIO else "up"
    state = up if camera.up else f"down ({camera.reason or 'starting'})"
    scores = " ".join(f"{label} {score:.2f}" for label, score in camera.scores.items())
    alerts = ", ".join(
        f"{name} {'FIRING' if state is AlertState.FIRING else state.label}"
        for name, state in camera.alerts.items()
        if state is not AlertState.INACTIVE
    )
    parts = (state, camera.health, scores or "no score", alerts or "no alert")
    return f"{camera.name}: {'; '.join(filter(None, parts))}"


def _headline(reading: Reading) -> Text:
    watched = sum(camera.watched for camera in reading.cameras)
    firing = sum(state is AlertState.FIRING for c in reading.cameras for state in c.alerts.values())
    text = Text.assemble(
        ("Emberwatch ", "bold"),
        (reading.version, "bold"),
        f"  {reading.url}  {reading.engine or 'loading the model'}",
        f" on {reading.device}  " if reading.device else "  ",
    )
    complete = watched == len(reading.cameras)
    text.append(f"{watched}/{len(reading.cameras)} watched", "green" if complete else "bold red")
    text.append("  ")
    text.append(f"{firing} firing", "bold red" if firing else "green")
    if reading.sampling_share < 1.0:
        text.append(f"  overloaded: sampled at {reading.sampling_share:.0%}", "bold yellow")
    return text


def _labels_seen(cameras: Iterable[CameraReading]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for camera in cameras for label in camera.scores))


def _state(camera: CameraReading) -> Text:
    if camera.stale:
        return Text(f"✖ stale{f' ({camera.reason})' if camera.reason else ''}", "bold red")
    if camera.up and camera.sampling_ratio < SLOW_RATIO:
        return Text(f"● up, {camera.sampling_ratio:.0%} of its rate", "yellow")
    if camera.up:
        return Text("● up", "green")
    if camera.reason:
        return Text(f"✖ {camera.reason.replace('_', ' ')}", "bold red")
    return Text("○ starting", "dim")


def _picture(camera: CameraReading) -> Text:
    style = {"ok": "green", "": "dim"}.get(camera.health, "bold yellow")
    return Text(camera.health or "none yet", style)


def _age(camera: CameraReading) -> Text:
    if math.isnan(camera.age_seconds):
        return Text("-", "dim")
    seconds = camera.age_seconds
    text = f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return Text(text, "bold red" if camera.stale else "")


def _score(label: str, score: float | None, cells: int) -> Text:
    """A bar of eighths and the figure."""
    if score is None:
        return Text("-", "dim")
    eighths = round(min(max(score, 0.0), 1.0) * cells * 8)
    full, part = divmod(eighths, 8)
    bar = "█" * full + ("" if not part else " ▏▎▍▌▋▊▉"[part])
    if label == _CALM:
        style = "green"
    else:
        style = "red" if score >= 0.6 else "yellow" if score >= 0.3 else "dim"
    if not cells:
        return Text(f"{score:.2f}", style)
    return Text.assemble((f"{bar:<{cells}}", style), f" {score:.2f}")


def _alerts(camera: CameraReading) -> Text:
    text = Text()
    for name, state in camera.alerts.items():
        if state is AlertState.INACTIVE:
            continue
        word = "FIRING" if state is AlertState.FIRING else state.label
        text.append(" " if text else "")
        text.append(f" {name} {word} ", _ALERT_STYLES[state])
    return text or Text("none", "dim")
