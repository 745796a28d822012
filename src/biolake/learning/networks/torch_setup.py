"""Torch, made to repeat itself: a fixed number of threads, a seed, deterministic algorithms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from biolake.core.installed import require


def torch_module() -> ModuleType:
    """Return torch, or say how to install it."""
    require("ai", "torch", to="run neural networks")
    import torch

    return torch


@contextmanager
def repeatable(seed: int, threads: int) -> Iterator[ModuleType]:
    """Lend torch with this seed and number of threads; afterwards both are as they were."""
    torch = torch_module()
    before, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(max(threads, 1))
        torch.use_deterministic_algorithms(True)
        try:
            yield torch
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(before)
