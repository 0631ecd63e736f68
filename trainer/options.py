"""What a training run is asked for; :mod:`trainer.option_checks` says whether it can work."""

from dataclasses import dataclass
from pathlib import Path

from trainer.layers import ALL_LAYERS

DEFAULT_BACKGROUND = "misc"
FRAMEWORKS = ("tensorflow", "jax")
"""What the whole network can be trained with."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Everything that decides what comes out of a training run; paths and numbers only."""

    image_dir: Path
    """One folder of pictures per label."""
    output: Path
    """The bundle's folder; an older bundle there is replaced when the new one is complete."""

    backbone: str = "default"
    """``default`` for the bundle that ships, the folder of another bundle, ``imagenet``
    (downloaded by Keras), or a weights file of Keras's InceptionV3 without its top."""
    cache_dir: Path | None = None
    """Where bottlenecks, frames and checkpoints are kept; by default
    ``~/.cache/emberwatch/trainer``."""
    seed: int = 0
    ray: str = ""
    """The address of a Ray cluster that computes bottlenecks, or ``local`` for one on this machine
    alone; empty: this process computes them."""

    # Data.
    validation_percentage: int = 10
    testing_percentage: int = 10
    groups: Path | None = None
    """A table with tabs: the column ``file`` (relative to IMAGE_DIR or to its parent) and
    ``group_column``; files of one group stay on one side of the split."""
    group_column: str = "group"
    group_notes: tuple[str, ...] = ()
    """Values of the group column that are remarks and name no group."""
    near_duplicates: bool = True
    """Keep pictures that look alike on one side of the split."""
    extra: tuple[tuple[str, Path], ...] = ()
    """More folders of pictures, each counted under a label: (label, folder)."""
    clips: Path | None = None
    """A table of labelled clips (columns ``file``, ``class`` and, in seconds,
    ``fire_or_smoke_onset_s``) beside the clips; frames of them are trained on."""
    clip_frames: int = 10
    """Frames taken of one clip, at most."""
    oversample: tuple[tuple[str, int], ...] = ()
    """(pattern of file names, times): such pictures are drawn more often."""
    background: str = DEFAULT_BACKGROUND
    """The label that means that nothing is wrong; the others are hazards."""
    mine: tuple[Path, ...] = ()
    """Clips and folders of pictures and clips that are known to hold no hazard; what the head gets
    wrong in them joins the background's training pictures."""
    mine_frames: int = 60
    """Frames looked at in one such clip, at most."""

    # The head, on a frozen backbone.
    steps: int = 4000
    learning_rate: float = 1e-3
    batch_size: int = 100
    evaluate_every: int = 100
    """Steps of the head between evaluations on the validation pictures."""
    patience: int = 0
    """Stop after so many evaluations without a smaller validation loss; 0 never stops early. Of
    the head every ``evaluate_every`` steps; of fine-tuning at each checkpoint, or every 100 steps
    where steps are given."""
    keep_every: int = 0
    """Keep the head every so many steps, beside the output; 0 keeps none."""
    cached_views: int = 2
    """Views of each training picture that the head learns from beside the picture itself."""
    head_label_smoothing: float = 0.0
    """Share of a picture's label that is given to all labels alike, in training the head."""

    # Fine-tuning of the whole network; 0 minutes and 0 steps mean none.
    fine_tune_steps: int = 0
    """Steps, exactly; alternatively give minutes."""
    fine_tune_minutes: float = 0.0
    """Wall time instead of steps: the learning rate falls by the share of it that is used up."""
    fine_tune_batch_size: int = 16
    fine_tune_learning_rate: float = 1e-4
    """Of the upper blocks (from mixed7); the lower ones take a seventh, the head ten times it."""
    fine_tune_from: str = ALL_LAYERS
    """The lowest layer that learns: ``mixed0`` to ``mixed10`` for a block and all above it, the
    name of a convolution, or ``all``. What is below stays as it is and costs no gradients."""
    label_smoothing: float = 0.05
    """As ``head_label_smoothing``, in fine-tuning."""
    checkpoint_minutes: float = 5.0
    """Fine-tuning can go on from a checkpoint of so many minutes ago at the most."""
    lower_every: int = 3
    """The lower blocks learn at every n-th step: they are half of the cost."""
    framework: str = "tensorflow"
    """What the whole network is trained with: ``tensorflow``, or ``jax``, which knows more GPUs."""
    rounded_steps: bool = False
    """Every other step is computed with weights and activations of 8 bits, so that the int8 form
    stays near the model; with JAX only."""
    view_workers: int = 0
    """Processes that make views of pictures; 0 for one thread, which is enough on a CPU."""
    class_shares: tuple[tuple[str, float], ...] = ()
    """(label, share) of the pictures drawn; equal where empty."""
    class_weights: tuple[tuple[str, float], ...] = ()
    """(label, weight): how much a picture of it counts in the loss; 1 where not given."""
    flip: bool = True
    """Mirror half of the views, those of the head and those of fine-tuning."""
    random_crop: int = 45
    """Views keep all but at most so many percent of the area."""
    random_brightness: int = 25
    """They are darker or brighter by at most so many percent."""
    small_views: int = 20
    """Percent of them that show the picture small in another scene."""
    degraded_views: int = 40
    """Percent of them that look as from a bad camera."""
    favour: str = ""
    """A label whose examples weigh 1.25 times: what a doubtful picture should be called."""

    # What comes out.
    average_with: str = ""
    """A bundle that was fine-tuned from the same start weights: the model is the mean of both."""
    must_beat: str = ""
    """A bundle that the new one is compared with on the test pictures. A worse one is written to
    OUTPUT.rejected, and OUTPUT is left as it was."""
    gate_false_positives: float = 0.01
    """Share of background pictures that both may call a hazard in that comparison."""
    false_alarms: float | None = None
    """Share of the background's validation pictures that the suggested threshold may let through;
    None for 2 % and a threshold of 0.3 to 0.9."""
    subsets: tuple[tuple[str, str], ...] = ()
    """(name, pattern of file names): rows of their own in the figures."""
    summaries: Path | None = None
    """A folder for TensorBoard."""
    openvino: bool = True
    """Write the int8 OpenVINO form beside the canonical model."""
    report_pictures: bool = True
    """Put small copies of the worst mistakes into the report. They are the training data's."""

    @property
    def fine_tunes(self) -> bool:
        """Whether the backbone is trained after the head."""
        return self.fine_tune_steps > 0 or self.fine_tune_minutes > 0

    @property
    def rejected(self) -> Path:
        """Where a model goes that does not pass the gate."""
        return self.output.with_name(f"{self.output.name}.rejected")

    @property
    def heads(self) -> Path:
        """Where heads are kept on the way."""
        return self.output.with_name(f"{self.output.name}.heads")

    @property
    def cache(self) -> Path:
        """The cache folder in force."""
        if self.cache_dir is not None:
            return self.cache_dir
        return Path("~/.cache/emberwatch/trainer").expanduser()
