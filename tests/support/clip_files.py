"""Reads clips again, as a player does."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from tests.support.clips import counted


@dataclass(frozen=True, slots=True)
class Played:
    """What a player finds in a clip."""

    container: str
    codec: str
    tag: str
    size: tuple[int, int]
    seconds: float
    pictures: tuple[int, ...]
    """The number of each picture of a counting scene, modulo 20, in order of showing."""
    times: tuple[float, ...]
    """When each is shown, seconds."""

    @property
    def gapless(self) -> bool:
        """Whether each picture follows on the one before."""
        return all(after == (before + 1) % 20 for before, after in pairwise(self.pictures))


def play(path: Path) -> Played:
    """Decode a whole clip; its times must grow, and what says its length must be right."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert frames, "a clip without a picture"
        times = tuple(frame.time for frame in frames)
        assert all(after > before for before, after in pairwise(times)), "pictures out of order"
        return Played(
            container=container.format.name,
            codec=stream.codec_context.name,
            tag=stream.codec_context.codec_tag,
            size=(frames[-1].width, frames[-1].height),
            seconds=float((container.duration or 0) / av.time_base),
            pictures=tuple(
                counted(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in frames
            ),
            times=times,
        )
