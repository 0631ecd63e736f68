"""A process that raises alerts and tells a webhook, made to be killed.

Arguments: the event store, the webhook's address, and the numbers of the first event and of the
one after the last. It prints the number of each event that is on disk.
"""

import sys
import time
from pathlib import Path

from monitor.alerts.routing import Route
from monitor.alerts.sink_thread import SinkPlan
from monitor.alerts.sinks.http import HttpLogin, HttpTarget, TlsFiles
from monitor.alerts.sinks.webhook import WebhookSink
from monitor.clock import SystemClock
from monitor.config import Log
from monitor.logs import configure_logs
from tests.support.outbox import Stand


def _raise(store: Path, url: str, first: int, after: int) -> None:
    configure_logs(Log(level="error"))
    stand = Stand(store, SystemClock())

    def build() -> WebhookSink:
        target = HttpTarget(url, login=HttpLogin(), tls=TlsFiles(), timeout_seconds=5)
        return WebhookSink(target, name="hook", secret=None, clock=SystemClock())

    stand.keeper.route([Route("hook")])
    stand.outbox.apply([SinkPlan("hook", "webhook", url, build, 86400.0, 1.0)])
    for number in range(first, after):
        stand.burn(f"camera-{number}", fire=True, end=True)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    time.sleep(120)  # until it is killed


if __name__ == "__main__":
    _raise(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
