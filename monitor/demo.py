"""``emberwatch demo``: the real daemon on the footage that ships, watched until it raises alerts.

The daemon runs as a process of its own, from a configuration and with a state that are thrown away.
What is shown is read back from its ``/metrics`` and its log; nothing is taken from inside.
"""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from monitor.child_daemon import ended_by
from monitor.config_file import load_config
from monitor.demo_daemon import DemoDaemon, LogLine
from monitor.errors import ConfigError, EmberwatchError
from monitor.readings import Reading, ReadingError, fetch
from monitor.share import shared_path
from monitor.status_table import line, table
from monitor.web.server import bind

ALERTS = ("fire", "smoke")
"""What has to fire; each is the name of a rule and of the label that it is for."""

TIME_LIMIT_SECONDS = 120.0
POLL_SECONDS = 0.5
PLAIN_LINES_SECONDS = 5.0
"""How often each camera gets a line where there is no terminal."""

NEWS_SHOWN = 8
"""Lines of the log under the table."""


class DemoError(EmberwatchError):
    """The demo did not show what it has to."""


@dataclass
class _Seen:
    """What the demo has seen so far."""

    reading: Reading | None = None
    peaks: dict[str, float] = field(default_factory=dict)
    """Highest score of each label."""
    fired: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Cameras at which each alert fired, as ``/metrics`` says."""

    def take(self, reading: Reading) -> None:
        self.reading = reading
        for camera in reading.cameras:
            for label, score in camera.scores.items():
                self.peaks[label] = max(score, self.peaks.get(label, 0.0))
        for alert in ALERTS:
            if cameras := reading.fired(alert):
                self.fired[alert] = cameras

    @property
    def complete(self) -> bool:
        return all(alert in self.fired for alert in ALERTS)

    def lacking(self) -> str:
        """What did not happen, and what did."""
        missing = " and ".join(alert for alert in ALERTS if alert not in self.fired)
        if self.reading is None:
            return "the daemon never answered on /metrics"
        told = [f"no {missing} alert fired"]
        told += [
            f"the highest {alert} score was {self.peaks.get(alert, 0.0):.2f}"
            for alert in ALERTS
            if alert not in self.fired
        ]
        told += [
            f"camera {camera.name} is down ({camera.reason or 'starting'})"
            for camera in self.reading.cameras
            if not camera.up
        ]
        return "; ".join(told)


def run_demo(
    keep: bool,
    *,
    listen: str | None = None,
    config: Path | None = None,
    time_limit_seconds: float = TIME_LIMIT_SECONDS,
    console: Console | None = None,
) -> int:
    """Run the daemon until the fire and the smoke alert were read back from its metrics.

    Args:
        keep: go on afterwards, until Ctrl-C.
        listen: another address than the one in the configuration; port 0 for any that is free.
        config: another configuration than the demo's; its ``state_dir`` is not used.
        time_limit_seconds: how long to wait for both alerts.
        console: where to show it; standard output where it is left out.

    Returns:
        0: both alerts fired, or Ctrl-C ended a demo that was to be kept; 1: the reason was shown.

    Raises:
        ConfigError: the address is in use, or the configuration is wrong.
    """
    console = Console() if console is None else console
    with (
        tempfile.TemporaryDirectory(prefix="emberwatch-demo-") as folder,
        ended_by(signal.SIGTERM),
    ):
        path = write_config(config or shared_path("config", "demo.yaml"), Path(folder), listen)
        with DemoDaemon(path, Path(folder) / "log") as daemon:
            seen = _Seen()
            try:
                with _screen(console) as show:
                    _watch(daemon, seen, show, keep, time_limit_seconds)
            except KeyboardInterrupt:
                if not keep:
                    raise
            except DemoError as error:
                console.print(Text(f"Failed: {error}", "bold red"), soft_wrap=True)
                for text in daemon.last_lines():
                    console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)
                return 1
            if keep and not seen.complete:
                console.print("Ended before both alerts had fired.")
                return 0
            places = ", ".join(f"{a} at {' and '.join(seen.fired[a])}" for a in ALERTS)
            url = f"{daemon.url}/metrics"
            console.print(
                Text(
                    f"Done: fire and smoke fired and were read back from {url} ({places})", "green"
                ),
                soft_wrap=True,
            )
    return 0


def write_config(source: Path, folder: Path, listen: str | None) -> Path:
    """Write the demo's configuration for one run into ``folder``; the footage stays where it is.

    Raises:
        ConfigError: the source is wrong, or its address cannot be listened on.
    """
    config = load_config(source)
    address = listen or config.listen
    try:
        bind(address).close()
    except ConfigError as error:
        raise ConfigError(
            f"{error}, as in `emberwatch demo --listen 127.0.0.1:0` (0: any that is free)",
            problems=error.problems,
        ) from error
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    for entry, camera in zip(document["cameras"], config.cameras, strict=True):
        entry["url"] = camera.url
    document |= {
        "listen": address,
        "state_dir": str(folder / "state"),
        "log": {"level": "info", "format": "json"},
    }
    if config.inference.bundle != "default":
        document["inference"]["bundle"] = config.inference.bundle
    path = folder / "demo.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


_Show = Callable[[_Seen, list[LogLine], str], None]


def _watch(
    daemon: DemoDaemon, seen: _Seen, show: _Show, keep: bool, time_limit_seconds: float
) -> None:
    """Look at the daemon until it showed all, or for ever with ``keep``.

    Raises:
        DemoError: the time is over, or the daemon ended.
    """
    began = time.monotonic()
    with httpx.Client(trust_env=False) as client:
        while True:
            code = daemon.poll()
            if code is not None:
                raise DemoError(f"the daemon ended by itself with exit code {code}; its log says:")
            news = daemon.news()
            if daemon.url:
                try:
                    seen.take(fetch(client, daemon.url))
                except ReadingError as error:
                    news.append(LogLine("warning", str(error)))
            passed = time.monotonic() - began
            show(seen, news, f"{passed:.0f} s")
            if seen.complete and not keep:
                return
            if passed > time_limit_seconds and not seen.complete:
                raise DemoError(
                    f"{seen.lacking()} within {time_limit_seconds:.0f} s; the log ends with:"
                )
            time.sleep(POLL_SECONDS)


@contextmanager
def _screen(console: Console) -> Iterator[_Show]:
    """How it is shown: a live table on a terminal, plain lines elsewhere."""
    if console.is_terminal:
        kept: list[LogLine] = []
        with Live(console=console, auto_refresh=False) as live:

            def draw(seen: _Seen, news: list[LogLine], passed: str) -> None:
                kept.extend(news)
                del kept[:-NEWS_SHOWN]
                body = (
                    table(seen.reading, console.width)
                    if seen.reading
                    else Text("The daemon starts.", "dim")
                )
                footer = Text(f"{passed}; fire and smoke begin 6 s into their clips", "dim")
                live.update(Group(body, *map(_styled, kept), footer), refresh=True)

            yield draw
        return
    told = -PLAIN_LINES_SECONDS
    addressed = False

    def write(seen: _Seen, news: list[LogLine], passed: str) -> None:
        nonlocal told, addressed
        if seen.reading and not addressed:
            addressed = True
            # With port 0 nobody could know it otherwise.
            _plain(console, f"{passed:>5}  the daemon listens on {seen.reading.url}/")
        for entry in news:
            _plain(console, f"{passed:>5}  {entry.text}")
        if seen.reading and time.monotonic() - told >= PLAIN_LINES_SECONDS:
            told = time.monotonic()
            for camera in seen.reading.cameras:
                _plain(console, f"{passed:>5}  {line(camera)}")

    yield write


def _plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.file.flush()


def _styled(entry: LogLine) -> Text:
    style = {"error": "bold red", "warning": "yellow"}.get(entry.level, "dim")
    return Text(entry.text, style)
