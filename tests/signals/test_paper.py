"""Sheets of signals: what is drawn stands where its time and its voltage say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from biolake.core.media import Recording, Signal
from biolake.signals.drawing import duration, runs
from biolake.signals.paper import LEADS, ecg_paper, is_standard_ecg, standard_leads
from biolake.signals.strips import strips

SCALE = 6.0  # pixels a millimetre
LEFT, TOP, ROW = 15.0, 12.0, 30.0  # millimetres, as the sheet is laid out
RHYTHM = TOP + 3.55 * ROW


def recording(
    samples: np.ndarray, rate: float = 500.0, unit: str = "mV", names: tuple[str, ...] = LEADS
) -> Recording:
    return Recording((Signal(samples.astype(np.float32), rate, names, (unit,) * len(names)),))


def flat(seconds: float = 10.0, rate: float = 500.0) -> np.ndarray:
    return np.zeros((12, int(seconds * rate)), np.float32)


def dark(png: bytes) -> np.ndarray:
    """Return where ink is, rows by columns."""
    grey = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    return grey < 110


def test_a_millivolt_is_ten_millimetres_high_and_a_second_25_wide() -> None:
    samples = flat()
    samples[1, 2500:2600] = 1.0  # lead II, from 5.0 to 5.2 s
    ink = dark(ecg_paper(recording(samples)))
    column = ink[:, int((LEFT + 5.1 * 25) * SCALE)]
    high = RHYTHM - 10
    assert column[int(high * SCALE) - 2 : int(high * SCALE) + 3].any()
    assert not column[int((RHYTHM - 5) * SCALE) : int((RHYTHM + 5) * SCALE)].any()
    row = np.flatnonzero(ink[int(high * SCALE)])
    pulse = row[row > (LEFT + 10) * SCALE]  # past calibration and name
    assert pulse.min() / SCALE == pytest.approx(LEFT + 5.0 * 25, abs=0.5)
    assert pulse.max() / SCALE == pytest.approx(LEFT + 5.2 * 25, abs=0.5)


def test_the_calibration_pulse_is_as_high_as_a_millivolt() -> None:
    ink = dark(ecg_paper(recording(flat())))
    column = ink[int(TOP * SCALE) : int((TOP + ROW) * SCALE), int((LEFT - 5.5) * SCALE)]
    middle = 0.55 * ROW
    assert column[int((middle - 10) * SCALE) - 2 : int((middle - 10) * SCALE) + 3].any()


def test_microvolts_make_the_same_sheet() -> None:
    wave = np.sin(np.arange(5000) / 80) * np.arange(1, 13)[:, None] / 12
    assert ecg_paper(recording(wave)) == ecg_paper(recording(wave * 1000, unit="uV"))


def test_traces_too_large_for_their_rows_are_drawn_smaller_and_so_it_says() -> None:
    samples = flat()
    samples[6, ::100] = 4.0
    samples[6, 1::100] = 4.0
    reduced = dark(ecg_paper(recording(samples)))
    column = reduced[int(TOP * SCALE) : int((TOP + ROW) * SCALE), int((LEFT - 5.5) * SCALE)]
    assert column[int((0.55 * ROW - 5) * SCALE) - 2 : int((0.55 * ROW - 5) * SCALE) + 3].any()


def test_a_gap_is_left_empty() -> None:
    samples = flat()
    samples[1, 2000:3000] = np.nan
    ink = dark(ecg_paper(recording(samples)))
    rows = slice(int((RHYTHM - 1) * SCALE), int((RHYTHM + 1) * SCALE))
    inside = ink[rows, int((LEFT + 4.1 * 25) * SCALE) : int((LEFT + 5.9 * 25) * SCALE)]
    before = ink[rows, int((LEFT + 3.0 * 25) * SCALE) : int((LEFT + 3.9 * 25) * SCALE)]
    assert not inside.any()
    assert before.any(axis=0).all()


@pytest.mark.parametrize("seconds", [0.0, 0.004, 3.0, 10.0, 700.0])
def test_a_recording_of_any_length_is_drawn(seconds: float) -> None:
    assert dark(ecg_paper(recording(flat(seconds)))).any()
    assert dark(strips(recording(flat(seconds)))).any()


def test_leads_are_known_by_any_writing_and_only_in_units_of_voltage() -> None:
    names = ("i", "ii", "iii", "AVR", "AVL", "AVF", "v1", "v2", "V3", "V4", "V5", "Lead V6")
    assert tuple(standard_leads(recording(flat(), names=names))) == LEADS
    assert is_standard_ecg(recording(flat(), names=names))
    assert not is_standard_ecg(recording(flat(), unit="1"))
    assert not is_standard_ecg(recording(flat()[:2], names=("MLII", "V5")))


def test_missing_leads_leave_their_places_empty() -> None:
    six = recording(flat()[:6], names=LEADS[:6])
    assert is_standard_ecg(six)
    assert dark(ecg_paper(six)).any()


def test_strips_take_what_recordings_may_hold() -> None:
    mixed = Recording(
        (
            Signal(np.full((3, 400), np.nan, np.float32), 4.0, ("a", "b", "c"), ("1", "", "uS")),
            Signal(np.ones((1, 1), np.float32), 1 / 60, ("one sample",), ("Cel",), 30.0),
            Signal(np.zeros((0, 0), np.float32), 1.0, (), ()),
        )
    )
    assert dark(strips(mixed, "title")).any()
    assert dark(strips(Recording(()))).any()


def test_crowded_samples_keep_their_extremes() -> None:
    samples = np.zeros((1, 200_000), np.float32)
    samples[0, 123_456] = 1.0
    ink = dark(strips(recording(samples, 1.0, "1", ("x",))))
    column = ink[:, int((48 + 123_456 / 200_000 * 215) * SCALE) - 3 :][:, :7]
    assert column.any(axis=1).sum() > 20 * SCALE  # a line as high as the strip


def test_runs_are_the_stretches_that_are_there() -> None:
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert runs(np.zeros(3, bool)) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25 s"), (10, "10 s"), (150, "2 min 30 s"), (7260, "2 h 1 min"), (7200, "2 h")],
)
def test_lengths_of_time_are_written_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_absurdly_slow_rate_still_gives_a_few_marks_of_time() -> None:
    assert dark(strips(recording(np.zeros((1, 3)), 1e-14, "1", ("x",)))).any()
