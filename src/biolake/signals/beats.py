"""Heart beats in an ECG lead: candidates by slope energy, the best sequence by programming.

Offline, so the whole recording votes. Peaks of the 5-22 Hz energy are candidates; each is weighed
by its size and its sharpness against the beats around it, each pair by whether its interval fits
the rhythm there, and dynamic programming takes the sequence of greatest total. A rhythm that is
irregular anyway (premature beats, atrial fibrillation) is given no say.

Measured with 150 ms tolerance as in ANSI/AAMI EC57; ideas of Pan and Tompkins 1985 (band and
energy) and Moody's gqrs (candidates weighed by the interval they would make).
"""

from __future__ import annotations

import math

import numpy as np

from biolake.core.compiled import compiled
from biolake.signals import filters
from biolake.signals.pacing import without_spikes

RATE = 200.0  # Hz: beats are sought at one rate, so that one setting serves all
SLOWEST_RATE = 50.0  # Hz: below, a QRS complex is too few samples
REFRACTORY = 0.2  # s
LONGEST_PAUSE = 6.0  # s: beyond, a silence costs the same however long
BLOCK = 1.5  # s: nearly always holds a beat, so the median of block maxima is the size of a beat
# Weights of the choice, set on MIT-BIH records, their noisy copies and CPSC 2021 beats together.
THRESHOLD, MOST = 0.45, 1.5  # of relative size; log-size beyond which nothing is gained
PAUSE, PAUSE_FROM, PAUSE_MOST = 0.45, 1.25, 3.0  # in local intervals
EARLY, EARLY_FROM = 3.0, 0.5
BLUNT, BLUNT_BELOW, BLUNT_WITHIN = 0.8, 0.4, 0.4  # a T wave is blunter than the QRS before it
RHYTHM, RHYTHM_MOST = 2.0, 0.4
SIZE_SHARE = 0.75  # of size in the weight, the rest is sharpness
CERTAIN = 0.85


def find_beats(samples: np.ndarray, rate: float) -> np.ndarray:
    """Return the sample numbers of the beats (R peaks or deepest S), ascending.

    `samples` is one lead, or leads × samples: then their energies are pooled and the clearest lead
    places the peak. Any unit and polarity; NaN where missing. Nothing for leads that are flat,
    missing, shorter than a second or sampled below 50 Hz.
    """
    leads = np.ascontiguousarray(np.atleast_2d(samples), dtype=np.float32)
    if not rate >= SLOWEST_RATE or leads.shape[1] < rate:
        return np.empty(0, np.int64)
    bare = [without_spikes(lead, rate) for lead in leads]
    slow = [filters.at_rate(lead, rate, RATE) for lead in bare]
    alive = [k for k, lead in enumerate(slow) if np.isfinite(lead).all() and np.ptp(lead) > 0]
    if not alive:
        return np.empty(0, np.int64)
    energies = [_energy(slow[k], 5.0, 22.0, 20) for k in alive]
    energy, edges = _pooled(energies), _pooled([_energy(slow[k], 12.0, 40.0, 12) for k in alive])
    clearest = alive[int(np.argmax([float(e.std() / max(e.mean(), 1e-12)) for e in energies]))]
    return _refined(bare[clearest], rate, _beat_times(energy, edges))


def _energy(lead: np.ndarray, low: float, high: float, width: int) -> np.ndarray:
    return filters.envelope(filters.zero_phase(lead, filters.sections(RATE, low, high)), width)


def _pooled(energies: list[np.ndarray]) -> np.ndarray:
    """Return the mean energy of the leads, each in units of its own beats."""
    if len(energies) == 1:
        return energies[0]
    scaled = np.array([e / max(float(np.median(_beat_level(e))), 1e-12) for e in energies])
    return np.asarray(scaled.mean(axis=0))


