"""The compiled loops of `kernels`: dilated convolution of summed channels, and shares above."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled


@compiled
def _add(part: np.ndarray, factor: np.float32, whole: np.ndarray) -> None:
    """Add a multiple of one row to another: both begin at 0, so the loop becomes wide."""
    for t in range(len(whole)):
        whole[t] += factor * part[t]


@compiled
def _shifted(part: np.ndarray, shift: int, factor: np.float32, whole: np.ndarray) -> None:
    """Add a multiple of a row moved by `shift` samples; zero beyond the ends."""
    samples = len(whole)
    if shift >= samples or -shift >= samples:
        return
    if shift >= 0:
        _add(part[shift:], factor, whole[: samples - shift])
    else:
        _add(part[: samples + shift], factor, whole[-shift:])


@compiled
def _nine(example: np.ndarray, dilation: int, found: np.ndarray) -> None:
    """Put each channel's sum of nine shifted copies, times −1, into `found`."""
    found[:] = 0.0
    for channel in range(example.shape[0]):
        for j in range(9):
            shift = (j - 4) * dilation
            _shifted(example[channel], shift, np.float32(-1.0), found[channel])


@compiled
def _convolve(
    example: np.ndarray,
    nine: np.ndarray,
    place: np.ndarray,
    dilation: int,
    channels: np.ndarray,
    total: np.ndarray,
    output: np.ndarray,
) -> None:
    """Convolve a sum of channels with 2 at three places and −1 at six: 3 at the three, −1 at all.

    `nine` holds the −1 of every channel, which all kernels of a dilation share.
    """
    total[:] = 0.0
    output[:] = 0.0
    for channel in range(len(channels)):
        if channels[channel]:
            _add(example[channel], np.float32(1.0), total)
            _add(nine[channel], np.float32(1.0), output)
    for n in range(3):
        _shifted(total, (place[n] - 4) * dilation, np.float32(3.0), output)


@compiled
def convolve_all(
    batch: np.ndarray, place: np.ndarray, dilation: int, channels: np.ndarray, output: np.ndarray
) -> None:
    """Convolve every example's channel sum into a row of `output` (n × samples)."""
    nine = np.zeros((batch.shape[1], batch.shape[2]), dtype=np.float32)
    total = np.empty(batch.shape[2], dtype=np.float32)
    for number in range(batch.shape[0]):
        for channel in range(len(channels)):
            nine[channel] = 0.0
            if channels[channel]:
                for j in range(9):
                    shift = (j - 4) * dilation
                    _shifted(batch[number, channel], shift, np.float32(-1.0), nine[channel])
        _convolve(batch[number], nine, place, dilation, channels, total, output[number])


@compiled
def _above(part: np.ndarray, bias: np.float32) -> int:
    count = np.int32(0)
    for t in range(len(part)):
        count += np.int32(part[t] > bias)
    return int(count)


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
    nine = np.empty_like(example)
    total = np.empty(samples, dtype=np.float32)
    output = np.empty(samples, dtype=np.float32)
    for row in range(biases.shape[0]):
        kernel, dilation = row % 84, dilations[row // 84]
        if kernel == 0:
            _nine(example, dilation, nine)
        _convolve(example, nine, places[kernel], dilation, channels[row], total, output)
        edge = 0
        if (kernel + row // 84) % 2 == 1:
            edge = min(4 * dilation, (samples - 1) // 2)
        inner = output[edge : samples - edge]
        for level in range(biases.shape[1]):
            found[row, level] = _above(inner, biases[row, level]) / len(inner)
