"""Cut a recording into windows of one rate, lead order and unit. Nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from biolake.core.assets import SignalInput
from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.core.media import Recording, Signal
from biolake.signals.channels import channel_name, channel_unit

MOST_WINDOWS = 256  # of one recording, spread evenly
MOST_MISSING = 0.1  # share of a lead's samples that may be filled in between neighbours
_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "nV": 1e-9}
_PREFIXES = ("mdc_ecg_lead_", "lead ", "ecg lead ", "ecg ", "ekg ")
# Exact by Einthoven's law and Goldberger's definition of the augmented leads.
_FROM_LIMBS: dict[str, tuple[float, float]] = {
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
Notes = tuple[str, ...]


def signal_windows(recording: Recording, wanted: SignalInput) -> tuple[np.ndarray, Notes]:
    """Return windows × leads × samples, and notes; a lead the recording lacks is zero.

    Limb leads that follow from I and II are computed. What is shorter than a window is padded with
    zeros at its end; a last part shorter than a window is left out. Raises DataRefused where no
    lead is found, a unit is unknown, or more than a tenth of a lead is missing.
    """
    leads, lacking = _leads(recording, wanted)
    samples = round(wanted.rate * wanted.seconds)
    length = max(len(lead) for lead in leads.values())
    whole = np.zeros((len(wanted.leads), max(length, samples)), dtype=np.float32)
    for row, name in enumerate(wanted.leads):
        if name in leads:
            whole[row, : len(leads[name])] = leads[name]
    notes: Notes = (f"no lead {', '.join(lacking)}: taken as zero",) if lacking else ()
    if length < samples:
        notes += ("shorter than a window: padded with zeros",)
    starts = np.arange(0, whole.shape[1] - samples + 1, samples)
    if len(starts) > MOST_WINDOWS:
        starts = starts[np.linspace(0, len(starts) - 1, MOST_WINDOWS).astype(np.intp)]
        notes += (f"{MOST_WINDOWS} windows, spread evenly, of more",)
    windows = np.stack([whole[:, s : s + samples] for s in starts])
    return normalised(windows, wanted.normalisation), notes


def normalised(windows: np.ndarray, how: str) -> np.ndarray:
    """Normalise windows (n × leads × samples); leads that are all zero stay so."""
    if how == "none":
        return np.asarray(windows, dtype=np.float32)
    known: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
        "lead-zscore": lambda w: (w.mean(axis=2, keepdims=True), w.std(axis=2, keepdims=True)),
        "lead-robust": _robust,
        "recording-zscore": lambda w: (
            w.mean(axis=(1, 2), keepdims=True),
            w.std(axis=(1, 2), keepdims=True),
        ),
    }
    if how not in known:
        raise DataRefused(
            f"the encoder asks for the normalisation '{how}', which is unknown",
            next=f"Known: none, {', '.join(known)}.",
        )
    center, spread = known[how](windows)
    scaled = (windows - center) / np.where(spread > 0, spread, 1.0)
    silent = ~windows.any(axis=2, keepdims=True)
    return np.where(silent, 0.0, scaled).astype(np.float32)


def _robust(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, middle, high = np.quantile(windows, (0.25, 0.5, 0.75), axis=2, keepdims=True)
    return middle, high - low


def lead_name(name: str) -> str:
    """Return a lead's usual name; only prefixes that change nothing are dropped (ECG II → II)."""
    plain = name.strip()
    for prefix in _PREFIXES:
        if plain.lower().startswith(prefix):
            plain = plain[len(prefix) :]
            break
    return channel_name(plain)


def _leads(recording: Recording, wanted: SignalInput) -> tuple[dict[str, np.ndarray], list[str]]:
    asked = {lead_name(name): name for name in wanted.leads}
    found: dict[str, np.ndarray] = {}
    for signal in recording.signals:
        for row, channel in enumerate(signal.channels):
            name = asked.get(lead_name(channel))
            if name is not None and name not in found:
                found[name] = _lead(signal, row, wanted)
    if not found:
        raise DataRefused(
            f"the recording has none of the leads the encoder reads ({', '.join(wanted.leads)})"
        )
    found |= _computed(found, asked)
    return found, [name for name in wanted.leads if name not in found]


def _computed(found: dict[str, np.ndarray], asked: dict[str, str]) -> dict[str, np.ndarray]:
    """Return limb leads asked for and not recorded, from I and II."""
    one, two = found.get(asked.get("I", "")), found.get(asked.get("II", ""))
    if one is None or two is None or len(one) != len(two):
        return {}
    return {
        asked[name]: a * one + b * two
        for name, (a, b) in _FROM_LIMBS.items()
        if name in asked and asked[name] not in found
    }


def _lead(signal: Signal, row: int, wanted: SignalInput) -> np.ndarray:
    values = np.asarray(signal.samples[row], dtype=np.float64)
    values = _filled(values, signal.channels[row]) * _factor(signal.units[row], wanted.unit)
    if not (math.isfinite(signal.rate) and 0.01 <= signal.rate <= 1e6):
        raise DataRefused("the recording's sampling rate is not one that can be resampled")
    if wanted.band is not None:
        values = _passed(values, signal.rate, wanted.band)
    return _resampled(values, signal.rate, wanted.rate)


def _factor(unit: str, wanted: str) -> float:
    given = channel_unit(unit)
    if given == wanted:
        return 1.0
    if given in _VOLTS and wanted in _VOLTS:
        return _VOLTS[given] / _VOLTS[wanted]
    raise DataRefused(
        f"the recording is in '{given or 'no unit'}' and the encoder reads {wanted}",
        next="Say the unit where the recording is written; it is not guessed.",
    )


def _filled(values: np.ndarray, channel: str) -> np.ndarray:
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    if missing.mean() > MOST_MISSING:
        raise DataRefused(f"more than a tenth of lead {channel_name(channel)} is missing")
    places = np.arange(len(values))
    return np.asarray(np.interp(places, places[~missing], values[~missing]))


def _passed(values: np.ndarray, rate: float, band: tuple[float, float]) -> np.ndarray:
    signal = _scipy_signal()
    low, high = band
    least = 3 * 2 * 3  # samples a zero-phase filter of this order needs
    if len(values) <= least or low >= 0.48 * rate:
        return np.asarray(values - values.mean())
    if high >= 0.48 * rate:
        sections = signal.butter(2, low, "highpass", fs=rate, output="sos")
    else:
        sections = signal.butter(2, band, "bandpass", fs=rate, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, values))


def _resampled(values: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    ratio = Fraction(wanted / rate).limit_denominator(2000)
    if ratio == 1:
        return values
    if ratio.numerator == 0:
        raise DataRefused("the recording's sampling rate is too far from the encoder's")
    found = _scipy_signal().resample_poly(values, ratio.numerator, ratio.denominator)
    return np.asarray(found)


def _scipy_signal() -> Any:
    require("signals", "scipy", to="filter and resample signals")
    from scipy import signal

    return signal
