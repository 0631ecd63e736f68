"""Engine ``openvino``: the model's int8 form, or the canonical model, on the CPU.

Rounding to int8 moves scores where the model is in doubt, and nowhere else: of a bundle that has
both forms, the int8 one scores all pictures, and those that it leaves in doubt are scored again by
the exact one, at about twice the cost. Of what cameras see most is beyond doubt. What is in doubt
turns on a single grey level, so the second look is at a picture that was cut in the plain way.

The model is compiled once, with a dynamic batch, and run in a few sizes, several parts of a batch
side by side. Measured with Inception v3 in int8 on two cores: all sizes from one dynamic model take
0.4 s and 190 MB, one model for each size takes 3.6 s and 260 to 400 MB, at the same speed.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import BundleError, EngineError
from monitor.inference.buckets import bucket_sizes, check_pictures, check_scores, split_batch
from monitor.inference.bundle import Bundle
from monitor.inference.convert import convert_in_child
from monitor.inference.engine import Plain
from monitor.inference.openvino_requests import Requests, part_size, stream_count
from monitor.inference.openvino_runtime import import_openvino
from monitor.inference.scored import Scores

# Another name than before cells were an output: what lies in a cache has none.
_CANONICAL = "canonical-cells.xml"
_LARGEST_PART = 4
"""Of a batch, for one stream: a picture costs as much in it as in one of 16, and it takes less
memory."""
# Compiled models that stay in the cache: the one in use and those to roll back to.
_KEPT_CACHES = 3


class OpenVinoEngine:
    """Scores on the CPU through OpenVINO. Not for use by two threads at once."""

    name = "openvino"

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str = "auto",
        threads: int = 0,
        max_batch: int = 16,
        cache_dir: Path | None = None,
    ) -> None:
        """Load and compile the model.

        Args:
            bundle: a checked bundle.
            precision: ``int8`` takes the bundle's int8 form, ``full`` the canonical model (which
                is converted in a child process, in about 20 s, once for each ``cache_dir``, where
                the bundle has no exact form), ``auto`` the OpenVINO form that the bundle has,
                unless it was measured and agrees too little with the canonical model.
            threads: for scoring; 0 takes all cores that this process may use.
            max_batch: largest batch that is expected.
            cache_dir: folder for compiled models, for a faster start; None keeps none.

        Raises:
            BundleError: the bundle has no such form, or a foreign model.
            EngineError: OpenVINO cannot compile it here.
        """
        self.labels = bundle.labels
        self._geometry = bundle.geometry
        cores = threads or len(os.sched_getaffinity(0))
        self._streams = stream_count(cores)
        share = -(-max_batch // self._streams)
        self.batch_sizes: Sequence[int] = bucket_sizes(min(share, _LARGEST_PART))
        own = _takes_own(bundle, precision)
        first = bundle.openvino_path if own else None
        self._first: _Form | None = _Form(bundle, first, cores, cache_dir)
        form = bundle.manifest.openvino
        self._doubt = form.doubt if own and form is not None else None
        self._second: _Form | None = None
        if self._doubt is not None and bundle.exact_path is not None:
            self._second = _Form(bundle, bundle.exact_path, cores, cache_dir)
            if self._second.shapes != self._first.shapes:
                raise BundleError(
                    f"bundle {bundle.path}: its two OpenVINO models give different outputs; "
                    "export the bundle again"
                )
        self.device = f"CPU ({self._arithmetic(bundle, own)})"

    def warm_up(self) -> None:
        """Run each size of a part once, in each stream and form."""
        height, width = self._geometry.height, self._geometry.width
        for size in self.batch_sizes:
            pictures = np.zeros((size * self._streams, height, width, 3), np.uint8)
            for form in filter(None, (self._first, self._second)):
                self._run(form, pictures)

    def score(self, pictures: NDArray[np.uint8], plain: Plain | None = None) -> Scores:
        """Score a batch of any size; see :class:`monitor.inference.engine.Engine`."""
        check_pictures(pictures, self._geometry)
        if self._first is None:
            raise EngineError("the engine openvino was closed; load it again")
        made = self._run(self._first, pictures)
        # A score that is no number leaves doubt, too: whether it is one is checked at the end.
        doubtful = np.flatnonzero(~(made[0].max(axis=1) >= (self._doubt or 0.0)))
        looked, fault = 0, ""
        if self._second is not None and len(doubtful):
            try:
                exact = pictures[doubtful] if plain is None else plain(doubtful)
                again = self._run(self._second, exact)
            except (EngineError, MemoryError) as error:
                # A fire that begins is in doubt: first scores are better than none.
                fault = str(error)
            else:
                looked = len(doubtful)
                for all_of_it, better in zip(made, again, strict=True):
                    all_of_it[doubtful] = better
        cells = made[1] if len(made) > 1 else None
        scores = Scores(made[0], cells, second_looks=looked, second_look_fault=fault)
        return check_scores(scores, len(pictures), len(self.labels))

    def close(self) -> None:
        """Give the model back."""
        self._first = None
        self._second = None

    def _run(self, form: "_Form", pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        count = len(pictures)
        size = part_size(count, self._streams, self.batch_sizes)
        parts = split_batch(count, [known for known in self.batch_sizes if known <= size])
        made = [np.empty((count, *shape), np.float32) for shape in form.shapes]
        try:
            form.requests.run(np.ascontiguousarray(pictures), parts, made)
        except (RuntimeError, MemoryError) as error:
            raise EngineError(
                f"OpenVINO failed on {count} pictures: {_first_line(error)}; if it happens "
                "again, restart with inference.engine: tensorflow"
            ) from error
        return made

    def _arithmetic(self, bundle: Bundle, own: bool) -> str:
        """What it computes in, for people."""
        known = bundle.manifest.openvino
        if self._first is None or not (own and known is not None and known.precision == "int8"):
            return self._first.arithmetic if self._first is not None else ""
        if self._second is None:
            return "int8"
        return f"int8, {self._second.arithmetic} where in doubt"


class _Form:
    """One compiled model, its requests, and the shapes of what it gives.

    Args:
        bundle: what it is of.
        path: the .xml file; None for the canonical model, wherever it is.
        cores: to compute on.
        cache_dir: as for the engine.

    Raises:
        BundleError: it has other inputs or outputs.
        EngineError: OpenVINO cannot compile it here.
    """

    def __init__(
        self, bundle: Bundle, path: Path | None, cores: int, cache_dir: Path | None
    ) -> None:
        compiled = _compile(bundle, path, cores, cache_dir)
        self.requests = Requests(compiled, stream_count(cores))
        self.shapes = _output_shapes(bundle, compiled)
        self.arithmetic = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())


def _output_shapes(bundle: Bundle, compiled: Any) -> list[tuple[int, ...]]:
    """Shapes without the batch: of the probabilities and, where there are some, of the cells.

    Raises:
        BundleError: the model has other inputs or outputs.
    """
    ports = (list(compiled.inputs), list(compiled.outputs))
    found = [
        [(str(port.partial_shape), port.element_type.get_type_name()) for port in side]
        for side in ports
    ]
    size = f"{bundle.geometry.height},{bundle.geometry.width}"
    wanted = [[(f"[?,{size},3]", "u8")], [(f"[?,{len(bundle.labels)}]", "f32")]]
    shapes = [port.partial_shape[1:] for port in ports[1]]
    cells = shapes[1] if len(shapes) == 2 else None
    with_cells = (
        cells is not None
        and cells.is_static
        and [*cells.to_shape()][2:] == [len(bundle.labels)]
        and found[1][1][1] == "f32"
    )
    if [found[0], found[1][: 1 if with_cells else None]] != wanted:
        raise BundleError(
            f"bundle {bundle.path}: its OpenVINO model goes from {found[0]} to {found[1]} "
            f"where {wanted[0]} to {wanted[1]} is needed; export the bundle again"
        )
    return [tuple(shape.to_shape()) for shape in shapes]


def _takes_own(bundle: Bundle, precision: str) -> bool:
    """Whether the bundle's own form is taken, rather than the canonical model.

    Raises:
        BundleError: there is no such form.
    """
    form = bundle.manifest.openvino
    has_form = bundle.openvino_path is not None
    is_int8 = has_form and form is not None and form.precision == "int8"
    if precision == "int8" and not is_int8:
        raise BundleError(
            f"bundle {bundle.path}: it has no int8 form for OpenVINO; set inference.precision to "
            "auto, or export the bundle again"
        )
    if precision == "full":
        return has_form and form is not None and form.precision in ("f16", "f32")
    if precision == "auto" and form is not None and not form.keeps_promise:
        # Better than nothing.
        return has_form and bundle.keras_path is None and bundle.exact_path is None
    return has_form


def _compile(bundle: Bundle, path: Path | None, threads: int, cache_dir: Path | None) -> Any:
    openvino = import_openvino()
    cache = _cache_folder(bundle, cache_dir)
    properties: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": stream_count(threads),
        "INFERENCE_NUM_THREADS": threads,
        # Decoders run beside it on the same cores; the scheduler knows better where there is room.
        "ENABLE_CPU_PINNING": False,
    }
    if cache is not None:
        properties["CACHE_DIR"] = str(cache)
    try:
        core = openvino.Core()
        if path is not None or bundle.exact_path is not None:
            return core.compile_model(path or bundle.exact_path, "CPU", properties)
        with tempfile.TemporaryDirectory(prefix="emberwatch-") as scratch:
            folder = Path(scratch) if cache is None else cache
            return core.compile_model(_canonical(bundle, folder), "CPU", properties)
    except RuntimeError as error:
        raise EngineError(
            f"OpenVINO cannot compile the model of {bundle.path}: {_first_line(error)}; export the "
            "bundle again, or set inference.engine to tensorflow"
        ) from error


def _canonical(bundle: Bundle, folder: Path) -> Path:
    """The canonical model in OpenVINO's format, converted unless ``folder`` has it."""
    model = folder / _CANONICAL
    if not model.is_file():
        convert_in_child(bundle, model)
    return model


def _cache_folder(bundle: Bundle, cache_dir: Path | None) -> Path | None:
    """A folder for this bundle in the cache; None where there can be none."""
    if cache_dir is None:
        return None
    folder = cache_dir / f"openvino-{bundle.sha256[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        others = sorted(cache_dir.glob("openvino-*"), key=lambda path: path.stat().st_mtime)
    except OSError:
        return None  # full or read-only: the start takes half a second longer, and all else works
    for old in others[:-_KEPT_CACHES]:
        with suppress(OSError):
            shutil.rmtree(old)
    return folder


def _first_line(error: Exception) -> str:
    """The last line that says something: OpenVINO puts places in its source first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
