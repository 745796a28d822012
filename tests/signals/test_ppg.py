"""Pulse waves against NeuroKit2 0.2.13 (`nk.ppg_peaks(nk.ppg_clean(x, sampling_rate=f))`)."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signals.real_ecg import folder

from biolake.signals.ppg import find_pulses, trusted_intervals


@pytest.mark.parametrize(
    ("name", "rate", "pulses", "per_minute"),
    [("heartpy_data.csv", 100.0, 24, 58.899), ("biosppy_ppg.txt", 1000.0, 31, 94.498)],
)
def test_real_recordings_agree_with_neurokit(
    name: str, rate: float, pulses: int, per_minute: float
) -> None:
    found = find_pulses(np.loadtxt(folder("wearables") / name, comments="#"), rate)
    seconds, _ = trusted_intervals(found, rate)
    assert len(found.peaks) == pulses
    assert 60.0 / seconds.mean() == pytest.approx(per_minute, abs=0.7)


def test_noise_is_not_trusted() -> None:
    noise = np.random.default_rng(1).standard_normal(6000)
    found = find_pulses(noise, 100.0)
    assert found.trusted.mean() < 0.5


@pytest.mark.parametrize("x", [np.zeros(2000), np.full(2000, np.nan), np.empty(0)])
def test_nothing_gives_no_pulses(x: np.ndarray) -> None:
    assert len(find_pulses(x, 100.0).peaks) == 0


def test_pulses_at_missing_samples_are_not_trusted() -> None:
    t = np.arange(6000) / 100.0
    x = np.sin(2 * np.pi * 1.2 * t)
    x[3000:3100] = np.nan
    found = find_pulses(x, 100.0)
    near = (found.peaks > 2990) & (found.peaks < 3110)
    assert not found.trusted[near].any()
    assert found.trusted[~near].mean() > 0.9
