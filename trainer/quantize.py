"""The int8 form for OpenVINO, by post-training quantization on pictures of the training side.

Rounding every layer to int8 moves scores by more than a user should see, but only where the model
is in doubt. So the exact model is written beside it, and has a second look at what the int8 form
leaves in doubt. Where that is not enough, blocks of the network are brought back to float, rung by
rung, until both together agree with the canonical model on pictures that the form was not
calibrated on. The network is calibrated once; a rung costs no more than scoring these pictures and
those that it was calibrated on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.image import read_image, resize
from monitor.inference.bundle import EXACT_XML
from monitor.inference.convert import convert_keras
from monitor.inference.keras_cells import with_cells
from monitor.inference.manifest import CLOSE, PROMISED_AGREEMENT, OpenVinoForm
from monitor.inference.openvino_runtime import import_openvino
from trainer.blocks import head_of, in_float, shift_logits
from trainer.console import Console
from trainer.dataset import Example
from trainer.export import agreement_within, compare
from trainer.size import SIZE
from trainer.views import Sampler

EXACT_NAME = Path(EXACT_XML).name
"""Beside the int8 form."""
CALIBRATION = 200
"""Pictures that ranges and biases of the int8 form are measured on."""
MOST_CHECKED = 600
"""Validation pictures that each form is compared on."""

DOUBT = 0.9
"""Pictures on which no score of the int8 form reaches this are scored again by the exact one.

Measured with an Inception v3 that was trained on fire and smoke, all of it in int8, on 500 of its
validation and test pictures; scores within 0.05 of the canonical model's, and how many pictures get
a second look:

    from            never    0.8      0.85     0.9      0.95
    agree           95.8 %   98.4 %   99.2 %   99.6 %   100 %
    second looks    0        7.8 %    10.4 %   13.8 %   24.0 %
"""

RUNGS: tuple[tuple[str, ...], ...] = (
    (),
    ("stem",),
    ("stem", "mixed0"),
    ("stem", "mixed0", "mixed1"),
    ("stem", "mixed0", "mixed1", "mixed2"),
    ("stem", "mixed0", "mixed1", "mixed2", "mixed3"),
    ("stem", "mixed0", "mixed1", "mixed2", "mixed3", "mixed4"),
)
"""Blocks that stay in float, the fastest form first; the head always does.

From below, since an error there goes through everything above. Measured with an Inception v3 that
was trained on fire and smoke, on 300 validation and 300 test pictures, scores within 0.05 of the
canonical model's, and the time for a picture, that of the canonical model in bf16 being 1:

    in float up to   nothing   stem    mixed1   mixed2   mixed3   mixed4
    (without second looks)
    validation       94.3 %    98.0 %  99.0 %   99.0 %   99.3 %   99.7 %
    test             94.3 %    97.7 %  98.7 %   98.7 %   99.0 %   99.0 %
    time             0.55      0.63    0.68     0.71     0.75     0.78
"""

Made = TypeVar("Made")

SOUGHT_AGREEMENT = 0.995
"""On validation pictures: above what is promised, which other pictures must keep as well."""

# Views that fine-tuning has not seen: its steps count from 0.
_FIRST_STEP = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Pictures, and what the canonical model says of them."""

    pictures: NDArray[np.uint8]
    """uint8 (n, 299, 299, 3)."""
    scores: NDArray[np.float32]
    """float32 (n, labels)."""

    def some(self, most: int) -> Self:
        """At most so many of them, from all over."""
        picked = np.unique(np.linspace(0, len(self.pictures) - 1, most).astype(int))
        return replace(self, pictures=self.pictures[picked], scores=self.scores[picked])


@dataclass(frozen=True, slots=True)
class Rung(Generic[Made]):
    """One form that was tried."""

    kept: tuple[str, ...]
    """Blocks in float."""
    agreement: float
    """Share of the pictures on which its scores are the canonical model's within 0.05."""
    form: Made

    @property
    def holds(self) -> bool:
        return self.agreement >= SOUGHT_AGREEMENT


