"""Beats are found where they are, in any unit, polarity, rate and state of the lead."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signals.real_ecg import beat_times, folder, mistakes, record
from tests.signals.synthesis import ecg

from biolake.signals.beats import find_beats

TIMES = np.arange(0.7, 59.5, 0.85)


def _lead(rate: float = 250.0, noise: float = 0.02) -> np.ndarray:
    return ecg(TIMES, 60.0, rate, noise=noise)[0]


def _wrong(lead: np.ndarray, rate: float = 250.0) -> int:
    return sum(mistakes(TIMES, find_beats(lead, rate) / rate, 0.05))


@pytest.mark.parametrize("rate", [100.0, 128.0, 250.0, 360.0, 1000.0])
def test_every_beat_is_found_at_any_sampling_rate(rate: float) -> None:
    assert _wrong(_lead(rate), rate) == 0


@pytest.mark.parametrize("factor", [-1.0, 0.2, 5.0, 1000.0, 1e-6])
def test_polarity_and_unit_do_not_matter(factor: float) -> None:
    assert _wrong(_lead() * np.float32(factor)) == 0


def test_an_offset_and_wandering_baseline_do_not_matter() -> None:
    t = np.arange(len(_lead())) / 250.0
    assert _wrong((_lead() + 5.0 + 0.8 * np.sin(2 * np.pi * 0.25 * t)).astype(np.float32)) == 0


def test_missing_samples_cost_only_their_own_beats() -> None:
    lead = _lead()
    lead[5000:6000] = np.nan
    false, missed = mistakes(TIMES, find_beats(lead, 250.0) / 250.0)
    assert false <= 1
    assert missed <= 6


def test_a_lead_that_fell_off_gives_no_beats_of_its_noise() -> None:
    lead = _lead()
    lead[7500:11250] = 0.01 * np.random.default_rng(2).standard_normal(3750)
    inside = find_beats(lead, 250.0) / 250.0
    assert ((inside > 30.5) & (inside < 44.5)).sum() == 0


def test_a_long_silence_is_bridged_without_beats() -> None:
    times = TIMES[(TIMES < 15.0) | (TIMES > 45.0)]
    found = find_beats(ecg(times, 60.0, 250.0, noise=0.005)[0], 250.0) / 250.0
    assert sum(mistakes(times, found, 0.05)) == 0


@pytest.mark.parametrize(
    "lead",
    [np.zeros(5000), np.full(5000, np.nan), np.empty(0), np.ones(3), np.full(5000, np.inf)],
    ids=["flat", "missing", "empty", "three samples", "infinite"],
)
def test_a_lead_without_signal_gives_no_beats(lead: np.ndarray) -> None:
    assert len(find_beats(lead, 250.0)) == 0


def test_a_bad_lead_among_good_ones_does_no_harm() -> None:
    leads = ecg(TIMES, 60.0, 250.0, noise=0.02)
    leads[1] = np.random.default_rng(3).standard_normal(leads.shape[1])
    leads[2] = 0.0
    assert sum(mistakes(TIMES, find_beats(leads, 250.0) / 250.0, 0.05)) == 0


@pytest.mark.parametrize(("name", "most"), [("100", 0), ("105", 40), ("114", 8), ("200", 20)])
def test_beat_errors_on_mit_bih_stay_where_they_were_measured(name: str, most: int) -> None:
    recording = record(folder("mitbih") / name)
    signal = recording.signals[0]
    found = find_beats(signal.samples[0], signal.rate) / signal.rate
    assert sum(mistakes(beat_times(recording), found)) <= most
