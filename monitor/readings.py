"""What a running daemon tells on ``/metrics``, read back into plain data."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from monitor.daemon_client import refused, unreachable
from monitor.decision.state import AlertState
from monitor.errors import EmberwatchError

FETCH_TIMEOUT_SECONDS = 5.0


class ReadingError(EmberwatchError):
    """No daemon answers there, or what answers is no Emberwatch."""


@dataclass(frozen=True, slots=True)
class CameraReading:
    """One camera, as the daemon shows it."""

    name: str
    up: bool = False
    reason: str = ""
    """Why it is down; empty while up."""
    health: str = ""
    """What its newest frame shows: ``ok``, ``frozen``, …; empty before the first."""
    age_seconds: float = math.nan
    """Age of the newest frame; NaN before the first."""
    stale_after_seconds: float = math.inf
    frames: int = 0
    sampling_ratio: float = math.nan
    """How often its frames are scored, of how often they are wanted; NaN while nothing is known."""
    scores: dict[str, float] = field(default_factory=dict)
    """By label, 0 to 1; empty while there is no picture that was just seen."""
    alerts: dict[str, AlertState] = field(default_factory=dict)
    """By the rule's name."""
    fired: dict[str, int] = field(default_factory=dict)
    """How often each alert fired since the daemon started."""
    silenced: frozenset[str] = frozenset()
    """Alerts that a silence keeps from waking anybody."""

    @property
    def stale(self) -> bool:
        """Whether the newest frame is too old to say anything of now."""
        return self.age_seconds > self.stale_after_seconds

    @property
    def watched(self) -> bool:
        """Whether the camera is really being watched: up, fresh, and with something to see."""
        return self.up and not self.stale and self.health == "ok"


@dataclass(frozen=True, slots=True)
class SinkReading:
    """One sink, as the daemon shows it."""

    name: str
    up: bool = True
    """Whether the last try worked, or nobody needs any more what failed."""
    waiting: int = 0
    """Deliveries that it has not taken."""
    oldest_seconds: float = 0.0
    """How long the oldest of these has waited."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything, at one moment."""

    url: str
    cameras: tuple[CameraReading, ...]
    version: str = ""
    engine: str = ""
    device: str = ""
    labels: tuple[str, ...] = ()
    """The model's labels in its own order; empty while it is being loaded."""
    sampling_share: float = 1.0
    """Of its wanted rate, at which each camera is sampled; below 1 the machine is overloaded."""
    sinks: tuple[SinkReading, ...] = ()
    store_up: bool = True
    """Whether events reach the disk."""
    evidence_up: bool = True
    """Whether the disk took the last picture or clip."""
    reload_successful: bool = True
    """Whether the last load or reload of the configuration succeeded."""

    def fired(self, alert: str) -> tuple[str, ...]:
        """Cameras at which the alert has fired since the daemon started."""
        return tuple(camera.name for camera in self.cameras if camera.fired.get(alert, 0) > 0)


def fetch(client: httpx.Client, base: str) -> Reading:
    """Read a daemon's metrics.

    Args:
        client: sends what the daemon wants to see of who asks.
        base: where it listens, like ``http://127.0.0.1:9108``.

    Raises:
        ReadingError: nobody answers, it wants a token, or it is no Emberwatch.
    """
    try:
        answer = client.get(f"{base}/metrics", timeout=FETCH_TIMEOUT_SECONDS)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ReadingError(unreachable(base, error)) from error
    told = refused(base, answer.status_code)
    if told is not None:
        raise ReadingError(told)
    if answer.status_code != httpx.codes.OK:
        raise ReadingError(
            f"{base}/metrics: answers with HTTP {answer.status_code}, so it is no Emberwatch "
            "daemon; name the address that its `listen` says"
        )
    return parse(answer.text, base)


