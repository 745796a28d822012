"""12-lead ECGs as shares of time above a level, after random convolutions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from biolake.core.assets import SignalInput
from biolake.core.catalogue import encoder

if TYPE_CHECKING:
    from biolake.signals.kernels import KernelBank

_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_RATE, _SECONDS, _DIMENSION = 100.0, 10.0, 1932
_MILLIVOLTS = 0.2  # standard deviation of a lead, as adults' ECGs have it


@encoder(
    "12-lead ECG by random convolution kernels",
    needs="ecg",
    version="1",
    inputs=SignalInput(_RATE, _LEADS, _SECONDS),
    dimension=_DIMENSION,
    licence="none: nothing is learned from data",
    extra="signals",
)
def ecg_kernels(batch: np.ndarray) -> np.ndarray:
    """Encode 10 s of 12 leads as 1,932 shares of time, each between 0 and 1.

    The levels come from seeded noise and not from recordings, so the same ECG has the same vector
    everywhere. MiniRocket: Dempster et al., KDD 2021.
    """
    return _bank().apply(batch)


@cache
def _bank() -> KernelBank:
    from biolake.signals.kernels import draw_kernels, learn_biases, noise_examples

    samples = round(_RATE * _SECONDS)
    bank = draw_kernels(len(_LEADS), samples, features=2500, seed=1)
    return learn_biases(bank, _MILLIVOLTS * noise_examples(len(_LEADS), samples, count=32, seed=1))
