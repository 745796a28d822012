"""Pacing spikes go, heart beats stay."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signals.real_ecg import mistakes
from tests.signals.synthesis import Beat, ecg

from biolake.signals.beats import find_beats
from biolake.signals.pacing import without_spikes

TIMES = np.arange(0.7, 29.5, 0.85)
NEWBORN = Beat(-70.0, 8.0, -9.0, 10.0, 4.0, 110.0, 18.0)  # QRS of 37 ms


def _paced(lead: np.ndarray, rate: float, size: float) -> np.ndarray:
    out = lead.copy()
    for at in np.arange(0.3, len(lead) / rate - 0.1, 0.93):
        out[int(at * rate) : int(at * rate) + max(1, int(0.002 * rate))] += size
    return out


@pytest.mark.parametrize("rate", [250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("size", [2.0, -2.0, 20.0])
def test_beats_are_found_under_asynchronous_spikes(rate: float, size: float) -> None:
    lead = ecg(TIMES, 30.0, rate, noise=0.02)[0]
    found = find_beats(_paced(lead, rate, size), rate) / rate
    assert sum(mistakes(TIMES, found, 0.05)) == 0


def test_a_spike_between_beats_leaves_nothing_behind() -> None:
    lead = ecg(TIMES, 30.0, 500.0, noise=0.01)[0]
    left = np.abs(without_spikes(_paced(lead, 500.0, 2.0), 500.0) - lead)
    at = np.arange(len(lead)) / 500.0
    away = np.abs(at[:, None] - TIMES).min(axis=1) > 0.08
    assert left[away].max() < 0.1


@pytest.mark.parametrize("rate", [200.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_beat_is_taken_for_a_spike(rate: float, sign: float) -> None:
    for wave, apart in ((Beat(), 0.85), (Beat(), 2.2), (NEWBORN, 0.36)):
        leads = sign * ecg(np.arange(0.7, 29.5, apart), 30.0, rate, wave, noise=0.005)
        for lead in leads.astype(np.float32):
            assert without_spikes(lead, rate) is lead


def test_noise_and_missing_samples_are_left_as_they_are() -> None:
    noise = np.random.default_rng(1).standard_normal(20_000).astype(np.float32)
    noise[5000:6000] = np.nan
    assert without_spikes(noise, 500.0) is noise


@pytest.mark.parametrize("size", [0, 1, 20])
def test_almost_nothing_does_not_break(size: int) -> None:
    assert len(without_spikes(np.ones(size, np.float32), 500.0)) == size
