"""The mean of two fine-tuned models.

Models that were fine-tuned from the same start weights lie in one basin: the mean of their weights
is a model as good as both together, and often better than either, at the cost of one (Wortsman et
al., *Model soups*, 2022). Two runs with different views or lengths differ enough.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from monitor.errors import BundleError, TrainingError
from monitor.inference.bundle import Bundle, load_bundle


def load_partner(name: str, labels: Sequence[str], start_sha256: str) -> Bundle:
    """The bundle that is averaged with.

    Args:
        name: its folder, or ``default``.
        labels: of the new model.
        start_sha256: what the new model starts from.

    Raises:
        TrainingError: it cannot be used, knows other labels, or came from other start weights.
    """
    try:
        bundle = load_bundle(name)
    except BundleError as error:
        raise TrainingError(f"--average-with: {error}") from error
    if bundle.keras_path is None:
        raise TrainingError(f"--average-with {name}: it has no model.keras; give a complete bundle")
    if tuple(bundle.labels) != tuple(labels):
        raise TrainingError(
            f"--average-with {name}: that model knows {', '.join(bundle.labels)}, the pictures "
            f"have {', '.join(labels)}; only models of the same labels have a mean"
        )
    if bundle.manifest.base_weights.sha256 != start_sha256:
        raise TrainingError(
            f"--average-with {name}: that model began from {bundle.manifest.base_weights.name}, "
            "this one from other weights; only models from the same start have a mean"
        )
    return bundle


def mean_weights(model: Any, partner: Bundle) -> list[NDArray[np.float32]]:
    """The mean of a model's weights and a bundle's, in the model's order.

    The bundle's temperature is taken out of its last layer first: it was folded into it.

    Args:
        model: as :func:`trainer.backbone.build_model` makes it, not yet calibrated.
        partner: as :func:`load_partner` gives it.

    Raises:
        TrainingError: its model is of another shape.
    """
    other = keras.saving.load_model(partner.keras_path, compile=False, safe_mode=True)
    mine, theirs = model.get_weights(), other.get_weights()
    if [weight.shape for weight in mine] != [weight.shape for weight in theirs]:
        raise TrainingError(
            f"--average-with {partner.path}: its network is of another shape; give a bundle that "
            "'emberwatch train' wrote"
        )
    last = {weight.path for weight in other.get_layer("logits").weights}
    scale = [
        partner.manifest.temperature if weight.path in last else 1.0 for weight in other.weights
    ]
    return [
        np.asarray((own + weight * factor) / 2, np.float32)
        for own, weight, factor in zip(mine, theirs, scale, strict=True)
    ]
