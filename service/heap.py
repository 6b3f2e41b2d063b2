"""How the C library keeps memory: large pieces go back to the system as soon as they are free."""

import ctypes

# As in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Left to itself, glibc raises the limit with the first large piece, and what one large picture took, a worker keeps.
_LARGE_BYTES = 4 * 2**20
# Below that, memory is kept for the next picture: to ask for it anew costs time.
_KEPT_BYTES = 2 * _LARGE_BYTES
# Each keeps that much; by itself glibc takes eight for each core, one after the other as threads come by.
_ARENAS = 2


def give_back() -> None:
    """Has this process give back what is large; other C libraries than glibc decide for themselves."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Gives back now what is free between pieces in use."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim:
        malloc_trim(0)
