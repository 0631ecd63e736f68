"""A folder of training pictures that harvests are added to: each picture once, under its label."""

import csv
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from monitor.errors import EmberwatchError
from monitor.image import IMAGE_SUFFIXES

TABLE = "groups.tsv"
"""Beside the folders of the labels; ``emberwatch train --groups`` reads it."""

_COLUMNS = ("file", "group")


class HarvestError(EmberwatchError):
    """Pictures cannot be harvested."""


class HarvestFolder:
    """Pictures in folders by label, and which of them belong together.

    Args:
        path: made where it is missing; what is there stays.

    Raises:
        HarvestError: it cannot be made or read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._sizes = self._by_size()
            self._header, self._rows = self._read_table()
            self._listed = {row[0] for row in self._rows if row}
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise HarvestError(f"{path}: cannot be used ({error}); name another folder") from error
        self._hashes: dict[Path, str] = {}

    def add(self, label: str, name: str, data: bytes, group: str) -> str:
        """Put a picture under its label.

        Returns:
            ``new``; ``known`` where the same is there already; ``moved`` where it was there under
            another label, which is now its old one.

        Raises:
            HarvestError: it cannot be written.
        """
        if not label or label.startswith(".") or Path(label).name != label:
            raise HarvestError(f"'{label}' cannot be the name of a folder; harvest by hand")
        try:
            known = self._find(data)
            if known is not None and known.parent.name == label:
                # Whoever was stopped before the table was written left pictures without a row.
                if self._relative(known) not in self._listed:
                    self._list(known, group)
                return "known"
            target = self._free_name(label, name)
            target.parent.mkdir(exist_ok=True)
            if known is not None:
                known.rename(target)
                self._rows = [row for row in self._rows if row[0] != self._relative(known)]
                self._sizes[len(data)].remove(known)
            else:
                _write(target, data)
        except OSError as error:
            raise HarvestError(f"{self.path}: cannot be written ({error.strerror})") from error
        self._sizes.setdefault(len(data), []).append(target)
        self._list(target, group)
        return "new" if known is None else "moved"

    def save(self) -> None:
        """Write the table of groups, without pictures that are gone.

        Raises:
            HarvestError: it cannot be written.
        """
        try:
            rows = [row for row in self._rows if row and (self.path / row[0]).is_file()]
            lines = ["\t".join(row) + "\n" for row in [self._header, *rows]]
            _write(self.path / TABLE, "".join(lines).encode())
        except OSError as error:
            raise HarvestError(
                f"{self.path / TABLE}: cannot be written: {error.strerror}"
            ) from error

    def _list(self, file: Path, group: str) -> None:
        self._rows.append([self._relative(file), group])
        self._listed.add(self._relative(file))

    def _by_size(self) -> dict[int, list[Path]]:
        sizes: dict[int, list[Path]] = {}
        for folder in self.path.iterdir():
            if folder.is_dir() and not folder.name.startswith("."):
                for file in _pictures(folder.rglob("*")):
                    sizes.setdefault(file.stat().st_size, []).append(file)
        return sizes

    def _read_table(self) -> tuple[list[str], list[list[str]]]:
        table = self.path / TABLE
        if not table.exists():
            return list(_COLUMNS), []
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        if not rows or tuple(rows[0]) != _COLUMNS:
            raise HarvestError(
                f"{table}: has other columns than 'file' and 'group'; harvest into another folder"
            )
        return rows[0], rows[1:]

    def _find(self, data: bytes) -> Path | None:
        """A picture that is there with the same content."""
        wanted = hashlib.sha256(data).hexdigest()
        for file in self._sizes.get(len(data), []):
            if file not in self._hashes:
                self._hashes[file] = hashlib.sha256(file.read_bytes()).hexdigest()
            if self._hashes[file] == wanted:
                return file
        return None

    def _free_name(self, label: str, name: str) -> Path:
        stem, suffix = Path(name).stem, Path(name).suffix
        target, number = self.path / label / name, 1
        while target.exists():
            number += 1
            target = self.path / label / f"{stem}-{number}{suffix}"
        return target

    def _relative(self, file: Path) -> str:
        return file.relative_to(self.path).as_posix()


def _pictures(files: Iterable[Path]) -> Iterable[Path]:
    return (file for file in files if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())


def _write(target: Path, data: bytes) -> None:
    """On disk under its name when this returns, or not at all."""
    temporary = target.with_name(f".{target.name}.partial")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(target)
