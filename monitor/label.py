"""``emberwatch label``: score picture files, by the same resize, model and engine as the daemon."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import IMAGE_SUFFIXES, read_image
from monitor.inference.bundle import load_bundle
from monitor.inference.engine import Engine
from monitor.inference.load import load_engine
from monitor.inference.manifest import Geometry
from monitor.inference.regions import cut, full_view

_BATCH = 16
# Pictures are decoded beside one another; each may take 200 MB for a moment.
_READERS = 2
Format = Callable[[Path, NDArray[np.float32]], str]

_BROKEN_PIPE = 141
"""The exit status of a program that a closed pipe ended, as shells count it."""


def label_paths(
    paths: Sequence[Path],
    *,
    bundle: str | Path = "default",
    engine: str = "auto",
    as_json: bool = False,
    out: TextIO,
    err: TextIO,
) -> int:
    """Score pictures and write what is seen on them.

    One picture gives one line for each label, sorted by score; more give a table, in the order of
    the paths; folders are searched, with all below them, in the order of names. As JSON each
    picture is an object on a line of its own. Lines appear as pictures are scored, so any number
    of pictures takes the same memory.

    Args:
        paths: pictures, or folders of pictures.
        bundle: ``default``, or the folder of a model bundle.
        engine: ``auto``, ``openvino`` or ``tensorflow``.
        as_json: one JSON object a line.
        out: where scores go.
        err: where unreadable files are named.

    Returns:
        The exit status: 0; 1 where a path could not be read or holds no picture; 141 where the
        reader of ``out`` went away.

    Raises:
        BundleError: the bundle cannot be used.
        EngineError: the engine cannot run, or failed.
        ConfigError: there is no such engine.
    """
    model = load_bundle(bundle)
    faults = _Faults(err)
    files = _find_pictures(paths, faults)
    first = list(islice(files, 2))
    if not first:
        return faults.status
    scorer = load_engine(model, engine, max_batch=1 if len(first) == 1 else _BATCH)
    try:
        head, written = formatter(model.labels, as_json, single=len(first) == 1)
        out.write(head)
        for path, scores in _score(chain(first, files), scorer, model.geometry, faults):
            out.write(written(path, scores))
        out.flush()
    except BrokenPipeError:
        _discard(out)
        return _BROKEN_PIPE
    finally:
        scorer.close()
    return faults.status


class _Faults:
    """Names what could not be read, and remembers that there was something."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self.status = 0

    def add(self, message: str) -> None:
        self.status = 1
        self._err.write(f"emberwatch label: {_printable(message)}\n")


def _find_pictures(paths: Iterable[Path], faults: _Faults) -> Iterator[Path]:
    """Each file that was named, and the pictures in each folder; links to folders are left out."""
    for path in paths:
        if not path.is_dir():
            yield path  # reading it says what is wrong with it
            continue
        found = False
        report = partial(_report_folder, faults=faults)
        for folder, folders, names in os.walk(path, onerror=report):
            folders.sort()
            for name in sorted(names):
                if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                    found = True
                    yield Path(folder, name)
        if not found:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            faults.add(f"{path}: there is no picture in this folder; it may hold {kinds}")


def _report_folder(error: OSError, faults: _Faults) -> None:
    faults.add(f"{error.filename}: the folder cannot be read: {error.strerror}")


def _score(
    files: Iterator[Path], engine: Engine, geometry: Geometry, faults: _Faults
) -> Iterator[tuple[Path, NDArray[np.float32]]]:
    """The scores of each file that can be read; float32 (labels,)."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
        while batch := list(islice(files, _BATCH)):
            pictures: list[NDArray[np.uint8]] = []
            readable: list[Path] = []
            results = readers.map(partial(_read, geometry=geometry), batch)
            for path, result in zip(batch, results, strict=True):
                if isinstance(result, ImageError):
                    faults.add(str(result))
                else:
                    pictures.append(result)
                    readable.append(path)
            if pictures:
                yield from zip(
                    readable, engine.score(np.stack(pictures)).probabilities, strict=True
                )


def _read(path: Path, geometry: Geometry) -> NDArray[np.uint8] | ImageError:
    """The picture at the model's size, or what is wrong with it."""
    try:
        return cut(read_image(path), full_view(), geometry)
    except ImageError as error:
        return error


def formatter(labels: Sequence[str], as_json: bool, *, single: bool) -> tuple[str, Format]:
    """What stands above the pictures, and how one picture is written; both end their lines."""
    if as_json:
        return "", partial(_as_json, labels)
    if single:
        return "", partial(_as_list, labels)
    heads = [f"{label:>{_width(label)}}" for label in labels]
    return "  ".join([_first_column("label", labels), *heads, "path"]) + "\n", partial(
        _as_row, labels
    )


def _as_json(labels: Sequence[str], path: Path, scores: NDArray[np.float32]) -> str:
    rounded = [round(float(score), 6) for score in scores]
    record = {
        "path": str(path),
        "label": labels[int(scores.argmax())],
        "scores": dict(zip(labels, rounded, strict=True)),
    }
    return json.dumps(record) + "\n"


def _as_list(labels: Sequence[str], _path: Path, scores: NDArray[np.float32]) -> str:
    order = np.argsort(-scores, kind="stable")
    return "".join(f"{labels[index]} (score = {scores[index]:.5f})\n" for index in order)


def _as_row(labels: Sequence[str], path: Path, scores: NDArray[np.float32]) -> str:
    """A row of the table. The path comes last: its length is not known beforehand."""
    best = _first_column(labels[int(scores.argmax())], labels)
    cells = [f"{score:>{_width(label)}.5f}" for label, score in zip(labels, scores, strict=True)]
    return "  ".join([best, *cells, _printable(str(path))]) + "\n"


def _width(label: str) -> int:
    return max(len("0.00000"), len(label))


def _first_column(text: str, labels: Sequence[str]) -> str:
    return text.ljust(max(len("label"), *map(len, labels)))


def _printable(text: str) -> str:
    """Text for a terminal: names of files may hold control characters and broken encodings."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _discard(out: TextIO) -> None:
    """Let what is still buffered go nowhere, or the interpreter complains when it ends."""
    if out is sys.stdout:
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, out.fileno())
            os.close(null)
