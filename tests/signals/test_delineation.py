"""Wave limits against ECGs whose limits are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.signals.synthesis import Beat, ecg

from biolake.signals import delineation
from biolake.signals.beats import find_beats

NAMES = ("I", "II", "aVF", "V5")
SHAPES = [
    Beat(),
    Beat(p_at=-190.0, qrs_width=12.0, q_at=-34.0, s_at=40.0, t_at=290.0),
    Beat(p_at=-140.0, p_width=16.0, qrs_width=8.0, t_at=250.0, t_width=32.0),
]


def _limits(
    shape: Beat, rate: float, noise: float = 0.01, atrial: bool = True
) -> delineation.Limits:
    leads = ecg(np.arange(0.7, 10.0, 0.9), 10.0, rate, shape, noise)
    beat = delineation.representative(leads, rate, find_beats(leads, rate))
    assert beat is not None
    return delineation.limits(beat, 0.9, atrial)


@pytest.mark.parametrize("rate", [100.0, 250.0, 500.0, 1000.0])
@pytest.mark.parametrize("shape", SHAPES, ids=["usual", "wide", "narrow"])
def test_limits_are_within_ten_milliseconds(shape: Beat, rate: float) -> None:
    found = _limits(shape, rate)
    assert found.qrs_start is not None
    assert found.qrs_end is not None
    assert found.p_start is not None
    assert found.t_end is not None
    assert found.qrs_end - found.qrs_start == pytest.approx(shape.qrs_end - shape.qrs_start, abs=10)
    assert found.qrs_start - found.p_start == pytest.approx(shape.qrs_start - shape.p_start, abs=10)
    assert found.t_end - found.qrs_start == pytest.approx(shape.t_end - shape.qrs_start, abs=12)


def test_no_p_wave_gives_no_p_limits() -> None:
    assert _limits(Beat(p_height=0.0), 500.0).p_start is None
    assert _limits(Beat(), 500.0, atrial=False).p_start is None


def test_no_t_wave_gives_no_t_end() -> None:
    assert _limits(Beat(t_height=0.0), 500.0).t_end is None


def test_noise_gives_no_limits() -> None:
    noise = np.random.default_rng(4).standard_normal((3, 5000)).astype(np.float32)
    beat = delineation.representative(noise, 500.0, np.arange(300, 4500, 400))
    assert beat is None or delineation.limits(beat, 0.8) == delineation.Limits()


def test_fewer_than_three_beats_are_no_representative() -> None:
    leads = ecg(np.array([1.0, 2.0]), 3.0, 500.0)
    assert delineation.representative(leads, 500.0, np.array([500, 1000])) is None


def test_the_axis_points_where_the_leads_say() -> None:
    leads = ecg(np.arange(0.7, 10.0, 0.9), 10.0, 500.0)
    leads[2] = leads[0] * math.sqrt(3.0) / 2.0  # aVF, so that the vector points to 45 degrees
    beat = delineation.representative(leads, 500.0, find_beats(leads, 500.0))
    assert beat is not None
    found = delineation.axis(beat, NAMES, delineation.limits(beat, 0.9))
    assert found == pytest.approx(45.0, abs=2.0)


def test_qt_is_corrected_as_published() -> None:
    fridericia, bazett = delineation.corrected_qt(400.0, 0.64)
    assert fridericia == pytest.approx(400.0 / 0.64 ** (1 / 3))
    assert bazett == pytest.approx(500.0)
