"""``emberwatch bench``: how fast the daemon is ready, what it weighs, and what a frame costs.

Each figure is measured on the machine at hand, the daemon's as a process of its own, from outside.
Machines are noisy: compare runs of one session, and read the spread beside each median.
"""

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import httpx
import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from monitor.errors import EmberwatchError
from monitor.share import shared_path

READY_TIMEOUT_SECONDS = 60.0
RUNS_INSIDE = 9
"""Repetitions of what is measured within this process."""

SETTLE_SECONDS = 5.0
"""Memory is read this long after the first score: caches and buffers have reached their size."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity over several runs."""

    name: str
    unit: str
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DaemonRun:
    """What one start of the daemon showed."""

    ready_seconds: float
    first_score_seconds: float
    memory_mib: float


def bench(runs: int, output: Path, out: TextIO) -> int:
    """Measure everything, print a table, write ``output`` as JSON.

    Returns:
        The exit code, 0.

    Raises:
        EmberwatchError: the daemon did not come up, or the bundle or engine failed.
    """
    with tempfile.TemporaryDirectory(prefix="emberwatch-bench-") as scratch:
        folder = Path(scratch)
        _start_daemon(folder)  # fills the model cache: what is measured is a warm start
        starts = [_start_daemon(folder) for _ in range(runs)]
    figures = [
        _figure("ready", "s", (start.ready_seconds for start in starts)),
        _figure("first score", "s", (start.first_score_seconds for start in starts)),
        _figure("memory, one camera (PSS)", "MiB", (start.memory_mib for start in starts)),
        _engine_rate(1),
        _engine_rate(16),
        _decode_cost(),
        _decision_cost(),
    ]
    _show(figures, out)
    output.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": {"processor": _processor(), "cores": os.cpu_count()},
        "ready_seconds": figures[0].median,
        "memory_mb": figures[2].median * 1.048576,
        "figures": [asdict(figure) for figure in figures],
    }
    output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def _figure(name: str, unit: str, values: Iterable[float]) -> Figure:
    taken = sorted(values)
    return Figure(name, unit, statistics.median(taken), taken[0], taken[-1])


def _show(figures: Iterable[Figure], out: TextIO) -> None:
    table = Table(title=f"Emberwatch on {_processor()}, {os.cpu_count()} cores")
    for column in ("figure", "median", "lowest", "highest", "unit"):
        table.add_column(column, justify="left" if column in ("figure", "unit") else "right")
    for figure in figures:
        values = (f"{v:.4g}" for v in (figure.median, figure.low, figure.high))
        table.add_row(figure.name, *values, figure.unit)
    Console(file=out, width=None if out.isatty() else 100).print(table)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _start_daemon(folder: Path) -> DaemonRun:
    """Run the daemon on one camera until it has settled, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "monitor.yaml"
    document = {
        "listen": f"127.0.0.1:{port}",
        "state_dir": str(folder / "state"),
        "cameras": [{"name": "bench", "url": f"file:{_clip()}", "loop": True}],
    }
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    notifications = folder / "notify"
    notifications.unlink(missing_ok=True)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        (folder / "log").open("w", encoding="utf-8") as log,
    ):
        notify.bind(str(notifications))
        notify.settimeout(READY_TIMEOUT_SECONDS)
        environment = {**os.environ, "NOTIFY_SOCKET": str(notifications)}
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "run", str(config)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_ready(notify, folder / "log")
            ready = time.monotonic() - began
            _wait_score(f"http://127.0.0.1:{port}/metrics")
            scored = time.monotonic() - began
            time.sleep(SETTLE_SECONDS)
            memory = sum(_pss_bytes(pid) for pid in _tree(process.pid)) / 2**20
        finally:
            process.terminate()
            process.wait(timeout=10)
    return DaemonRun(ready, scored, memory)


def _clip() -> Path:
    clips = sorted(shared_path("config", "demo").glob("*.mp4"))
    if not clips:
        raise EmberwatchError(
            f"no footage in {shared_path('config', 'demo')}; reinstall Emberwatch"
        )
    return clips[0]


def _wait_ready(notify: socket.socket, log: Path) -> None:
    while True:
        try:
            message = notify.recv(4096)
        except TimeoutError:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise EmberwatchError(
                f"the daemon was not ready within {READY_TIMEOUT_SECONDS:.0f} s; its last line: "
                f"{lines[-1] if lines else 'none'}"
            ) from None
        if b"READY=1" in message:
            return


def _wait_score(url: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if "emberwatch_score{" in httpx.get(url, timeout=5, trust_env=False).text:
            return
        time.sleep(0.02)
    raise EmberwatchError(f"the daemon scored no frame within {READY_TIMEOUT_SECONDS:.0f} s")


def _tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(grandchild for child in children for grandchild in _tree(int(child)))]


def _pss_bytes(pid: int) -> int:
    """Proportional set size: memory shared by n processes counts a n-th for each."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _engine_rate(batch: int) -> Figure:
    """Pictures a second of the engine alone, at one batch size."""
    from monitor.inference.bundle import load_bundle, resolve_bundle
    from monitor.inference.load import load_engine

    bundle = load_bundle(resolve_bundle("default"))
    engine = load_engine(bundle, "openvino", max_batch=batch)
    engine.warm_up()
    geometry = bundle.geometry
    noise = np.random.default_rng(0).integers(
        0, 256, (batch, geometry.height, geometry.width, 3), np.uint8
    )
    rates = [batch / _seconds(lambda: engine.score(noise)) for _ in range(RUNS_INSIDE)]
    engine.close()
    return _figure(f"engine alone, batch of {batch}", "pictures/s", rates)


def _decode_cost() -> Figure:
    """Processor time of reading one second of the demo footage, all frames decoded."""
    import threading

    from monitor.clock import SystemClock
    from monitor.ingest.source import open_source
    from monitor.ingest.status import SourceSettings

    settings = SourceSettings("bench", f"file:{_clip()}", paced=False, decode="all")
    costs = []
    for _ in range(3):
        began = time.process_time()
        source = open_source(
            settings, clock=SystemClock(), progress=_nothing, stop=threading.Event()
        )
        media = max(frame.media_seconds for frame in source.frames())
        source.close()
        costs.append((time.process_time() - began) / max(media, 1.0) * 1000)
    return _figure("decoder alone, all frames", "ms CPU/s of video", costs)


def _decision_cost() -> Figure:
    """Time of one decision with the default rules, on a scene that wavers about the threshold."""
    from monitor.config import Camera, Config
    from monitor.decision.decider import Decider
    from monitor.decision.settings import decision_settings, rule_settings
    from monitor.inference.scored import Region, ScoredFrame, ScoredRegion

    config = Config(cameras=[Camera(name="bench", url="file:/none")])
    camera = config.cameras[0]
    scores = np.random.default_rng(0).dirichlet((1.0, 1.0, 2.0), 2000).astype(np.float32)
    region = Region("full")
    frames = [
        ScoredFrame("bench", i, float(i), float(i), (ScoredRegion(region, row),))
        for i, row in enumerate(scores)
    ]
    costs = []
    for _ in range(RUNS_INSIDE):
        decider = Decider(
            "bench",
            rule_settings(config, camera),
            ("fire", "smoke", "misc"),
            decision_settings(config, camera),
        )

        def pass_over(decider: Decider = decider) -> None:
            for frame in frames:
                decider.update(frame)

        costs.append(_seconds(pass_over) / len(frames) * 1e6)
    return _figure("decision", "microseconds/frame", costs)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _nothing() -> None:
    """Progress that nobody watches."""
