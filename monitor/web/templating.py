"""How pages are written: the templates, and how they tell times."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from monitor.web.access import Caller

_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page shows beside its content."""

    here: str
    """The entry of the menu that is the page's own; empty where none is."""
    caller: Caller
    login: bool
    """Whether there is a token to log in with."""
    path: str = "/"
    """Where the page is, to come back to."""


class Templates:
    """The pages' templates; all text is escaped."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "clock": clock_time,
            "iso": iso_time,
            "lasted": duration,
            "percent": percent,
            "size": size,
        }

    def render(self, name: str, frame: Frame, **values: Any) -> str:
        """A page as HTML."""
        return self._environment.get_template(name).render(frame=frame, **values)


def asset(name: str) -> str:
    """The text of a style sheet, script or drawing that pages load."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min``, ``5 h 2 min``, ``12 d 3 h``."""
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def clock_time(unix: float) -> str:
    """Date and time of day where this machine is."""
    return _local(unix).strftime("%Y-%m-%d %H:%M:%S %Z")


def iso_time(unix: float) -> str:
    """The same for programs."""
    return _local(unix).isoformat(timespec="seconds")


def percent(share: float) -> str:
    """``87 %``; what is not quite certain is not called so."""
    return f"{min(99.0, share * 100):.0f} %" if share < 1.0 else "100 %"


def size(count: int) -> str:
    """``3.4 MB``."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def _local(unix: float) -> datetime:
    return datetime.fromtimestamp(unix).astimezone()
