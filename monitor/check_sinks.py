"""What ``check`` says of sinks beyond their settings: addresses that nothing is sent to."""

from collections.abc import Mapping

from monitor.config import Config
from monitor.config_sinks import AppriseSink
from monitor.errors import Permanent, Problem
from monitor.sink_settings import resolve_sinks


def unsendable(config: Config, environ: Mapping[str, str]) -> list[Problem]:
    """Addresses that Apprise does not know. It is asked here and not at every start: to load it
    takes a while, and a daemon watches with a sink that does not work rather than not at all."""
    problems = []
    places = {sink.name: index for index, sink in enumerate(config.sinks)}
    for settings in resolve_sinks(config, environ, service=False).sinks:
        sink = settings.sink
        if not isinstance(sink, AppriseSink):
            continue
        url = sink.url or settings.secrets.get("url_from")
        if url is None:
            continue  # only the service gets that credential
        from monitor.alerts.sinks import apprise_sink

        key = "url" if sink.url else "url_from"
        try:
            apprise_sink.AppriseSink(
                url, attach_picture=False, timeout_seconds=sink.timeout
            ).close()
        except Permanent as error:
            problems.append(Problem(f"sinks[{places[sink.name]}].{key}", None, str(error)))
    return problems
