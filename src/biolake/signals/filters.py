"""Zero-phase filters and resampling, compiled: what every detector here begins with."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from biolake.core.compiled import compiled


@lru_cache(maxsize=256)
def sections(rate: float, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Return second-order Butterworth sections passing `low` to `high` Hz (bilinear transform).

    One row a section: b0, b1, b2, a1, a2. An edge at or above half the rate is left out.
    """
    rows = []
    for edge, is_high_pass in ((low, True), (high, False)):
        if edge is None or edge >= 0.48 * rate:
            continue
        w = math.tan(math.pi * edge / rate)
        norm = 1.0 / (1.0 + w * math.sqrt(2.0) + w * w)
        if is_high_pass:
            b = (norm, -2.0 * norm, norm)
        else:
            b = (w * w * norm, 2.0 * w * w * norm, w * w * norm)
        rows.append((*b, 2.0 * (w * w - 1.0) * norm, (1.0 - w * math.sqrt(2.0) + w * w) * norm))
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


@compiled
def zero_phase(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Filter forward and backward; the start and the end are taken as resting levels."""
    y = x.astype(np.float64)
    for _ in range(2):
        rest = y[0]
        for s in range(0, rows.shape[0] - 1, 2):
            rest = _pass_two(y, rows[s], rows[s + 1], rest)
        if rows.shape[0] % 2 == 1:
            # A section that passes all beside the last one.
            rest = _pass_two(y, rows[-1], np.array([1.0, 0.0, 0.0, 0.0, 0.0]), rest)
        y = y[::-1].copy()
    return y


@compiled
def _resting(row: np.ndarray, level: float) -> tuple[float, float, float]:
    """Return output and state that a constant input leaves behind: no jolt at the edge."""
    out = level * (row[0] + row[1] + row[2]) / (1.0 + row[3] + row[4])
    return out, out - row[0] * level, row[2] * level - row[4] * out


@compiled
def _pass_two(y: np.ndarray, one: np.ndarray, two: np.ndarray, level: float) -> float:
    """Filter in place through two sections, whose recurrences the processor runs side by side."""
    a0, a1, a2, a3, a4 = one[0], one[1], one[2], one[3], one[4]
    b0, b1, b2, b3, b4 = two[0], two[1], two[2], two[3], two[4]
    between, p1, p2 = _resting(one, level)
    rest, q1, q2 = _resting(two, between)
    for i in range(len(y)):
        v = y[i]
        m = a0 * v + p1
        p1 = a1 * v - a3 * m + p2
        p2 = a2 * v - a4 * m
        o = b0 * m + q1
        q1 = b1 * m - b3 * o + q2
        q2 = b2 * m - b4 * o
        y[i] = o
    return rest


@compiled
def _first(x: np.ndarray) -> float:
    for v in x:
        if v == v:
            return float(v)
    return 0.0


@compiled
def _mean_of(x: np.ndarray, low: int, high: int, otherwise: float) -> float:
    """Return the mean of what is not missing in x[low..high], or the value for none."""
    total, count = 0.0, 0
    for j in range(low, high + 1):
        if x[j] == x[j]:
            total += x[j]
            count += 1
    return total / count if count > 0 else otherwise


@compiled
def at_rate(x: np.ndarray, rate: float, new_rate: float) -> np.ndarray:
    """Resample by the mean of the samples around (down) or by interpolation (up).

    Missing samples (NaN) repeat the last value seen, so that they carry no slope.
    """
    n = int(len(x) / rate * new_rate)
    out = np.zeros(n, np.float64)
    last = len(x) - 1
    step = rate / new_rate
    half = int(step / 2)
    held = _first(x)
    for i in range(n):
        place = i * step
        k = min(int(place), last)
        if half > 0:
            held = _mean_of(x, max(0, k - half), min(last, k + half), held)
        else:
            a, b = x[k], x[min(k + 1, last)]
            if a == a and b == b:
                held = a + (b - a) * (place - k)
        out[i] = held
    return out


@compiled
def envelope(y: np.ndarray, width: int) -> np.ndarray:
    """Return the root mean square over a centred window."""
    n = len(y)
    out = np.empty(n, np.float64)
    half = width // 2
    total = 0.0
    for i in range(-half, n):
        if i + half < n:
            total += y[i + half] * y[i + half]
        if i - half - 1 >= 0:
            total -= y[i - half - 1] * y[i - half - 1]
        if i >= 0:
            out[i] = math.sqrt(max(total, 0.0) / (2 * half + 1))
    return out


@compiled
def peaks(e: np.ndarray, apart: int) -> np.ndarray:
    """Return the local maxima that nothing within `apart` samples exceeds."""
    n = len(e)
    found = np.empty(n // max(apart, 1) + 2, np.int64)
    m = 0
    i = 1
    while i < n - 1:
        v = e[i]
        step = 1
        if v > e[i - 1] and v >= e[i + 1]:
            highest = True
            for j in range(max(0, i - apart), i):
                if e[j] >= v:
                    highest = False
                    break
            for j in range(i + 1, min(n, i + apart + 1)):
                if e[j] > v:
                    highest = False
                    step = max(1, j - 1 - i)
                    break
            if highest:
                found[m] = i
                m += 1
                step = apart
        i += step
    return found[:m]


@compiled
def greatest_around(e: np.ndarray, places: np.ndarray, reach: int) -> np.ndarray:
    """Return the greatest value within `reach` samples of each place."""
    out = np.zeros(len(places), np.float64)
    for k in range(len(places)):
        for j in range(max(0, places[k] - reach), min(len(e), places[k] + reach + 1)):
            out[k] = max(out[k], e[j])
    return out


@compiled
def moving_median(v: np.ndarray, reach: int) -> np.ndarray:
    """Return the median of `reach` values on either side, mirrored at the ends."""
    n = len(v)
    reach = max(0, min(reach, (n - 1) // 2))
    out = np.empty(n, np.float64)
    kept = np.empty(2 * reach + 1, np.float64)
    for i in range(n):
        for k in range(2 * reach + 1):
            j = abs(i - reach + k)
            value = v[j if j < n else 2 * (n - 1) - j]
            at = k
            while at > 0 and kept[at - 1] > value:
                kept[at] = kept[at - 1]
                at -= 1
            kept[at] = value
        out[i] = kept[reach]
    return out


@compiled
def block_maxima(e: np.ndarray, width: int) -> np.ndarray:
    """Return the greatest value of each whole block; of all where there is not one block."""
    count = max(1, len(e) // width)
    out = np.empty(count, np.float64)
    for k in range(count):
        top = e[k * width]
        for i in range(k * width, min(len(e), (k + 1) * width)):
            top = max(top, e[i])
        out[k] = top
    return out
