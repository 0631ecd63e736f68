"""The real daemon as a process of its own, and what can be seen of it from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import yaml

from monitor.bench.counts import Counts, parse_counts
from monitor.bench.machine import cpu_seconds, memory_bytes
from monitor.child_daemon import held_back, stop
from monitor.errors import EmberwatchError

READY_TIMEOUT_SECONDS = 90.0
_PAUSE_SECONDS = 0.05

Camera = dict[str, Any]
"""An entry of ``cameras`` in the configuration."""


class BenchDaemon:
    """Runs the daemon while the ``with`` block lasts; its state and log are in ``folder``."""

    def __init__(self, folder: Path, cameras: Sequence[Camera], **settings: Any) -> None:
        """
        Args:
            folder: an existing folder; model cache and state of an earlier run in it are used.
            cameras: what it watches.
            settings: more sections of its configuration.
        """
        self._folder = folder
        self._settings = settings
        self._config = folder / "monitor.yaml"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}", timeout=30, trust_env=False
        )
        self.ready_seconds = 0.0
        """From the start of the process until it said that it is ready."""
        self._write(cameras)

    def __enter__(self) -> "BenchDaemon":
        path = self._folder / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(0.5)
            began = time.monotonic()
            try:
                with self._log.open("wb") as log, held_back(signal.SIGTERM):
                    self._process = subprocess.Popen(
                        [sys.executable, "-m", "monitor", "run", str(self._config)],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        # Ctrl-C is for the benchmark, which then stops its daemon in an orderly
                        # way.
                        start_new_session=True,
                        env={**os.environ, "NOTIFY_SOCKET": str(path)},
                    )
                self._wait_ready(notify, began + READY_TIMEOUT_SECONDS)
            except BaseException:
                self.close()
                raise
            self.ready_seconds = time.monotonic() - began
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop it; kill it with its workers if it takes too long."""
        self._client.close()
        stop(self._process)

    @property
    def pid(self) -> int:
        """Of the daemon itself; its workers are its children."""
        if self._process is None:
            raise EmberwatchError("the daemon was not started")
        return self._process.pid

    def watch(self, cameras: Sequence[Camera]) -> None:
        """Reload with these cameras; those that were watched before go on."""
        self._write(cameras)
        os.kill(self.pid, signal.SIGHUP)

    def counts(self) -> Counts:
        """What it has counted since it started.

        Raises:
            EmberwatchError: it does not answer.
        """
        try:
            return parse_counts(self._client.get("/metrics").text)
        except httpx.HTTPError as error:
            raise self._fault(f"does not answer ({type(error).__name__})") from error

    def cpu_seconds(self) -> float:
        """Processor time that it and its workers have used."""
        return cpu_seconds(self.pid)

    def memory_bytes(self) -> int:
        """Memory that it and its workers hold."""
        return memory_bytes(self.pid)

    def wait_scored(self, cameras: int, seconds: float) -> float:
        """Wait until so many cameras have had a frame scored; the seconds that it took.

        Raises:
            EmberwatchError: they had not within ``seconds``.
        """
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if sum(count > 0 for count in self.counts().scored.values()) >= cameras:
                return time.monotonic() - began
            time.sleep(_PAUSE_SECONDS * max(1.0, cameras / 10))
        raise self._fault(f"had not scored a frame of each of {cameras} cameras in {seconds:.0f} s")

    def _write(self, cameras: Sequence[Camera]) -> None:
        document = {
            "listen": f"127.0.0.1:{self._port}",
            "state_dir": str(self._folder / "state"),
            "cameras": list(cameras),
            **self._settings,
        }
        self._config.write_text(yaml.safe_dump(document), encoding="utf-8")

    def _wait_ready(self, notify: socket.socket, deadline: float) -> None:
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                if b"READY=1" in notify.recv(4096):
                    return
            if self._process is not None and self._process.poll() is not None:
                raise self._fault(f"ended with exit code {self._process.returncode}")
        raise self._fault(f"was not ready within {READY_TIMEOUT_SECONDS:.0f} s")

    def _fault(self, what: str) -> EmberwatchError:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return EmberwatchError(
            f"the daemon {what}; its last line: {lines[-1] if lines else 'none'}"
        )