def _beat_times(energy: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the middles of the beats in samples at `RATE`."""
    places = filters.peaks(energy, int(0.1 * RATE))
    if len(places) < 2:
        return places
    block = _block(places, len(energy))
    size = energy[places] / _beat_level(energy)[block]
    sharp = filters.greatest_around(edges, places, 10) / _beat_level(edges)[block]
    weight = size**SIZE_SHARE * sharp ** (1.0 - SIZE_SHARE)
    certain = places[weight > CERTAIN]
    steady = np.zeros(len(places))
    for _ in range(3):
        interval = _local_interval(certain, places)
        certain = places[_best_sequence(places, weight, sharp, interval, steady)]
        steady = _steadiness(certain, places)
    return _centred(energy, certain, int(0.12 * RATE))


@compiled
def _centred(energy: np.ndarray, places: np.ndarray, reach: int) -> np.ndarray:
    """Move each beat to the middle of its energy: of two humps, either may be the higher."""
    out = np.empty(len(places), np.float64)
    for i in range(len(places)):
        mass, moment = 1e-30, 0.0
        for k in range(max(0, places[i] - reach), min(len(energy), places[i] + reach + 1)):
            mass += energy[k] * energy[k]
            moment += energy[k] * energy[k] * (k - places[i])
        out[i] = places[i] + moment / mass
    return out


def _block(places: np.ndarray, length: int) -> np.ndarray:
    """Return the block of `BLOCK` seconds that each place lies in."""
    last = max(1, length // int(BLOCK * RATE)) - 1
    return np.asarray(np.minimum(places // int(BLOCK * RATE), last))


@compiled
def _beat_level(energy: np.ndarray) -> np.ndarray:
    """Return the size of a beat in each block: the median of the maxima of nine blocks."""
    level = filters.moving_median(filters.block_maxima(energy, int(BLOCK * RATE)), 4)
    # A lead that fell off must not make beats of its noise.
    return np.asarray(np.maximum(level, max(0.15 * np.median(level), 1e-12)))


def _intervals(beats: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.diff(beats) / RATE, 0.3, 2.0))


def _local_interval(beats: np.ndarray, places: np.ndarray) -> np.ndarray:
    if len(beats) < 2:
        return np.full(len(places), 0.8)
    local = np.interp(places, beats[1:], filters.moving_median(_intervals(beats), 5))
    return np.asarray(local)


def _steadiness(beats: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return 1 where successive intervals are alike, 0 where they differ by 15 % or more."""
    if len(beats) < 9:
        return np.zeros(len(places))
    change = filters.moving_median(np.abs(np.diff(np.log(_intervals(beats)))), 8)
    steady = np.interp(places, beats[1:-1], np.clip(1.0 - change / 0.15, 0.0, 1.0))
    return np.asarray(steady)


@compiled
def _pair_price(gap: float, interval: float, steady: float, blunt: float) -> float:
    """Return what it costs to have no beat between these two."""
    share = gap / interval
    price = RHYTHM * steady * min(abs(math.log(share)), RHYTHM_MOST)
    if share < EARLY_FROM:
        price += EARLY * (EARLY_FROM - share)
    if share > PAUSE_FROM:
        price += PAUSE * min(share - PAUSE_FROM, PAUSE_MOST)
    if gap < BLUNT_WITHIN and blunt < BLUNT_BELOW:
        price += BLUNT
    return price


@compiled
def _edge_price(gap: float, interval: float) -> float:
    return PAUSE * min(max(gap / interval - 1.0, 0.0), PAUSE_MOST)


@compiled
def _traced(before: np.ndarray, last: int) -> np.ndarray:
    """Return the sequence that ends in `last`, each candidate naming the one before it."""
    chosen = np.empty(len(before), np.int64)
    k, at = 0, last
    while at >= 0:
        chosen[k] = at
        k += 1
        at = before[at]
    return chosen[:k][::-1].copy()


@compiled
def _best_sequence(
    places: np.ndarray,
    weight: np.ndarray,
    sharp: np.ndarray,
    interval: np.ndarray,
    steady: np.ndarray,
) -> np.ndarray:
    """Return which candidates make the sequence of greatest total weight less prices."""
    m = len(places)
    total = np.empty(m)
    before = np.full(m, -1, np.int64)
    best = np.zeros(m, np.int64)  # of all candidates so far: what a long silence follows
    for j in range(m):
        gain = max(-3.0, min(math.log(max(weight[j], 1e-6) / THRESHOLD), MOST))
        total[j] = gain - _edge_price(places[j] / RATE, interval[j])
        for step in range(1, j + 1):
            i = j - step
            gap = (places[j] - places[i]) / RATE
            if gap > LONGEST_PAUSE:
                i = best[i]
            if gap >= REFRACTORY:
                blunt = sharp[j] / max(sharp[i], 1e-12)
                here = total[i] + gain - _pair_price(gap, interval[j], steady[j], blunt)
                if here > total[j]:
                    total[j], before[j] = here, i
            if gap > LONGEST_PAUSE:
                break
        best[j] = j if j == 0 or total[j] > total[best[j - 1]] else best[j - 1]
    for j in range(m):
        total[j] -= _edge_price((places[m - 1] - places[j]) / RATE, interval[j])
    return _traced(before, int(np.argmax(total)))


def _refined(x: np.ndarray, rate: float, places: np.ndarray) -> np.ndarray:
    """Move each beat to the tip of its steepest wave in the samples as recorded."""
    if len(places) == 0:
        return np.empty(0, np.int64)
    band = filters.zero_phase(_held(x), filters.sections(rate, 3.0, 40.0))
    rough = np.minimum(np.round(places * (rate / RATE)).astype(np.int64), len(x) - 1)
    return _tips(band, rough, max(1, int(0.07 * rate)))


@compiled
def _held(x: np.ndarray) -> np.ndarray:
    out = np.empty(len(x), np.float64)
    held = 0.0
    for i in range(len(x)):
        if x[i] == x[i]:
            held = x[i]
        out[i] = held
    return out


@compiled
def _tips(band: np.ndarray, rough: np.ndarray, reach: int) -> np.ndarray:
    """Return the largest deflection near each place, of the polarity most beats share."""
    up = 0.0
    for place in rough:
        high, low = 0.0, 0.0
        for k in range(max(0, place - reach), min(len(band), place + reach + 1)):
            high = max(high, band[k])
            low = min(low, band[k])
        up += 1.0 if high >= -0.8 * low else -1.0
    sign = 1.0 if up >= 0 else -1.0
    out = rough.copy()
    for i in range(len(rough)):
        best = -1e30
        for k in range(max(0, rough[i] - reach), min(len(band), rough[i] + reach + 1)):
            if sign * band[k] > best:
                best = sign * band[k]
                out[i] = k
    return out
