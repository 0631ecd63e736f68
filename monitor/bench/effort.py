"""How long a benchmark takes: for a glance, for a comparison, for a proof."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """What is measured, how often and how long; seconds."""

    starts: int
    """Starts of the daemon of which the median is taken."""
    rounds: int
    """Turns of each contender."""
    turn: float
    """One turn of a contender."""
    window: float
    """The pipeline is watched for so long at each load."""
    steps: int
    """Loads that are tried, at most, to find the highest that holds."""
    hold: float
    """The highest load must hold for so long."""
    memory: tuple[int, ...]
    """Numbers of cameras whose memory is measured."""
    settle_memory: float
    """From the first score of all cameras until memory is read: buffers have reached their size."""
    crowd: int
    """Cameras from a few RTSP streams that are watched for two minutes; 0: none."""
    everything: bool
    """H.265, still scenes and all kinds of streams as well."""


EFFORTS = {
    "quick": Effort(1, 2, 1.5, 6.0, 3, 6.0, (2, 12), 4.0, 0, False),
    "usual": Effort(3, 3, 3.0, 10.0, 6, 20.0, (1, 10, 50, 100), 15.0, 0, True),
    "full": Effort(5, 5, 4.0, 15.0, 8, 300.0, (1, 10, 50, 100), 15.0, 100, True),
}
