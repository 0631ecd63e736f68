"""The blocks of Inception v3 in an OpenVINO graph, and how they are brought back to float.

A converted graph no longer has the names of layers, so blocks are told by its shape.

Each block ends by joining three or four branches; the two last ones also join pairs of branches
within. What lies before the first branching is the stem.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.inference.openvino_runtime import import_openvino

_BRANCHES = 3
"""Fewest inputs of a concatenation that ends a block."""
_WORKING = ("Convolution", "MaxPool", "AvgPool", "Concat", "MatMul", "ReduceMean")
"""Operations whose precision can be chosen."""


def blocks_of(model: Any) -> dict[str, tuple[str, ...]]:
    """The names of the operations of each block: ``stem``, ``mixed0``, ``mixed1``, …

    Args:
        model: ``openvino.Model``; of another network the names say less, but each operation
            before the last concatenation of three is in one block.
    """
    ends: dict[str, int] = {}
    found: dict[str, list[str]] = {}
    nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    stem: set[str] | None = None
    for name, node in nodes.items():
        passed = max((ends[source] for source in _sources(node)), default=0)
        ends[name] = passed
        if node.get_type_name() == "Concat" and len(node.inputs()) >= _BRANCHES:
            if stem is None:
                stem = set.intersection(*(_before(nodes, one) for one in _sources(node)))
            ends[name] = passed + 1
        if node.get_type_name() in _WORKING:
            found.setdefault(f"mixed{passed}", []).append(name)
    stem = stem or set()
    blocks = {"stem": tuple(name for name in found.get("mixed0", ()) if name in stem)}
    for number in range(max(ends.values(), default=0)):
        block = f"mixed{number}"
        blocks[block] = tuple(name for name in found.get(block, ()) if name not in stem)
    return blocks


def head_of(model: Any) -> tuple[str, ...]:
    """The names of the operations that turn features into scores and cells: mean and products."""
    return tuple(
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() in ("MatMul", "ReduceMean")
    )


def in_float(rounded: Any, exact: Any, kept: Iterable[str]) -> Any:
    """A copy of an int8 graph whose operations in some blocks compute in float.

    What comes into them is not rounded any more, and they get back their weights and biases: of the
    error of an int8 Inception v3, the weights make a part that is too large to keep.

    Args:
        rounded: ``openvino.Model``, as NNCF quantizes it; is not changed.
        exact: the graph that it was made from; is not changed.
        kept: names of blocks, as :func:`blocks_of` gives them.
    """
    copy = rounded.clone()
    blocks = blocks_of(copy)
    chosen = {name for block in kept for name in blocks.get(block, ())}
    originals = {node.get_friendly_name(): node for node in exact.clone().get_ordered_ops()}
    for node in copy.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize" and not _is_stored(node.input(0)):
            users = _users(node)
            if users and users <= chosen:
                for port in node.output(0).get_target_inputs():
                    port.replace_source_output(node.input_value(0))
        elif node.get_type_name() == "Convolution" and node.get_friendly_name() in chosen:
            before = originals[node.get_friendly_name()]
            node.input(1).replace_source_output(_halved(before.input_value(1)))
            for new, old in zip(_biases(node), _biases(before), strict=True):
                new.replace_source_output(old.get_source_output())
    copy.validate_nodes_and_infer_types()
    return copy


def shift_logits(model: Any, by: NDArray[np.float32]) -> None:
    """Add to the logits of a graph, and to those of its cells where it tells them.

    Args:
        model: ``openvino.Model`` with the outputs probabilities and, perhaps, cells; is changed.
        by: float32 (labels,).
    """
    ops = import_openvino().opset13
    softmax = next(node for node in model.get_ordered_ops() if node.get_type_name() == "Softmax")
    ports = [softmax.input(0), *(result.input(0) for result in model.get_results()[1:])]
    for port in ports:
        port.replace_source_output(ops.add(port.get_source_output(), ops.constant(by)).output(0))
    model.validate_nodes_and_infer_types()


def _halved(value: Any) -> Any:
    """Stored weights in half precision, from which they come (saving leaves int8 graphs as is)."""
    constant = value.get_node()
    if constant.get_type_name() != "Constant":
        return value
    ops = import_openvino().opset13
    return ops.convert(ops.constant(constant.get_data().astype(np.float16)), "f32").output(0)


def _is_stored(port: Any) -> bool:
    """Whether a value is a part of the model, and not computed from the pictures."""
    node = port.get_source_output().get_node()
    return node.get_type_name() == "Constant" or (
        node.get_type_name() == "Convert" and _is_stored(node.input(0))
    )


def _biases(convolution: Any) -> list[Any]:
    """The inputs through which a bias comes to what a convolution gives."""
    return [
        port
        for target in convolution.output(0).get_target_inputs()
        if target.get_node().get_type_name() == "Add"
        for port in target.get_node().inputs()
        if _is_stored(port)
    ]


def _users(node: Any) -> set[str]:
    """The convolutions and matrix products that a value comes to, unless it is rounded again."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        for port in waiting.pop().outputs():
            for target in port.get_target_inputs():
                user = target.get_node()
                name, kind = user.get_friendly_name(), user.get_type_name()
                if name in seen:
                    continue
                seen.add(name)
                if kind in ("Convolution", "MatMul"):
                    found.add(name)
                elif kind != "FakeQuantize":
                    waiting.append(user)
    return found


def _sources(node: Any) -> list[str]:
    return [port.get_source_output().get_node().get_friendly_name() for port in node.inputs()]


def _before(nodes: dict[str, Any], name: str) -> set[str]:
    """All that an operation is computed from, and itself."""
    found = {name}
    waiting = [name]
    while waiting:
        for source in _sources(nodes[waiting.pop()]):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found
