"""Bottlenecks: the pooled features of every picture, computed once.

A cached bottleneck is found by the hash of the picture's bytes and of the backbone, so a changed
picture is computed again, a renamed or moved one is not, and a run that was stopped goes on.
OpenVINO computes them: several times faster than TensorFlow on a CPU.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import decode_image, resize
from monitor.inference.convert import convert_keras
from monitor.inference.openvino_runtime import import_openvino
from trainer.backbone import FEATURES, Backbone, build_model
from trainer.dataset import Example
from trainer.groups import thumbnail
from trainer.look import Unreadable, read_ahead, read_bytes
from trainer.rows import KEY_BYTES, Rows
from trainer.size import SIZE

_PREPROCESSING = f"squash-{SIZE}-area-uint8-v1"
BATCH = 16
"""Pictures that are computed at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Bottlenecks:
    """Features and thumbnails of all readable pictures."""

    examples: tuple[Example, ...]
    features: NDArray[np.float16]
    """float16 (n, 2048)."""
    thumbnails: NDArray[np.float32]
    """float32 (n, 16, 16), of half precision: what near-duplicates are found by."""
    digests: tuple[str, ...]
    """sha256 of each picture's file."""
    unreadable: tuple[Unreadable, ...]


class Cache:
    """Bottlenecks by the sha256 of the picture's bytes: one file per backbone and preprocessing."""

    _ROW = np.dtype(
        [("key", np.uint8, (KEY_BYTES,)), ("features", np.float16, (FEATURES,)),
         ("thumbnail", np.float16, (16, 16))]
    )  # fmt: skip

    def __init__(self, folder: Path, backbone: Backbone) -> None:
        self._rows = Rows(folder / "bottlenecks" / f"{network_key(backbone)}.rows", self._ROW)

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def __getitem__(self, key: bytes) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Features and thumbnail by the sha256 of the picture's bytes."""
        row = self._rows[key]
        return row["features"], row["thumbnail"].astype(np.float32)

    def put(self, key: bytes, features: NDArray[Any], small: NDArray[np.float32]) -> None:
        """Keep a bottleneck; written at the next flush."""
        self._rows.put(key, features=features, thumbnail=small)

    def flush(self) -> None:
        """Append what is new to the file."""
        self._rows.flush()


class Extractor:
    """The backbone compiled for the CPU, once something is to be computed."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._request: Any = None

    def features(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
        """float16 (n, 2048) for at most 16 pictures, uint8 (299, 299, 3) each."""
        if self._request is None:
            model = feature_model(self._backbone)
            core = import_openvino().Core()
            self._request = core.compile_model(model, "CPU").create_infer_request()
        # Always of one size: another would be compiled anew.
        batch = np.zeros((BATCH, SIZE, SIZE, 3), np.uint8)
        batch[: len(pictures)] = pictures
        found = self._request.infer({0: batch})[0]
        return np.asarray(found[: len(pictures)], np.float16)


def network_key(backbone: Backbone) -> str:
    """Names what features depend on beside the pictures: preprocessing and all weights."""
    digest = hashlib.sha256(_PREPROCESSING.encode())
    for value in backbone.model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:24]


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
    keys: dict[int, bytes] = {}
    bad: list[Unreadable] = []
    pending: list[tuple[bytes, NDArray[np.uint8], NDArray[np.float32]]] = []
    extractor = Extractor(backbone)

    def finish() -> None:
        features = extractor.features([pixels for _, pixels, _ in pending])
        for (key, _, small), row in zip(pending, features, strict=True):
            cache.put(key, row, small)
        progress(len(pending))
        pending.clear()

    for index, loaded in enumerate(_load_all(examples, cache)):
        if isinstance(loaded, ImageError):
            bad.append(Unreadable(examples[index], str(loaded)))
            progress(1)
            continue
        key, pixels, small = loaded
        keys[index] = key
        if pixels is None:
            progress(1)
            continue
        pending.append((key, pixels, small))
        if len(pending) == BATCH:
            finish()
    if pending:
        finish()
    cache.flush()
    # As they were stored, in half precision: the next run must find the same pictures alike.
    found = [cache[key] for key in keys.values()]
    return Bottlenecks(
        tuple(examples[index] for index in keys),
        np.array([features for features, _ in found], np.float16).reshape(-1, FEATURES),
        np.array([small for _, small in found], np.float32).reshape(-1, 16, 16),
        tuple(key.hex() for key in keys.values()),
        tuple(bad),
    )


_Loaded = tuple[bytes, NDArray[np.uint8] | None, NDArray[np.float32]] | ImageError


def _load_all(examples: Sequence[Example], cache: Cache) -> Iterator[_Loaded]:
    def load(example: Example) -> _Loaded:
        try:
            data = read_bytes(example.path)
            key = hashlib.sha256(data).digest()
            if key in cache:
                return key, None, np.zeros((16, 16), np.float32)
            pixels = decode_image(data, str(example.path))
        except ImageError as error:
            return error
        return key, resize(pixels, SIZE, SIZE), thumbnail(pixels)

    return read_ahead(load, examples)


def feature_model(backbone: Backbone) -> Any:
    """The OpenVINO model uint8 (n, 299, 299, 3) -> features (n, 2048)."""
    whole = build_model(backbone.model, 2)
    part = keras.Model(whole.input, whole.get_layer("pool").output)
    return convert_keras(part, SIZE, SIZE)
