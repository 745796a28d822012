"""A lead's score falls for what makes it useless, and says why."""

from __future__ import annotations

import numpy as np
from tests.signals.synthesis import ecg

from biolake.signals.beats import find_beats
from biolake.signals.quality import Quality, disturbance, lead_quality

RATE = 250.0


def _judged(lead: np.ndarray) -> Quality:
    return lead_quality(lead, RATE, find_beats(lead, RATE))


def _lead() -> np.ndarray:
    return ecg(np.arange(0.7, 30.0, 0.8), 30.0, RATE, noise=0.02)[0]


def test_a_clean_lead_scores_near_one() -> None:
    assert _judged(_lead()).score > 0.9
    assert disturbance(_lead(), RATE).kurtosis > 5.0


def test_noise_is_not_usable() -> None:
    assert not _judged(np.random.default_rng(1).standard_normal(7500)).usable


def test_a_flat_or_missing_lead_scores_zero_and_says_which() -> None:
    assert _judged(np.zeros(7500)).flat == 1.0
    missing = _judged(np.full(7500, np.nan))
    assert (missing.score, missing.missing) == (0.0, 1.0)


def test_a_lead_cut_off_at_its_limits_is_seen() -> None:
    assert _judged(np.clip(_lead(), -0.1, 0.3)).cut_off > 0.02


def test_hum_and_baseline_are_measured_as_shares_of_power() -> None:
    t = np.arange(7500) / RATE
    assert disturbance(_lead() + np.sin(2 * np.pi * 50.0 * t), RATE).hum > 0.5
    assert disturbance(_lead() + 3.0 * np.sin(2 * np.pi * 0.2 * t), RATE).baseline > 0.5
