"""What the pipeline is compared with, each in a process of its own: see :mod:`monitor.bench.turns`.

``python -m monitor.bench.contenders NAME ARGUMENT...`` reads a number of seconds from each line of
its input, works for about that long, and writes what it did.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from monitor.bench.footage import room_scene
from monitor.bench.turns import Turn, say
from monitor.inference.bundle import load_bundle
from monitor.inference.openvino_engine import OpenVinoEngine

_LEARNED_SECONDS = 5.0
"""Media time after which a reader has seen four key frames, one each second."""

Work = Callable[[float], Turn]
"""Does a turn of about so many seconds."""


def decoder(clip: str) -> Work:
    """FFmpeg alone: read every packet, decode the key frames, on one thread, and no more."""
    import av

    def work(seconds: float) -> Turn:
        watch = _Stopwatch()
        frames = 0
        while watch.wall < seconds:
            with av.open(clip) as container:
                stream = container.streams.video[0]
                stream.codec_context.thread_count = 1
                for packet in container.demux(stream):
                    if packet.is_keyframe or not packet.size:
                        frames += len(stream.codec_context.decode(packet))
        return watch.turn(frames)

    return work


def engine(batch: str) -> Work:
    """The pipeline's own engine with batches of one size."""
    bundle = load_bundle("default")
    scoring = OpenVinoEngine(bundle, max_batch=int(batch))
    # What the pipeline scores: noise could leave the model in doubt, and be scored twice.
    scene = room_scene((bundle.geometry.width, bundle.geometry.height))
    pictures = np.stack([scene(index) for index in range(int(batch))])
    scoring.score(pictures)

    def work(seconds: float) -> Turn:
        watch = _Stopwatch()
        frames = 0
        while watch.wall < seconds:
            scoring.score(pictures)
            frames += len(pictures)
        return watch.turn(frames)

    return work


def benchmark_app(batch: str) -> Work:
    """OpenVINO's own tool on the same model, with its own defaults."""
    from monitor.inference.openvino_runtime import import_openvino

    import_openvino()
    from openvino.tools.benchmark.main import main as run_tool

    bundle = load_bundle("default")
    shape = f"[{batch},{bundle.geometry.height},{bundle.geometry.width},3]"

    def work(seconds: float) -> Turn:
        with tempfile.TemporaryDirectory(prefix="emberwatch-bench-") as folder:
            arguments = {
                "-m": bundle.openvino_path, "-d": "CPU", "-shape": shape, "-hint": "throughput",
                "-t": max(1, round(seconds)), "-report_type": "no_counters",
                "-report_folder": folder,
            }  # fmt: skip
            sys.argv = ["benchmark_app", "-json_stats"]
            sys.argv += [str(part) for pair in arguments.items() for part in pair]
            watch = _Stopwatch()
            with redirect_stdout(sys.stderr):
                run_tool()
            report = json.loads((Path(folder) / "benchmark_report.json").read_text("utf-8"))
        results = report["execution_results"]
        frames = int(results["total number of iterations"]) * int(batch)
        # Its processor time holds the compilation of the model, so it is of no use.
        return Turn(frames, float(results["total execution time (ms)"]) / 1000, watch.cpu)

    return work


def naive(clip: str) -> Work:
    """The loop that everybody writes first: OpenCV reads all, one picture a second is predicted."""
    import cv2

    from monitor.inference.tensorflow_engine import load_keras

    bundle = load_bundle("default")
    model = load_keras(bundle)
    size = (bundle.geometry.width, bundle.geometry.height)
    model.predict(_noise(1, size[1], size[0]), verbose=0)
    capture = cv2.VideoCapture(clip)
    step = max(1, round(capture.get(cv2.CAP_PROP_FPS)))

    def work(seconds: float) -> Turn:
        nonlocal capture
        watch = _Stopwatch()
        frames = read = 0
        while watch.wall < seconds or not frames:
            there, picture = capture.read()
            if not there:
                capture.release()
                capture = cv2.VideoCapture(clip)
                continue
            read += 1
            if read % step == 0:
                seen = cv2.cvtColor(cv2.resize(picture, size), cv2.COLOR_BGR2RGB)
                model.predict(seen[np.newaxis], verbose=0)
                frames += 1
        return watch.turn(frames)

    return work


def reader(clip: str) -> Work:
    """The pipeline's own reader: decodes what its sampler wants, at one picture a second.

    A turn is one pass over the clip, whatever its length; a frame of it is a second of video.
    """
    import threading

    from monitor.clock import SystemClock
    from monitor.ingest.source import open_source
    from monitor.ingest.status import SourceSettings

    settings = SourceSettings("bench", f"file:{clip}", paced=False)

    def work(_seconds: float) -> Turn:
        source = open_source(
            settings, clock=SystemClock(), progress=_nothing, stop=threading.Event()
        )
        frames = source.frames()
        # Until the sampler knows the interval of the key frames, it decodes everything.
        while next(frames).media_seconds < _LEARNED_SECONDS:
            pass
        watch = _Stopwatch()
        last = max(frame.media_seconds for frame in frames)
        turn = watch.turn(round(last - _LEARNED_SECONDS))
        source.close()
        return turn

    return work


def decision(_unused: str) -> Work:
    """The decision with the default rules, on scores that waver about the threshold."""
    from monitor.config import Camera, Config
    from monitor.decision.decider import Decider
    from monitor.decision.settings import decision_settings, rule_settings
    from monitor.inference.scored import Region, ScoredFrame, ScoredRegion

    config = Config(cameras=[Camera(name="bench", url="file:/none")])
    camera = config.cameras[0]
    rules, settings = rule_settings(config, camera), decision_settings(config, camera)
    scores = np.random.default_rng(0).dirichlet((1.0, 1.0, 2.0), 2000).astype(np.float32)
    region = Region("full")
    frames = [
        ScoredFrame("bench", i, float(i), float(i), (ScoredRegion(region, row),))
        for i, row in enumerate(scores)
    ]

    def work(seconds: float) -> Turn:
        watch = _Stopwatch()
        done = 0
        while watch.wall < seconds:
            decider = Decider("bench", rules, ("fire", "smoke", "misc"), settings)
            for frame in frames:
                decider.update(frame)
            done += len(frames)
        return watch.turn(done)

    return work


CONTENDERS: dict[str, Callable[[str], Work]] = {
    work.__name__: work for work in (decoder, engine, benchmark_app, naive, reader, decision)
}


def _nothing() -> None:
    """Progress that nobody watches."""


class _Stopwatch:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def wall(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def cpu(self) -> float:
        return time.process_time() - self._cpu

    def turn(self, frames: int) -> Turn:
        return Turn(frames, self.wall, self.cpu)


def _noise(*size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)


def main(name: str, argument: str) -> None:
    """Take turns until the input ends."""
    # Libraries write where they like: answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    work = CONTENDERS[name](argument)
    answers.write(say(None) + "\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(say(work(float(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
