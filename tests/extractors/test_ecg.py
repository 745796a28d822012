"""What the ECG extractor tells, and what it keeps to itself."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signals.real_ecg import folder, record
from tests.signals.synthesis import Beat, ecg

from biolake.core.assets import Finding
from biolake.core.media import Image, Recording, Signal
from biolake.extractors.ecg import ecg as extractor

NAMES = ("I", "II", "aVF", "V5")
CODES = {code.code: code for code in extractor.codes}


def _recording(leads: np.ndarray, rate: float = 250.0) -> Recording:
    return Recording((Signal(leads, rate, NAMES, ("mV",) * 4),))


def _regular(seconds: float, beat: Beat | None = None) -> Recording:
    return _recording(ecg(np.arange(0.7, seconds, 0.8), seconds, 250.0, beat, noise=0.01))


def _told(recording: Recording) -> dict[str, Finding]:
    found = extractor.call(recording)
    for finding in found:
        assert CODES[finding.code].unit == finding.unit
    return {finding.code.removeprefix("ECG//"): finding for finding in found}


def test_a_short_record_tells_rate_intervals_axis_and_no_fibrillation() -> None:
    told = _told(_regular(10.0))
    assert told["heart_rate"].value == pytest.approx(75.0, abs=0.5)
    assert told["PR"].value == pytest.approx(148.2, abs=12.0)
    assert told["QT"].value == pytest.approx(387.8, abs=12.0)
    assert told["atrial_fibrillation"].value == 0.0
    assert "axis" in told


def test_what_a_short_record_tells_is_known_when_it_is_over() -> None:
    told = _told(_regular(10.0)).values()
    assert {(f.at, f.lasts, f.text) for f in told} == {(10.0, None, "over 10 s")}


def test_only_an_episode_stands_where_it_begins() -> None:
    steps = np.random.default_rng(7).uniform(0.4, 1.0, 150)
    beats = np.concatenate((np.arange(0.7, 60.0, 0.8), 60.0 + np.cumsum(steps)))
    fast = ecg(beats[beats >= 60.0], 160.0, 100.0, Beat(p_height=0.0), noise=0.01)
    leads = np.where(np.arange(16_000) < 6000, ecg(beats, 160.0, 100.0, noise=0.01), fast)
    told = _told(_recording(leads[:, :15_000].astype(np.float32), 100.0))
    episode = told.pop("atrial_fibrillation")
    assert episode.value == 1.0
    assert 40.0 < episode.at < 80.0
    assert episode.lasts is not None
    assert {(f.at, f.lasts) for f in told.values()} == {(150.0, None)}


def test_a_short_record_has_no_variability() -> None:
    assert {"sdnn", "lf", "hf"}.isdisjoint(_told(_regular(10.0)))


def test_noise_is_said_to_be_unusable_and_nothing_else_is_told() -> None:
    noise = np.random.default_rng(1).standard_normal((4, 2500)).astype(np.float32)
    told = _told(_recording(noise))
    assert set(told) == {"signal_quality", "usable"}
    assert told["usable"].value == 0.0


def test_fibrillation_is_flagged_and_has_no_pr() -> None:
    steps = np.random.default_rng(7).uniform(0.4, 1.0, 14)
    leads = ecg(0.8 + np.cumsum(steps), 12.0, 250.0, Beat(p_height=0.0), noise=0.01)
    told = _told(_recording(leads))
    assert told["atrial_fibrillation"].value == 1.0
    assert "PR" not in told


def test_a_long_recording_is_told_by_the_hour() -> None:
    minute = ecg(np.arange(0.7, 60.0, 0.8), 60.0, 100.0, noise=0.01)[:1]
    signal = Signal(np.tile(minute, 150), 100.0, ("I",), ("mV",))
    found = extractor.call(Recording((signal,)))
    rates = [f for f in found if f.code == "ECG//heart_rate"]
    hours = [(3600.0, "over 3600 s"), (7200.0, "over 3600 s"), (9000.0, "over 1800 s")]
    assert [(f.at, f.text) for f in rates] == hours
    assert any(f.code == "ECG//sdnn" for f in found)
    assert {f.lasts for f in found} == {None}
    (none,) = (f for f in found if f.code == "ECG//atrial_fibrillation")
    assert (none.value, none.at, none.text) == (0.0, 9000.0, "over 9000 s")


def test_other_media_and_channels_tell_nothing() -> None:
    assert extractor.call(Image(np.zeros((4, 4)))) == []
    other = Recording((Signal(np.zeros((1, 500)), 100.0, ("RESP",), ("1",)),))
    assert extractor.call(other) == []


@pytest.mark.parametrize("samples", [np.zeros((4, 2500)), np.full((4, 2500), np.nan)])
def test_a_dead_recording_is_unusable(samples: np.ndarray) -> None:
    assert set(_told(_recording(samples.astype(np.float32)))) == {"signal_quality", "usable"}


@pytest.mark.parametrize("size", [0, 1, 5, 60])
def test_a_recording_of_almost_nothing_does_not_break(size: int) -> None:
    extractor.call(_recording(np.ones((4, size), np.float32)))


def test_qrs_durations_in_ptb_xl_are_those_of_people() -> None:
    widths = []
    for path in sorted((folder("ptbxl") / "records100" / "00000").glob("*.hea"))[:40]:
        told = _told(record(path.with_suffix("")))
        widths += [told["QRS"].value] if "QRS" in told else []
    assert len(widths) >= 38
    assert 75.0 < float(np.median(np.array(widths, float))) < 105.0
