"""Memory behind which nothing may be read, in a process of its own: reading there ends it."""

import subprocess
import sys

_GUARDED = """
import ctypes, mmap, sys
import numpy as np
from monitor.layout import Image, Layout
width, height = int(sys.argv[1]), int(sys.argv[2])
size = width * height * 3 // 2
pages = -(-size // mmap.PAGESIZE)
memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc = ctypes.CDLL(None, use_errno=True)
guard = ctypes.c_void_p(start + pages * mmap.PAGESIZE)
assert libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
shape = Layout.I420_709.shape(width, height)
pixels = np.ndarray(shape, np.uint8, memory, pages * mmap.PAGESIZE - size)
image = Image.of(pixels, Layout.I420_709)
"""


def with_guard(code: str, width: int, height: int) -> None:
    """Run ``code`` with ``image``, planes of this size at the end of what may be read."""
    arguments = [sys.executable, "-c", _GUARDED + code, str(width), str(height)]
    subprocess.run(arguments, check=True, timeout=60)
