"""An ECG read as a whole: which leads to trust, where the beats are, and what they tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from biolake.core.media import Recording, Signal
from biolake.signals import delineation, fibrillation, rhythm
from biolake.signals.beats import find_beats
from biolake.signals.channels import channel_name, modality_of
from biolake.signals.delineation import Representative
from biolake.signals.quality import lead_quality

LONG = 300.0  # s: above, a row an hour rather than one for the whole
SHORT = 60.0  # s: below, fibrillation is judged as a whole and not by episodes
HOUR = 3600.0


@dataclass(frozen=True)
class Leads:
    """The ECG channels of a recording that are sampled together."""

    samples: np.ndarray
    rate: float
    names: tuple[str, ...]
    start: float


@dataclass(frozen=True)
class Stretch:
    """What was read from one stretch: quality always, the rest only where a lead can be trusted."""

    start: float
    seconds: float
    quality: float
    usable: bool
    beats: np.ndarray  # s after the recording's start
    coherence: np.ndarray
    values: dict[str, float] = field(default_factory=dict)


def ecg_leads(recording: Recording) -> list[Leads]:
    """Return the ECG channels, one entry a signal that has any."""
    return [found for signal in recording.signals if (found := _leads(signal)) is not None]


def _leads(signal: Signal) -> Leads | None:
    places = [k for k, name in enumerate(signal.channels) if modality_of((name,)) == "ecg"]
    if not places or signal.samples.size == 0 or not signal.rate > 0:
        return None
    names = tuple(channel_name(signal.channels[k]) for k in places)
    return Leads(signal.samples[places], signal.rate, names, signal.start)


def stretches(leads: Leads) -> Iterator[Stretch]:
    """Read the recording whole when short, hour by hour when long."""
    total = leads.samples.shape[1]
    if total <= LONG * leads.rate:
        yield read_stretch(leads, 0, total)
        return
    step = int(HOUR * leads.rate)
    for low in range(0, total, step):
        yield read_stretch(leads, low, min(total, low + step))


def read_stretch(leads: Leads, low: int, high: int) -> Stretch:
    """Find the beats in the leads that can be trusted, and measure rhythm and intervals."""
    samples, rate = leads.samples[:, low:high], leads.rate
    beats = find_beats(samples, rate)
    scores = np.array([lead_quality(lead, rate, beats).score for lead in samples])
    good = scores >= 0.5
    start, seconds = leads.start + low / rate, (high - low) / rate
    # A record is as good as its better leads: one that fell off must not condemn the others.
    quality = float(np.median(np.sort(scores)[-min(3, len(scores)) :]))
    if not good.any() or len(beats) < 4:
        nothing = np.empty(0)
        return Stretch(start, seconds, quality, False, nothing, nothing)
    if not good.all():
        samples = samples[good]
        beats = find_beats(samples, rate)
    beat = delineation.representative(samples, rate, beats)
    coherence = fibrillation.atrial_coherence(samples, rate, beats, beat)
    times = start + beats / rate
    names = tuple(n for n, keep in zip(leads.names, good, strict=True) if keep)
    values = _values(beat, names, times, coherence)
    return Stretch(start, seconds, quality, True, times, coherence, values)


def _values(
    beat: Representative | None,
    names: tuple[str, ...],
    times: np.ndarray,
    coherence: np.ndarray,
) -> dict[str, float]:
    rr = rhythm.intervals(times)
    rate = rhythm.heart_rate(rr)
    if rate is None:
        return {}
    found = {"heart_rate": rate, "rr_mean": 60_000.0 / rate}
    found |= rhythm.time_domain(rr) | rhythm.frequency_domain(rr)
    in_fibrillation = fibrillation.fibrillation_in_short(np.diff(times), coherence)
    has_p_waves = in_fibrillation is False and float(np.median(coherence)) >= 0.4
    if beat is None:
        return found
    return found | _intervals(beat, names, 60.0 / rate, has_p_waves)


def _intervals(
    beat: Representative, names: tuple[str, ...], interval: float, has_p_waves: bool
) -> dict[str, float]:
    limits = delineation.limits(beat, interval, has_p_waves)
    found: dict[str, float] = {}
    if limits.qrs_start is not None and limits.qrs_end is not None:
        found["QRS"] = limits.qrs_end - limits.qrs_start
        if limits.p_start is not None:
            found["PR"] = limits.qrs_start - limits.p_start
        if limits.t_end is not None:
            found["QT"] = limits.t_end - limits.qrs_start
            found["QTcF"], found["QTcB"] = delineation.corrected_qt(found["QT"], interval)
        degrees = delineation.axis(beat, names, limits)
        if degrees is not None:
            found["axis"] = degrees
    return found
