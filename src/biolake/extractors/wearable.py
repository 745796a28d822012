"""What a wearable tells of each day: heart rate, steps, sleep, movement, and time worn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Opened, Recording, Signal

if TYPE_CHECKING:
    import numpy as np

DAY = 86_400.0
VALID_HOURS = 10.0  # worn, for a day's sum to stand for the day (Migueles et al. 2017)
_NAMES = {
    "heart_rate": re.compile(r"(?:hr|heart[ _-]?rate|bpm|pulse[ _-]?rate)"),
    "steps": re.compile(r"(?:steps?|step[ _-]?count)"),
    "sleep": re.compile(r"(?:sleep|asleep|sleep[ _-]?stage)"),
}
_AXES = re.compile(r"(?:acc(?:el(?:eration|erometer)?)?[ _-]?)?[xyz]")
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
    FoundCode("WEARABLE//sleep", "Time marked as asleep in a day worn at least 10 h", "min"),
    FoundCode("WEARABLE//enmo", "Mean acceleration beyond gravity while worn", "mg"),
)


@extractor(
    "Daily measures of wearables", needs="wearable", version="1", codes=_CODES, extra="signals"
)
def wearable(opened: Opened) -> Sequence[Finding]:
    """Sum up each 24 h from the recording's start, and say how much of it was worn.

    Missing time is never counted as zero: steps and sleep are given only for days worn 10 h and
    more, means only over what is there, and `worn_hours` always. Acceleration whose size at rest
    is not one g is left out, for its unit is not the one told.
    """
    if not isinstance(opened, Recording):
        return []
    require("signals", "numba", "scipy", to="measure signals")
    found: list[Finding] = []
    for signal in opened.signals:
        if not signal.rate > 0:
            continue
        for start, part in _days(signal):
            found += _day(signal, start, part)
    return found


def _days(signal: Signal) -> Iterator[tuple[float, np.ndarray]]:
    first = signal.start
    total = signal.samples.shape[1]
    low = 0
    while low < total:
        day = int((first + low / signal.rate) // DAY)
        high = min(total, max(low + 1, round(((day + 1) * DAY - first) * signal.rate)))
        yield first + low / signal.rate, signal.samples[:, low:high]
        low = high


def _channel(signal: Signal, kind: str) -> int | None:
    for k, name in enumerate(signal.channels):
        if _NAMES[kind].fullmatch(name.strip().lower()):
            return k
    return None


def _day(signal: Signal, start: float, part: np.ndarray) -> Iterator[Finding]:
    lasts = part.shape[1] / signal.rate
    for name, value, unit in (
        *_heart(signal, part),
        *_counted(signal, part, "steps"),
        *_counted(signal, part, "sleep"),
        *_movement(signal, part),
    ):
        yield Finding(f"WEARABLE//{name}", round(value, 3), unit, at=start, lasts=lasts)


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


def _counted(signal: Signal, part: np.ndarray, kind: str) -> Iterator[tuple[str, float, str]]:
    """Sum a channel of counts a sample (steps) or of marks above zero (sleep)."""
    import numpy as np

    k = _channel(signal, kind)
    if k is None:
        return
    seen = np.isfinite(part[k]) & (part[k] >= 0)
    hours = float(seen.sum()) / signal.rate / 3600.0
    if _channel(signal, "heart_rate") is None and (kind == "steps" or not _has_steps(signal)):
        yield "worn_hours", hours, "h"
    if hours < VALID_HOURS:
        return
    if kind == "steps":
        yield "steps", float(part[k][seen].sum(dtype=np.float64)), "{steps}"
    else:
        yield "sleep", float((part[k][seen] > 0).sum()) / signal.rate / 60.0, "min"


def _has_steps(signal: Signal) -> bool:
    return _channel(signal, "steps") is not None


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
