"""Makes a sink of its settings. The library of each kind is loaded with the first of its kind."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.alerts.sinks.mqtt_topics import CameraAlerts, Topics
from monitor.alerts.sinks.sink import Sink
from monitor.clock import Clock
from monitor.config_sinks import (
    AlertmanagerSink,
    AppriseSink,
    HttpSink,
    JournalSink,
    MqttSink,
    SinkTls,
    WebhookSink,
)
from monitor.sink_settings import SinkSettings

if TYPE_CHECKING:
    from monitor.alerts.sinks import http

MQTT_PORT, MQTTS_PORT = 1883, 8883


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sinks know of the daemon."""

    cameras: tuple[CameraAlerts, ...]
    external_url: str
    """Empty where nobody said."""
    version: str
    host: str
    """The name of this machine."""
    clock: Clock
    drill: bool = False
    """Whether the sinks are made for a test, beside those of a daemon that runs."""


def make_sink(settings: SinkSettings, around: Surroundings) -> Sink:
    """One sink, ready to send.

    Raises:
        Permanent: it cannot be made: a file is broken, or an address unknown.
    """
    sink = settings.sink
    match sink:
        case AlertmanagerSink():
            return _alertmanager(sink, settings, around)
        case WebhookSink():
            return _webhook(sink, settings, around)
        case MqttSink():
            return _mqtt(sink, settings, around)
        case AppriseSink():
            from monitor.alerts.sinks import apprise_sink

            return apprise_sink.AppriseSink(
                sink.url or settings.secrets["url_from"],
                attach_picture=sink.attach_picture,
                timeout_seconds=sink.timeout,
            )
        case JournalSink():
            from monitor.alerts.sinks import journal

            return journal.JournalSink(timeout_seconds=sink.timeout)


def _alertmanager(sink: AlertmanagerSink, settings: SinkSettings, around: Surroundings) -> Sink:
    from monitor.alerts.sinks import alertmanager, http

    target = http.HttpTarget(
        f"{sink.url.rstrip('/')}/api/v2/alerts",
        login=_login(sink, settings),
        tls=_tls(sink.tls),
        timeout_seconds=sink.timeout,
    )
    return alertmanager.AlertmanagerSink(
        target,
        repeat_seconds=sink.repeat,
        external_labels=sink.external_labels,
        external_url=around.external_url,
        clock=around.clock,
    )


def _webhook(sink: WebhookSink, settings: SinkSettings, around: Surroundings) -> Sink:
    from monitor.alerts.sinks import http, webhook

    target = http.HttpTarget(
        sink.url or settings.secrets["url_from"],
        login=_login(sink, settings),
        tls=_tls(sink.tls),
        timeout_seconds=sink.timeout,
        shown="" if sink.url else "the address of `url_from`",
    )
    secret = settings.secrets.get("secret")
    return webhook.WebhookSink(target, name=sink.name, secret=secret, clock=around.clock)


def _mqtt(sink: MqttSink, settings: SinkSettings, around: Surroundings) -> Sink:
    from monitor.alerts.sinks import mqtt

    default = MQTT_PORT if sink.tls is None else MQTTS_PORT
    client_id = sink.client_id or f"{sink.topic}-{around.host}"
    return mqtt.MqttSink(
        sink.host,
        sink.port or default,
        topics=Topics(sink.topic, sink.discovery_prefix, around.version),
        cameras=around.cameras,
        client_id=f"{client_id}-drill" if around.drill else client_id,
        username=sink.username,
        password=settings.secrets.get("password"),
        tls=None if sink.tls is None else _tls(sink.tls).context(),
        timeout_seconds=sink.timeout,
        drill=around.drill,
    )


def _login(sink: HttpSink, settings: SinkSettings) -> "http.HttpLogin":
    from monitor.alerts.sinks import http

    return http.HttpLogin(
        sink.username, settings.secrets.get("password"), settings.secrets.get("bearer_token")
    )


def _tls(tls: SinkTls) -> "http.TlsFiles":
    from monitor.alerts.sinks import http

    return http.TlsFiles(tls.ca_file, tls.cert_file, tls.key_file, tls.verify)
