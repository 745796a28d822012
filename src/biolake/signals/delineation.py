"""Where P, QRS and T begin and end in the representative beat, and the intervals between them.

The representative beat is the median of the beats of the dominant shape, lead by lead. QRS limits
come from the spatial velocity of all leads together (the earliest onset and latest end anywhere,
as CSE and AHA/ACC/HRS 2009 ask); P and T limits from tangents at the steepest flank (Lepeschkin and
Surawicz 1952), the median over the leads that show the wave clearly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biolake.core.compiled import compiled
from biolake.signals import filters

RATE = 500.0  # Hz: limits are read at 2 ms
BEFORE, AFTER = 0.40, 0.70  # s around the peak
FEWEST_BEATS = 3
MOST_BEATS = 200  # that a representative beat is made of, spread over the stretch
_ALIKE = 0.85  # correlation with the median beat: the dominant shape
_NOTCH, _AS_FAST = 0.06, 0.5  # s between the parts of one QRS; of the fastest part's velocity
_T_CLEAR, _P_CLEAR = 4.0, 3.0  # height over the noise left in the median beat


@dataclass(frozen=True)
class Limits:
    """Times in ms from the R peak of the representative beat; None where not measurable."""

    qrs_start: float | None = None
    qrs_end: float | None = None
    p_start: float | None = None
    p_end: float | None = None
    t_end: float | None = None


@dataclass(frozen=True)
class Representative:
    """Median beats, leads × samples at 500 Hz from `BEFORE` s before the peak, and their noise."""

    leads: np.ndarray
    noise: np.ndarray
    beats: int


def representative(leads: np.ndarray, rate: float, beats: np.ndarray) -> Representative | None:
    """Return the median beat of every lead; nothing below three beats of one shape."""
    before = int(BEFORE * RATE)
    places = np.asarray(beats, np.int64)[:: max(1, len(beats) // MOST_BEATS)]
    last = leads.shape[1] - 1 - AFTER * rate
    places = places[(places >= BEFORE * rate) & (places < last)]
    if len(places) < FEWEST_BEATS:
        return None
    rows = filters.sections(rate, 0.4, 40.0)
    shapes = np.array([_windows(_clean(lead, rate, rows), places, rate) for lead in leads])
    shapes -= shapes[:, :, before - 40 : before - 25].mean(axis=2, keepdims=True)
    middle = _medians(shapes)
    alike = _alike(shapes[:, :, before - 50 : before + 75], middle[:, before - 50 : before + 75])
    if alike.sum() < FEWEST_BEATS:
        return None
    if not alike.all():
        shapes = np.ascontiguousarray(shapes[:, alike])
        middle = _medians(shapes)
    # What is left of the scatter after averaging; 1.25 for the median (normal noise).
    scatter = 1.4826 * _deviations(shapes, middle)
    return Representative(middle, 1.25 * scatter / math.sqrt(alike.sum()), int(alike.sum()))


@compiled
def _medians(shapes: np.ndarray) -> np.ndarray:
    """Return the median over the beats: leads × samples."""
    leads, beats, samples = shapes.shape
    out = np.empty((leads, samples), np.float64)
    kept = np.empty(beats, np.float64)
    for lead in range(leads):
        for i in range(samples):
            for k in range(beats):
                value, at = shapes[lead, k, i], k
                while at > 0 and kept[at - 1] > value:
                    kept[at] = kept[at - 1]
                    at -= 1
                kept[at] = value
            out[lead, i] = 0.5 * (kept[(beats - 1) // 2] + kept[beats // 2])
    return out


@compiled
def _deviations(shapes: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return the median absolute deviation of each lead's beats, of every fifth sample."""
    out = np.empty(len(shapes), np.float64)
    for lead in range(len(shapes)):
        out[lead] = np.median(np.abs(shapes[lead] - middle[lead])[:, ::5].copy())
    return out


def _clean(lead: np.ndarray, rate: float, rows: np.ndarray) -> np.ndarray:
    held = filters.at_rate(np.ascontiguousarray(lead, np.float64), rate, rate)
    return filters.zero_phase(held, rows)


@compiled
def _windows(x: np.ndarray, places: np.ndarray, rate: float) -> np.ndarray:
    """Cut a window around each beat, resampled to 500 Hz by cubic interpolation (Catmull-Rom)."""
    before, after = int(BEFORE * RATE), int(AFTER * RATE)
    out = np.empty((len(places), before + after), np.float64)
    for row in range(len(places)):
        for i in range(before + after):
            at = places[row] + (i - before) * rate / RATE
            k = min(max(int(at), 1), len(x) - 3)
            f = at - k
            a, b, c, d = x[k - 1], x[k], x[k + 1], x[k + 2]
            bend = 2.0 * a - 5.0 * b + 4.0 * c - d + f * (3.0 * (b - c) + d - a)
            out[row, i] = b + 0.5 * f * (c - a + f * bend)
    return out


