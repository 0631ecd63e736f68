"""The settings in force as people may see them: what is known to hold no secret, and nothing else.

It is a list of what is shown, not of what is hidden: a key that is new is left out until somebody
has thought about it.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from monitor.config import Camera, Config
from monitor.config_sinks import AlertmanagerSink, MqttSink, Sink, WebhookSink
from monitor.inference.bundle import Bundle
from monitor.redact import redact
from monitor.web.settings import ShownSection


def shown_settings(config: Config, bundle: Bundle) -> tuple[ShownSection, ...]:
    """The sections, ready to be shown."""
    return (
        ShownSection(
            "Cameras",
            ("Name", "Source", "Login", "Samples a second", "Site", "Rules", "Watched"),
            tuple(_camera(config, camera) for camera in config.cameras),
        ),
        ShownSection(
            "Rules",
            ("Name", "Label", "Threshold", "For", "Kept for"),
            tuple(
                (
                    rule.name,
                    rule.label,
                    f"{rule.threshold:g}",
                    _seconds(rule.hold_for),
                    _seconds(rule.keep_firing_for),
                )
                for rule in config.rules
            ),
        ),
        ShownSection(
            "Sinks",
            ("Name", "Kind", "Where", "Hears of", "Escalates to"),
            tuple(_sink(sink) for sink in config.sinks),
            nothing="There are none: nobody is sent an alert. Add one under sinks.",
        ),
        _pairs("Model", _model(config, bundle)),
        _pairs("Decision", _decision(config)),
        _pairs("Pages and API", _web(config)),
        ShownSection(
            "Tokens",
            ("Name", "Role"),
            tuple((token.name, token.role) for token in config.web.tokens),
            nothing="There are none: nobody can log in. Add one under web.tokens.",
        ),
        _pairs(
            "Daemon",
            [
                ("State folder", str(config.state_dir)),
                ("Log", f"{config.log.level} and up, {config.log.format}"),
                ("Worker processes", str(config.ingest.workers or "one for each core")),
                ("Longest side of pictures", f"{config.ingest.max_side} pixels"),
                ("Longest silence", _seconds(config.silence.max_duration)),
                (
                    "Outages are told of",
                    f"after {_seconds(config.outages.after)}" if config.outages.tell else "never",
                ),
            ],
        ),
    )


def _camera(config: Config, camera: Camera) -> tuple[str, ...]:
    rules = [rule.name for rule in config.rules] if camera.rules is None else camera.rules
    return (
        camera.name,
        source_of(camera.url),
        "yes" if camera.credentials is not None else "no",
        f"{camera.fps:g}",
        camera.site or "",
        ", ".join(rules) or "none",
        "yes" if camera.enabled else "no",
    )


def _sink(sink: Sink) -> tuple[str, ...]:
    """No address of Apprise: there is hardly one without a secret."""
    match sink:
        case AlertmanagerSink() | WebhookSink() if sink.url is not None:
            where = source_of(sink.url)
        case MqttSink():
            where = sink.host
        case _:
            where = ""
    hears = [
        f"{what} {', '.join(names)}"
        for what, names in (
            ("cameras", sink.match.cameras),
            ("labels", sink.match.labels),
            ("rules", sink.match.rules),
        )
        if names is not None
    ]
    if sink.min_state == "pending":
        hears.append("pending ones too")
    if not sink.send_resolved:
        hears.append("no ends")
    after = f" after {_seconds(sink.escalate_after)}"
    return (
        sink.name,
        sink.type,
        where,
        "; ".join(hears) or "all alerts",
        f"{sink.escalate_to}{after}" if sink.escalate_to is not None else "nobody",
    )


def source_of(url: str) -> str:
    """Where a camera is, without its path: in paths and queries makers hide logins of many forms.

    >>> source_of("rtsp://10.0.4.17:554/user=admin&password=1234/s"), source_of("file:/srv/a.mp4")
    ('rtsp://10.0.4.17:554', 'file')
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "unknown"
    if not parts.scheme or not parts.hostname:
        return parts.scheme or "file"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return redact(f"{parts.scheme}://{host}{port}")


def _model(config: Config, bundle: Bundle) -> list[tuple[str, str]]:
    inference = config.inference
    return [
        ("Bundle", f"{inference.bundle} ({bundle.sha256[:12]})"),
        ("Labels", ", ".join(bundle.labels)),
        ("Engine, precision", f"{inference.engine}, {inference.precision}"),
        ("Batch", f"up to {inference.batch.max_size}, {_seconds(inference.batch.max_wait)}"),
        ("Shadow", inference.shadow.bundle if inference.shadow is not None else "none"),
    ]


def _decision(config: Config) -> list[tuple[str, str]]:
    decision = config.decision
    burst = decision.burst
    return [
        ("Smoothing", decision.smoothing.kind),
        ("Baseline", "on" if decision.baseline.enabled else "off"),
        ("Counts as certain from", f"{decision.certain:g}"),
        ("Clears below threshold times", f"{decision.clear_ratio:g}"),
        ("Labels that share evidence", ", ".join(decision.hazards)),
        ("Bursts", f"{burst.fps:g} a second, {burst.cameras} cameras, {_seconds(burst.max_time)}"),
    ]


def _web(config: Config) -> list[tuple[str, str]]:
    web = config.web
    return [
        ("Listens at", config.listen),
        ("TLS", "yes" if web.tls is not None else "no"),
        ("Read without a token", "on this machine" if web.open_reading == "loopback" else "never"),
        ("Metrics without a token", "yes" if web.open_metrics else "no"),
        ("Logins last", _seconds(web.session)),
        ("Other names", ", ".join(web.hosts) or "none"),
        ("Trusted proxies", ", ".join(web.trusted_proxies) or "none"),
    ]


def _pairs(title: str, rows: Iterable[tuple[str, str]]) -> ShownSection:
    return ShownSection(title, ("What", "Value"), tuple(rows))


def _seconds(seconds: float) -> str:
    """As it is written in the file: ``30s``, ``12h``, ``7d``, ``500ms``."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
