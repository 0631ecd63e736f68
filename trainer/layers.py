"""The layers of Inception v3 by their names in Keras, and which of them learn.

Convolutions are numbered through the whole network, as in a fresh Keras: a second network of the
same process gets higher numbers there, so they are counted from the network's own first.
"""

import difflib
import re
from collections.abc import Sequence

from monitor.errors import UsageError

ALL_LAYERS = "all"
BLOCKS = tuple(f"mixed{number}" for number in range(11))
"""The blocks, from below."""
CONVOLUTIONS = ("conv2d", *(f"conv2d_{number}" for number in range(1, 94)))
"""All convolutions, in the order in which Keras makes them."""

_STEM_END = "conv2d_4"
_CONVOLUTION = re.compile(r"conv2d(?:_(\d+))?")


def check_layer(name: str) -> None:
    """Refuse a name that is neither ``all`` nor a block's or convolution's.

    Raises:
        UsageError: says which names are near.
    """
    if name in (ALL_LAYERS, *BLOCKS, *CONVOLUTIONS):
        return
    near = difflib.get_close_matches(name, (ALL_LAYERS, *BLOCKS, *CONVOLUTIONS), 3, 0.6)
    raise UsageError(
        f"--fine-tune-from {name}: Inception v3 has no such layer"
        + (f" (near: {', '.join(near)})" if near else "")
        + f"; give {', '.join(BLOCKS)}, a convolution (conv2d, conv2d_1 to conv2d_93) or "
        f"'{ALL_LAYERS}'"
    )


def learning_layers(listed: Sequence[str], name: str) -> frozenset[str]:
    """Names of the layers that learn.

    Args:
        listed: names of the network's layers as Keras lists them: by depth.
        name: as :func:`check_layer` lets pass. Of a block its own layers learn and all above; of
            a convolution, it and all that are listed after it, its neighbours on the block's
            other branches among them.

    Raises:
        UsageError: there is no such layer.
    """
    check_layer(name)
    if name == ALL_LAYERS:
        return frozenset(listed)
    numbers = {layer: int(match[1] or 0) for layer in listed
               if (match := _CONVOLUTION.fullmatch(layer))}  # fmt: skip
    first = min(numbers.values())
    own = {f"conv2d_{number - first}" if number > first else "conv2d": layer
           for layer, number in numbers.items()}  # fmt: skip
    if name in own:
        return frozenset(listed[listed.index(own[name]) :])
    # A block begins after the last layer of the one below.
    below = own[_STEM_END] if name == BLOCKS[0] else BLOCKS[BLOCKS.index(name) - 1]
    return frozenset(listed[listed.index(below) + 1 :])
