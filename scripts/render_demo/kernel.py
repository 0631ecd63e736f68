"""Numba's compiler behind a typed decorator, so that the kernels stay typed functions.

Without numba the kernels run as the Python that they are: right, and fit for tests of a few cells.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

try:
    # Not a dependency of the project: only who renders the footage anew installs it.
    import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError:
    numba = None

F = TypeVar("F", bound=Callable[..., Any])

COMPILED = numba is not None
prange = numba.prange if COMPILED else range


def kernel(*, parallel: bool = False) -> Callable[[F], F]:
    """Compile a function of numbers and arrays to machine code; ``prange`` loops use all cores."""
    if not COMPILED:
        return lambda function: function
    compiler = numba.njit(fastmath=True, parallel=parallel, cache=True, nogil=True)
    return cast(Callable[[F], F], compiler)
