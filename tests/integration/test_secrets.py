"""Secrets of the configuration are nowhere in what a real daemon says and writes."""

from pathlib import Path

import httpx

from tests.support.daemon import running_daemon, wait_for, write_config

PLANTED = {
    "userinfo": "Zq7UserinfoSecret%21",
    "query": "Zq7QuerySecret",
    "camera": "Zq7CameraPassword",
    "token": "Zq7OperatorToken-0123456789",
}

PATHS = ("/", "/events", "/silences", "/settings", "/metrics", "/readyz", "/openapi.json",
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
        ],
        web={"tokens": [{"name": "desk", "role": "operate", "token_file": str(token)}]},
    )  # fmt: skip
    secrets = [*PLANTED.values(), "Zq7UserinfoSecret!"]
    headers = {"authorization": f"Bearer {PLANTED['token']}"}
    with running_daemon(config) as daemon:
        wait_for(lambda: daemon.logged('"camera_down"', '"a"'), "camera a is down")
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
