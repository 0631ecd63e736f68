"""Secrets of the configuration are nowhere in what a real daemon says and writes."""

from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.support.clips import make_clip, red_scene
from tests.support.daemon import running_daemon, wait_for, write_config

PLANTED = {
    "userinfo": "Zq7UserinfoSecret%21",
    "query": "Zq7QuerySecret",
    "camera": "Zq7CameraPassword",
    "token": "Zq7OperatorToken-0123456789",
    "mail": "Zq7MailPassword%21",
    "hook password": "Zq7HookPassword",
    "hook path": "Zq7HookPath",
    "signature": "Zq7SignatureSecret",
    "bearer": "Zq7BearerToken",
    "broker": "Zq7BrokerPassword",
}

SINKS: list[dict[str, Any]] = [
    {"name": "mail", "type": "apprise",
     "url": f"mailto://fire:{PLANTED['mail']}@127.0.0.1:9?from=a@a.example&to=b@b.example"},
    {"name": "hook", "type": "webhook", "url": "http://127.0.0.1:9/alerts", "username": "fire",
     "password": {"value": PLANTED["hook password"]}, "secret": {"value": PLANTED["signature"]}},
    {"name": "secret-path", "type": "webhook", "url_from": {"env": "HOOK_URL"}},
    {"name": "am", "type": "alertmanager", "url": "http://127.0.0.1:9",
     "bearer_token": {"value": PLANTED["bearer"]}},
    {"name": "ha", "type": "mqtt", "host": "127.0.0.1", "port": 9, "username": "fire",
     "password": {"value": PLANTED["broker"]}, "timeout": "1s"},
]  # fmt: skip

PATHS = ("/", "/events", "/events/1", "/api/v1/events/1",
         "/silences", "/settings", "/metrics", "/readyz", "/openapi.json",
         "/api/v1/status", "/api/v1/cameras", "/api/v1/events")  # fmt: skip


def test_planted_secrets_are_found_in_nothing_that_the_daemon_says_or_writes(
    tmp_path: Path,
) -> None:
    token = tmp_path / "token"
    token.write_text(PLANTED["token"])
    config = write_config(
        tmp_path,
        [
            {"name": "a", "url": f"rtsp://viewer:{PLANTED['userinfo']}@127.0.0.1:9/s"},
            {"name": "b", "url": f"http://127.0.0.1:9/s?password={PLANTED['query']}"},
            {"name": "c", "url": "rtsp://127.0.0.1:9/c",
             "credentials": {"username": "viewer", "password": PLANTED["camera"]}},
            {"name": "d", "url": f"file:{make_clip(tmp_path / 'd.mp4', red_scene(), seconds=4)}",
             "loop": True},
        ],
        rules=[{"name": "fire", "label": "fire", "threshold": 0.5, "for": "1s"}],
        sinks=SINKS,
        web={"tokens": [{"name": "desk", "role": "operate", "token_file": str(token)}]},
    )  # fmt: skip
    secrets = [*PLANTED.values(), "Zq7UserinfoSecret!", "Zq7MailPassword!"]
    headers = {"authorization": f"Bearer {PLANTED['token']}"}
    url = f"http://127.0.0.1:9/{PLANTED['hook path']}"
    with running_daemon(config, environ={"HOOK_URL": url}) as daemon:
        wait_for(lambda: daemon.logged('"camera_down"', '"a"'), "camera a is down")
        for sink in SINKS:
            tried = partial(daemon.value, "deliveries_total", sink=sink["name"], result="failed")
            wait_for(tried, f"sink {sink['name']} is tried")
        shown = {}
        for path in PATHS:
            answer = httpx.get(daemon.url + path, headers=headers, timeout=20)
            shown[path] = answer.text + str(answer.headers)
        wanted = {"camera": "a", "seconds": 60, "comment": "test"}
        done = httpx.post(f"{daemon.url}/api/v1/silences", json=wanted, headers=headers, timeout=20)
        assert done.status_code == 201
        for pid in daemon.processes():
            shown[f"process {pid}"] = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        daemon.stop()
        shown["log"] = daemon.log
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            shown[str(file)] = file.read_bytes().decode("latin-1")
    found = {(where, s) for where, text in shown.items() for s in secrets if s in text}
    assert found == set()
