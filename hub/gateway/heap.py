"""Keeps the C heap small where glibc manages it; elsewhere these do nothing.

Left alone, glibc learns from freed bodies to keep blocks of their size, in an arena per thread, and the process stays
as large as its worst moment.
"""

import ctypes
import sys
from collections.abc import Callable

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h
_OWN_MAPPING_BYTES = 256 * 1024  # larger blocks go back to the system when freed
_ARENAS = 2


def steady_heap() -> None:
    """Call before threads are started."""
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Returns free pages to the system; takes milliseconds after much was freed."""
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
