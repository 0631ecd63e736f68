"""A firing daemon tells real receivers, and loses nothing when it is killed or they are down."""

import io
import json
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from monitor.daemon_client import DaemonAddress
from monitor.events import events
from tests.support.clips import make_clip, red_scene
from tests.support.daemon import Daemon, free_port, running_daemon, wait_for, write_config
from tests.support.sinks import Broker, Hook, Mails, alertmanager, broker, hook, mail_server

pytestmark = pytest.mark.debian

SECRET = "wh-secret-planted-0815"
WITHIN_SECONDS = 2.0


class Receivers:
    """All of them."""

    def __init__(
        self, client: httpx.Client, web: Hook, mqtt: Broker, mails: Mails, mail_port: int
    ) -> None:
        self.alertmanager, self.hook, self.broker = client, web, mqtt
        self.mails, self.mail_port = mails, mail_port

    def sinks(self) -> list[dict[str, Any]]:
        url = str(self.alertmanager.base_url)
        mail = f"mailto://127.0.0.1:{self.mail_port}?from=fire@a.example&to=b@b.example"
        secret = {"env": "HOOK_SECRET"}
        return [
            {"name": "am", "type": "alertmanager", "url": url, "repeat": "1s"},
            {"name": "hook", "type": "webhook", "url": self.hook.url, "secret": secret},
            {"name": "ha", "type": "mqtt", "host": "127.0.0.1", "port": self.broker.port},
            {"name": "mail", "type": "apprise", "url": f"{mail}&mode=insecure"},
        ]


@pytest.fixture(scope="module")
def receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    folder = tmp_path_factory.mktemp("receivers")
    config = folder / "alertmanager.yml"
    route = {"receiver": "none", "group_by": ["..."]}
    config.write_text(yaml.safe_dump({"route": route, "receivers": [{"name": "none"}]}))
    with (
        alertmanager(folder, config) as client,
        hook() as web,
        broker(folder) as mqtt,
        mail_server() as (mails, port),
    ):
        yield Receivers(client, web, mqtt, mails, port)


def alerts(client: httpx.Client) -> list[dict[str, Any]]:
    found = client.get("/api/v2/alerts", params={"active": "true"}).json()
    return [a for a in found if a["labels"]["camera"] == "yard"]


def fired_at(daemon: Daemon) -> float:
    """Unix time of the change of state."""
    events = json.loads(daemon.page("/api/v1/events")[1])["events"]
    return float(next(s["at"] for e in events for s in e["steps"] if s["event"] == "firing"))


def test_fire_is_seen_by_all_within_two_seconds_and_its_end_too(
    tmp_path: Path, receivers: Receivers
) -> None:
    clip = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=8)
    config = write_config(
        tmp_path,
        [{"name": "yard", "url": f"file:{clip}", "loop": True, "fps": 5}],
        rules=[{"name": "fire", "label": "fire", "threshold": 0.5, "for": "1s"}],
        sinks=receivers.sinks(),
    )
    web, mqtt, mails = receivers.hook, receivers.broker, receivers.mails
    with running_daemon(config, environ={"HOOK_SECRET": SECRET}) as daemon:
        wait_for(lambda: alerts(receivers.alertmanager), "Alertmanager shows it")
        wait_for(lambda: web.received, "the webhook has it")
        wait_for(lambda: mqtt.topics.get("emberwatch/yard/fire/state") == b"ON", "MQTT has it")
        wait_for(lambda: mails.received, "the mail is there")
        began = fired_at(daemon)
        (alert,) = alerts(receivers.alertmanager)
        assert alert["labels"]["alertname"] == "EmberwatchFire"
        body = json.loads(web.received[0][2])
        assert (body["version"], body["status"]) == ("4", "firing")
        assert "webhook-signature" in web.received[0][1]
        assert mqtt.topics["emberwatch/availability"] == b"online"
        introduced = json.loads(mqtt.topics["homeassistant/device/emberwatch_yard/config"])
        assert introduced["components"]["alert_fire"]["state_topic"] == "emberwatch/yard/fire/state"
        assert mails.received[0]["Subject"] == "Fire at yard"
        (picture,) = mails.received[0].iter_attachments()
        assert picture.get_content_type() == "image/jpeg"
        assert mqtt.topics["emberwatch/yard/snapshot"] == picture.get_payload(decode=True)
        assert web.received[0][0] - began < WITHIN_SECONDS
        on = next(at for at, topic, data in mqtt.seen if topic.endswith("/state") and data == b"ON")
        assert on - began < WITHIN_SECONDS
        for sink in ("am", "hook", "ha", "mail"):
            within = daemon.value("delivery_delay_seconds_bucket", sink=sink, le="2.0")
            assert within == 1.0, sink
        (event,) = json.loads(daemon.page("/api/v1/events")[1])["events"]
        assert {one["result"] for one in event["deliveries"]} == {"delivered"}
        assert "Who was told" in daemon.page("/events/1")[1]
        lines = io.StringIO()
        events(
            DaemonAddress(daemon.url),
            limit=1,
            camera=None,
            as_json=False,
            deliveries=True,
            out=lines,
        )
        assert "mail             firing     delivered after" in lines.getvalue()
        # What is watched no more is over: its end is told to all.
        document = yaml.safe_load(config.read_text())
        document["cameras"] = [{"name": "gate", "url": f"file:{clip}", "enabled": False}]
        config.write_text(yaml.safe_dump(document))
        daemon.reload()
        wait_for(lambda: not alerts(receivers.alertmanager), "it ends in Alertmanager")
        wait_for(lambda: len(web.received) == 2, "the webhook hears of the end")
        wait_for(lambda: len(mails.received) == 2, "a mail tells of the end")
    assert SECRET not in (tmp_path / "log").read_text()


