"""Features of many pictures, computed on a Ray cluster.

The pictures must lie under the same paths on every node. The driver alone writes the cache, so
what a run finds there is the same with and without Ray.
"""

import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError
from monitor.inference.openvino_runtime import import_openvino
from trainer.ray_actor import BATCH, FeatureActor

LOCAL = "local"
"""The address that means: start Ray on this machine, for this run."""

# An actor takes seconds to start: it should have some batches to do.
_PICTURES_AN_ACTOR = 4 * BATCH


def features_on_ray(
    pictures: Mapping[str, Path], model: Any, side: int, width: int, address: str
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.float32]]]:
    """Compute the features of pictures, in the order in which they are done.

    Args:
        pictures: the file by the sha256 of its content.
        model: OpenVINO model: uint8 (n, side, side, 3) to (n, width).
        side: pixels.
        width: numbers in a feature.
        address: of the cluster, or ``local``.

    Yields:
        The sha256, the features float32 (width,), and the thumbnail float32 (16, 16).

    Raises:
        TrainingError: the cluster cannot be reached or fails, or a node has not the picture.
    """
    import ray
    import ray.data

    xml, weights = _serialised(model)
    with _connected(address):
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        rows = [{"path": str(path), "digest": digest} for digest, path in pictures.items()]
        cpus = int(ray.cluster_resources().get("CPU", 1))
        actors = max(1, min(cpus, math.ceil(len(rows) / _PICTURES_AN_ACTOR)))
        found = ray.data.from_items(rows).map_batches(
            FeatureActor,
            fn_constructor_args=(xml, weights, side, width),
            batch_size=BATCH,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
            num_cpus=1,
        )
        try:
            for batch in found.iter_batches(batch_size=None, batch_format="numpy"):
                columns = (batch["digest"], batch["features"], batch["thumbnail"], batch["fault"])
                for digest, features, small, fault in zip(*columns, strict=True):
                    if fault:
                        raise TrainingError(
                            f"--ray: {fault}; the pictures must lie under the same paths on "
                            "every node of the cluster"
                        )
                    yield str(digest), features, small
        except ray.exceptions.RayError as error:
            raise TrainingError(
                f"--ray {address}: the cluster failed: {_first_line(error)}; start again, what "
                "was computed is kept"
            ) from error


def _serialised(model: Any) -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.xml"
        # In full precision: half would give other features than without Ray.
        import_openvino().save_model(model, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Use the Ray of this process where there is one; else connect, and leave at the end."""
    # Ray reports its use to its makers unless told otherwise before it starts.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        yield
        return
    extra = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **extra)
    except Exception as error:  # Ray raises a bare Exception where a node does not start in time
        raise TrainingError(
            f"--ray {address}: no cluster answers there ({_first_line(error)}); give the address "
            f"of a running one, or '{LOCAL}'"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
