"""``emberwatch silence``: keeps a camera's alerts from waking anybody, for a time.

Silences are written to the daemon's own store, where it finds them within a second, running or at
its next start.
"""

import difflib
import getpass
import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TextIO

from monitor.alerts import silence_tables
from monitor.alerts.silences import Silence
from monitor.clock import Clock, SystemClock
from monitor.config import Config
from monitor.config_file import load_config
from monitor.config_values import parse_duration
from monitor.errors import EmberwatchError

LONGEST_COMMENT = 500


class SilenceError(EmberwatchError):
    """The silence cannot be set: a wrong duration, camera, label or id."""


def add_silence(
    camera: str,
    *,
    config: Path,
    lasts: str,
    comment: str,
    label: str | None,
    author: str | None,
    out: TextIO,
    clock: Clock | None = None,
) -> int:
    """Silence a camera's alerts from now on.

    Args:
        camera: its name.
        config: the daemon's configuration file.
        lasts: for how long, such as ``2h`` or ``1h30m``.
        comment: why; other people read it.
        label: alerts for this label alone; None: all.
        author: who; None: the user who runs this.
        out: where it is told.
        clock: the machine's, if left out.

    Returns:
        0.

    Raises:
        ConfigError: the configuration is wrong.
        SilenceError: there is no such camera or label, or it would last too long.
        StoreError: the store cannot be written.
    """
    settings = load_config(config)
    seconds = _seconds(lasts, settings)
    _check_names(camera, label, settings)
    text = " ".join(comment.split())
    if not text or len(text) > LONGEST_COMMENT:
        raise SilenceError(f"say why with --comment, in 1 to {LONGEST_COMMENT} characters")
    now = (clock or SystemClock()).wall()
    with silence_tables.daemon_store(store_path(settings)) as connection:
        silence = silence_tables.add(
            connection,
            camera=camera,
            label=label,
            created_at=now,
            ends_at=now + seconds,
            created_by=author or current_user(),
            comment=text,
        )
    out.write(f"silence {silence.id}: {_what(silence)} until {_time(silence.ends_at)}\n")
    out.write(f"to end it before: emberwatch silence expire {silence.id} --config {config}\n")
    return 0


def list_silences(*, config: Path, as_json: bool, out: TextIO, clock: Clock | None = None) -> int:
    """Write the silences that are in force.

    Returns:
        0.

    Raises:
        ConfigError: the configuration is wrong.
        StoreError: the store cannot be read.
    """
    settings = load_config(config)
    now = (clock or SystemClock()).wall()
    with silence_tables.daemon_store(store_path(settings)) as connection:
        found = silence_tables.ending_after(connection, now)
    for silence in found:
        out.write(f"{json.dumps(asdict(silence)) if as_json else _line(silence)}\n")
    if not found and not as_json:
        out.write("No camera is silenced.\n")
    return 0


def expire_silence(number: int, *, config: Path, out: TextIO, clock: Clock | None = None) -> int:
    """End a silence now.

    Returns:
        0.

    Raises:
        ConfigError: the configuration is wrong.
        SilenceError: there is none with this id in force.
        StoreError: the store cannot be written.
    """
    settings = load_config(config)
    now = (clock or SystemClock()).wall()
    with silence_tables.daemon_store(store_path(settings)) as connection:
        silence = silence_tables.expire(connection, number, now)
    if silence is None:
        raise SilenceError(
            f"no silence {number} is in force; `emberwatch silence list` shows those that are"
        )
    out.write(f"silence {number} has ended: {_what(silence)}\n")
    return 0


def store_path(config: Config) -> Path:
    """The file of the event store of a configuration."""
    return config.state_dir / "events.db"


def _seconds(lasts: str, config: Config) -> float:
    try:
        seconds = parse_duration(lasts)
    except ValueError as error:
        raise SilenceError(f"--for: {error}") from error
    longest = config.silence.max_duration
    if not isinstance(seconds, float) or not 0 < seconds <= longest:
        raise SilenceError(
            f"--for: {lasts} is not above 0 and at most {longest / 3600:g} h, the longest that "
            "silence.max_duration allows; set a new silence when it has ended"
        )
    return seconds


def _check_names(camera: str, label: str | None, config: Config) -> None:
    cameras = [entry.name for entry in config.cameras]
    if camera not in cameras:
        raise SilenceError(f"there is no camera '{camera}'; {_guess(camera, cameras)}")
    labels = sorted({rule.label for rule in config.rules})
    if label is not None and label not in labels:
        raise SilenceError(f"no rule is for the label '{label}'; {_guess(label, labels)}")


def _guess(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"


def current_user() -> str:
    """Who runs this; whoever became root by sudo is named."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return f"uid {os.getuid()}"


def _what(silence: Silence) -> str:
    alerts = "all alerts" if silence.label is None else f"alerts for {silence.label}"
    return f"{alerts} of camera '{silence.camera}'"


def _line(silence: Silence) -> str:
    return (
        f"{silence.id:>4}  {silence.camera:<20} {silence.label or 'all':<8} until "
        f"{_time(silence.ends_at)}  {silence.created_by}: {silence.comment}"
    )


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
