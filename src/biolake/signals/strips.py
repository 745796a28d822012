"""Signals of any kind as stacked strips, one a channel, each with its own scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biolake.core.media import Recording, Signal
from biolake.signals.drawing import GREY, INK, Canvas, Colour, canvas, duration, runs

MOST_CHANNELS = 16
_FAST = 20.0  # Hz: above it single waves are looked at, below it the whole course
_SECONDS = 10.0  # of a fast signal on one sheet
_WIDTH, _PLOT, _LEFT, _TOP, _BOTTOM = 270.0, 215.0, 48.0, 12.0, 15.0
_LINE: Colour = (225, 228, 235)
_TRACE: Colour = (24, 60, 110)


@dataclass(frozen=True)
class _Strip:
    """One channel as it is shown: its samples in the stretch, and where they stand in time."""

    name: str
    unit: str
    values: np.ndarray
    rate: float
    start: float


def strips(
    recording: Recording, title: str = "", seconds: float | None = None, scale: float = 6.0
) -> bytes:
    """Draw the channels one above the other as PNG.

    Without `seconds`, the first ten of a fast signal are shown and the whole of a slow one (up to
    20 Hz). Every strip has its own range, stated in the channel's unit; gaps stay empty. `scale`
    is in pixels per millimetre. Raises `SetupMissing` without pillow.
    """
    fast = any(signal.rate > _FAST for signal in recording.signals)
    wanted = seconds if seconds is not None else _SECONDS if fast else recording.seconds
    shown = min(wanted, recording.seconds)
    found = [strip for signal in recording.signals for strip in _strips(signal, shown)]
    kept = found[:MOST_CHANNELS]
    row = max(12.0, min(30.0, 150.0 / max(len(kept), 1)))
    height = _TOP + row * max(len(kept), 1) + _BOTTOM
    sheet = canvas(_WIDTH, height, scale)
    _axis(sheet, shown, _TOP, height - _BOTTOM)
    for number, strip in enumerate(kept):
        _draw(sheet, strip, shown, _TOP + number * row, row)
    if not kept:
        sheet.words((_LEFT + 4.0, _TOP + row / 2), "no channels", 3.0, GREY, "lm")
    if title:
        sheet.words((2.0, 7.5), title, 4.0)
    words = [_stretch(recording, shown), f"{len(kept)} of {len(found)} channels"]
    sheet.words((2.0, height - 3.0), "   ".join(words), 3.2)
    return sheet.png()


def _stretch(recording: Recording, shown: float) -> str:
    whole = duration(recording.seconds)
    return f"first {duration(shown)} of {whole}" if shown < recording.seconds - 0.05 else whole


def _strips(signal: Signal, shown: float) -> list[_Strip]:
    last = max(math.ceil((shown - signal.start) * signal.rate) + 1, 0)
    return [
        _Strip(name, unit, signal.samples[number, :last], signal.rate, signal.start)
        for number, (name, unit) in enumerate(zip(signal.channels, signal.units, strict=True))
    ]


def _axis(sheet: Canvas, shown: float, top: float, bottom: float) -> None:
    step = _round_step(shown / 8) if shown > 0 else 1.0
    for number in range(int(shown / step + 1e-6) + 1):
        x = _LEFT + number * step / shown * _PLOT if shown > 0 else _LEFT
        sheet.line([(x, top), (x, bottom)], _LINE, 0.2)
        sheet.words((x, bottom + 4.5), duration(number * step) if number else "0", 3.0, GREY, "ms")


def _round_step(at_least: float) -> float:
    """Return the first step of time that people count in."""
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
    hours = (3600, 7200, 10800, 21600, 43200)
    days = [86400 * 2**n for n in range(20)]
    known = (float(n) for n in (*steps, *hours, *days) if n >= at_least)
    return next(known, 0.0) or 10.0 ** math.ceil(math.log10(at_least))


def _draw(sheet: Canvas, strip: _Strip, shown: float, top: float, height: float) -> None:
    middle = top + height / 2
    sheet.words((2.0, middle), _short(strip.name), 3.4, INK, "lm")
    present = strip.values[np.isfinite(strip.values)]
    sheet.line([(_LEFT, top + height), (_LEFT + _PLOT, top + height)], _LINE, 0.2)
    if not len(present):
        sheet.words((_LEFT + 4.0, middle), "no samples", 3.0, GREY, "lm")
        return
    low, high = float(present.min()), float(present.max())
    inner, base = height - 3.0, top + height - 1.5
    span = high - low or 1.0
    offset = low if high > low else low - 0.5
    _range(sheet, strip, (low, high), (base, base - inner))
    for x, y in _curves(strip, shown):
        sheet.line(np.column_stack([x, base - (y - offset) / span * inner]), _TRACE, 0.25)


def _range(
    sheet: Canvas, strip: _Strip, ends: tuple[float, float], places: tuple[float, float]
) -> None:
    """State the lowest and the highest value beside a bar of that height."""
    bar = [(_LEFT - 2.0, places[0]), (_LEFT - 2.0, places[1])]
    sheet.line(bar, INK, 0.35)
    unit = "" if strip.unit in ("", "1") else f" {strip.unit}"
    sheet.words((_LEFT - 3.0, places[0]), f"{ends[0]:.4g}", 2.6, GREY, "rs")
    if ends[1] > ends[0]:
        sheet.words((_LEFT - 3.0, places[1] + 2.2), f"{ends[1]:.4g}{unit}", 2.6, GREY, "rs")


def _curves(strip: _Strip, shown: float) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    """Return the pieces between gaps; crowded samples as the lowest and highest of a column."""
    across = _PLOT / shown if shown > 0 else 0.0
    crowd = max(int(len(strip.values) / (_PLOT * 8)), 1)
    pieces = []
    for first, last in runs(np.isfinite(strip.values)):
        values, numbers = strip.values[first:last], np.arange(first, last)
        if crowd > 1 and len(values) > 2 * crowd:
            values, numbers = _envelope(values, numbers, crowd)
        elif len(values) == 1:
            values, numbers = np.repeat(values, 2), np.array([first, first + 0.5])
        x = _LEFT + (strip.start + numbers / strip.rate) * across
        pieces.append((np.minimum(x, _LEFT + _PLOT), values))
    return pieces


def _envelope(values: np.ndarray, numbers: np.ndarray, crowd: int) -> tuple[np.ndarray, np.ndarray]:
    starts = np.arange(0, len(values), crowd)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.column_stack([low, high]).ravel(), np.repeat(numbers[starts], 2)


def _short(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"
