"""How a process that trains on the CPU keeps its memory."""

from __future__ import annotations

import ctypes
import platform

# From <malloc.h>; the largest values that glibc takes.
_M_TRIM_THRESHOLD, _MOST_KEPT = -1, 2**31 - 1
_M_MMAP_THRESHOLD, _LARGEST_IN_HEAP = -3, 2**25


def keep_freed_memory() -> bool:
    """Let the process keep up to 2 GiB that it freed, instead of getting it anew, page by page, in every step.

    A step frees and allocates the same hundreds of MiB.  glibc gives them back to the system in between, which took
    4 to 9 % of the time of a step of the ACDC bundle.

    Returns:
        Whether the allocator has taken it; only glibc's does, on Linux.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Both or none: glibc stops adapting either once one is set.
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_IN_HEAP) and mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))
