"""How the C library hands memory out, for a process whose arrays are large and whose state comes in pieces."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
"""Of mallopt(3), glibc."""
_LARGE_BYTES = 2**20


def map_large_blocks() -> bool:
    """Have every block from 1 MiB on mapped by itself; return whether the C library was glibc, which can be told.

    glibc moves its limit up to 32 MiB as blocks are freed. What lay in a freed one stays resident then, and zeros that
    are made there are written out; mapped, they take no memory until they are written to.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES))
    except (OSError, AttributeError):
        # musl has no mallopt, and no such limit either.
        return False