def parse(text: str, url: str) -> Reading:
    """The reading in a page of metrics.

    Raises:
        ReadingError: the page is no metrics, or not those of Emberwatch.
    """
    foreign = ReadingError(
        f"{url}/metrics: shows no metrics of Emberwatch; name the address that its `listen` says"
    )
    try:
        families = {family.name: family for family in text_string_to_metric_families(text)}
    except ValueError as error:
        raise foreign from error
    build = _first(families.get("emberwatch_build_info"))
    if build is None:
        raise foreign
    model = _first(families.get("emberwatch_model_info")) or {}
    names = [labels["camera"] for labels, _ in _samples(families.get("emberwatch_camera_up"))]
    return Reading(
        url=url,
        cameras=tuple(_camera(name, families.values()) for name in names),
        version=build.get("version", ""),
        engine=model.get("engine", ""),
        device=model.get("device", ""),
        sampling_share=_number(families.get("emberwatch_sampling_share"), 1.0),
        labels=tuple(filter(None, model.get("labels", "").split(","))),
        sinks=_sinks(families),
        store_up=_number(families.get("emberwatch_store_up"), 1.0) != 0,
        evidence_up=_number(families.get("emberwatch_evidence_up"), 1.0) != 0,
        reload_successful=(
            _number(families.get("emberwatch_config_last_reload_successful"), 1.0) != 0
        ),
    )


def _sinks(families: Mapping[str, Metric]) -> tuple[SinkReading, ...]:
    def by_sink(name: str) -> dict[str, float]:
        return {labels["sink"]: value for labels, value in _samples(families.get(name))}

    waiting = by_sink("emberwatch_delivery_queue")
    oldest = by_sink("emberwatch_delivery_oldest_age_seconds")
    return tuple(
        SinkReading(sink, up != 0, int(waiting.get(sink, 0)), oldest.get(sink, 0.0))
        for sink, up in by_sink("emberwatch_sink_up").items()
    )


def _camera(name: str, families: Iterable[Metric]) -> CameraReading:
    """Gather what all families say of one camera."""
    numbers: dict[str, float] = {}
    reason = health = ""
    scores: dict[str, float] = {}
    alerts: dict[str, AlertState] = {}
    fired: dict[str, int] = {}
    silenced: set[str] = set()
    for family in families:
        for labels, value in _samples(family):
            if labels.get("camera") != name:
                continue
            match family.name:
                case "emberwatch_camera_down_reason" if value == 1:
                    reason = labels["reason"]
                case "emberwatch_camera_health" if value == 1:
                    health = labels["health"]
                case "emberwatch_score":
                    scores[labels["label"]] = value
                case "emberwatch_alert_state":
                    alerts[labels["alert"]] = AlertState(int(value))
                case "emberwatch_alerts":
                    fired[labels["alert"]] = int(value)
                case "emberwatch_alert_silenced" if value == 1:
                    silenced.add(labels["alert"])
                case other if labels.keys() == {"camera"}:
                    numbers[other] = value
    return CameraReading(
        name=name,
        up=numbers.get("emberwatch_camera_up") == 1,
        reason=reason,
        health=health,
        age_seconds=numbers.get("emberwatch_frame_age_seconds", math.nan),
        stale_after_seconds=numbers.get("emberwatch_camera_stale_after_seconds", math.inf),
        sampling_ratio=numbers.get("emberwatch_sampling_ratio", math.nan),
        frames=int(numbers.get("emberwatch_frames", 0)),
        scores=scores,
        alerts=alerts,
        fired=fired,
        silenced=frozenset(silenced),
    )


def _samples(family: Metric | None) -> Iterator[tuple[dict[str, str], float]]:
    for sample in family.samples if family is not None else ():
        if not sample.name.endswith("_created"):
            yield sample.labels, sample.value


def _number(family: Metric | None, default: float) -> float:
    return next((value for _, value in _samples(family)), default)


def _first(family: Metric | None) -> dict[str, str] | None:
    return next((labels for labels, _ in _samples(family)), None)
