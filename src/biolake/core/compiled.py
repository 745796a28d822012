"""Loops over numbers compiled once to machine code, kept on disk, free of Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from biolake.core.installed import require

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Compile a loop when it is first called; its first arguments' types decide the code.

    Raises SetupMissing without numba.
    """
    require("signals", "numba", to="run compiled loops")
    from numba import njit

    return cast(Loop, njit(cache=True, nogil=True)(loop))
