"""``emberwatch status``: the cameras, scores and alerts of a running daemon, live."""

import time

import httpx
from rich.console import Console
from rich.live import Live
from rich.text import Text

from monitor.readings import ReadingError, fetch
from monitor.status_table import line, table

REFRESH_SECONDS = 1.0


def status(url: str, once: bool, *, console: Console | None = None) -> int:
    """Show what the daemon at ``url`` says of itself on ``/metrics``.

    On a terminal a table that is drawn anew each second until Ctrl-C; elsewhere, or with ``once``,
    it is printed once. A daemon that stops answering while it is shown is said to, and looked for
    again.

    Returns:
        0.

    Raises:
        ReadingError: no Emberwatch answers there.
    """
    console = Console() if console is None else console
    with httpx.Client(trust_env=False) as client:
        reading = fetch(client, url)
        if not console.is_terminal:
            for camera in reading.cameras:
                console.print(line(camera), markup=False, highlight=False, soft_wrap=True)
            return 0
        if once:
            console.print(table(reading, console.width))
            return 0
        with Live(table(reading, console.width), console=console, auto_refresh=False) as live:
            try:
                while True:
                    time.sleep(REFRESH_SECONDS)
                    try:
                        live.update(table(fetch(client, url), console.width), refresh=True)
                    except ReadingError as error:
                        live.update(Text(str(error), "bold red"), refresh=True)
            except KeyboardInterrupt:
                return 0
