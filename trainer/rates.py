"""How fast each weight of the network learns: the lower blocks slowly, the head fast."""

from dataclasses import dataclass
from typing import Any

from trainer.backbone import BACKBONE_LAYER, FIRST_UPPER_BLOCK
from trainer.layers import learning_layers

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
"""Of Adam, as in its paper (Kingma and Ba, 2015) but for epsilon, which is Keras's."""
CLIP_NORM = 3.0
"""The gradient of a step is cut down to this norm."""
AVERAGE_EVERY = 5
"""Steps from one averaging of weights to the next: a fifth of the cost of each step."""
AVERAGE_DECAY = 0.985
"""The average reaches over the last few hundred steps."""

_LOWER_RATE = 0.15
_HEAD_RATE = 10.0


@dataclass(frozen=True, slots=True)
class Rates:
    """One entry for each weight of the model, in the model's order."""

    learns: tuple[bool, ...]
    """False: it stays as it is."""
    is_upper: tuple[bool, ...]
    """Of ``mixed7`` and above or of the head: it learns at every step."""
    rate: tuple[float, ...]
    """What the learning rate is multiplied with."""

    def chosen(self, *, lower: bool) -> tuple[int, ...]:
        """Numbers of the weights that learn at a step; the lower ones only where asked for."""
        return tuple(
            number
            for number, (learns, is_upper) in enumerate(
                zip(self.learns, self.is_upper, strict=True)
            )
            if learns and (lower or is_upper)
        )

    @property
    def has_lower(self) -> bool:
        """Whether anything below ``mixed7`` learns at all."""
        return self.chosen(lower=True) != self.chosen(lower=False)


def rates_of(model: Any, learn_from: str) -> Rates:
    """The rates for a model of :func:`trainer.backbone.build_model`.

    Args:
        model: the Keras model.
        learn_from: the lowest layer that learns: see :func:`trainer.layers.learning_layers`.
    """
    backbone = model.get_layer(BACKBONE_LAYER)
    names = [layer.name for layer in backbone.layers]
    upper = learning_layers(names, FIRST_UPPER_BLOCK)
    learning = learning_layers(names, learn_from)
    head = {variable.path for variable in model.get_layer("logits").weights}
    inside = {variable.path: layer.name for layer in backbone.layers for variable in layer.weights}
    paths = [variable.path for variable in model.weights]
    is_upper = tuple(path in head or inside.get(path) in upper for path in paths)
    return Rates(
        tuple(path in head or inside.get(path) in learning for path in paths),
        is_upper,
        tuple(
            _HEAD_RATE if path in head else 1.0 if upper else _LOWER_RATE
            for path, upper in zip(paths, is_upper, strict=True)
        ),
    )


def average_decay(step: int) -> float:
    """How much of the averaged weights stays at a step: less in the beginning."""
    count = step // AVERAGE_EVERY
    return min(AVERAGE_DECAY, (1 + count) / (10 + count))