def climb(
    rungs: Sequence[tuple[str, ...]],
    make: Callable[[tuple[str, ...]], Made],
    agreement: Callable[[Made], float],
    on_rung: Callable[[Rung[Made]], None] = lambda _: None,
) -> Rung[Made]:
    """The first rung that agrees well enough; where none does, the one that agrees best.

    Args:
        rungs: blocks to keep in float, at least one choice, the fastest first.
        make: gives the form that keeps these blocks.
        agreement: of a form, 0 to 1.
        on_rung: told each rung that was tried.
    """
    best: Rung[Made] | None = None
    for kept in rungs:
        form = make(kept)
        rung = Rung(kept, agreement(form), form)
        on_rung(rung)
        if best is None or rung.agreement > best.agreement:
            best = rung
        if rung.holds:
            break
    if best is None:
        raise ValueError("there is no rung to try")
    return best


def export_int8(
    model: Any,
    target: Path,
    pictures: NDArray[np.uint8],
    validation: Known,
    test: Known,
    targets: NDArray[np.int64],
    console: Console,
) -> OpenVinoForm:
    """Write the int8 form of a model, and measure it on the test pictures.

    Args:
        model: the canonical Keras model.
        target: the .xml file; the .bin lies beside it.
        pictures: uint8 (n, 299, 299, 3) that ranges and biases are measured on.
        validation: what decides how much stays in float.
        test: what the form is measured on.
        targets: (m,): the label numbers of the test pictures.
        console: told of each form that was tried, and warned where none agrees well enough.
    """

    def told(rung: Rung[Any]) -> None:
        console.say(
            f"int8, in float: {', '.join(rung.kept) or 'nothing'}: "
            f"{rung.agreement:.1%} of the validation scores within {CLOSE}"
        )

    with console.wait("making and checking the int8 form"):
        best = quantize(model, pictures, target, validation.some(MOST_CHECKED), on_rung=told)
        scores = second_look(
            openvino_scores(target, test.pictures),
            openvino_scores(target.with_name(EXACT_NAME), test.pictures),
        )
        form = compare(scores, test.scores, targets, best.kept, DOUBT)
    console.say(
        f"int8: accuracy {form.accuracy:.1%} (canonical {form.canonical_accuracy:.1%}), scores "
        f"within {CLOSE} on {form.agreement_within:.1%}, largest difference "
        f"{form.max_difference:.3f}"
    )
    if not form.keeps_promise:
        console.warn(
            "the int8 form is too far from the canonical model; inference.precision: auto takes "
            "that instead, which is slower"
        )
    elif form.agreement_within is not None and form.agreement_within < PROMISED_AGREEMENT:
        console.warn(
            f"the int8 form agrees with the canonical model on {form.agreement_within:.1%} of the "
            f"test pictures, less than the {PROMISED_AGREEMENT:.0%} that were aimed at"
        )
    return form


