"""``emberwatch status``: the cameras, scores and alerts of a running daemon, live."""

import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from monitor.daemon_client import DaemonAddress
from monitor.readings import ReadingError, fetch
from monitor.status_faults import fault_lines
from monitor.status_table import line, table

REFRESH_SECONDS = 1.0


def status(address: DaemonAddress, once: bool, *, console: Console | None = None) -> int:
    """Show what the daemon at ``address`` says of itself on ``/metrics``.

    On a terminal a table that is drawn anew each second until Ctrl-C; elsewhere, or with ``once``,
    it is printed once. A daemon that stops answering while it is shown is said to, and looked for
    again.

    Returns:
        0.

    Raises:
        ReadingError: no Emberwatch answers there, or it wants a token.
        UsageError: the file of certificates, or the token, is no such thing.
    """
    console = Console() if console is None else console
    base = address.base
    with address.open() as client:
        reading = fetch(client, base)
        if not console.is_terminal:
            for told in (*fault_lines(reading), *map(line, reading.cameras)):
                console.print(told, markup=False, highlight=False, soft_wrap=True)
            return 0
        if once:
            console.print(table(reading, console.width))
            return 0
        with Live(table(reading, console.width), console=console, auto_refresh=False) as live:
            try:
                while True:
                    time.sleep(REFRESH_SECONDS)
                    try:
                        live.update(table(fetch(client, base), console.width), refresh=True)
                    except ReadingError as error:
                        live.update(Text(str(error), "bold red"), refresh=True)
            except KeyboardInterrupt:
                return 0
