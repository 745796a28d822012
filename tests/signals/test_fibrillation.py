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
    steps = rng.uniform(0.45, 1.1, 400) if irregular else rng.normal(0.8, 0.01, 400)
    times = 0.8 + np.cumsum(steps)
    return times[times < seconds - 1.0]


def _found(irregular: bool, beat: Beat) -> list[fibrillation.Episode] | None:
    leads = ecg(_times(irregular), 120.0, 200.0, beat, noise=0.03)
    beats = find_beats(leads, 200.0)
    coherence = fibrillation.atrial_coherence(leads, 200.0, beats)
    return fibrillation.episodes(beats / 200.0, coherence)


def test_irregular_beats_without_p_waves_are_an_episode() -> None:
    (episode,) = _found(True, NO_P) or []
    assert episode.end - episode.start > 100.0


def test_irregular_beats_with_p_waves_are_not() -> None:
    assert _found(True, Beat()) == []


def test_a_regular_rhythm_is_not_even_without_p_waves() -> None:
    assert _found(False, NO_P) == []


def test_bigeminy_is_a_pattern_not_irregularity() -> None:
    rr = np.tile([0.5, 1.0], 30)
    flags = fibrillation.irregular(rr)
    assert flags is not None
    assert not flags.any()


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
