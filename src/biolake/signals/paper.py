"""Electrocardiograms on their grid paper: 25 mm to the second, 10 mm to the millivolt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from biolake.core.media import Recording
from biolake.signals.drawing import GREY, INK, Canvas, canvas, duration, runs

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SECONDS = 10.0  # a sheet
_ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_SPEED = 25.0  # mm/s
_GAINS = (10.0, 5.0, 2.5)  # mm/mV: the first that keeps the traces on their rows
_SMALL, _LARGE, _FRAME = (250, 218, 218), (238, 160, 160), (214, 120, 120)
_ROW, _TOP, _LEFT, _RIGHT, _BOTTOM = 30.0, 12.0, 15.0, 5.0, 10.0
_MILLIVOLTS: Mapping[str, float] = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "V": 1e3}
_TRACE = 0.28


@dataclass(frozen=True)
class Lead:
    """One lead in millivolts around its median, from `start` seconds on."""

    millivolts: np.ndarray
    rate: float
    start: float

    def between(self, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
        """Return times and values of the samples in a stretch of the recording."""
        low = max(int(np.ceil((first - self.start) * self.rate - 1e-6)), 0)
        high = max(int(np.ceil((last - self.start) * self.rate - 1e-6)), low)
        values = self.millivolts[low : high + 1]  # one more, so that neighbours meet
        return self.start + np.arange(low, low + len(values)) / self.rate, values


def standard_leads(recording: Recording, seconds: float = SECONDS) -> dict[str, Lead]:
    """Return the standard leads that are there in a unit of voltage, by their usual names.

    The median of the stretch shown is taken off, as the amplifier of a machine does.
    """
    names = {name.upper(): name for name in LEADS}
    found: dict[str, Lead] = {}
    for signal in recording.signals:
        for number, channel in enumerate(signal.channels):
            name = names.get(channel.strip().upper().removeprefix("LEAD "))
            factor = _MILLIVOLTS.get(signal.units[number])
            if name is None or factor is None or name in found:
                continue
            shown = max(int((seconds - signal.start) * signal.rate) + 1, 0)
            values = signal.samples[number, :shown].astype(np.float64) * factor
            present = values[np.isfinite(values)]
            middle = float(np.median(present)) if len(present) else 0.0
            found[name] = Lead(values - middle, signal.rate, signal.start)
    return found


def is_standard_ecg(recording: Recording) -> bool:
    """Say whether a recording has enough of the twelve leads for their usual sheet."""
    return len(standard_leads(recording, 0.0)) >= 6


def ecg_paper(recording: Recording, title: str = "", scale: float = 6.0) -> bytes:
    """Draw twelve leads on grid paper as PNG: three rows of four, and lead II below.

    The first ten seconds of the recording are shown; each lead holds its own quarter of them, in
    time with the rhythm strip. Missing leads and samples stay empty. `scale` is in pixels per
    millimetre. Raises `SetupMissing` without pillow.
    """
    leads = standard_leads(recording)
    shown = min(recording.seconds, SECONDS)
    gain = _gain(leads)
    rhythm = next((name for name in ("II", "V1", *LEADS) if name in leads), "")
    width = _LEFT + SECONDS * _SPEED + _RIGHT
    sheet = canvas(width, _TOP + 4 * _ROW + _BOTTOM, scale)
    _grid(sheet, width, 4 * _ROW)
    for row, names in enumerate(_ROWS):
        middle = _TOP + (row + 0.55) * _ROW
        _calibration(sheet, middle, gain)
        for column, name in enumerate(names):
            quarter = (column * shown / 4, (column + 1) * shown / 4)
            _trace(sheet, leads.get(name), name, quarter, middle, gain)
    middle = _TOP + 3.55 * _ROW
    _calibration(sheet, middle, gain)
    _trace(sheet, leads.get(rhythm), rhythm, (0.0, shown), middle, gain)
    _legend(sheet, recording, leads, gain, title)
    return sheet.png()


def _gain(leads: Mapping[str, Lead]) -> float:
    """Return the largest gain at which hardly a sample leaves its row."""
    sizes = [np.abs(lead.millivolts[np.isfinite(lead.millivolts)]) for lead in leads.values()]
    largest = max((float(np.quantile(size, 0.998)) for size in sizes if len(size)), default=0.0)
    return next((gain for gain in _GAINS if largest * gain <= 0.9 * _ROW), _GAINS[-1])


def _grid(sheet: Canvas, width: float, height: float) -> None:
    left, right = 2.0, width - 2.0
    top, bottom = _TOP, _TOP + height
    across, down = round(right - left), round(height)
    for colour, step, thick in ((_SMALL, 1, 0.1), (_LARGE, 5, 0.18)):
        for x in range(0, across + 1, step):
            sheet.line([(left + x, top), (left + x, bottom)], colour, thick)
        for y in range(0, down + 1, step):
            sheet.line([(left, top + y), (right, top + y)], colour, thick)
    frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    sheet.line(frame, _FRAME, 0.3)


def _calibration(sheet: Canvas, middle: float, gain: float) -> None:
    """Draw the pulse of one millivolt and a fifth of a second."""
    left, high = _LEFT - 9.0, middle - gain
    points = [(0, middle), (1, middle), (1, high), (6, high), (6, middle), (7, middle)]
    sheet.line([(left + x, y) for x, y in points], INK, _TRACE)


def _trace(
    sheet: Canvas,
    lead: Lead | None,
    name: str,
    stretch: tuple[float, float],
    middle: float,
    gain: float,
) -> None:
    first, last = stretch
    left = _LEFT + first * _SPEED
    if first > 0:
        sheet.line([(left, middle - 2), (left, middle + 2)], INK, _TRACE)
    if name:
        sheet.words((left + 1.5, middle - 0.32 * _ROW), name, 3.4)
    if lead is None:
        sheet.words((left + 4.0, middle), "not recorded", 2.6, GREY)
        return
    times, values = lead.between(first, last)
    for begin, end in runs(np.isfinite(values)):
        x = _LEFT + times[begin:end] * _SPEED
        sheet.line(np.column_stack([x, middle - values[begin:end] * gain]), INK, _TRACE)


def _legend(
    sheet: Canvas, recording: Recording, leads: Mapping[str, Lead], gain: float, title: str
) -> None:
    bottom = _TOP + 4 * _ROW + 6.5
    if title:
        sheet.words((2.0, 7.5), title, 4.0)
    sheet.words((2.0, bottom), "   ".join(_facts(recording, leads, gain)), 3.2)


def _facts(recording: Recording, leads: Mapping[str, Lead], gain: float) -> Iterator[str]:
    yield f"{_SPEED:g} mm/s"
    yield f"{gain:g} mm/mV" + ("" if gain == _GAINS[0] else " (reduced)")
    rates = sorted({lead.rate for lead in leads.values()})
    yield ", ".join(f"{rate:g} Hz" for rate in rates)
    if recording.seconds > SECONDS + 0.05:
        yield f"first {SECONDS:g} s of {duration(recording.seconds)}"
    else:
        yield duration(recording.seconds)
    yield "median removed, not filtered"
