"""The order of a benchmark: what is compared is measured turn by turn."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from monitor.bench.crowd import LOST_SECONDS, crowd
from monitor.bench.effort import EFFORTS, Effort
from monitor.bench.figures import Report
from monitor.bench.footage import CODECS, KEY_SECONDS, SIZES, Footage, Kind
from monitor.bench.machine import cores
from monitor.bench.pipeline import (
    Capacity,
    capacity,
    limit_cameras,
    one_load,
    scratch_folder,
    site,
)
from monitor.bench.standing import memory, memory_per_camera, starts
from monitor.bench.turns import Contender, Turn, Turns
from monitor.child_daemon import ended_by

BATCHES = (1, 2, 4, 8, 16)
"""Sizes among which the engine's best is looked for."""
LATEST_SECONDS = 0.4
"""A load whose verdicts come later than this, of more than one frame in a hundred, is too high."""
STILL_SHARE = 0.7
CROWD_SECONDS = 120.0
EVERY_SAMPLE = {"still_interval": 0}
"""Of ``inference``: nothing is passed over because it has not changed."""

_LOAD_SHARE = 0.6
"""Of the limit: the load at which the cost of a frame is measured."""
_MEDIA_SECONDS = 20
"""Of each kind of stream."""


def bench(effort: str, output: Path, out: TextIO) -> int:
    """Measure everything, print tables, write ``output`` as JSON.

    Args:
        effort: one of :data:`monitor.bench.effort.EFFORTS`.
        output: the file; clips are kept in ``bench-clips`` beside it.
        out: for progress and tables.

    Returns:
        The exit code: 1 where a camera of the crowd was lost, else 0.

    Raises:
        EmberwatchError: the daemon did not come up, or the bundle or engine failed.
    """
    with ended_by(signal.SIGTERM), scratch_folder() as folder:
        run = _Run(EFFORTS[effort], effort, Path(folder), output.parent / "bench-clips", out)
        run.all()
        lost = run.crowd()
    run.report.show(out)
    run.report.write(output)
    out.write(f"written to {output}\n")
    return 1 if lost else 0


