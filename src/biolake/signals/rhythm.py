"""Intervals between beats: artefacts set aside, heart rate, and heart rate variability.

Task Force of the ESC and NASPE, Circulation 1996;93:1043 (definitions, bands, recording lengths).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biolake.signals import filters

SHORTEST, LONGEST = 0.25, 3.0  # s: 240 to 20 beats a minute
LARGEST_CHANGE = 0.2  # of the local median interval (Malik's rule)
MOST_SET_ASIDE = 0.2  # share of intervals; above, variability would be that of the artefacts
TIME_DOMAIN_SECONDS, FREQUENCY_DOMAIN_SECONDS = 120.0, 300.0
BANDS = {"vlf": (0.0033, 0.04), "lf": (0.04, 0.15), "hf": (0.15, 0.40)}
_RESAMPLED = 4.0  # Hz
_ROUNDING = 1e-6  # ms: a difference of 50 ms is not more than 50 ms


@dataclass(frozen=True)
class Intervals:
    """RR intervals in seconds, when each ended, and which of them are between normal beats."""

    seconds: np.ndarray
    ends: np.ndarray
    normal: np.ndarray  # bool

    @property
    def set_aside(self) -> float:
        """The share that is ectopic, missed or extra."""
        return float(1.0 - self.normal.mean()) if len(self.normal) else 1.0


def intervals(beat_times: np.ndarray) -> Intervals:
    """Return the intervals between beats (times in seconds), those that stand out marked."""
    times = np.asarray(beat_times, np.float64)
    rr = np.diff(times)
    possible = (rr >= SHORTEST) & (rr <= LONGEST)
    local = filters.moving_median(np.clip(rr, SHORTEST, LONGEST), 5)
    normal = possible & (np.abs(rr - local) <= LARGEST_CHANGE * local)
    return Intervals(rr, times[1:], normal)


def heart_rate(rr: Intervals) -> float | None:
    """Return beats per minute over all intervals that are possible; nothing below three."""
    possible = rr.seconds[(rr.seconds >= SHORTEST) & (rr.seconds <= LONGEST)]
    return float(60.0 / possible.mean()) if len(possible) >= 3 else None


def time_domain(rr: Intervals) -> dict[str, float]:
    """Return mean_nn, sdnn, rmssd, sdsd (ms) and pnn50, pnn20 (%) of normal-to-normal intervals.

    Nothing for less than two minutes of normal intervals or with a fifth or more set aside.
    """
    nn = rr.seconds[rr.normal] * 1000.0
    if nn.sum() < TIME_DOMAIN_SECONDS * 1000.0 or rr.set_aside > MOST_SET_ASIDE:
        return {}
    adjacent = rr.normal[1:] & rr.normal[:-1]
    change = np.diff(rr.seconds)[adjacent] * 1000.0
    if len(change) < 2:
        return {}
    return {
        "mean_nn": float(nn.mean()),
        "sdnn": float(nn.std(ddof=1)),
        "rmssd": float(math.sqrt(np.mean(change**2))),
        "sdsd": float(change.std(ddof=1)),
        "pnn50": float(100.0 * np.mean(np.abs(change) > 50.0 + _ROUNDING)),
        "pnn20": float(100.0 * np.mean(np.abs(change) > 20.0 + _ROUNDING)),
    }


def frequency_domain(rr: Intervals) -> dict[str, float]:
    """Return power in the vlf, lf and hf bands (ms²) and lf_hf, by Welch on the 4-Hz tachogram.

    Nothing for less than five minutes or with a fifth or more of the intervals set aside.
    """
    nn, ends = rr.seconds[rr.normal] * 1000.0, rr.ends[rr.normal]
    if len(nn) < 30 or ends[-1] - ends[0] < FREQUENCY_DOMAIN_SECONDS * 0.98:
        return {}
    if nn.sum() < FREQUENCY_DOMAIN_SECONDS * 800.0 or rr.set_aside > MOST_SET_ASIDE:
        return {}
    from scipy.interpolate import CubicSpline
    from scipy.signal import welch

    grid = np.arange(ends[0], ends[-1], 1.0 / _RESAMPLED)
    tachogram = CubicSpline(ends, nn)(grid)
    segment = min(len(grid), int(300 * _RESAMPLED))
    hertz, density = welch(tachogram, _RESAMPLED, nperseg=segment, detrend="linear")
    power = {name: _band_power(hertz, density, *band) for name, band in BANDS.items()}
    if power["hf"] > 0:
        power["lf_hf"] = power["lf"] / power["hf"]
    return power


def _band_power(hertz: np.ndarray, density: np.ndarray, low: float, high: float) -> float:
    inside = (hertz >= low) & (hertz < high)
    return float(np.trapezoid(density[inside], hertz[inside])) if inside.sum() > 1 else 0.0
