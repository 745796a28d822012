"""What a photoplethysmogram tells: pulse rate and its variability, where they can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Opened, Recording, Signal
from biolake.signals.spans import summed_up

if TYPE_CHECKING:
    import numpy as np

_STRETCH = 300.0  # s a row
_FEWEST = 8  # trusted intervals
_DOUBLED = 1.6  # of the median
_LEAST_TRUSTED, _FOR_VARIABILITY = 0.5, 0.9  # shares of the pulses
_CODES = (
    FoundCode("PPG//pulse_rate", "Mean pulse rate over trusted waves", "/min", ("LOINC//8867-4",)),
    FoundCode("PPG//signal_quality", "Share of pulse waves that are like the others", "1"),
    FoundCode("PPG//sdnn", "Standard deviation of intervals between pulses", "ms"),
    FoundCode("PPG//rmssd", "Root mean square of successive differences of intervals", "ms"),
)


@extractor(
    "Pulse from photoplethysmograms", needs="ppg", version="3", codes=_CODES, extra="signals"
)
def ppg(opened: Opened) -> Sequence[Finding]:
    """Measure pulse rate every five minutes, and its variability where nine in ten waves agree.

    No pulse rate where less than half of the waves are alike: motion is not a pulse. Variability
    needs two minutes. A row stands at the end of its five minutes, when it is known. Works on the
    first photoplethysmographic channel of each signal.
    """
    if not isinstance(opened, Recording):
        return []
    require("signals", "numba", "scipy", to="measure signals")
    from biolake.signals.channels import modality_of

    found: list[Finding] = []
    for signal in opened.signals:
        places = [k for k, name in enumerate(signal.channels) if modality_of((name,)) == "ppg"]
        if places and signal.rate > 0:
            found += _signal(signal, places[0])
    return found


def _signal(signal: Signal, channel: int) -> Iterator[Finding]:
    step = max(1, int(_STRETCH * signal.rate))
    for low in range(0, signal.samples.shape[1], step):
        part = signal.samples[channel, low : low + step]
        start, seconds = signal.start + low / signal.rate, len(part) / signal.rate
        for name, value, unit in _stretch(part, signal.rate):
            yield summed_up(f"PPG//{name}", round(value, 3), unit, start, seconds)


def _stretch(part: np.ndarray, rate: float) -> Iterator[tuple[str, float, str]]:
    import numpy as np

    from biolake.signals import rhythm
    from biolake.signals.ppg import find_pulses, trusted_intervals

    pulses = find_pulses(part, rate)
    share = float(pulses.trusted.mean()) if len(pulses.peaks) else 0.0
    yield "signal_quality", share, "1"
    seconds, _ = trusted_intervals(pulses, rate)
    if len(seconds) < _FEWEST or share < _LEAST_TRUSTED:
        return
    # A wave missed between two trusted ones doubles an interval.
    single = seconds[seconds < _DOUBLED * np.median(seconds)]
    yield "pulse_rate", 60.0 / float(single.mean()), "/min"
    if share >= _FOR_VARIABILITY:
        found = rhythm.time_domain(rhythm.intervals(pulses.peaks / rate))
        for name in ("sdnn", "rmssd"):
            if name in found:
                yield name, found[name], "ms"
