"""``emberwatch replay``: what the daemon would have said about recorded clips."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from monitor.clips import ClipPipeline, ClipResult, clip_config
from monitor.decision.state import Transition
from monitor.errors import EmberwatchError
from monitor.explain import TimelineCollector
from monitor.explain_picture import timeline_svg
from monitor.svg import write_svg


def replay(
    clips: Sequence[Path],
    *,
    config: Path | None = None,
    as_json: bool = False,
    explain: Path | None = None,
    out: TextIO,
    err: TextIO,
) -> int:
    """Run clips through the daemon's pipeline and write each change of state.

    As JSON each transition is one line, then each clip one summary line. A clip that cannot be
    read, or breaks off, is named on ``err`` and its summary line has the sentence as ``error``; the
    others go on.

    Args:
        clips: video files, or folders of pictures.
        config: a configuration file; its first camera says how the clips are sampled. The
            defaults where it is left out.
        as_json: one JSON object a line, else text for people.
        explain: where the picture of the timeline goes: a file that ends in ``.svg`` for one clip,
            else a folder that gets one file for each clip. A clip without a frame gets none.
        out: where the result goes.
        err: where faults of clips go.

    Returns:
        The exit status: 0, or 1 where a clip could not be read to its end.

    Raises:
        ConfigError: the configuration is wrong.
        BundleError: the bundle cannot be used.
        EngineError: the engine cannot run, or failed.
        EmberwatchError: a picture cannot be written, or one file is named for several clips.
    """
    pictures: Sequence[Path | None] = [None] * len(clips)
    if explain is not None:
        pictures = picture_paths(clips, explain)
    writer = _JsonWriter(out) if as_json else _TextWriter(out)
    status = 0
    with ClipPipeline(clip_config(config)) as pipeline:
        for clip, picture in zip(clips, pictures, strict=True):
            collector = (
                None if picture is None else TimelineCollector(clip.name or str(clip), unix=False)
            )
            result = pipeline.run(
                clip, writer.transition, None if collector is None else collector.add
            )
            if result.error is not None:
                status = 1
                err.write(f"emberwatch replay: {result.error}\n")
                err.flush()
            writer.summary(result)
            if picture is not None and collector is not None and result.frames_scored:
                write_svg(picture, timeline_svg(collector.timeline()))
    return status


def picture_paths(clips: Sequence[Path], explain: Path) -> list[Path]:
    """Where the picture of each clip goes; a folder is made.

    Raises:
        EmberwatchError: one file is named for several clips, or the folder cannot be made.
    """
    if explain.suffix.lower() == ".svg" and not explain.is_dir():
        if len(clips) > 1:
            raise EmberwatchError(
                f"--explain {explain}: is one picture and {len(clips)} clips were given; name a "
                "folder, and each clip gets a picture of its own"
            )
        return [explain]
    try:
        explain.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmberwatchError(
            f"--explain {explain}: the folder cannot be made ({error.strerror}); name another"
        ) from error
    paths: list[Path] = []
    for clip in clips:
        name = clip.name or "clip"
        number = 1
        while (
            path := explain / (f"{name}.svg" if number == 1 else f"{name}-{number}.svg")
        ) in paths:
            number += 1
        paths.append(path)
    return paths


class _JsonWriter:
    """One object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def transition(self, transition: Transition) -> None:
        self._write(
            {
                "clip": transition.camera,
                "alert": transition.alert,
                "label": transition.label,
                "state": transition.event,
                "at_seconds": round(transition.captured_monotonic, 3),
                "score": round(transition.score, 5),
            }
        )

    def summary(self, result: ClipResult) -> None:
        line: dict[str, object] = {
            "clip": str(result.clip),
            "frames_scored": result.frames_scored,
            "max_scores": {label: round(s, 5) for label, s in result.max_scores.items()},
            "fired": list(result.first_firing()),
        }
        self._write(line if result.error is None else line | {"error": result.error})

    def _write(self, line: dict[str, object]) -> None:
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()


class _TextWriter:
    """A heading for each clip, its transitions below, and a line that sums up."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._clip = ""

    def transition(self, transition: Transition) -> None:
        self._heading(transition.camera)
        self._out.write(
            f"  {transition.captured_monotonic:9.2f} s  {transition.alert:<16} "
            f"{transition.event:<9} {transition.score:.3f}\n"
        )
        self._out.flush()

    def summary(self, result: ClipResult) -> None:
        if not result.frames_scored:
            return  # the error has said it
        self._heading(str(result.clip))
        scores = ", ".join(f"{label} {score:.3f}" for label, score in result.max_scores.items())
        fired = ", ".join(result.first_firing()) or "nothing"
        self._out.write(
            f"  {result.frames_scored} frames scored, highest {scores}; fired: {fired}\n"
        )
        self._out.flush()

    def _heading(self, clip: str) -> None:
        if clip != self._clip:
            self._clip = clip
            self._out.write(f"{clip}\n")
