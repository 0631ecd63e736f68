"""A real Prometheus scrapes a real daemon, and its alert shows in Prometheus' own API."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from monitor.share import shared_path
from tests.support.clips import make_clip, red_scene
from tests.support.daemon import free_port, running_daemon, wait_for, write_config

pytestmark = pytest.mark.debian


@contextmanager
def prometheus(folder: Path, *targets: str, port: int | None = None) -> Iterator[httpx.Client]:
    """Prometheus with the rules that ship, scraping each of the targets each second."""
    config = folder / "prometheus.yml"
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(shared_path("config", "prometheus", "emberwatch.rules.yml"))],
        "scrape_configs": [
            {"job_name": "emberwatch", "static_configs": [{"targets": list(targets)}]}
        ],
    }
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    port = port or free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-lifecycle",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)


def asked(client: httpx.Client, path: str, **parameters: str) -> Any:
    """The data of an API answer; None while Prometheus starts."""
    try:
        answer = client.get(path, params=parameters)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.status_code == 200 else None


def test_the_firing_alert_is_seen_in_prometheus(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=6)
    config = write_config(tmp_path, [{"name": "yard", "url": f"file:{clip}", "loop": True}])
    with (
        running_daemon(config) as daemon,
        prometheus(tmp_path, daemon.url.removeprefix("http://")) as client,
    ):

        def alert() -> Any:
            found = asked(client, "/api/v1/alerts") or {"alerts": []}
            return [
                entry
                for entry in found["alerts"]
                if entry["labels"].get("camera") == "yard"
                and entry["labels"]["alertname"] == "EmberwatchFire"
                and entry["state"] == "firing"
            ]

        (entry,) = wait_for(alert, "the alert fires in Prometheus", seconds=60)
        assert entry["labels"]["severity"] == "critical"
        series = asked(client, "/api/v1/query", query='emberwatch_score{camera="yard"}')
        labels = {result["metric"]["label"] for result in series["result"]}
        assert labels == {"fire", "smoke", "misc"}
