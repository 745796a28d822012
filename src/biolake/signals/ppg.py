"""Pulse waves in a photoplethysmogram: where they are, and whether they can be trusted.

Two moving averages on the squared systolic half (Elgendi et al., PLoS ONE 2013;8:e76585); trusted
where the waves are alike (Orphanidou et al., IEEE JBHI 2015;19:832: correlation of 0.86).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.signals import filters

SLOWEST_RATE = 15.0  # Hz
ALIKE = 0.86
PULSE, BEAT, OFFSET = 0.111, 0.667, 0.02  # s, s, share of the mean
SHORTEST = 0.27  # s between pulses: 220 a minute
LONGEST = 2.4


@dataclass(frozen=True)
class Pulses:
    """Pulse waves: their peaks as sample numbers, how alike each is to the rest, -1 to 1."""

    peaks: np.ndarray
    likeness: np.ndarray

    @property
    def trusted(self) -> np.ndarray:
        return self.likeness >= ALIKE


def find_pulses(samples: np.ndarray, rate: float) -> Pulses:
    """Find the systolic peaks, upright; none when flat, missing or sampled below 15 Hz."""
    nothing = Pulses(np.empty(0, np.int64), np.empty(0))
    x = np.ascontiguousarray(samples, np.float64)
    if not rate >= SLOWEST_RATE or len(x) < 3 * rate or np.isnan(x).mean() > 0.9:
        return nothing
    held = filters.at_rate(x, rate, rate)
    if not np.isfinite(held).all() or np.ptp(held) == 0:
        return nothing
    band = filters.zero_phase(held, filters.sections(rate, 0.5, 8.0))
    peaks = _systolic(band, rate)
    return Pulses(peaks, _likeness(band, peaks, rate, np.isnan(x)))


def _systolic(band: np.ndarray, rate: float) -> np.ndarray:
    energy = np.clip(band, 0.0, None) ** 2
    pulse, beat = _mean_of(energy, PULSE * rate), _mean_of(energy, BEAT * rate)
    # A motion artefact must not lift the threshold of a whole recording.
    above = pulse > beat + OFFSET * _mean_of(energy, 10.0 * rate)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], above.astype(np.int8), [0]))))
    peaks: list[int] = []
    for low, high in edges.reshape(-1, 2):
        if high - low < PULSE * rate:
            continue
        top = int(low + np.argmax(band[low:high]))
        if peaks and top - peaks[-1] < SHORTEST * rate:
            if band[top] > band[peaks[-1]]:
                peaks[-1] = top
            continue
        peaks.append(top)
    return np.array(peaks, np.int64)


def _mean_of(x: np.ndarray, width: float) -> np.ndarray:
    half = max(1, round(width / 2))
    total = np.concatenate(([0.0], np.cumsum(x)))
    at = np.arange(len(x))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(x))
    return np.asarray((total[high] - total[low]) / (high - low))


def _likeness(band: np.ndarray, peaks: np.ndarray, rate: float, gaps: np.ndarray) -> np.ndarray:
    """Return each wave's correlation with the median of the 15 waves around it."""
    out = np.zeros(len(peaks))
    half = max(2, int(0.25 * rate))
    inside = np.flatnonzero((peaks >= half) & (peaks + half < len(band)))
    if len(inside) < 4:
        return out
    rows = peaks[inside][:, None] + np.arange(-half, half + 1)
    waves = band[rows] - band[rows].mean(axis=1, keepdims=True)
    reach = min(7, (len(waves) - 1) // 2)
    padded = np.pad(waves, ((reach, reach), (0, 0)), mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    middle = np.median(around, axis=2)
    scale = np.linalg.norm(waves, axis=1) * np.linalg.norm(middle, axis=1)
    out[inside] = (waves * middle).sum(axis=1) / np.maximum(scale, 1e-12)
    out[inside[gaps[rows].any(axis=1)]] = 0.0
    return out


def trusted_intervals(pulses: Pulses, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals (s) between neighbouring trusted pulses, and when each ended."""
    seconds = np.diff(pulses.peaks) / rate
    trusted = pulses.trusted
    keep = trusted[1:] & trusted[:-1] & (seconds >= SHORTEST) & (seconds <= LONGEST)
    return seconds[keep], pulses.peaks[1:][keep] / rate
