"""Wires the web server of the daemon: pages and API before state, store and pictures."""

from importlib.metadata import version as version_of

from prometheus_client import CollectorRegistry

from monitor.clock import Clock
from monitor.daemon_state import DaemonState
from monitor.ingest.supervisor import Supervisor
from monitor.metrics_web import WebMetrics
from monitor.settings import Settings
from monitor.thumbnails import Thumbnails
from monitor.web.desk import Desk
from monitor.web.server import WebServer

_ENDED_LOGINS = "ended-logins.json"


def open_web(
    settings: Settings,
    state: DaemonState,
    supervisor: Supervisor,
    registry: CollectorRegistry,
    *,
    clock: Clock,
) -> tuple[WebServer, Desk]:
    """The server, which listens and does not answer yet, and what is to be told where events are.

    Raises:
        ConfigError: the address cannot be listened on; AddressError: not now.
    """
    desk = Desk(clock=clock, thumbnail=Thumbnails(supervisor.newest_as, clock).of)
    web = WebServer(
        settings.config.listen,
        state,
        desk,
        registry,
        version=version_of("emberwatch"),
        settings=settings.web,
        ended_logins=settings.config.state_dir / _ENDED_LOGINS,
    )
    registry.register(WebMetrics(web.app.refused, web.app.live))
    return web, desk
