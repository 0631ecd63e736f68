"""A soak: real cameras through fault proxies, faults at random from a seed, for as long as wanted.

``make soak MINUTES=30 CAMERAS=20 [SEED=]``. It prints the seed, writes ``build/soak.json``, and
ends with 1 if a camera was lost, a stale one went unnoticed, or memory or descriptors grew.

Memory and descriptors are compared between two calm times, in which no new fault begins and all
cameras are scored: after the first five minutes, and at the end.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

from tests.support.clips import make_clip, red_scene
from tests.support.daemon import Daemon, running_daemon, write_config
from tests.support.fault_proxy import FaultProxy
from tests.support.rtsp import rtsp_server
from tests.support.score_watch import ScoreWatch, Sight
from tests.support.soak_faults import Tormentor

OUTPUT = Path(__file__).resolve().parents[1] / "build" / "soak.json"
WARM_UP_MINUTES = 5.0
CALM_SECONDS = 60.0
STEP_SECONDS = 0.5
STALE_AFTER_SECONDS = 8.0
LOOK_SECONDS = 1.5
"""From the moment of which metrics tell until they are read here, on a busy machine."""
LOST_SECONDS = 120.0
"""A camera that is not scored this long after its fault is lost."""
MEMORY_LIMIT = 0.02


@dataclass(slots=True)
class Usage:
    """What the daemon and its workers use, at several moments of a calm time."""

    memory: list[float] = field(default_factory=list)
    """Of all processes, without the files that they map, bytes."""
    daemon_memory: list[float] = field(default_factory=list)
    """The same of the daemon's own process: workers are younger after a kill, and smaller."""
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)

    def look(self, daemon: Daemon) -> None:
        """Measure now; a process that ends meanwhile is left out of this moment."""
        workers = daemon.workers()
        try:
            own = _memory(daemon.process.pid)
            memory = own + sum(map(_memory, workers))
            threads, descriptors = daemon.threads(), daemon.open_files()
        except (FileNotFoundError, ProcessLookupError):
            return
        self.memory.append(memory)
        self.daemon_memory.append(own)
        self.threads.append(threads)
        self.descriptors.append(descriptors)
        self.workers.append(len(workers))

    def summary(self) -> dict[str, float]:
        """Medians."""
        return {
            "memory_mb": round(statistics.median(self.memory) / 1e6, 1),
            "daemon_memory_mb": round(statistics.median(self.daemon_memory) / 1e6, 1),
            "descriptors": statistics.median(self.descriptors),
            "threads": statistics.median(self.threads),
            "workers": statistics.median(self.workers),
        }


