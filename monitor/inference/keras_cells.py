"""Where in the picture the model sees what it says, as a second output of the same pass.

The head of the canonical model is one linear layer on the mean of a map of features. Mean and
linear layer can change places: applied to each cell of the map, the layer gives logits whose mean
is the logits of the picture (class activation mapping: Zhou et al., "Learning Deep Features for
Discriminative Localization", CVPR 2016, here with the bias, so that cells have units of their own).
"""

import importlib
from typing import Any

POOL_LAYER = "pool"
LOGITS_LAYER = "logits"


def with_cells(model: Any) -> Any:
    """The same model with its cells as a second output; it shares all other weights.

    Args:
        model: ``keras.Model`` from pictures to probabilities (n, labels).

    Returns:
        ``keras.Model`` from the same pictures to the same probabilities and to float32 (n, rows,
        columns, labels); ``model`` itself where it does not end as ``emberwatch train`` ends its
        models: in a mean over a map (layer ``pool``), and a linear layer on that (``logits``).
    """
    layers = importlib.import_module("keras").layers
    found = {layer.name: layer for layer in model.layers}
    pool, logits = found.get(POOL_LAYER), found.get(LOGITS_LAYER)
    if not (
        isinstance(pool, layers.GlobalAveragePooling2D)
        and isinstance(logits, layers.Dense)
        and pool.data_format == "channels_last"
        and logits.input is pool.output
        and logits.get_config()["activation"] == "linear"
    ):
        return model
    # A layer of its own: called twice, a layer no longer tells what its output is.
    each = layers.Dense(logits.units, use_bias=logits.use_bias, dtype="float32", name="cells")
    cells = each(pool.input)
    each.set_weights(logits.get_weights())
    return importlib.import_module("keras").Model(
        model.inputs[0], [model.outputs[0], cells], name=model.name
    )
