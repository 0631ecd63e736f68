"""The blocks of Inception v3 in an OpenVINO graph, which no longer has the names of layers.

Each block ends by joining three or four branches; the two last ones also join pairs of branches
within. What lies before the first branching is the stem.
"""

from typing import Any

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
    """The names of the operations that turn features into scores and cells."""
    return tuple(
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "MatMul"
    )


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