def _alike(shapes: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Say which beats correlate with the median beat over all leads together."""
    flat = shapes.transpose(1, 0, 2).reshape(shapes.shape[1], -1)
    mean = middle.reshape(-1)
    scale = np.linalg.norm(flat, axis=1) * np.linalg.norm(mean)
    return np.asarray(flat @ mean > _ALIKE * np.maximum(scale, 1e-12))


def qrs_start(beat: Representative) -> float | None:
    """Return where QRS begins, in ms from the R peak."""
    centre = int(BEFORE * RATE)
    qrs = _qrs(beat.leads, centre)
    return None if qrs is None else (qrs[0] - centre) * 1000.0 / RATE


def limits(beat: Representative, interval: float, atrial: bool = True) -> Limits:
    """Return the limits of the waves; `interval`: mean RR in s, `atrial`: whether to seek P."""
    centre = int(BEFORE * RATE)
    qrs = _qrs(beat.leads, centre)
    if qrs is None:
        return Limits()
    start, end = qrs
    t_end = _t_end(beat, end, centre, interval)
    p = _p_limits(beat, start, _p_from(centre, interval, t_end)) if atrial else None
    ms = 1000.0 / RATE
    return Limits(
        (start - centre) * ms,
        (end - centre) * ms,
        None if p is None else (p[0] - centre) * ms,
        None if p is None else (p[1] - centre) * ms,
        None if t_end is None else (t_end - centre) * ms,
    )


def _qrs(leads: np.ndarray, centre: int) -> tuple[int, int] | None:
    velocity = np.sqrt((np.gradient(leads, axis=1) ** 2).sum(axis=0))
    velocity = np.convolve(velocity, np.ones(5) / 5.0, "same")
    reach = int(0.06 * RATE)
    top = centre - reach + int(np.argmax(velocity[centre - reach : centre + reach]))
    most = float(velocity[top])
    quiet = float(np.percentile(velocity[: centre - reach], 20))
    if most <= 0 or most < 5.0 * quiet:
        return None
    rest_before = max(0.06 * most, 2.0 * quiet)
    rest_after = max(0.08 * most, 2.0 * quiet)
    start = _run_below(velocity, top, -1, rest_before, int(0.16 * RATE))
    # A notched QRS (left bundle branch block) rests on its plateau; no P wave is as fast as this.
    earlier = velocity[max(0, start - int(_NOTCH * RATE)) : max(0, start)]
    if len(earlier) and earlier.max() > _AS_FAST * most:
        first = start - len(earlier) + int(np.argmax(earlier))
        start = _run_below(velocity, first, -1, rest_before, int(0.16 * RATE))
    end = _run_below(velocity, top, 1, rest_after, int(0.20 * RATE))
    return (start, end) if 0 < start < end else None


@compiled
def _run_below(velocity: np.ndarray, top: int, step: int, rest: float, most: int) -> int:
    """Return the first place from `top` after which the velocity rests for 16 ms; -1 if none."""
    for k in range(1, most):
        quiet = True
        for j in range(8):
            at = top + step * (k + j)
            if at < 0 or at >= len(velocity) or velocity[at] > rest:
                quiet = False
                break
        if quiet:
            return top + step * k
    return -1


def _t_end(beat: Representative, qrs_end: int, centre: int, interval: float) -> float | None:
    low = qrs_end + int(0.06 * RATE)
    # Beyond three quarters of the interval lies the next P wave.
    high = min(beat.leads.shape[1] - 1, centre + int(min(AFTER, 0.78 * interval + 0.03) * RATE))
    if high - low < int(0.08 * RATE):
        return None
    ends = []
    for lead, noise in zip(beat.leads, beat.noise, strict=True):
        end = _tangent_end(lead[low:high], max(_T_CLEAR * noise, 1e-9))
        if end >= 0:
            ends.append(low + end)
    if len(ends) < max(1, len(beat.leads) // 4) or np.ptp(np.percentile(ends, [25, 75])) > 40:
        return None
    return float(np.median(ends))


@compiled
def _furthest(x: np.ndarray, level: float) -> int:
    top = 0
    for i in range(len(x)):
        if abs(x[i] - level) > abs(x[top] - level):
            top = i
    return top


@compiled
def _tangent_end(x: np.ndarray, least: float) -> float:
    """Return where the steepest flank after the highest wave meets the baseline; -1 if unclear.

    The baseline is where the flank has run out: the next P wave may follow at once.
    """
    n = len(x)
    middle = np.median(x[n // 2 :])
    top = _furthest(x, middle)
    sign = 1.0 if x[top] > middle else -1.0
    if top < 3 or top > n - 8:
        return -1.0
    steep, at, foot = 0.0, -1, n - 1
    for i in range(top + 1, n - 1):
        slope = -sign * (x[i + 1] - x[i - 1]) / 2.0
        if slope > steep:
            steep, at = slope, i
        if at >= 0 and slope < 0.05 * steep and sign * (x[top] - x[i]) > 0.0:
            foot = i
            if 2 * (i - top) > at - top + 10:
                break
    if at < 0 or sign * (x[top] - x[foot]) < least:
        return -1.0
    end = at + sign * (x[at] - x[foot]) / steep
    return end if end < n else -1.0


def _p_from(centre: int, interval: float, t_end: float | None) -> int:
    """Return where to begin to look for P: after the T wave of the beat before."""
    low = centre - int(min(BEFORE, 0.45 * interval + 0.06) * RATE)
    if t_end is not None:
        low = max(low, int(t_end - interval * RATE))
    return max(0, low)


def _p_limits(beat: Representative, qrs_start: int, low: int) -> tuple[float, float] | None:
    high = qrs_start - int(0.01 * RATE)
    if high - low < int(0.08 * RATE):
        return None
    starts, ends = [], []
    for lead, noise in zip(beat.leads, beat.noise, strict=True):
        part = lead[low:high]
        found = _hump(part, max(_P_CLEAR * noise, 0.02 * float(np.ptp(lead))))
        if found[0] >= 0:
            starts.append(low + found[0])
            ends.append(low + found[1])
    if len(starts) < max(1, len(beat.leads) // 4):
        return None
    if np.ptp(np.percentile(starts, [25, 75])) > 0.03 * RATE:
        return None
    return float(np.median(starts)), float(np.median(ends))


@compiled
def _over_chord(x: np.ndarray) -> np.ndarray:
    """Return the heights over the straight line through the means of both ends."""
    n = len(x)
    edge = max(3, n // 10)
    left, right = 0.0, 0.0
    for k in range(edge):
        left += x[k] / edge
        right += x[n - 1 - k] / edge
    y = np.empty(n, np.float64)
    for i in range(n):
        y[i] = x[i] - left - (right - left) * i / (n - 1)
    return y


@compiled
def _foot(y: np.ndarray, top: int, step: int, sign: float) -> float:
    """Return where the tangent at the steepest flank on one side meets zero; -1 if none."""
    steep, at = 0.0, -1
    i = top + step
    while 0 < i < len(y) - 1 and abs(i - top) < 40:
        slope = sign * step * (y[i - 1] - y[i + 1]) / 2.0
        if slope > steep:
            steep, at = slope, i
        i += step
    return at + step * sign * y[at] / steep if at >= 0 else -1.0


@compiled
def _hump(x: np.ndarray, least: float) -> tuple[float, float]:
    """Return start and end of the one hump over the straight line through both ends, or -1, -1."""
    y = _over_chord(x)
    top = _furthest(y, 0.0)
    if abs(y[top]) < least or top < 8 or top > len(y) - 5:
        return -1.0, -1.0
    sign = 1.0 if y[top] > 0 else -1.0
    start, end = _foot(y, top, -1, sign), _foot(y, top, 1, sign)
    if start < 0 or end < 0 or not 10 < end - start < 80:
        return -1.0, -1.0
    return start, min(end, len(y) - 1.0)


def corrected_qt(qt: float, interval: float) -> tuple[float, float]:
    """Return QT (ms) corrected for the RR interval (s) by Fridericia 1920 and by Bazett 1920."""
    return qt / interval ** (1.0 / 3.0), qt / math.sqrt(interval)


def axis(beat: Representative, names: tuple[str, ...], found: Limits) -> float | None:
    """Return the frontal QRS axis in degrees from the net areas in I and aVF (or II).

    Nothing without lead I and one of aVF, II, or when the net area is too small to point anywhere.
    """
    if found.qrs_start is None or found.qrs_end is None or "I" not in names:
        return None
    centre = int(BEFORE * RATE)
    low = centre + int(found.qrs_start / 1000.0 * RATE)
    high = centre + int(found.qrs_end / 1000.0 * RATE)

    def net(name: str) -> float:
        lead = beat.leads[names.index(name)]
        return float((lead[low:high] - lead[low]).sum())

    one = net("I")
    if "aVF" in names:
        foot = net("aVF") * 2.0 / math.sqrt(3.0)
    elif "II" in names:
        foot = (2.0 * net("II") - one) / math.sqrt(3.0)
    else:
        return None
    size = float(np.abs(beat.leads[:, low:high]).sum(axis=1).max())
    return math.degrees(math.atan2(foot, one)) if math.hypot(one, foot) > 0.1 * size else None
