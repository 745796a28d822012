"""Atrial fibrillation: intervals irregular at random, and no P wave before the beats.

The coefficient of sample entropy (Lake and Moorman, Am J Physiol 2011;300:H319) over windows of
beats, with the share of successive intervals that differ. Frequent premature beats are as
irregular, but not at random: a short interval is made up for by a long one, while fibrillation's
intervals are not correlated (Bootsma et al., Circulation 1970;41:783), and neighbours differ by
far more than fibrillation makes them. What precedes the beats must differ too: sinus arrhythmia
keeps its P waves. Atrial flutter with fixed conduction is regular and is not found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biolake.core.compiled import compiled
from biolake.signals import delineation, filters
from biolake.signals.delineation import Representative

WINDOW, FEWEST = 31, 8  # intervals judged together; the fewest that can be judged
ENTROPY_ABOVE = -1.4  # Lake and Moorman's threshold
DIFFERING_ABOVE = 0.45
COHERENCE_BELOW, COHERENCE_CLEAR = 0.4, 0.6
# The stretch before the QRS in which P waves are sought. A narrow QRS begins 40 ms before its peak,
# a wide one (bundle branch block) up to 100 ms; the filter spreads it by some 20 ms more.
STRETCH, LATEST, EARLIEST, CLEAR_OF_QRS = (
    0.20,
    0.06,
    0.14,
    0.01,
)  # s, the middle two before the peak
DIFFERENT = 0.06  # of the mean interval
# Intervals spread by 0.24 of their mean (Tateno and Glass, Med Biol Eng Comput 2001;39:664) differ
# from their neighbours by 0.23 of it in the median; this is where they would spread by 0.42.
MEDIAN_CHANGE_BELOW = 0.4
UNCORRELATED = 2.0  # standard errors; chance gives a correlation below them once in 40
SHORTEST_EPISODE = 30.0  # s: ESC 2020, the shortest that is called an episode
JOINED_WITHIN = 10.0  # s


@dataclass(frozen=True)
class Episode:
    """A run of atrial fibrillation, in seconds."""

    start: float
    end: float


@compiled
def _entropy(rr: np.ndarray) -> float:
    """Return the coefficient of sample entropy, m = 1, with the tolerance widened to 5 matches."""
    n = len(rr)
    mean = 0.0
    for v in rr:
        mean += v / n
    tolerance = 0.03
    while tolerance < 0.5:
        one, two = 0, 0
        for i in range(n - 1):
            for j in range(i + 1, n - 1):
                if abs(rr[i] - rr[j]) < tolerance:
                    one += 1
                    if abs(rr[i + 1] - rr[j + 1]) < tolerance:
                        two += 1
        if two >= 5:
            return -math.log(two / one) + math.log(2.0 * tolerance) - math.log(mean)
        tolerance *= 1.25
    return 0.0


@compiled
def _serial_correlation(rr: np.ndarray) -> float:
    """Return the correlation of each interval with the next."""
    centred = rr - rr.mean()
    power = (centred * centred).sum()
    return (centred[1:] * centred[:-1]).sum() / power if power > 0.0 else 1.0


@compiled
def _judged(rr: np.ndarray) -> tuple[bool, bool]:
    """Say whether these intervals are irregular, and if so, at random as fibrillation has it."""
    change = np.abs(np.diff(rr)) / rr.mean()
    if (change > DIFFERENT).mean() <= DIFFERING_ABOVE or _entropy(rr) <= ENTROPY_ABOVE:
        return False, False
    if np.median(change) >= MEDIAN_CHANGE_BELOW:
        return True, False
    n = len(rr)
    return True, _serial_correlation(rr) > -1.0 / n - UNCORRELATED / math.sqrt(n)


@compiled
def _irregularity(rr: np.ndarray, window: int) -> np.ndarray:
    """Say of each interval whether those around it are irregular, and whether at random."""
    n = len(rr)
    out = np.zeros((n, 2), np.bool_)
    for i in range(n):
        low = max(0, min(i - window // 2, n - window))
        out[i, 0], out[i, 1] = _judged(rr[low : min(n, low + window)])
    return out


def atrial_coherence(
    leads: np.ndarray, rate: float, beats: np.ndarray, beat: Representative | None = None
) -> np.ndarray:
    """Return for each beat how alike the stretch before the QRS is to its neighbours', 0 to 1.

    Near 1 where a P wave precedes every beat at the same distance, near 0 in fibrillation: the
    power of the mean of 31 stretches (200 ms, until 60 ms before the peak, or 20 ms before a wide
    QRS) over their mean power, less what chance gives; the mean of the three clearest leads. QRS
    itself is alike in every beat, so none of it may lie in the stretch. `beat` is the
    representative of these beats, made here where it is not given.
    """
    ends = _before_qrs(beat or delineation.representative(leads, rate, beats))
    before, after = int((ends + STRETCH) * rate), int(ends * rate)
    offsets = np.arange(-before, -after)
    inside = np.asarray(beats)[np.asarray(beats) >= before]
    if len(inside) < 3:
        return np.ones(len(beats))
    found = []
    for lead in leads:
        held = filters.at_rate(np.ascontiguousarray(lead, np.float64), rate, rate)
        if np.ptp(held) > 0:
            band = filters.zero_phase(held, filters.sections(rate, 0.5, 20.0))
            found.append(_coherence(band[inside[:, None] + offsets]))
    if not found:
        return np.ones(len(beats))
    clearest = np.sort(np.array(found), axis=0)[-min(len(found), 3) :].mean(axis=0)
    return np.concatenate((np.full(len(beats) - len(inside), clearest[0]), clearest))


def _before_qrs(beat: Representative | None) -> float:
    """Return how long before the peak the stretch without QRS ends, in seconds."""
    start = None if beat is None else delineation.qrs_start(beat)
    if start is None:
        return LATEST
    return min(EARLIEST, max(LATEST, CLEAR_OF_QRS - start / 1000.0))


def _coherence(stretches: np.ndarray) -> np.ndarray:
    slope = np.linspace(-1.0, 1.0, stretches.shape[1])
    s = stretches - stretches.mean(axis=1, keepdims=True)
    s = s - (s @ slope)[:, None] * slope / (slope @ slope)
    n = len(s)
    low = np.clip(np.arange(n) - WINDOW // 2, 0, max(0, n - WINDOW))
    high = np.minimum(n, low + WINDOW)
    count = (high - low).astype(np.float64)
    sums = np.vstack((np.zeros(s.shape[1]), np.cumsum(s, axis=0)))
    power = np.concatenate(([0.0], np.cumsum((s * s).sum(axis=1))))
    of_mean = (((sums[high] - sums[low]) / count[:, None]) ** 2).sum(axis=1)
    share = of_mean / np.maximum((power[high] - power[low]) / count, 1e-30)
    return np.asarray(np.clip((share * count - 1.0) / np.maximum(count - 1.0, 1.0), 0.0, 1.0))


def irregular(rr: np.ndarray) -> np.ndarray | None:
    """Say of each interval (seconds) whether it lies in irregularity, and whether at random.

    n × 2, bool; nothing below 8 intervals.
    """
    if len(rr) < FEWEST:
        return None
    return _irregularity(np.clip(rr, 0.25, 3.0), min(WINDOW, len(rr)))


def fibrillation_in_short(rr: np.ndarray, coherence: np.ndarray) -> bool | None:
    """Say whether a record of less than a minute is in fibrillation; None when it cannot be told.

    None: fewer than 8 intervals, or an irregular rhythm whose P waves are neither clear nor absent,
    or without P waves but as premature beats make it: in so few beats it may be either.
    """
    flags = irregular(rr)
    if flags is None:
        return None
    is_irregular, at_random = flags.mean(axis=0) >= 0.5
    p_waves = float(np.median(coherence))
    if not is_irregular or p_waves >= COHERENCE_CLEAR:
        return False
    return True if at_random and p_waves < COHERENCE_BELOW else None


def episodes(beat_times: np.ndarray, coherence: np.ndarray) -> list[Episode] | None:
    """Return the episodes of 30 s and longer; None when there are too few beats to judge."""
    flags = irregular(np.diff(beat_times))
    if flags is None:
        return None
    flags = flags[:, 1] & (coherence[1:] < COHERENCE_BELOW)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    joined: list[tuple[float, float]] = []
    for first, last in edges.reshape(-1, 2):
        start, end = float(beat_times[first]), float(beat_times[last])
        if joined and start - joined[-1][1] < JOINED_WITHIN:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [Episode(a, b) for a, b in joined if b - a >= SHORTEST_EPISODE]
