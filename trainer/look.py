"""A first look at all pictures: which can be read, what is in them, and how they look when small.

It takes a fraction of the time that bottlenecks take, so that what is wrong with the data is said
before these are computed.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import decode_image
from trainer.dataset import Example
from trainer.groups import THUMBNAIL, thumbnail
from trainer.rows import KEY_BYTES, Rows

_ROW = np.dtype([("key", np.uint8, (KEY_BYTES,)), ("thumbnail", np.float16, (16, 16))])
_READERS = 2
_AHEAD = 64

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that was left out, and why."""

    example: Example
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """All readable pictures, and what was seen of them."""

    examples: tuple[Example, ...]
    digests: tuple[str, ...]
    """sha256 of each picture's file."""
    thumbnails: NDArray[np.float32]
    """float32 (n, 16, 16), of half precision: what likeness is judged by."""
    unreadable: tuple[Unreadable, ...]


def look(examples: Sequence[Example], cache_dir: Path, progress: Callable[[int], None]) -> Looked:
    """Read every picture once; one that was read before, in any place, is not decoded again.

    Args:
        examples: the pictures.
        cache_dir: where thumbnails are kept, by the content of the pictures.
        progress: called with the number of pictures that were just done.

    Raises:
        TrainingError: the cache cannot be read or written.
    """
    known = Rows(cache_dir / f"thumbnails-{THUMBNAIL}.rows", _ROW)
    seen: list[tuple[Example, str, NDArray[np.float32]]] = []
    bad: list[Unreadable] = []

    def read(example: Example) -> tuple[bytes, NDArray[np.float32] | None] | ImageError:
        try:
            data = read_bytes(example.path)
            key = hashlib.sha256(data).digest()
            if key in known:
                return key, None
            return key, thumbnail(decode_image(data, str(example.path)))
        except ImageError as error:
            return error

    for example, found in zip(examples, read_ahead(read, examples), strict=True):
        progress(1)
        if isinstance(found, ImageError):
            bad.append(Unreadable(example, str(found)))
            continue
        key, small = found
        if small is not None:
            known.put(key, thumbnail=small)
        # As it was stored, in half precision: the next run must find the same pictures alike.
        seen.append((example, key.hex(), known[key]["thumbnail"].astype(np.float32)))
    known.flush()
    return Looked(
        tuple(example for example, _, _ in seen),
        tuple(digest for _, digest, _ in seen),
        np.array([small for _, _, small in seen], np.float32).reshape(-1, THUMBNAIL, THUMBNAIL),
        tuple(bad),
    )


def read_bytes(path: Path) -> bytes:
    """The content of a picture's file.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error


def read_ahead(read: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Apply ``read`` in two threads, a bounded number of items at a time, in their order."""
    remaining = iter(items)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as pool:
        while some := list(islice(remaining, _AHEAD)):
            yield from pool.map(read, some)
