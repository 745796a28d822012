"""Pulse rate is told where waves agree, and not where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.media import Recording, Signal
from biolake.extractors.ppg import ppg


def _told(x: np.ndarray) -> dict[str, float | None]:
    signal = Signal(x[None].astype(np.float32), 100.0, ("PLETH",), ("1",))
    return {f.code: f.value for f in ppg.call(Recording((signal,)))}


def test_a_clean_pulse_has_a_rate_and_over_two_minutes_variability() -> None:
    t = np.arange(20_000) / 100.0
    told = _told(np.sin(2 * np.pi * 1.25 * t) + 0.3 * np.sin(2 * np.pi * 2.5 * t))
    assert told["PPG//pulse_rate"] == pytest.approx(75.0, abs=0.3)
    assert told["PPG//signal_quality"] == pytest.approx(1.0, abs=0.02)
    assert "PPG//sdnn" in told


def test_noise_has_a_quality_and_no_rate() -> None:
    assert set(_told(np.random.default_rng(1).standard_normal(6000))) == {"PPG//signal_quality"}
