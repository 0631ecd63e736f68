"""The real daemon in a process of its own, and what its pages say."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.bundles import tiny_bundle

DEADLINE_SECONDS = 30.0
START_SECONDS = 90.0
"""A start is no promise of these tests: it takes long where several begin at once."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(
    condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS, pause: float = 0.05
) -> Any:
    """The first true answer of ``condition``; fails naming ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} s: {what}")


class Daemon:
    """A running daemon."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._client = httpx.Client(base_url=self.url, timeout=5)

    @property
    def log(self) -> str:
        """All log lines so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def logged(self, *parts: str) -> bool:
        """Whether one log line holds all of these."""
        return any(all(part in line for part in parts) for line in self.log.splitlines())

    def wait_logged(self, *parts: str) -> None:
        """Fails unless a log line comes that holds all of these: the pages are served beside the
        loop that writes the log, and may be a round ahead of it."""
        wait_for(lambda: self.logged(*parts), f"a log line with {', '.join(parts)}")

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All samples of ``/metrics``; empty while nothing answers."""
        try:
            text = self._client.get("/metrics").text
        except httpx.TransportError:
            return {}
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """One sample; None where it does not exist."""
        return self.samples().get((f"emberwatch_{name}", frozenset(labels.items())))

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples with these labels, whatever others they have."""
        wanted = set(labels.items())
        return sum(
            value
            for (sample, found), value in self.samples().items()
            if sample == f"emberwatch_{name}" and wanted <= set(found)
        )

    def scores(self, camera: str) -> dict[str, float]:
        """The exported scores of a camera by label; empty where there are none."""
        return {
            dict(found)["label"]: value
            for (sample, found), value in self.samples().items()
            if sample == "emberwatch_score" and ("camera", camera) in found
        }

    def scored(self, camera: str) -> float:
        """Frames of a camera that were scored so far."""
        return self.value("frames_scored_total", camera=camera) or 0.0

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        answer = self._client.get(path)
        return answer.status_code, answer.text

    def ready(self) -> bool:
        """The answer of ``/readyz``."""
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def workers(self) -> list[int]:
        """Process ids of the ingest workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def open_files(self) -> int:
        """Descriptors that the daemon and its workers hold."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.processes())

    def threads(self) -> int:
        """Threads of the daemon and its workers."""
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self.processes())

    def processes(self) -> list[int]:
        """The daemon and its workers."""
        return [self.process.pid, *self.workers()]

    def reload(self) -> None:
        """SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE_SECONDS)
        return code, time.monotonic() - began

    def close(self) -> None:
        """Close the connection to its pages."""
        self._client.close()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=DEADLINE_SECONDS)


def write_config(folder: Path, cameras: list[dict[str, Any]], **settings: Any) -> Path:
    """A configuration on a free port, with the tiny bundle, in ``folder``."""
    bundle = folder / "bundle"
    if not bundle.exists():
        tiny_bundle(bundle)
    document = {
        "listen": f"127.0.0.1:{free_port()}",
        "state_dir": str(folder / "state"),
        "inference": {"bundle": str(bundle), "engine": "openvino", "still_interval": 0},
        "cameras": cameras,
        **settings,
    }
    path = folder / "monitor.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@contextmanager
def running_daemon(
    config: Path,
    *,
    environ: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "monitor"),
) -> Iterator[Daemon]:
    """The daemon on a configuration of :func:`write_config`, serving its pages."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    port = int(document["listen"].rpartition(":")[2])
    with (config.parent / "log").open("ab") as log:
        before = log.tell()
        process = subprocess.Popen(
            [*command, "run", str(config)],
            env={**os.environ, **(environ or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    daemon = Daemon(config.parent, port, process)
    try:
        wait_for(
            lambda: process.poll() is not None or '"started"' in daemon.log[before:],
            "the daemon starts",
            START_SECONDS,
        )
        assert process.poll() is None, daemon.log
        yield daemon
    finally:
        daemon.close()
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
