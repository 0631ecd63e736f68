"""What fine-tuning is asked for, and how it stands on the way."""

from dataclasses import dataclass

from trainer.layers import ALL_LAYERS


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    steps: int
    """Steps in all; 0 where minutes decide."""
    minutes: float
    learning_rate: float
    lower_every: int
    label_weights: tuple[float, ...]
    """How much an example of each label weighs."""
    checkpoint_seconds: float = 300.0
    """What a run that is killed loses, at the most. Where minutes decide, the model is also
    validated that often; where steps do, every 100 steps."""
    patience: int = 0
    """Stop after so many validations without a smaller loss; 0 never stops early."""
    smoothing: float = 0.05
    """Share of a picture's label that is given to all labels alike."""
    learn_from: str = ALL_LAYERS
    """The lowest layer that learns: see :func:`trainer.layers.learning_layers`."""
    rounded_steps: bool = False
    """Every other step is computed with weights and activations of 8 bits (JAX only)."""
    view_workers: int = 0
    """Processes that make views; 0 for a thread."""


@dataclass(frozen=True, slots=True)
class Status:
    """How fine-tuning stands."""

    step: int
    done: float
    """Share of the plan, 0 to 1."""
    loss: float
    train_accuracy: float
    pictures_per_second: float
    validation_loss: float | None = None
    """At checkpoints only."""
    validation_accuracy: float | None = None
