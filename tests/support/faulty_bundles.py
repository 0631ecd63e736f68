"""Model bundles that score as the tiny one does, until a blue picture comes: then they fail.

The fault is in the model's own arithmetic, so it is the real engine that meets it, in whatever way
it meets such things.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from monitor.inference.bundle import OPENVINO_XML, Bundle, write_manifest
from tests.support.bundles import BIAS, KERNEL, openvino, ops, tiny_manifest

BLUE = (20, 40, 235)
"""RGB, mean of the scene that makes the model fail."""
_BLUE_FROM = 0.6
_ROOT_OF_TOO_MUCH = 2**23
"""Its square, times 4 bytes, is more than a process can address."""
_FOR_EVER = 2**31 - 2
"""Rounds of a loop: hours."""


def faulty_bundle(folder: Path, fault: str, side: int = 299) -> Bundle:
    """A bundle whose model, at a picture with much blue, gives ``nan``, or fails with an
    ``exception``, or asks for more ``memory`` than there is, or does not come to an end (``hang``).
    """
    pictures = ops.parameter([-1, side, side, 3], dtype=np.uint8, name="pictures")
    unit = ops.divide(ops.convert(pictures, "f32"), ops.constant(np.float32(255.0)))
    means = ops.reduce_mean(unit, ops.constant([1, 2]), keep_dims=False)
    highest = ops.reduce_max(means, ops.constant([0]), keep_dims=False)
    blue = ops.gather(highest, ops.constant(2), ops.constant(0))
    broken = ops.greater(blue, ops.constant(np.float32(_BLUE_FROM)))
    logits = ops.add(
        ops.matmul(means, ops.constant(KERNEL), transpose_a=False, transpose_b=False),
        ops.constant(BIAS),
    )
    faults: dict[str, Callable[[Any, Any, Any], Any]] = {
        "nan": _nan, "exception": _exception, "memory": _memory, "hang": _hang,
    }  # fmt: skip
    scores = faults[fault](ops.softmax(logits, axis=1), broken, blue)
    model = openvino.Model([scores], [pictures], fault)
    path = folder / OPENVINO_XML
    path.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, path, compress_to_fp16=False)
    return write_manifest(folder, tiny_manifest(side=side))


def _nan(scores: Any, broken: Any, _blue: Any) -> Any:
    return ops.select(broken, ops.constant(np.float32(np.nan)), scores)


def _exception(scores: Any, broken: Any, _blue: Any) -> Any:
    """Seven numbers, into the shape of one."""
    numbers = _numbers(broken, 7)
    shaped = ops.reshape(numbers, ops.constant(np.array([1])), special_zero=False)
    return _with(scores, ops.reduce_min(shaped, ops.constant([0]), keep_dims=False))


def _memory(scores: Any, broken: Any, _blue: Any) -> Any:
    """Each number by each: a table that no memory holds."""
    numbers = _numbers(broken, _ROOT_OF_TOO_MUCH)
    down = ops.unsqueeze(numbers, ops.constant([1]))
    across = ops.unsqueeze(numbers, ops.constant([0]))
    table = ops.matmul(down, across, transpose_a=False, transpose_b=False)
    return _with(scores, ops.reduce_min(table, ops.constant([0, 1]), keep_dims=False))


def _numbers(broken: Any, count: int) -> Any:
    """0, 1, 2, … : so many where broken, else the 0 alone."""
    end = ops.select(broken, ops.constant(np.int64(count)), ops.constant(np.int64(1)))
    return ops.range(ops.constant(np.int64(0)), end, ops.constant(np.int64(1)), "f32")


def _hang(scores: Any, broken: Any, blue: Any) -> Any:
    rounds = ops.select(broken, ops.constant(np.int64(_FOR_EVER)), ops.constant(np.int64(1)))
    value = ops.parameter([], dtype=np.float32)
    following = ops.sin(ops.add(value, ops.constant(np.float32(1.0))))
    goes_on = ops.constant(np.array(True))
    body = openvino.Model([following, goes_on], [value], "body")
    loop = ops.loop(rounds, ops.constant(np.array(True)))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 1])
    loop.set_merged_input(value, blue.output(0), following.output(0))
    return _with(scores, loop.get_iter_value(following.output(0), -1))


def _with(scores: Any, value: Any) -> Any:
    """The scores unchanged, in a way that needs ``value``, which is below 2."""
    nothing = ops.relu(ops.subtract(value, ops.constant(np.float32(2.0))))
    return ops.add(scores, nothing)
