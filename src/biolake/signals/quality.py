"""Can this lead be trusted? What share is missing, flat, cut off or noise, and do its beats agree.

bSQI: Li, Mark and Clifford, Physiol Meas 2008;29:15 (two detectors find the same beats). Beats
alike: Orphanidou et al., IEEE JBHI 2015;19:832 (mean correlation with the average beat).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.signals import filters
from biolake.core.compiled import compiled

USABLE = 0.5  # of the score
AGREEMENT = 0.15  # s
_FLAT_RUN, _CUT_RUN = 0.5, 0.02  # s


@dataclass(frozen=True)
class Quality:
    """How good one lead is; every share and the score run from 0 to 1."""

    score: float
    missing: float
    flat: float
    cut_off: float
    agreement: float  # of two beat detectors
    likeness: float  # of the beats among themselves
    kurtosis: float
    baseline: float  # share of power below 0.7 Hz
    hum: float  # share of power in 1 Hz around 50 and 60 Hz

    @property
    def usable(self) -> bool:
        return self.score >= USABLE


def lead_quality(lead: np.ndarray, rate: float, beats: np.ndarray) -> Quality:
    """Judge one lead, given the beats (sample numbers) that were found in it or in all leads."""
    x = np.ascontiguousarray(lead, np.float64)
    missing, flat, cut_off = _gaps(x, max(2, int(_FLAT_RUN * rate)), max(3, int(_CUT_RUN * rate)))
    if missing + flat > 0.9 or len(x) < 2 * rate:
        return Quality(0.0, missing, flat, cut_off, 0.0, 0.0, 0.0, 0.0, 0.0)
    held = filters.at_rate(x, rate, rate)
    band = filters.zero_phase(held, filters.sections(rate, 0.7, 40.0))
    agreement = _agreement(beats, length_beats(band, rate), AGREEMENT * rate)
    likeness = _likeness(band, beats, int(0.1 * rate))
    whole = 1.0 - min(1.0, missing + flat + cut_off)
    score = whole * agreement * min(1.0, max(0.0, likeness) / 0.8)
    baseline, hum = _power_shares(held, rate)
    centred = band - band.mean()
    spread = float(np.mean(centred**2))
    kurtosis = float(np.mean(centred**4) / spread**2) if spread > 0 else 0.0
    return Quality(score, missing, flat, cut_off, agreement, likeness, kurtosis, baseline, hum)


@compiled
def _gaps(x: np.ndarray, flat_run: int, cut_run: int) -> tuple[float, float, float]:
    """Return the shares missing, unchanging for long, and resting at the lead's own limits."""
    n = len(x)
    low, high = 1e300, -1e300
    missing = 0
    for v in x:
        if v == v:
            low, high = min(low, v), max(high, v)
        else:
            missing += 1
    flat, cut, run = 0, 0, 1
    for i in range(1, n + 1):
        if i < n and x[i] == x[i - 1]:
            run += 1
            continue
        if run >= flat_run:
            flat += run
        elif run >= cut_run and (x[i - 1] == low or x[i - 1] == high):
            cut += run
        run = 1
    n = max(n, 1)
    return missing / n, flat / n, cut / n


@compiled
def _curve_length(x: np.ndarray, width: int) -> np.ndarray:
    """Return the length of the curve over a centred window (Zong, Moody and Jiang 2003)."""
    n = len(x)
    out = np.zeros(n, np.float64)
    half = width // 2
    total = 0.0
    for i in range(-half, n):
        if 0 < i + half < n:
            total += abs(x[i + half] - x[i + half - 1])
        if i - half - 1 > 0:
            total -= abs(x[i - half - 1] - x[i - half - 2])
        if i >= 0:
            out[i] = total
    return out


@compiled
def _above(length: np.ndarray, level: np.ndarray, block: int, apart: int) -> np.ndarray:
    """Return the tops of the runs above half the level, at least `apart` samples from another."""
    found = np.empty(len(length) // max(1, apart) + 2, np.int64)
    m, i = 0, 0
    last = len(level) - 1
    while i < len(length):
        if length[i] > level[min(i // block, last)]:
            top = i
            for k in range(i, min(len(length), i + apart)):
                if length[k] > length[top]:
                    top = k
            found[m] = top
            m += 1
            i = top + apart
        i += 1
    return found[:m]


def length_beats(band: np.ndarray, rate: float) -> np.ndarray:
    """Find beats by curve length alone: a second, simpler opinion."""
    smooth = filters.zero_phase(band, filters.sections(rate, 3.0, 16.0))
    length = _curve_length(smooth, max(3, int(0.13 * rate)))
    block = max(1, int(1.5 * rate))
    count = max(1, len(length) // block)
    maxima = np.array([length[k * block : (k + 1) * block].max() for k in range(count)])
    rest = np.median(length)
    level = rest + 0.45 * np.maximum(filters.moving_median(maxima, 4) - rest, 1e-12)
    return _above(length, level, block, int(0.25 * rate))


def _agreement(one: np.ndarray, other: np.ndarray, reach: float) -> float:
    """Return the share of all beats that both found."""
    if len(one) == 0 or len(other) == 0:
        return 0.0
    at = np.clip(np.searchsorted(other, one), 1, max(1, len(other) - 1))
    near = np.minimum(
        np.abs(other[np.minimum(at, len(other) - 1)] - one), np.abs(other[at - 1] - one)
    )
    both = int((near <= reach).sum())
    return both / max(both, len(one) + len(other) - both)


def _likeness(band: np.ndarray, beats: np.ndarray, half: int) -> float:
    """Return the median correlation of the beats with their average."""
    inside = beats[(beats >= half) & (beats + half < len(band))]
    if len(inside) < 3:
        return 0.0
    shapes = band[inside[:, None] + np.arange(-half, half + 1)]
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    average = np.median(shapes, axis=0)
    scale = np.linalg.norm(shapes, axis=1) * np.linalg.norm(average)
    return float(np.median(shapes @ average / np.maximum(scale, 1e-12)))


def _power_shares(x: np.ndarray, rate: float) -> tuple[float, float]:
    power = np.abs(np.fft.rfft(x - x.mean())) ** 2
    hertz = np.fft.rfftfreq(len(x), 1.0 / rate)
    total = max(float(power.sum()), 1e-30)
    hum = (np.abs(hertz - 50.0) < 0.5) | (np.abs(hertz - 60.0) < 0.5)
    return float(power[hertz < 0.7].sum() / total), float(power[hum].sum() / total)
