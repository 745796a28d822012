"""Pulse rate is told where waves agree, and not where they do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.signals.real_ecg import folder

from biolake.core.assets import FileContent
from biolake.core.media import Recording, Signal
from biolake.extractors.ppg import ppg
from biolake.extractors.wearable import wearable
from biolake.readers.wearable_csv import wearable_csv


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


def test_a_row_stands_at_the_end_of_its_five_minutes() -> None:
    x = np.sin(2 * np.pi * 1.25 * np.arange(40_000) / 100.0)
    signal = Signal(x[None].astype(np.float32), 100.0, ("PLETH",), ("1",), start=7.0)
    found = [f for f in ppg.call(Recording((signal,))) if f.code == "PPG//pulse_rate"]
    assert [(f.at, f.lasts, f.text) for f in found] == [
        (307.0, None, "over 300 s"),
        (407.0, None, "over 100 s"),
    ]


def _declared(place: Path, name: str, columns: str, rate: float) -> Recording:
    (place / "wearables.yaml").write_text(
        f"files:\n  - file: {name}\n    header: false\n    rate: {rate}\n"
        f"    columns: {{{columns}}}\n"
    )
    return wearable_csv.call(FileContent.of(place / name, place / "wearables.yaml"))


def test_a_smart_ring_with_empty_cells_has_the_rate_its_autocorrelation_has(
    tmp_path: Path,
) -> None:
    """Per 5 min, 10-s windows of the 0.7-4 Hz band: 96, 96, 96, 101, 101, 96, 101, 96, 107."""
    shutil.copy(folder("wearables") / "smartring_ppg.csv", tmp_path)
    opened = _declared(tmp_path, "smartring_ppg.csv", '1: {kind: ppg, unit: "1"}', 32.0)
    assert np.isnan(opened.signals[0].samples).sum() == 3465
    rates = [f.value for f in ppg.call(opened) if f.code == "PPG//pulse_rate"]
    assert rates == pytest.approx([96, 96, 96, 101, 101, 96, 101, 96, 107], abs=6.0)


def test_a_missed_wave_does_not_slow_the_pulse() -> None:
    t = np.arange(20_000) / 100.0
    x = np.sin(2 * np.pi * 1.25 * t) ** 3
    x[(t % 8.0) > 7.2] *= 0.05
    assert _told(x)["PPG//pulse_rate"] == pytest.approx(75.0, abs=1.0)


def test_what_the_reader_calls_a_channel_the_extractors_know(tmp_path: Path) -> None:
    wave = np.sin(2 * np.pi * 1.25 * np.arange(3000) / 25.0)
    np.savetxt(tmp_path / "a.csv", wave)
    green = '1: {kind: ppg, channel: green, unit: "1"}'
    assert any(
        f.code == "PPG//pulse_rate" for f in ppg.call(_declared(tmp_path, "a.csv", green, 25))
    )
    day = np.column_stack((np.full(1440, 60.0), np.full(1440, 5.0), np.ones(1440)))
    np.savetxt(tmp_path / "b.csv", day, delimiter=",")
    columns = """1: {kind: heart rate, channel: wrist, unit: /min},
      2: {kind: steps, unit: "1"}, 3: {kind: sleep stage, channel: night, unit: "1"}"""
    found = wearable.call(_declared(tmp_path, "b.csv", columns, 1 / 60))
    told = {f.code for f in found}
    assert {"WEARABLE//heart_rate", "WEARABLE//steps", "WEARABLE//sleep"} <= told
