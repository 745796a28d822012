"""Can this lead be trusted? What share is missing, flat, cut off or noise, and do its beats agree.

bSQI: Li, Mark and Clifford, Physiol Meas 2008;29:15 (two detectors find the same beats). Beats
alike: Orphanidou et al., IEEE JBHI 2015;19:832 (mean correlation with the average beat).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biolake.core.compiled import compiled
from biolake.signals import filters

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

    @property
    def usable(self) -> bool:
        return self.score >= USABLE


@dataclass(frozen=True)
class Disturbance:
    """What may disturb a lead; the shares are of its power and run from 0 to 1."""

    kurtosis: float
    baseline: float  # below 0.7 Hz
    hum: float  # in 1 Hz around 50 and 60 Hz


def lead_quality(lead: np.ndarray, rate: float, beats: np.ndarray) -> Quality:
    """Judge one lead, given the beats (sample numbers) that were found in it or in all leads."""
    x = np.ascontiguousarray(lead, np.float64)
    missing, flat, cut_off = _gaps(x, max(2, int(_FLAT_RUN * rate)), max(3, int(_CUT_RUN * rate)))
    if missing + flat > 0.9 or len(x) < 2 * rate:
        return Quality(0.0, missing, flat, cut_off, 0.0, 0.0)
    band = filters.zero_phase(filters.at_rate(x, rate, rate), filters.sections(rate, 0.7, 40.0))
    agreement = _agreement(beats, length_beats(band, rate), AGREEMENT * rate)
    likeness = _likeness(band, beats, int(0.1 * rate))
    whole = 1.0 - min(1.0, missing + flat + cut_off)
    score = whole * agreement * min(1.0, max(0.0, likeness) / 0.8)
    return Quality(score, missing, flat, cut_off, agreement, likeness)


def disturbance(lead: np.ndarray, rate: float) -> Disturbance:
    """Measure kurtosis (0.7 to 40 Hz), baseline wander and mains hum of one lead."""
    held = filters.at_rate(np.ascontiguousarray(lead, np.float64), rate, rate)
    if len(held) < 2 * rate or not np.isfinite(held).all():
        return Disturbance(0.0, 0.0, 0.0)
    band = filters.zero_phase(held, filters.sections(rate, 0.7, 40.0))
    square = (band - band.mean()) ** 2
    spread = float(square.mean())
    kurtosis = float(np.mean(square * square) / spread**2) if spread > 0 else 0.0
    return Disturbance(kurtosis, *_power_shares(held, rate))


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
    return _above(length, _levels(length, block), block, int(0.25 * rate))


@compiled
def _levels(length: np.ndarray, block: int) -> np.ndarray:
    """Return, block by block, the level between rest and beats that a beat must exceed."""
    rest = np.median(length)
    tops = filters.moving_median(filters.block_maxima(length, block), 4)
    for k in range(len(tops)):
        tops[k] = rest + 0.45 * max(tops[k] - rest, 1e-12)
    return tops


@compiled
def _agreement(one: np.ndarray, other: np.ndarray, reach: float) -> float:
    """Return the share of all beats that both found."""
    both, j = 0, 0
    for at in one:
        while j + 1 < len(other) and abs(other[j + 1] - at) <= abs(other[j] - at):
            j += 1
        if j < len(other) and abs(other[j] - at) <= reach:
            both += 1
    return both / max(1, both, len(one) + len(other) - both)


@compiled
def _likeness(band: np.ndarray, beats: np.ndarray, half: int) -> float:
    """Return the median correlation of the beats with their median beat."""
    inside = beats[(beats >= half) & (beats + half < len(band))]
    n, width = len(inside), 2 * half + 1
    if n < 3:
        return 0.0
    shapes = np.empty((n, width), np.float64)
    for i in range(n):
        part = band[inside[i] - half : inside[i] + half + 1]
        shapes[i] = part - part.mean()
    average = np.empty(width, np.float64)
    for k in range(width):
        average[k] = np.median(shapes[:, k])
    size = math.sqrt((average * average).sum())
    found = np.empty(n, np.float64)
    for i in range(n):
        scale = math.sqrt((shapes[i] * shapes[i]).sum()) * size
        found[i] = (shapes[i] * average).sum() / max(scale, 1e-12)
    return float(np.median(found))


def _power_shares(x: np.ndarray, rate: float) -> tuple[float, float]:
    power = np.abs(np.fft.rfft(x - x.mean())) ** 2
    hertz = np.fft.rfftfreq(len(x), 1.0 / rate)
    total = max(float(power.sum()), 1e-30)
    hum = (np.abs(hertz - 50.0) < 0.5) | (np.abs(hertz - 60.0) < 0.5)
    return float(power[hertz < 0.7].sum() / total), float(power[hum].sum() / total)