@dataclass(slots=True)
class Soak:
    """One run, while it runs."""

    daemon: Daemon
    watch: ScoreWatch
    tormentor: Tormentor
    lost: set[str] = field(default_factory=set)
    unnoticed: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    waiting: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Cameras whose fault has ended: since when, and frames scored until then."""
    _checked: float = 0.0

    def torment(self, until: float) -> None:
        """Faults at random."""
        self._run(until, torment=True)

    def calm(self, seconds: float) -> Usage:
        """No new faults: wait for all cameras, then measure for so long."""
        self.tormentor.calm()
        self.expect(list(self.tormentor.lines))
        deadline = time.monotonic() + LOST_SECONDS
        while self.waiting and time.monotonic() < deadline:
            self._run(time.monotonic() + 2 * STEP_SECONDS, torment=False)
        usage = Usage()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            usage.look(self.daemon)
            self._run(min(end, time.monotonic() + 2.0), torment=False)
        return usage

    def _run(self, until: float, *, torment: bool) -> None:
        last = time.monotonic()
        pause = threading.Event()
        while (now := time.monotonic()) < until:
            if torment:
                self.expect(self.tormentor.step(now, now - last))
            last = now
            self._look(now)
            pause.wait(STEP_SECONDS)

    def expect(self, cameras: list[str]) -> None:
        """These should be scored soon; from now on their recovery is timed."""
        now = time.monotonic()
        for camera in cameras:
            self.waiting[camera] = (now, self.watch.last(camera).scored)

    def _look(self, now: float) -> None:
        """Note who is back, who is lost, and who is shown as watched and is not."""
        assert self.daemon.process.poll() is None, f"the daemon ended: {self.daemon.log[-2000:]}"
        for camera, (since, scored) in list(self.waiting.items()):
            sight = self.watch.last(camera)
            if camera in self.tormentor.running or self.tormentor.server_is_down:
                del self.waiting[camera]  # the next fault came before it was back
            elif sight.at > since and sight.scored > scored and sight.scores:
                self.recoveries.append(sight.at - since)
                del self.waiting[camera]
            elif now - since > LOST_SECONDS:
                self.lost.add(camera)
        for camera in self.tormentor.lines:
            for sight in self.watch.between(camera, self._checked, now):
                self._check(camera, sight)
        self._checked = now
        self.watch.forget(now - 30)

    def _check(self, camera: str, sight: Sight) -> None:
        if sight.scores and sight.blind:
            self.unnoticed.append(f"{camera}: a score while it is {sight}")
        fault = self.tormentor.running.get(camera)
        if fault is not None and fault.blinding:
            blind_for = sight.at - fault.began
            if sight.scores and blind_for > STALE_AFTER_SECONDS + LOOK_SECONDS:
                self.unnoticed.append(f"{camera}: a score after {blind_for:.1f} s of {fault.kind}")


def run(
    minutes: float,
    cameras: int,
    seed: int,
    *,
    warm_up_minutes: float = WARM_UP_MINUTES,
    calm_seconds: float = CALM_SECONDS,
) -> dict[str, object]:
    """Run a soak; its summary."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        clips = {
            f"/{codec}": make_clip(
                folder / f"{codec}.mp4", red_scene((160, 120)),
                seconds=6, fps=10, gop=10, bit_rate=150_000, codec=codec,
            )
            for codec in ("h264", "hevc")
        }  # fmt: skip
        server = stack.enter_context(rtsp_server(clips))
        lines: dict[str, FaultProxy] = {}
        for number in range(cameras):
            lines[f"camera-{number:02}"] = line = FaultProxy(server.port, seed=seed + number)
            stack.callback(line.close)
        entries = [
            {
                "name": name,
                # The proxy knows the key frames of H.264; every fourth camera is H.265.
                "url": line.url("/hevc" if number % 4 == 3 else "/h264"),
                "stale_after": f"{STALE_AFTER_SECONDS:g}s",
            }
            for number, (name, line) in enumerate(lines.items())
        ]
        ingest = {
            "workers": 2, "open_timeout": "4s", "read_timeout": "4s", "hang_timeout": "10s",
            "max_back_off": "10s",
        }  # fmt: skip
        config = write_config(folder, entries, ingest=ingest)
        daemon = stack.enter_context(running_daemon(config))
        watch = stack.enter_context(ScoreWatch(daemon.url, pause_seconds=0.3))
        tormentor = Tormentor(Random(seed), lines, server, daemon)
        soak = Soak(daemon, watch, tormentor)
        began = time.monotonic()
        soak.expect(list(lines))
        soak.torment(began + 60 * warm_up_minutes)
        before = soak.calm(calm_seconds)
        say(f"after {_minutes_since(began)}: {before.summary()}")
        while (left := began + 60 * minutes - calm_seconds - time.monotonic()) > 0:
            soak.torment(time.monotonic() + min(left, 60.0))
            say(
                f"{_minutes_since(began)}: {tormentor.counts.total()} faults, "
                f"{len(soak.lost)} lost, {len(soak.unnoticed)} unnoticed, "
                f"{len(daemon.workers())} workers"
            )
        after = soak.calm(calm_seconds)
        log_lines = len(daemon.log.splitlines())
        code, stop_seconds = daemon.stop()
        growth = statistics.median(after.memory) / statistics.median(before.memory) - 1
        descriptors = statistics.median(after.descriptors) - statistics.median(before.descriptors)
        return {
            "cameras": cameras,
            "minutes": round((time.monotonic() - began) / 60, 1),
            "faults": tormentor.counts.total(),
            "lost_cameras": len(soak.lost | set(soak.waiting)),
            "unnoticed_stale": len(soak.unnoticed),
            "memory_growth_ratio": round(growth, 4),
            "fd_growth": descriptors,
            "worst_recovery_seconds": round(max(soak.recoveries, default=0.0), 1),
            "median_recovery_seconds": round(statistics.median(soak.recoveries or [0.0]), 1),
            "recoveries": len(soak.recoveries),
            "seed": seed,
            "faults_by_kind": dict(sorted(tormentor.counts.items())),
            "after_warm_up": before.summary(),
            "at_end": after.summary(),
            "unnoticed": soak.unnoticed[:20],
            "lost": sorted(soak.lost | set(soak.waiting)),
            "log_lines": log_lines,
            "exit_code": code,
            "stop_seconds": round(stop_seconds, 1),
        }


def failed(summary: dict[str, object], *, memory_limit: float = MEMORY_LIMIT) -> list[str]:
    """What is wrong with a summary, in words."""
    limits = {
        "lost_cameras": 0, "unnoticed_stale": 0, "memory_growth_ratio": memory_limit,
        "fd_growth": 0, "exit_code": 0,
    }  # fmt: skip
    wrong = []
    for key, limit in limits.items():
        value = summary[key]
        assert isinstance(value, int | float)
        if value > limit:
            wrong.append(f"{key} is {value}, at most {limit} is allowed")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cameras", type=int, default=20)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    say(f"soak: {given.minutes:g} minutes, {given.cameras} cameras, seed {given.seed}")
    share = min(1.0, given.minutes / 30.0)
    summary = run(
        given.minutes,
        given.cameras,
        given.seed,
        warm_up_minutes=max(share * WARM_UP_MINUTES, min(1.0, given.minutes / 3)),
        calm_seconds=max(10.0, share * CALM_SECONDS),
    )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    wrong = failed(summary)
    say(json.dumps(summary, indent=1))
    say("\n".join(wrong) if wrong else "all is well")
    return 1 if wrong else 0


def say(text: str) -> None:
    """A line for who waits for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _minutes_since(began: float) -> str:
    return f"{(time.monotonic() - began) / 60:.1f} min"


def _memory(pid: int) -> float:
    """What a process has of its own and its part of shared memory, bytes.

    Files that it maps are left out: how much of a library counts as its own depends on who else on
    the machine has loaded it.
    """
    total = 0.0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
            total += float(line.split()[1]) * 1024
    return total


if __name__ == "__main__":
    sys.exit(main())
