"""Bottlenecks: the pooled features of every picture, computed once.

A cached bottleneck is found by the hash of the picture's bytes and of the backbone, so a changed
picture is computed again, a renamed or moved one is not, and a run that was stopped goes on.
OpenVINO computes them: several times faster than TensorFlow on a CPU.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError, TrainingError
from monitor.image import decode_image, resize
from monitor.inference.convert import convert_keras
from monitor.inference.openvino_runtime import import_openvino
from trainer.backbone import FEATURES, SIZE, Backbone, build_model
from trainer.dataset import Example
from trainer.groups import thumbnail

_PREPROCESSING = f"squash-{SIZE}-area-uint8-v1"
_BATCH = 16
# Entries that are kept in memory before they are written: a stopped run loses at most these.
_FLUSH = 256


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that was left out, and why."""

    example: Example
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Bottlenecks:
    """Features and thumbnails of all readable pictures."""

    examples: tuple[Example, ...]
    features: NDArray[np.float16]
    """float16 (n, 2048)."""
    thumbnails: NDArray[np.float32]
    """float32 (n, 16, 16): what near-duplicates are found by."""
    digests: tuple[str, ...]
    """sha256 of each picture's file."""
    unreadable: tuple[Unreadable, ...]
    computed: int
    """How many were not in the cache."""


class Cache:
    """One file per backbone and preprocessing, appended to in chunks; a torn chunk is dropped."""

    _KEY = 32
    _ROW = np.dtype(
        [("key", np.uint8, (_KEY,)), ("features", np.float16, (FEATURES,)),
         ("thumbnail", np.float16, (16, 16))]
    )  # fmt: skip

    def __init__(self, folder: Path, backbone: Backbone) -> None:
        digest = hashlib.sha256(_PREPROCESSING.encode())
        for value in backbone.model.get_weights():
            digest.update(np.ascontiguousarray(value).tobytes())
        self._path = folder / "bottlenecks" / f"{digest.hexdigest()[:24]}.rows"
        self._known: dict[bytes, Any] = {}
        self._fresh: list[Any] = []
        self._load()

    def get(self, key: bytes) -> tuple[NDArray[np.float16], NDArray[np.float32]] | None:
        """Features and thumbnail by the sha256 of the picture's bytes."""
        row = self._known.get(key)
        if row is None:
            return None
        return row["features"], row["thumbnail"].astype(np.float32)

    def put(self, key: bytes, features: NDArray[Any], small: NDArray[np.float32]) -> None:
        """Keep a bottleneck; written at the next flush."""
        row = np.zeros((), self._ROW)
        row["key"] = np.frombuffer(key, np.uint8)
        row["features"] = features
        row["thumbnail"] = small
        self._known[key] = row
        self._fresh.append(row)
        if len(self._fresh) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Append what is new to the file."""
        if not self._fresh:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(np.stack(self._fresh).tobytes())
        except OSError as error:
            raise TrainingError(
                f"{self._path}: bottlenecks cannot be written: {error.strerror}; free space, or "
                "give another cache folder"
            ) from error
        self._fresh.clear()

    def _load(self) -> None:
        if not self._path.is_file():
            return
        size = self._path.stat().st_size
        whole = size // self._ROW.itemsize
        if size != whole * self._ROW.itemsize:
            # The last write was cut off: without this the next row would start in its middle.
            with self._path.open("r+b") as file:
                file.truncate(whole * self._ROW.itemsize)
        for row in np.fromfile(self._path, self._ROW, whole):
            self._known[row["key"].tobytes()] = row


def compute_bottlenecks(
    examples: Sequence[Example],
    backbone: Backbone,
    cache_dir: Path,
    progress: Callable[[int], None],
) -> Bottlenecks:
    """Give the bottleneck of every picture, from the cache or computed.

    Unreadable pictures are left out and named in the result.

    Args:
        examples: the pictures.
        backbone: what the features come from.
        cache_dir: where they are kept.
        progress: called with the number of pictures that were just done.

    Raises:
        TrainingError: the cache cannot be written.
    """
    cache = Cache(cache_dir, backbone)
    rows: dict[int, tuple[NDArray[Any], NDArray[np.float32], str]] = {}
    bad: list[Unreadable] = []
    pending: list[tuple[int, bytes, NDArray[np.uint8], NDArray[np.float32]]] = []
    computed = 0
    request: Any = None

    def finish() -> None:
        nonlocal request
        if request is None:
            request = _compile(backbone)
        pictures = np.zeros((_BATCH, SIZE, SIZE, 3), np.uint8)
        for slot, entry in enumerate(pending):
            pictures[slot] = entry[2]
        features = request.infer({0: pictures})[0]
        for slot, (index, key, _, small) in enumerate(pending):
            row = features[slot].astype(np.float16)
            cache.put(key, row, small)
            rows[index] = (row, small, key.hex())
        progress(len(pending))
        pending.clear()

    for index, loaded in enumerate(_load_all(examples, cache)):
        if isinstance(loaded, ImageError):
            bad.append(Unreadable(examples[index], str(loaded)))
            progress(1)
            continue
        key, pixels, small = loaded
        if pixels is None:
            known = cache.get(key)
            if known is not None:
                rows[index] = (*known, key.hex())
            progress(1)
            continue
        computed += 1
        pending.append((index, key, pixels, small))
        if len(pending) == _BATCH:
            finish()
    if pending:
        finish()
    cache.flush()
    order = sorted(rows)
    return Bottlenecks(
        tuple(examples[index] for index in order),
        np.array([rows[index][0] for index in order], np.float16).reshape(-1, FEATURES),
        np.array([rows[index][1] for index in order], np.float32).reshape(-1, 16, 16),
        tuple(rows[index][2] for index in order),
        tuple(bad),
        computed,
    )


_Loaded = tuple[bytes, NDArray[np.uint8] | None, NDArray[np.float32]] | ImageError


def _load_all(examples: Sequence[Example], cache: Cache) -> Iterator[_Loaded]:
    """Read ahead in two threads, a bounded number of pictures at a time."""

    def load(example: Example) -> _Loaded:
        try:
            data = example.path.read_bytes()
            key = hashlib.sha256(data).digest()
            if cache.get(key) is not None:
                return key, None, np.zeros((16, 16), np.float32)
            pixels = decode_image(data, str(example.path))
        except ImageError as error:
            return error
        except OSError as error:
            return ImageError(f"{example.path}: cannot be read: {error.strerror}")
        return key, resize(pixels, SIZE, SIZE), thumbnail(pixels)

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(examples), 64):
            yield from pool.map(load, examples[start : start + 64])


def _compile(backbone: Backbone) -> Any:
    """Compile uint8 (n, 299, 299, 3) -> features (n, 2048) for the CPU."""
    whole = build_model(backbone.model, 2)
    part = keras.Model(whole.input, whole.get_layer("pool").output)
    converted = convert_keras(part, SIZE, SIZE)
    return import_openvino().Core().compile_model(converted, "CPU").create_infer_request()
