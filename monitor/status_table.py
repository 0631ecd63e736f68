"""Draws a reading of the daemon for people: a table on a terminal, or plain lines."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.decision.state import AlertState
from monitor.readings import CameraReading, Reading
from monitor.status_faults import fault_lines

_CALM = "misc"
"""The label whose score says that nothing burns."""

LEAST_NAME, LEAST_STATE = 6, 6
"""Columns that the name and the state of a camera keep on the narrowest terminal."""

SLOW_RATIO = 0.8
"""Cameras whose frames are scored less often than this share of their rate are shown so."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the table shows, and how wide."""

    bar: int
    """Columns of the bar of a score; 0: the figure alone."""
    stacked: bool = False
    """Whether the alerts of a camera stand below each other."""
    picture: bool = True
    """Whether the picture has a column; else State tells of one that is not as it must be."""
    padding: int = 1


_LAYOUTS = (
    _Layout(8),
    _Layout(3),
    _Layout(0),
    _Layout(0, stacked=True),
    _Layout(0, stacked=True, picture=False),
    _Layout(0, stacked=True, picture=False, padding=0),
)
"""From the widest to the narrowest: what decides is never cut, so all else gives way before."""

_ALERT_STYLES = {
    AlertState.INACTIVE: "dim",
    AlertState.PENDING: "bold black on yellow",
    AlertState.FIRING: "bold white on red",
}


def table(reading: Reading, width: int = 120) -> RenderableType:
    """One row for each camera: whether it is watched, its scores, its alerts; above it what else
    is wrong.

    Args:
        width: columns of the terminal; where they are few, bars go first, then the column of the
            picture, then the ends of long names.
    """
    widest = max((cell_len(camera.name) for camera in reading.cameras), default=0)
    for layout in _LAYOUTS:
        columns = _columns(reading, layout)
        around = (2 * layout.padding + 1) * (len(columns) + 1) + 1
        room = width - around - sum(column.width for column in columns)
        if room >= max(widest, len("Camera")):
            break
    grid = Table(expand=False, header_style="bold", border_style="dim", padding=(0, layout.padding))
    grid.add_column("Camera", no_wrap=True, max_width=max(room, LEAST_NAME))
    state, *others = columns
    cut = max(0, LEAST_NAME - room)
    grid.add_column(state.name, no_wrap=True, max_width=max(state.width - cut, LEAST_STATE))
    for column in others:
        grid.add_column(
            column.name,
            justify="right" if column.name == "Age" else "left",
            no_wrap=True,
            min_width=column.width,
        )
    for number, camera in enumerate(reading.cameras):
        cells = (column.cells[number] for column in columns)
        grid.add_row(Text(camera.name, style="bold"), *cells)
    faults = (Text(told, "bold yellow") for told in fault_lines(reading))
    return Group(_headline(reading), *faults, grid)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cells: tuple[Text, ...]
    """One for each camera."""

    @property
    def width(self) -> int:
        """What the widest line in it takes."""
        lines = (cell_len(line) for cell in self.cells for line in cell.plain.split("\n"))
        return max(cell_len(self.name), *lines, 0)


def _columns(reading: Reading, layout: _Layout) -> list[_Column]:
    """All but the names of the cameras."""

    def column(name: str, draw: Callable[[CameraReading], Text]) -> _Column:
        return _Column(name, tuple(draw(camera) for camera in reading.cameras))

    def score(label: str) -> _Column:
        return column(
            label.capitalize(),
            lambda camera: _score(label, camera.scores.get(label), layout.bar),
        )

    labels = reading.labels or _labels_seen(reading.cameras)
    return [
        column("State", lambda camera: _state(camera, tells_picture=not layout.picture)),
        *([column("Picture", _picture)] if layout.picture else []),
        column("Age", _age),
        *map(score, labels),
        column("Alerts", lambda camera: _alerts(camera, "\n" if layout.stacked else " ")),
    ]


def line(camera: CameraReading) -> str:
    """One camera in one plain line, for where no terminal is."""
    rate = f" at {camera.sampling_ratio:.0%} of its rate"
    up = f"up{rate}" if camera.sampling_ratio < SLOW_RATIO else "up"
    state = up if camera.up else f"down ({camera.reason or 'starting'})"
    if camera.up and camera.stale:
        state = f"stale ({camera.age_seconds:.0f} s old)"
    scores = " ".join(f"{label} {score:.2f}" for label, score in camera.scores.items())
    alerts = ", ".join(
        _alert(camera, name, state)
        for name, state in camera.alerts.items()
        if state is not AlertState.INACTIVE
    )
    alerts = alerts or ("no alert" if camera.watched else "not watched")
    parts = (state, _shown_health(camera), scores or "no score", alerts)
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
    silenced = sum(
        state is AlertState.FIRING and name in camera.silenced
        for camera in reading.cameras
        for name, state in camera.alerts.items()
    )
    if silenced:
        text.append(f" ({silenced} silenced)", "bold yellow")
    if reading.sampling_share < 1.0:
        text.append(f"  overloaded: sampled at {reading.sampling_share:.0%}", "bold yellow")
    return text


def _labels_seen(cameras: Iterable[CameraReading]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for camera in cameras for label in camera.scores))


def _state(camera: CameraReading, *, tells_picture: bool) -> Text:
    if tells_picture and _shown_health(camera) not in ("", "ok"):
        return Text(f"● {camera.health}", "bold yellow")
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
    if camera.health and not _shown_health(camera):
        return Text("-", "dim")
    style = {"ok": "green", "": "dim"}.get(camera.health, "bold yellow")
    return Text(camera.health or "none yet", style)


def _shown_health(camera: CameraReading) -> str:
    """What the picture shows; empty where it is of a time before the camera went."""
    return camera.health if camera.up and not camera.stale else ""


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


def _alerts(camera: CameraReading, between: str) -> Text:
    text = Text()
    for name, state in camera.alerts.items():
        if state is AlertState.INACTIVE:
            continue
        text.append(between if text else "")
        text.append(f" {_alert(camera, name, state)} ", _ALERT_STYLES[state])
    return text or (Text("none", "dim") if camera.watched else Text("unknown", "yellow"))


def _alert(camera: CameraReading, name: str, state: AlertState) -> str:
    """An alert in words, as in ``fire FIRING silenced``."""
    word = "FIRING" if state is AlertState.FIRING else state.label
    return f"{name} {word}{' silenced' if name in camera.silenced else ''}"
