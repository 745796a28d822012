"""The compiled loops of `kernels`: dilated convolution of summed channels, and shares above."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled


@compiled
def _add_up(example: np.ndarray, channels: np.ndarray, total: np.ndarray) -> None:
    """Put the sum of the channels marked into `total`."""
    total[:] = 0.0
    for channel in range(len(channels)):
        if channels[channel]:
            for t in range(len(total)):
                total[t] += example[channel, t]


@compiled
def _convolve(total: np.ndarray, place: np.ndarray, dilation: int, output: np.ndarray) -> None:
    """Convolve with weight 2 at the three places and −1 elsewhere; zero beyond the ends."""
    samples = len(total)
    output[:] = 0.0
    for j in range(9):
        shift = (j - 4) * dilation
        weight = np.float32(-1.0)
        if j == place[0] or j == place[1] or j == place[2]:
            weight = np.float32(2.0)
        first, last = max(0, -shift), min(samples, samples - shift)
        for t in range(first, last):
            output[t] += weight * total[t + shift]


@compiled
def convolve_all(
    batch: np.ndarray, place: np.ndarray, dilation: int, channels: np.ndarray, output: np.ndarray
) -> None:
    """Convolve every example's channel sum into a row of `output` (n × samples)."""
    total = np.empty(batch.shape[2], dtype=np.float32)
    for number in range(batch.shape[0]):
        _add_up(batch[number], channels, total)
        _convolve(total, place, dilation, output[number])


@compiled
def shares_above(
    example: np.ndarray,
    places: np.ndarray,
    dilations: np.ndarray,
    channels: np.ndarray,
    biases: np.ndarray,
    found: np.ndarray,
) -> None:
    """Write the share of time above each bias; every second kernel leaves out the padded ends."""
    samples = example.shape[1]
    total = np.empty(samples, dtype=np.float32)
    output = np.empty(samples, dtype=np.float32)
    for row in range(biases.shape[0]):
        kernel, dilation = row % 84, dilations[row // 84]
        _add_up(example, channels[row], total)
        _convolve(total, places[kernel], dilation, output)
        edge = 0
        if (kernel + row // 84) % 2 == 1:
            edge = min(4 * dilation, (samples - 1) // 2)
        for level in range(biases.shape[1]):
            bias, above = biases[row, level], 0
            for t in range(edge, samples - edge):
                if output[t] > bias:
                    above += 1
            found[row, level] = above / (samples - 2 * edge)
