"""What an ECG tells without a reader: quality, heart rate, intervals, variability, fibrillation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Opened, Recording
from biolake.signals.spans import summed_up

if TYPE_CHECKING:
    from biolake.signals.ecg import Stretch

_UNITS = {
    "heart_rate": "/min", "rr_mean": "ms", "PR": "ms", "QRS": "ms", "QT": "ms", "QTcF": "ms",
    "QTcB": "ms", "axis": "deg", "mean_nn": "ms", "sdnn": "ms", "rmssd": "ms", "sdsd": "ms",
    "pnn50": "%", "pnn20": "%", "vlf": "ms2", "lf": "ms2", "hf": "ms2", "lf_hf": "1",
    "signal_quality": "1", "usable": "1", "atrial_fibrillation": "1",
    "atrial_fibrillation_burden": "%",
}  # fmt: skip
_MEANINGS = {
    "heart_rate": ("Mean heart rate", "8867-4"),
    "rr_mean": ("Mean interval between beats", ""),
    "PR": ("P onset to QRS onset, representative beat", "8625-6"),
    "QRS": ("QRS duration over all leads, representative beat", "8633-0"),
    "QT": ("QRS onset to T end, representative beat", "8634-8"),
    "QTcF": ("QT corrected for rate by Fridericia", "76634-5"),
    "QTcB": ("QT corrected for rate by Bazett", "76635-2"),
    "axis": ("Frontal QRS axis", "8632-2"),
    "mean_nn": ("Mean interval between normal beats", ""),
    "sdnn": ("Standard deviation of intervals between normal beats", ""),
    "rmssd": ("Root mean square of successive differences of normal intervals", ""),
    "sdsd": ("Standard deviation of successive differences of normal intervals", ""),
    "pnn50": ("Successive normal intervals that differ by more than 50 ms", ""),
    "pnn20": ("Successive normal intervals that differ by more than 20 ms", ""),
    "vlf": ("Power of the intervals from 0.0033 to 0.04 Hz", ""),
    "lf": ("Power of the intervals from 0.04 to 0.15 Hz", ""),
    "hf": ("Power of the intervals from 0.15 to 0.40 Hz", ""),
    "lf_hf": ("Ratio of low to high frequency power", ""),
    "signal_quality": ("How good the better leads are, 0 to 1", ""),
    "usable": ("Whether any lead can be trusted (1) or none (0: nothing else is told)", ""),
    "atrial_fibrillation": (
        "Irregular rhythm without P waves (1) or not (0); in recordings of a minute and more, "
        "episodes of 30 s and longer",
        "",
    ),
    "atrial_fibrillation_burden": ("Share of the usable time in such episodes", ""),
}
_CODES = tuple(
    FoundCode(f"ECG//{name}", text, _UNITS[name], (f"LOINC//{loinc}",) if loinc else ())
    for name, (text, loinc) in _MEANINGS.items()
)


@extractor("Rhythm and intervals of ECGs", needs="ecg", version="3", codes=_CODES, extra="signals")
def ecg(opened: Opened) -> Sequence[Finding]:
    """Measure quality, heart rate, PR, QRS, QT, axis, variability and atrial fibrillation.

    Up to five minutes the recording is one stretch; longer ones get one row of each an hour. A row
    stands at the end of its stretch, when it is known, and says over how long. From a minute on,
    fibrillation comes as episodes with start and length. What cannot be measured is left out: no PR
    in fibrillation, no variability below 2 min (time) or 5 min (frequency), no rhythm from leads
    that are noise. A flag here is a finding to be looked at, not a diagnosis.
    """
    if not isinstance(opened, Recording):
        return []
    require("signals", "numba", "scipy", to="measure signals")
    from biolake.signals.ecg import SHORT, ecg_leads, stretches

    groups = ecg_leads(opened)
    found: list[Finding] = []
    for leads in groups:
        parts = list(stretches(leads))
        found += [finding for part in parts for finding in _findings(part)]
        short = leads.samples.shape[1] < SHORT * leads.rate
        found += _short(parts[0]) if short else _episodes(parts)
    return found


def _finding(name: str, value: float, start: float, seconds: float) -> Finding:
    return summed_up(f"ECG//{name}", round(float(value), 4), _UNITS[name], start, seconds)


def _findings(part: Stretch) -> Iterator[Finding]:
    yield _finding("signal_quality", part.quality, part.start, part.seconds)
    yield _finding("usable", float(part.usable), part.start, part.seconds)
    for name, value in part.values.items():
        yield _finding(name, value, part.start, part.seconds)


def _short(part: Stretch) -> list[Finding]:
    """Say whether one short stretch is in fibrillation, where that can be told."""
    import numpy as np

    from biolake.signals.fibrillation import fibrillation_in_short

    if not part.usable:
        return []
    flag = fibrillation_in_short(np.diff(part.beats), part.coherence)
    if flag is None:
        return []
    return [_finding("atrial_fibrillation", float(flag), part.start, part.seconds)]


def _episodes(parts: Sequence[Stretch]) -> list[Finding]:
    """Give each episode its start and length; without any, a row at the end that says so."""
    from biolake.signals.fibrillation import episodes

    judged, found, name = 0.0, [], "atrial_fibrillation"
    for part in parts:
        runs = episodes(part.beats, part.coherence) if part.usable else None
        if runs is None:
            continue
        judged += part.seconds
        found += [(run.start, run.end - run.start) for run in runs]
    if not judged:
        return []
    # Known when all has been looked at, though only over the time that could be judged.
    before_end = parts[-1].start + parts[-1].seconds - judged
    rows = [
        Finding(f"ECG//{name}", 1.0, _UNITS[name], at=start, lasts=lasts) for start, lasts in found
    ] or [_finding(name, 0.0, before_end, judged)]
    share = 100.0 * min(1.0, sum(lasts for _, lasts in found) / judged)
    return [*rows, _finding(f"{name}_burden", share, before_end, judged)]
