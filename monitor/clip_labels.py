"""``LABELS.tsv``: what recorded clips show, and from when on."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import ConfigError

COLUMNS = ("file", "class", "fire_or_smoke_onset_s")
"""The columns that must be there; others are for people."""

_ONSET = re.compile(r"~?\s*(\d+(?:\.\d+)?)\s*(?:s\b)?\s*(?:\(.*\))?")
_NONE = ("none", "-", "")


@dataclass(frozen=True, slots=True)
class ClipLabel:
    """What one clip shows."""

    file: str
    """Path relative to the folder of the table."""
    kind: str
    """``fire``, ``smoke``, or a word for what is neither, such as ``misc``."""
    onset_seconds: float | None
    """Media time from which fire or smoke can be seen; None where there is none."""

    @property
    def hazard(self) -> bool:
        return self.onset_seconds is not None


def parse_onset(text: str) -> float | None:
    """Seconds from ``0``, ``~15``, ``1.0 (frame 2)``; None from ``none``.

    Raises:
        ValueError: the text is neither.
    """
    text = text.strip()
    if text.lower() in _NONE:
        return None
    match = _ONSET.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no onset; write seconds, like 0, ~15 or 1.0 (frame 2), or none"
        )
    return float(match.group(1))


def read_labels(path: Path) -> list[ClipLabel]:
    """Read a table: tab-separated, its first line names the columns.

    Raises:
        ConfigError: it cannot be read, a column is missing, or rows are wrong; all faulty rows are
            named, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: is missing; write one line for each clip, with the columns "
            f"{', '.join(COLUMNS)}, separated by tabs"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give a text file in UTF-8") from error
    lines = text.splitlines()
    header = lines[0].split("\t") if lines else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise ConfigError(
            f"{path}: its first line lacks {', '.join(missing)}; it must name the columns, "
            "separated by tabs"
        )
    labels: list[ClipLabel] = []
    faults: list[str] = []
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        try:
            labels.append(_label(row))
        except ValueError as error:
            faults.append(f"{path}, line {rows.line_num}: {error}")
    if faults:
        raise ConfigError("\n".join(faults))
    if not labels:
        raise ConfigError(f"{path}: names no clip; write one line for each")
    return labels


def _label(row: dict[str, str | None]) -> ClipLabel:
    file, kind, onset = (row[column] for column in COLUMNS)
    if not file or not kind or onset is None:
        raise ValueError(f"a value is missing; {', '.join(COLUMNS)} are needed")
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} leads out of the folder; give a path within it")
    return ClipLabel(file=file, kind=kind, onset_seconds=parse_onset(onset))
