"""Random convolution kernels: a signal becomes thousands of shares of time above a level.

MiniRocket (Dempster, Schmidt & Webb, KDD 2021): the 84 kernels of length 9 with weights −1 and 2,
spread over exponentially spaced dilations; each feature is the share of time that the convolution
of a sum of a few channels lies above a bias. Two things differ from the paper. A bias is a quantile
over many examples rather than of one, so that a bank holds no example's values; and channels are
added up before they are convolved, which is the same and several times faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from biolake.core.errors import DataRefused, WrongUse

LENGTH, WEIGHTS = 9, 84
_MOST_CHANNELS = 9  # added up for one kernel
_MOST_DILATIONS = 32
_VALUES = 1 << 13  # of a kernel's output that its biases are quantiles of
_GOLDEN = (np.sqrt(5.0) + 1.0) / 2.0
_PLACES = np.array(list(combinations(range(LENGTH), 3)), dtype=np.int32)


@dataclass(frozen=True)
class KernelBank:
    """Kernels with their dilations, channels and biases; `biases` is combinations × levels.

    A combination is one kernel at one dilation: combination i uses kernel i mod 84, dilation
    `dilations[i // 84]`, and the channels marked in row i of `channels`.
    """

    samples: int
    dilations: np.ndarray  # int32
    channels: np.ndarray  # combinations × channels, bool
    biases: np.ndarray  # combinations × levels, float32, NaN before they are learned

    @property
    def features(self) -> int:
        return int(self.biases.size)

    def apply(self, batch: np.ndarray) -> np.ndarray:
        """Return the features of each example, n × features float32 between 0 and 1.

        `batch` is n × channels × samples; raises DataRefused where a value is missing.
        """
        from biolake.signals._convolution import shares_above

        _check(batch, self.channels.shape[1], self.samples)
        if not np.isfinite(self.biases).all():
            raise WrongUse("The kernels have no biases yet: learn them from examples first.")
        found = np.empty((len(batch), *self.biases.shape), dtype=np.float32)
        for number, example in enumerate(batch):
            shares_above(
                np.ascontiguousarray(example, dtype=np.float32),
                _PLACES,
                self.dilations,
                self.channels,
                self.biases,
                found[number],
            )
        return found.reshape(len(batch), self.features)


def draw_kernels(
    channels: int, samples: int, *, features: int = 5000, seed: int = 0, most_channels: int = 9
) -> KernelBank:
    """Draw dilations and channel combinations; as many features as come next to `features`."""
    if channels < 1 or samples < LENGTH:
        raise WrongUse(f"Kernels need a channel and at least {LENGTH} samples.")
    each = max(features // WEIGHTS, 1)
    count = min(each, _MOST_DILATIONS)
    longest = np.log2((samples - 1) / (LENGTH - 1))
    dilations = np.unique(np.logspace(0.0, longest, count, base=2).astype(np.int32))
    levels = max(each // len(dilations), 1)
    rng = np.random.default_rng(seed)
    rows = len(dilations) * WEIGHTS
    chosen = np.zeros((rows, channels), dtype=np.bool_)
    most = min(channels, most_channels, _MOST_CHANNELS)
    sizes = (2.0 ** rng.uniform(0.0, np.log2(most + 1), rows)).astype(np.intp)
    for row, size in enumerate(sizes):
        chosen[row, rng.choice(channels, size, replace=False)] = True
    biases = np.full((rows, levels), np.nan, dtype=np.float32)
    return KernelBank(samples, dilations, chosen, biases)


def learn_biases(
    bank: KernelBank, examples: np.ndarray, *, most: int = 32, seed: int = 0
) -> KernelBank:
    """Set each bias to a quantile of the kernel's output over examples drawn by the seed.

    The quantiles are a low-discrepancy sequence (multiples of the golden ratio), as in the paper.
    """
    from biolake.signals._convolution import convolve_all

    _check(examples, bank.channels.shape[1], bank.samples)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(examples))[:most])
    batch = np.ascontiguousarray(examples[chosen], dtype=np.float32)
    rows, levels = bank.biases.shape
    wanted = (np.arange(1, rows * levels + 1) * _GOLDEN % 1.0).reshape(levels, rows).T
    biases = np.empty((rows, levels), dtype=np.float32)
    output = np.empty((len(batch), bank.samples), dtype=np.float32)
    step = max(1, output.size // _VALUES)
    for row in range(rows):
        place, dilation = _PLACES[row % WEIGHTS], int(bank.dilations[row // WEIGHTS])
        convolve_all(batch, place, dilation, bank.channels[row], output)
        rising = np.sort(output.ravel()[::step])
        biases[row] = np.interp(wanted[row] * (len(rising) - 1), np.arange(len(rising)), rising)
    return KernelBank(bank.samples, bank.dilations, bank.channels, biases)


def noise_examples(channels: int, samples: int, *, count: int = 64, seed: int = 0) -> np.ndarray:
    """Return seeded Gaussian noise whose power falls with frequency, as physiology's does.

    Biases learned from it need no data; each channel has standard deviation 1.
    """
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((count, channels, samples)), axis=2)
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[2]), 1.0))
    spectrum[:, :, 0] = 0.0
    noise = np.fft.irfft(spectrum, n=samples, axis=2)
    return np.asarray(noise / noise.std(axis=2, keepdims=True), dtype=np.float32)


def _check(batch: np.ndarray, channels: int, samples: int) -> None:
    if batch.ndim != 3 or batch.shape[1:] != (channels, samples):
        given = " × ".join(map(str, batch.shape))
        raise WrongUse(f"The kernels read n × {channels} × {samples}, and got {given}.")
    if not np.isfinite(batch).all():
        raise DataRefused(
            "A signal has missing samples, which have no convolution.",
            next="Fill or cut them before they are encoded.",
        )