def quantize(
    model: Any,
    pictures: NDArray[np.uint8],
    target: Path,
    held_out: Known,
    rungs: Sequence[tuple[str, ...]] = RUNGS,
    on_rung: Callable[[Rung[Any]], None] = lambda _: None,
) -> Rung[Any]:
    """Write the int8 form of a model, with as many blocks in float as it takes to agree with it.

    The exact form is written beside it; it has a second look at what the first leaves in doubt.

    Args:
        model: the canonical Keras model.
        pictures: uint8 (n, 299, 299, 3) that ranges and biases are measured on.
        target: the .xml file; the .bin lies beside it.
        held_out: other pictures: what agreement is measured on.
        rungs: choices of blocks to keep in float, the fastest form first.
        on_rung: told each form that was tried.

    Returns:
        What was written. It may agree too little: see :attr:`Rung.holds`.
    """
    openvino = import_openvino()
    exact = convert_keras(with_cells(model), SIZE, SIZE)
    rounded = _quantized(exact.clone(), pictures)
    known = _scores(exact, pictures)
    again = _scores(exact, held_out.pictures)
    best = climb(
        rungs,
        lambda kept: _with_mean_logits(in_float(rounded, exact, kept), pictures, known),
        lambda form: agreement_within(
            second_look(_scores(form, held_out.pictures), again), held_out.scores
        ),
        on_rung,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(best.form, target, compress_to_fp16=True)
    openvino.save_model(exact, target.with_name(EXACT_NAME), compress_to_fp16=True)
    return best


def second_look(first: NDArray[np.float32], exact: NDArray[np.float32]) -> NDArray[np.float32]:
    """What both forms say together, as the engine does: float32 (n, labels).

    Args:
        first: scores of the int8 form, float32 (n, labels).
        exact: of the exact one, for the same pictures.
    """
    doubtful = first.max(axis=1, keepdims=True) < DOUBT
    return np.where(doubtful, exact, first)


def openvino_scores(path: Path, pictures: NDArray[np.uint8], batch: int = 4) -> NDArray[np.float32]:
    """Scores of a model file as the daemon computes them: float32 (n, labels)."""
    return _scores(path, pictures, batch)


def calibration_pictures(
    sampler: Sampler, examples: Sequence[Example], count: int = CALIBRATION
) -> NDArray[np.uint8]:
    """Pictures that span what the model sees: half plain ones, half training views.

    Views are degraded and small as cameras make them; without them int8 ranges fit web
    photographs only.

    Returns:
        uint8 (n, 299, 299, 3), n at most ``count`` and at most twice the examples.
    """
    count = min(count, 2 * len(examples))
    picked = np.linspace(0, len(examples) - 1, count // 2).astype(int)
    plain = [resize(read_image(examples[int(i)].path), SIZE, SIZE) for i in picked]
    views: list[NDArray[np.uint8]] = []
    step = _FIRST_STEP
    while len(views) < count // 2:
        views += list(sampler.batch(step).pictures)
        step += 1
    return np.stack([*plain, *views[: count // 2]])


def _quantized(model: Any, pictures: NDArray[np.uint8]) -> Any:
    # Loaded late: with PyTorch's stand-ins it takes seconds, and only this needs it.
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    return nncf.quantize(
        model,
        nncf.Dataset([picture[None] for picture in pictures]),
        # Activations after a ReLU have no sign: the mixed preset spends none of their bits on it.
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        target_device=nncf.TargetDevice.CPU,
        # Ranges as wide as anything seen. NNCF's own choice, the mean of each picture's largest
        # value, clips what only few pictures show, which is fire: the largest difference of a score
        # was 0.28 by that and is 0.10 by this.
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
        # The head is a thousandth of the arithmetic, and makes the scores.
        ignored_scope=nncf.IgnoredScope(names=list(head_of(model))),
    )


def _with_mean_logits(form: Any, pictures: NDArray[np.uint8], known: NDArray[np.float32]) -> Any:
    """The form with its logits moved so that their mean over pictures is the canonical model's.

    What rounding does to all pictures alike is taken back: of 300 pictures 1 % more agree.

    Args:
        form: ``openvino.Model``; is changed and returned.
        pictures: uint8 (n, 299, 299, 3), which it was calibrated on.
        known: float32 (n, labels): the canonical model's scores for them.
    """
    shift = (_centred_logits(known) - _centred_logits(_scores(form, pictures))).mean(axis=0)
    shift_logits(form, shift.astype(np.float32))
    return form


def _centred_logits(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits whose mean over the labels is 0: all that a softmax leaves to be known."""
    logits = np.log(scores.clip(np.finfo(np.float32).tiny))
    return np.asarray(logits - logits.mean(axis=1, keepdims=True), np.float32)


def _scores(model: Any, pictures: NDArray[np.uint8], batch: int = 4) -> NDArray[np.float32]:
    """``model``: an ``openvino.Model``, or a file."""
    openvino = import_openvino()
    request = openvino.Core().compile_model(model, "CPU").create_infer_request()
    parts = [
        np.array(request.infer([pictures[start : start + batch]])[0], np.float32)
        for start in range(0, len(pictures), batch)
    ]
    return np.concatenate(parts)
