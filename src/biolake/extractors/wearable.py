"""What a wearable tells of each day: heart rate, steps, sleep, movement, and time worn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Opened, Recording, Signal
from biolake.signals.spans import summed_up

if TYPE_CHECKING:
    import numpy as np

DAY = 86_400.0
VALID_HOURS = 10.0  # worn, for a day's sum to stand for the day (Migueles et al. 2017)
NIGHT = (36_000.0, 64_800.0)  # s after noon: 22:00 to 6:00
NIGHT_HOURS = 6.0  # of these eight with data, for a night's sleep to stand for the night
MOST_STEPS = 150_000.0  # a day; more is a running total, not a count
_NAMES = {
    "heart_rate": re.compile(r"hr|bpm|(?:heart|pulse)[ _-]?rate.*"),
    "steps": re.compile(r"steps?(?:[ _-].*)?"),
    "sleep": re.compile(r"(?:a?sleep)(?:[ _-].*)?"),
}
_AXES = re.compile(r"(?:acc(?:el(?:eration|erometer)?)?[ _-]?)?[xyz](?:[ _-].*)?")
_CODES = (
    FoundCode("WEARABLE//worn_hours", "Hours of the day with data from a worn device", "h"),
    FoundCode("WEARABLE//heart_rate", "Mean heart rate of the day", "/min", ("LOINC//8867-4",)),
    FoundCode("WEARABLE//heart_rate_min", "Lowest five-minute heart rate of the day", "/min"),
    FoundCode(
        "WEARABLE//heart_rate_resting",
        "Heart rate that one in twenty five-minute means lies below",
        "/min",
    ),
    FoundCode("WEARABLE//steps", "Steps of a day worn at least 10 h", "{steps}"),
    FoundCode(
        "WEARABLE//sleep",
        "Time marked as asleep from noon to noon, of nights with data for 6 of 8 h; without a known"
        " start, in 24 h with data for 10",
        "min",
    ),
    FoundCode("WEARABLE//enmo", "Mean acceleration beyond gravity while worn", "mg"),
)


@extractor(
    "Daily measures of wearables", needs="wearable", version="3", codes=_CODES, extra="signals"
)
def wearable(opened: Opened) -> Sequence[Finding]:
    """Sum up each calendar day, and sleep from noon to noon, and say how much of it was worn.

    What sums up a day stands at its end, at midnight (sleep at noon), for it is not known before.
    Without a known start, days are 24 h from where the recording begins. Missing time is never
    counted as zero: steps are given only for days worn 10 h and more, sleep for nights with data
    for 6 of the 8 h from 22:00 to 6:00, means only over what is there, and `worn_hours` always.
    Acceleration whose size at rest is not one g is left out, for its unit is not the one told.
    """
    if not isinstance(opened, Recording):
        return []
    require("signals", "numba", "scipy", to="measure signals")
    found: list[Finding] = []
    for signal in opened.signals:
        if not signal.rate > 0:
            continue
        midnight = 0.0 if opened.started is None else -(opened.started / 1e6) % DAY
        for start, part in _days(signal, midnight):
            found += _day(signal, start, part)
        found += _sleep(signal, opened.started, midnight)
    return found


def _days(signal: Signal, begin: float) -> Iterator[tuple[float, np.ndarray]]:
    """Cut at `begin` (seconds after the recording's start) and every 24 h before and after it."""
    first, total = signal.start, signal.samples.shape[1]
    low = 0
    while low < total:
        day = (first + low / signal.rate - begin) // DAY
        end = begin + (day + 1) * DAY
        high = min(total, max(low + 1, round((end - first) * signal.rate)))
        yield first + low / signal.rate, signal.samples[:, low:high]
        low = high


def _channel(signal: Signal, kind: str) -> int | None:
    for k, name in enumerate(signal.channels):
        if _NAMES[kind].fullmatch(name.strip().lower()):
            return k
    return None


def _day(signal: Signal, start: float, part: np.ndarray) -> Iterator[Finding]:
    seconds = part.shape[1] / signal.rate
    for name, value, unit in (
        *_heart(signal, part),
        *_counted(signal, part),
        *_movement(signal, part),
    ):
        yield summed_up(f"WEARABLE//{name}", round(value, 3), unit, start, seconds)


def _heart(signal: Signal, part: np.ndarray) -> Iterator[tuple[str, float, str]]:
    import numpy as np

    k = _channel(signal, "heart_rate")
    if k is None:
        return
    rate = np.where((part[k] >= 20.0) & (part[k] <= 250.0), part[k], np.nan).astype(np.float64)
    seen = np.isfinite(rate)
    yield "worn_hours", float(seen.sum()) / signal.rate / 3600.0, "h"
    if not seen.any():
        return
    yield "heart_rate", float(rate[seen].mean()), "/min"
    means = _five_minute_means(rate, max(1, int(300.0 * signal.rate)))
    if len(means) >= 12:
        yield "heart_rate_min", float(means.min()), "/min"
        yield "heart_rate_resting", float(np.percentile(means, 5)), "/min"


def _five_minute_means(rate: np.ndarray, width: int) -> np.ndarray:
    """Return the means of five minutes of which at least half is there."""
    import numpy as np

    blocks = rate[: len(rate) // width * width].reshape(-1, width)
    there = np.isfinite(blocks).sum(axis=1)
    sums = np.nansum(blocks, axis=1)
    return np.asarray((sums / np.maximum(there, 1))[2 * there >= width])


def _counted(signal: Signal, part: np.ndarray) -> Iterator[tuple[str, float, str]]:
    """Sum a channel of steps a sample; without heart rate, steps or sleep tell the hours worn."""
    steps, sleep = _channel(signal, "steps"), _channel(signal, "sleep")
    k = sleep if steps is None else steps
    if k is None:
        return
    seen = _seen(part[k])
    hours = float(seen.sum()) / signal.rate / 3600.0
    if _channel(signal, "heart_rate") is None:
        yield "worn_hours", hours, "h"
    if k == steps and hours >= VALID_HOURS:
        total = float(part[k][seen].sum(dtype="float64"))
        if total <= MOST_STEPS:
            yield "steps", total, "{steps}"


def _seen(samples: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.asarray(np.isfinite(samples) & (samples >= 0))


def _sleep(signal: Signal, started: int | None, midnight: float) -> Iterator[Finding]:
    """Sum up the time marked above zero, night by night where the time of day is known."""
    k = _channel(signal, "sleep")
    if k is None:
        return
    noon = 0.0 if started is None else midnight - DAY / 2.0
    for start, part in _days(signal, noon):
        seen = _seen(part[k])
        into = (start - noon) % DAY
        low, high = (max(0, round((edge - into) * signal.rate)) for edge in NIGHT)
        judged, least = (seen, VALID_HOURS) if started is None else (seen[low:high], NIGHT_HOURS)
        if float(judged.sum()) / signal.rate / 3600.0 >= least:
            asleep = float((part[k][seen] > 0).sum()) / signal.rate / 60.0
            seconds = part.shape[1] / signal.rate
            yield summed_up("WEARABLE//sleep", round(asleep, 3), "min", start, seconds)


def _movement(signal: Signal, part: np.ndarray) -> Iterator[tuple[str, float, str]]:
    from biolake.signals import activity

    places = [k for k, n in enumerate(signal.channels) if _AXES.fullmatch(n.strip().lower())]
    if len(places) != 3:
        return
    axes = activity.acceleration_in_g(part[places], signal.units[places[0]])
    if axes is None:
        return
    on = activity.worn(axes, signal.rate)
    if all(_channel(signal, kind) is None for kind in _NAMES):
        yield "worn_hours", float(on.sum()) / signal.rate / 3600.0, "h"
    if on.any():
        yield "enmo", float(activity.enmo(axes[:, on]).mean()), "mg"