class _Run:
    def __init__(self, effort: Effort, name: str, folder: Path, clips: Path, out: TextIO) -> None:
        self.report = Report(name)
        self._effort = effort
        self._folder = folder
        self._footage = Footage(clips.resolve())
        self._out = out
        self._began = time.monotonic()

    def all(self) -> None:
        self._start_up()
        batch = self._best_batch()
        limit_ms, naive_ms, pipeline_ms = self._compare(batch)
        cameras = self._capacity(Kind(), limit_cameras(pipeline_ms), "1080p H.264")
        report = self.report
        if cameras.held is not None:
            report.ratio("cameras", cameras.cameras)
            report.ratio("cameras_over_limit", cameras.cameras / limit_cameras(limit_ms))
            report.ratio("cameras_over_naive", cameras.cameras / limit_cameras(naive_ms))
            report.ratio("latency_p99_seconds", cameras.held.counts.latency_quantile(0.99))
            for share, word in ((0.5, "median"), (0.99, "99th percentile")):
                seconds = cameras.held.counts.latency_quantile(share)
                report.add(f"capture to decision at that load, {word}", "ms", [1000 * seconds])
        if self._effort.everything and cameras.cameras:
            self._others(cameras.cameras)
            self._kinds()
        self._memory()

    def crowd(self) -> frozenset[str]:
        """Watch many cameras over RTSP, where that is asked for; those that were lost."""
        cameras = self._effort.crowd
        if not cameras:
            return frozenset()
        self._tell(f"{cameras} cameras from a few RTSP streams, for {CROWD_SECONDS:.0f} s")
        found = crowd(self._folder, self._footage, cameras, CROWD_SECONDS)
        add = self.report.add
        add(f"{cameras} cameras over RTSP, lost", "cameras", [float(len(found.lost))])
        add(f"{cameras} cameras over RTSP, all together", "frames/s", [found.frames])
        add(f"{cameras} cameras over RTSP, the least", "frames/s", [found.least])
        add(f"{cameras} cameras over RTSP", "MB", [found.memory_bytes / 1e6])
        for name in sorted(found.lost):
            self._tell(f"{name} was lost: not watched for {LOST_SECONDS:.0f} s")
        return found.lost

    def _start_up(self) -> None:
        self._tell("start-up")
        found = starts(self._folder, self._effort.starts)
        add = self.report.add
        self.report.ratio("ready_seconds", add("ready", "s", (s.ready_seconds for s in found)))
        add("first score", "s", (start.scored_seconds for start in found))

    def _best_batch(self) -> int:
        """The batch size that gives the most pictures a second; all take turns."""
        self._tell("engine alone, by batch size")
        turns: dict[int, list[Turn]] = {size: [] for size in BATCHES}
        with ExitStack() as stack:
            engines = {size: stack.enter_context(Contender("engine", size)) for size in BATCHES}
            for _ in range(self._effort.rounds):
                for size, engine in engines.items():
                    turns[size].append(engine.turn(self._effort.turn / 2))
        for size in BATCHES:
            self.report.add(
                f"engine alone, batch of {size}", "pictures/s", (t.rate for t in turns[size])
            )
        return max(BATCHES, key=lambda size: Turns(tuple(turns[size])).rate)

    def _compare(self, batch: int) -> tuple[float, float, float]:
        """Milliseconds of processor time for a frame: limit, naive loop, pipeline."""
        self._tell("decoder, engine, naive loop and pipeline, turn by turn")
        # Long, so that opening it, which cameras do once, is not counted with each few frames.
        clip = self._footage.long_clip(Kind(), 32)
        arguments: dict[str, object] = {
            "decoder": clip, "engine": batch, "benchmark_app": batch, "naive": clip,
        }  # fmt: skip
        turns: dict[str, list[Turn]] = {name: [] for name in (*arguments, "pipeline")}
        with ExitStack() as stack:
            contenders = [
                stack.enter_context(Contender(name, argument))
                for name, argument in arguments.items()
            ]
            for _ in range(self._effort.rounds):
                for contender in contenders:
                    turns[contender.name].append(contender.turn(self._effort.turn))
                now = {name: Turns(tuple(turns[name])).cpu_ms for name in ("decoder", "engine")}
                count = max(1, int(_LOAD_SHARE * limit_cameras(sum(now.values()))))
                cameras = site(self._footage, Kind(), count)
                turns["pipeline"].append(
                    one_load(
                        self._folder, cameras, self._effort.window, inference=EVERY_SAMPLE
                    ).turn
                )
        return self._add_comparison(turns, batch)

    def _add_comparison(
        self, turns: dict[str, list[Turn]], batch: int
    ) -> tuple[float, float, float]:
        add, ratio = self.report.add, self.report.ratio
        cpu = {
            name: add(text, "ms CPU/frame", (turn.cpu_ms for turn in turns[name]))
            for name, text in (
                ("decoder", "decoder alone, 1080p H.264, key frames"),
                ("engine", f"engine alone, batch of {batch}"),
                ("pipeline", "pipeline, recording to decision"),
                ("naive", "naive loop"),
            )
        }
        app = add(
            f"benchmark_app, batch of {batch}",
            "pictures/s",
            (turn.rate for turn in turns["benchmark_app"]),
        )
        limits = [
            decoder.cpu_ms + engine.cpu_ms
            for decoder, engine in zip(turns["decoder"], turns["engine"], strict=True)
        ]
        limit = add("limit: decoder + engine", "ms CPU/frame", limits)
        engine = Turns(tuple(turns["engine"])).rate
        for name, ms in (("limit", limit), ("pipeline", cpu["pipeline"]), ("naive", cpu["naive"])):
            per_core = limit_cameras(ms) / cores()
            add(f"cameras per core at 1 frame/s, {name}", "cameras", [per_core])
        ratio("pipeline_over_limit", cpu["pipeline"] / limit)
        ratio("engine_over_benchmark_app", engine / app)
        return limit, cpu["naive"], cpu["pipeline"]

    def _capacity(self, kind: Kind, guess: float, text: str, still_share: float = 0.0) -> Capacity:
        self._tell(f"cameras that are carried: {text}")
        effort = self._effort
        found = capacity(
            self._folder,
            lambda count: site(self._footage, kind, count, still_share),
            guess,
            window_seconds=effort.window,
            steps=effort.steps,
            hold_seconds=effort.hold,
            tell=self._tell,
            latest_seconds=LATEST_SECONDS,
            inference={} if still_share else EVERY_SAMPLE,
        )
        self.report.add(f"cameras carried, {text}", "cameras", [float(found.cameras)])
        return found

    def _others(self, cameras: int) -> None:
        h265 = self._capacity(Kind("hevc"), cameras, "1080p H.265")
        self.report.ratio("h265_over_h264", h265.cameras / cameras)
        still = self._capacity(Kind(), 1.25 * cameras, "7 of 10 scenes still", STILL_SHARE)
        self.report.ratio("still_cameras_over_cameras", still.cameras / cameras)

    def _kinds(self) -> None:
        """What a camera of each kind costs until its picture is handed on."""
        self._tell("all kinds of streams")
        for codec in CODECS:
            for size in SIZES:
                for seconds in KEY_SECONDS:
                    kind = Kind(codec, size, seconds)
                    clip = self._footage.long_clip(kind, _MEDIA_SECONDS)
                    with Contender("reader", clip) as reader:
                        turns = [reader.turn(0.0) for _ in range(self._effort.rounds)]
                    text = f"reading {size} {codec}, key frames each {seconds} s"
                    self.report.add(text, "ms CPU/s of video", (t.cpu_ms for t in turns))

    def _memory(self) -> None:
        self._tell("memory")
        effort = self._effort
        found = memory(self._folder, self._footage, effort.memory, effort.settle_memory)
        for count, megabytes in found.items():
            self.report.add(f"memory (PSS), {count} cameras", "MB", [megabytes])
        self.report.ratio("memory_per_camera_mb", memory_per_camera(found))

    def _tell(self, text: str) -> None:
        self._out.write(f"{time.monotonic() - self._began:5.0f} s  {text}\n")
        self._out.flush()
