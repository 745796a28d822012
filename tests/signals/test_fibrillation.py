"""Fibrillation is irregular and without P waves; neither alone is enough."""

from __future__ import annotations

import numpy as np
from tests.signals.real_ecg import folder, record
from tests.signals.synthesis import Beat, ecg

from biolake.signals import fibrillation
from biolake.signals.beats import find_beats

NO_P = Beat(p_height=0.0)


def _times(irregular: bool, seconds: float = 120.0) -> np.ndarray:
    rng = np.random.default_rng(5)
    steps = rng.uniform(0.45, 1.1, 500) if irregular else rng.normal(0.8, 0.01, 400)
    times = 0.8 + np.cumsum(steps)
    return times[times < seconds - 1.0]


def _found(
    irregular: bool, beat: Beat, seconds: float = 120.0
) -> list[fibrillation.Episode] | None:
    leads = ecg(_times(irregular, seconds), seconds, 200.0, beat, noise=0.03)
    beats = find_beats(leads, 200.0)
    coherence = fibrillation.atrial_coherence(leads, 200.0, beats)
    return fibrillation.episodes(beats / 200.0, coherence)


def test_irregular_beats_without_p_waves_are_an_episode() -> None:
    runs = _found(True, NO_P, 300.0) or []
    assert sum(run.end - run.start for run in runs) > 0.8 * 300.0


def test_chance_hides_little_of_a_random_rhythm() -> None:
    rr = 0.7 * np.exp(np.random.default_rng(0).normal(0.0, 0.24, 5000))
    flags = fibrillation.irregular(rr)
    assert flags is not None
    assert flags[:, 1].mean() > 0.95


def test_irregular_beats_with_p_waves_are_not() -> None:
    assert _found(True, Beat()) == []


def test_a_regular_rhythm_is_not_even_without_p_waves() -> None:
    assert _found(False, NO_P) == []


def _premature() -> np.ndarray:
    """A premature beat after one to three sinus beats, with its pause: irregular, not at random."""
    rng = np.random.default_rng(3)
    rr: list[float] = []
    while len(rr) < 150:
        rr += [*rng.normal(0.8, 0.03, rng.integers(0, 3)), *rng.normal([0.5, 1.1], 0.04)]
    return np.array(rr)


def test_premature_beats_with_their_pauses_are_irregular_but_not_at_random() -> None:
    flags = fibrillation.irregular(_premature())
    assert flags is not None
    assert flags[:, 0].mean() > 0.5
    assert flags[:, 1].mean() < 0.1
    times = np.concatenate(([0.0], np.cumsum(_premature())))
    assert fibrillation.episodes(times, np.zeros(len(times))) == []


def test_in_a_short_record_premature_beats_without_p_waves_are_unknown() -> None:
    rr = _premature()[:20]
    assert fibrillation.fibrillation_in_short(rr, np.zeros(len(rr) + 1)) is None
    assert fibrillation.fibrillation_in_short(rr, np.ones(len(rr) + 1)) is False


def test_record_200_with_its_many_premature_beats_is_not_in_fibrillation() -> None:
    signal = record(folder("mitbih") / "200").signals[0]
    beats = find_beats(signal.samples, signal.rate)
    coherence = fibrillation.atrial_coherence(signal.samples, signal.rate, beats)
    runs = fibrillation.episodes(beats / signal.rate, coherence) or []
    assert sum(run.end - run.start for run in runs) < 0.15 * signal.seconds


def test_bigeminy_is_a_pattern_not_irregularity() -> None:
    rr = np.tile([0.5, 1.0], 30)
    flags = fibrillation.irregular(rr)
    assert flags is not None
    assert not flags[:, 1].any()


def test_too_few_beats_are_unknown() -> None:
    assert fibrillation.fibrillation_in_short(np.full(7, 0.8), np.ones(8)) is None
    assert fibrillation.episodes(np.arange(5.0), np.ones(5)) is None


def test_paroxysmal_and_sinus_records_of_cpsc_2021_are_told_apart() -> None:
    def share(name: str) -> float:
        signal = record(folder("cpsc2021") / name).signals[0]
        beats = find_beats(signal.samples, signal.rate)
        coherence = fibrillation.atrial_coherence(signal.samples, signal.rate, beats)
        runs = fibrillation.episodes(beats / signal.rate, coherence) or []
        return sum(run.end - run.start for run in runs) / signal.seconds

    assert share("data_8_2") > 0.95
    assert share("data_21_7") == 0.0
