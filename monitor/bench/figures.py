"""The figures of a run: what was measured, the ratios that are asked for, a table and a file."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from monitor.bench.machine import cores, processor


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity over several turns."""

    name: str
    unit: str
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure that something is asked of."""

    key: str
    """Its name at the top level of the file."""
    text: str
    asked: str
    value: float | None
    """None where this run did not measure it."""


@dataclass(slots=True)
class Report:
    """Fills while a run goes on."""

    effort: str
    figures: list[Figure] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    """Those at the top level of the file."""

    def add(self, name: str, unit: str, values: Iterable[float]) -> float:
        """Add a figure; gives its median."""
        taken = sorted(values)
        median = statistics.median(taken)
        self.figures.append(Figure(name, unit, median, taken[0], taken[-1]))
        return median

    def ratio(self, key: str, value: float | None) -> None:
        """Add one of the figures of :data:`ASKED`."""
        if key not in ASKED:
            raise ValueError(f"{key} is none of the figures that are asked for")
        if value is not None:
            self.values[key] = value

    def ratios(self) -> Sequence[Ratio]:
        """All that are asked for, measured or not."""
        return [
            Ratio(key, text, asked, self.values.get(key)) for key, (text, asked) in ASKED.items()
        ]

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        document = {
            **{ratio.key: _rounded(ratio.value) for ratio in self.ratios()},
            "machine": {"processor": processor(), "cores": cores()},
            "effort": self.effort,
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "figures": [
                {k: _rounded(v) if isinstance(v, float) else v for k, v in asdict(figure).items()}
                for figure in self.figures
            ],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def show(self, out: TextIO) -> None:
        """Print both tables."""
        console = Console(file=out, width=None if out.isatty() else 110)
        measured = Table(title=f"Emberwatch on {processor()}, {cores()} cores")
        for column in ("figure", "median", "lowest", "highest", "unit"):
            measured.add_column(column, justify="left" if column in ("figure", "unit") else "right")
        for figure in self.figures:
            values = (f"{v:.4g}" for v in (figure.median, figure.low, figure.high))
            measured.add_row(figure.name, *values, figure.unit)
        asked = Table(title="Against the limits of this machine, in the same run")
        for column in ("figure", "measured", "asked"):
            asked.add_column(column, justify="right" if column == "measured" else "left")
        for ratio in self.ratios():
            shown = "not measured" if ratio.value is None else f"{ratio.value:.3g}"
            asked.add_row(ratio.text, shown, ratio.asked)
        console.print(measured)
        console.print(asked)


ASKED: Mapping[str, tuple[str, str]] = {
    "pipeline_over_limit": (
        "CPU of a frame in the pipeline / decoder alone + engine alone", "at most 1.20",
    ),
    "engine_over_benchmark_app": (
        "pictures/s of the engine / of OpenVINO's benchmark_app, same batch", "at least 0.90",
    ),
    "cameras": ("cameras at 1 frame/s, 1080p H.264, nothing dropped", ""),
    "cameras_over_limit": ("the same / cores over CPU of decoder + engine", "at least 0.85"),
    "cameras_over_naive": ("the same / cameras of the naive loop", "at least 10"),
    "still_cameras_over_cameras": ("cameras, 7 of 10 scenes still / cameras", "at least 1.3"),
    "latency_p99_seconds": ("capture to decision at that load, p99, s", "at most 0.4"),
    "h265_over_h264": ("cameras with H.265 / with H.264", "at least 0.8"),
    "ready_seconds": ("ready after the start, warm cache, s", "at most 3"),
    "memory_per_camera_mb": ("memory of each further 1080p camera, MB", "at most 15"),
}  # fmt: skip
"""What is asked, by the name in the file: in words, and how much."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
