"""Pacing artefacts in an ECG lead: spikes too narrow to be a heart beat, taken out before beats.

A pacing pulse lasts 0.1 to 2 ms; recorded, it is a few samples that leave the line and come back
to it. A QRS complex is still far from its foot at that distance from its peak, so the test is one
of shape and needs no knowledge of how large beats are (Helfenbein et al., J Electrocardiol
2007;40:S95, use the same two properties: narrow, and back where it began).
"""

from __future__ import annotations

import math

import numpy as np

from biolake.core.compiled import compiled

SLOWEST_RATE = 200.0  # Hz: below, a narrow QRS is as few samples as a spike
HALF_WIDTH = 0.005  # s: from the tip to the line; twice this is left of the antialiased pulse
_FOOT = 0.8  # of the fall within three half widths, what a spike falls within one
_LAG = 0.02  # s
_ABOVE_CHANGE = 12.0  # times the mean change over the lag: muscle noise does not reach it


def without_spikes(lead: np.ndarray, rate: float) -> np.ndarray:
    """Return the lead with its pacing spikes replaced by straight lines; as it is below 200 Hz."""
    if rate < SLOWEST_RATE:
        return lead
    half = max(2, math.ceil(HALF_WIDTH * rate))
    least = _ABOVE_CHANGE * _mean_change(lead, max(1, round(_LAG * rate)))
    tips = _tips(lead, half, least)
    return _bridged(lead, tips, half) if len(tips) else lead


@compiled
def _mean_change(x: np.ndarray, lag: int) -> float:
    total, count = 0.0, 0
    for i in range(lag, len(x), 4):
        change = abs(x[i] - x[i - lag])
        if change == change:
            total += change
            count += 1
    return total / count if count > 0 else 0.0


@compiled
def _falls(near: float, far: float, least: float) -> bool:
    """Say whether this side of a tip falls enough, and nearly all of it at once."""
    return near > least and far * _FOOT < near


@compiled
def _tips(x: np.ndarray, half: int, least: float) -> np.ndarray:
    found = np.empty(len(x) // (half + 1) + 1, np.int64)
    m = 0
    i = 3 * half
    while i < len(x) - 3 * half:
        left = x[i] - x[i - half]
        if abs(left) > least:
            sign = 1.0 if left > 0 else -1.0
            if _falls(sign * left, sign * (x[i] - x[i - 3 * half]), least) and _falls(
                sign * (x[i] - x[i + half]), sign * (x[i] - x[i + 3 * half]), least
            ):
                found[m] = i
                m += 1
                i += half
        i += 1
    return found[:m]


@compiled
def _bridged(x: np.ndarray, tips: np.ndarray, half: int) -> np.ndarray:
    out = x.copy()
    for tip in tips:
        low, high = tip - half, tip + half
        for k in range(low + 1, high):
            out[k] = x[low] + (x[high] - x[low]) * (k - low) / (high - low)
    return out