def kinds(web: Hook) -> list[str]:
    """What a webhook was told, in its order; each key stands there once."""
    facts = [json.loads(body)["emberwatch"] for _, _, body in web.received]
    assert len({one["key"] for one in facts}) == len(facts)
    return [one["kind"] for one in facts]


def burning(folder: Path, web: Hook, *, enabled: bool = True, hold: str = "1s") -> Path:
    """The configuration of a camera that shows a fire, which is an alert after ``hold``."""
    clip = folder / "fire.mp4"
    if not clip.exists():
        make_clip(clip, red_scene(), seconds=8)
    config = folder / "monitor.yaml"
    port = yaml.safe_load(config.read_text())["listen"] if config.exists() else None
    written = write_config(
        folder,
        [{"name": "yard", "url": f"file:{clip}", "loop": True, "fps": 5, "enabled": enabled}],
        rules=[{"name": "fire", "label": "fire", "threshold": 0.5, "for": hold}],
        sinks=[{"name": "hook", "type": "webhook", "url": web.url, "max_back_off": "2s"}],
    )
    if port is not None:
        document = yaml.safe_load(written.read_text())
        written.write_text(yaml.safe_dump({**document, "listen": port}))
    return written


def failing_sinks(folder: Path) -> list[dict[str, Any]]:
    """Sinks of which nobody answers, with a secret in each place that may hold one."""
    port = free_port()
    (folder / "url").write_text(f"http://127.0.0.1:{port}/planted-path?token=planted-query")
    word = {"value": "planted-password"}
    return [
        {"name": "a", "type": "webhook", "url_from": {"file": "url"}, "secret": word},
        {"name": "b", "type": "mqtt", "host": "127.0.0.1", "port": port, "username": "u",
         "password": word, "timeout": "1s"},
        {"name": "c", "type": "apprise", "url": f"json://u:planted-w@127.0.0.1:{port}/planted-t"},
        {"name": "d", "type": "alertmanager", "url": f"http://127.0.0.1:{port}",
         "bearer_token": word},
    ]  # fmt: skip


def test_secrets_of_sinks_that_fail_are_shown_nowhere(tmp_path: Path) -> None:
    config = burning(tmp_path, Hook())
    document = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**document, "sinks": failing_sinks(tmp_path)}))
    with running_daemon(config) as daemon:
        for name in "abcd":
            failed = partial(daemon.value, "deliveries_total", sink=name, result="failed")
            wait_for(failed, f"sink {name} fails")
        for page in ("/metrics", "/api/v1/status", "/api/v1/events", "/"):
            assert "planted" not in daemon.page(page)[1], page
        for pid in daemon.processes():
            assert b"planted" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        daemon.stop()
    assert "planted" not in daemon.log
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or b"planted" not in file.read_bytes(), file


def test_daemon_killed_between_raising_and_sending_sends_after_its_start(tmp_path: Path) -> None:
    web = Hook()
    with running_daemon(burning(tmp_path, web)) as daemon:
        wait_for(lambda: daemon.value("delivery_queue", sink="hook"), "an alert waits")
        wait_for(lambda: daemon.value("sink_up", sink="hook") == 0, "the sink is told to fail")
        daemon.kill()
    try:
        web.up()
        with running_daemon(burning(tmp_path, web, enabled=False)) as daemon:
            wait_for(lambda: len(web.received) == 2, "it is told, and its end")
            assert kinds(web) == ["firing", "resolved"]
            assert daemon.value("delivery_queue", sink="hook") == 0
    finally:
        web.down()


def test_full_disk_keeps_no_alert_from_people_and_doubles_none(tmp_path: Path) -> None:
    """The limit on the size of files stands for the full disk: writing fails in the same call."""
    with hook() as web:
        with running_daemon(burning(tmp_path, web, hold="1h")) as daemon:
            wait_for(lambda: daemon.value("alert_state", camera="yard", alert="fire"), "it pends")
            pid = daemon.process.pid
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
            burning(tmp_path, web)
            daemon.reload()
            wait_for(lambda: web.received, "it is told all the same")
            wait_for(lambda: daemon.value("store_up") == 0, "the metric says so")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
            wait_for(lambda: daemon.value("store_up") == 1, "the disk has it")
            daemon.kill()
        with running_daemon(burning(tmp_path, web, enabled=False)) as daemon:
            wait_for(lambda: len(web.received) == 2, "its end is told")
            assert kinds(web) == ["firing", "resolved"]
