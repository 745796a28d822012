"""Assets in the form an encoder declares: rate, order, unit, window; and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import ImageInput, SignalInput, TileInput
from biolake.core.errors import DataRefused
from biolake.core.media import Image, Recording, Signal, Volume
from biolake.learning.preparing import prepare

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
WANTED = SignalInput(100.0, LEADS, 2.0)
rng = np.random.default_rng(2)


def sine(rate: float, seconds: float, hertz: float = 3.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def recording(rate: float = 100.0, seconds: float = 2.0, unit: str = "mV", names=LEADS):
    samples = np.stack([(n + 1) * sine(rate, seconds) for n in range(len(names))])
    units = (unit,) * len(names)
    return Recording((Signal(samples.astype(np.float32), rate, tuple(names), units),))


def test_leads_come_in_the_order_asked_for_whatever_their_spelling() -> None:
    shuffled = recording(names=("AVF", "avl", "AVR", "Lead III", "ECG II", "MDC_ECG_LEAD_I"))
    found = prepare(shuffled, WANTED).batch
    assert found.shape == (1, 6, 200)
    assert found[0, 0] == pytest.approx(6.0 * sine(100, 2), abs=1e-5)
    assert found[0, 5] == pytest.approx(1.0 * sine(100, 2), abs=1e-5)


def test_a_modified_lead_is_not_taken_for_another() -> None:
    with pytest.raises(DataRefused, match="none of the leads"):
        prepare(recording(names=("MLII", "V5x")), WANTED)


@pytest.mark.parametrize("rate", [500.0, 257.0, 360.0, 50.0])
def test_another_rate_is_resampled_without_changing_the_wave(rate: float) -> None:
    found = prepare(recording(rate), WANTED).batch[0, 0]
    inner = slice(20, 180)
    assert found[inner] == pytest.approx(sine(100, 2)[inner], abs=0.03)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("V", 1e3), ("mV", 1.0), ("µV", 1e-3)])
def test_volts_of_any_size_become_millivolts(unit: str, factor: float) -> None:
    found = prepare(recording(unit=unit), WANTED).batch[0, 0]
    assert found == pytest.approx(factor * sine(100, 2), rel=1e-4, abs=1e-6 * factor)


@pytest.mark.parametrize("unit", ["", "1", "adu", "mmHg"])
def test_an_unknown_unit_is_refused_and_not_guessed(unit: str) -> None:
    with pytest.raises(DataRefused, match="reads mV"):
        prepare(recording(unit=unit), WANTED)


def test_limb_leads_follow_from_one_and_two() -> None:
    two = recording(names=("I", "II"))
    found = prepare(two, WANTED)
    one, second = found.batch[0, 0], found.batch[0, 1]
    assert found.batch[0, 2] == pytest.approx(second - one, abs=1e-5)
    assert found.batch[0, 3] == pytest.approx(-(one + second) / 2, abs=1e-5)
    assert found.batch[0, 4] == pytest.approx(one - second / 2, abs=1e-5)
    assert found.batch[0, 5] == pytest.approx(second - one / 2, abs=1e-5)
    assert found.notes == ()


def test_a_lead_that_lacks_is_zero_and_said() -> None:
    found = prepare(recording(names=("II",)), SignalInput(100.0, ("II", "V1"), 2.0))
    assert not found.batch[0, 1].any()
    assert found.notes == ("no lead V1: taken as zero",)


def test_a_long_recording_is_cut_into_windows_and_a_short_one_padded() -> None:
    assert prepare(recording(seconds=7.0), WANTED).batch.shape == (3, 6, 200)
    short = prepare(recording(seconds=1.5), WANTED)
    assert not short.batch[0, :, 150:].any()
    assert short.notes == ("shorter than a window: padded with zeros",)


def test_short_gaps_are_filled_and_long_ones_refused() -> None:
    gap = recording()
    gap.signals[0].samples[0, 50:55] = np.nan
    assert np.isfinite(prepare(gap, WANTED).batch).all()
    gap.signals[0].samples[0, 50:90] = np.nan
    with pytest.raises(DataRefused, match="more than a tenth of lead I"):
        prepare(gap, WANTED)


def test_a_band_takes_away_the_wandering_baseline() -> None:
    drifting = recording(seconds=10.0)
    drifting.signals[0].samples[:] += np.linspace(0, 5, 1000, dtype=np.float32)
    wanted = SignalInput(100.0, ("I",), 10.0, band=(0.5, 40.0))
    found = prepare(drifting, wanted).batch[0, 0, 200:800]
    assert found == pytest.approx(sine(100, 10)[200:800], abs=0.1)


@pytest.mark.parametrize("how", ["lead-zscore", "recording-zscore", "lead-robust"])
def test_normalised_windows_have_their_scale_and_silent_leads_stay_silent(how: str) -> None:
    wanted = SignalInput(100.0, ("I", "II", "V6"), 2.0, how)
    found = prepare(recording(names=("I", "II")), wanted).batch
    assert not found[0, 2].any()
    assert abs(float(np.median(found[0, :2]))) < 0.2
    assert 0.3 < found[0, :2].std() < 2.0


def test_an_unknown_normalisation_is_refused() -> None:
    with pytest.raises(DataRefused, match="'loud', which is unknown"):
        prepare(recording(), SignalInput(100.0, LEADS, 2.0, "loud"))


def test_a_picture_becomes_a_square_from_nothing_to_one() -> None:
    colour = Image(rng.integers(0, 255, (40, 20, 3)).astype(np.uint8))
    found = prepare(colour, ImageInput(32)).batch
    assert found.shape == (1, 32, 32)
    assert found.min() == 0.0
    assert found.max() <= 1.0
    assert not found[0, :, :7].any()


def test_slices_are_windowed_in_hounsfield_units_only() -> None:
    voxels = np.full((100, 8, 8), -600.0, dtype=np.float32)
    wanted = ImageInput(16, window=(-600.0, 1500.0))
    found = prepare(Volume(voxels, (5.0, 1.0, 1.0), "HU"), wanted)
    assert found.batch.shape == (64, 16, 16)
    assert found.batch == pytest.approx(0.5)
    assert "64 slices" in found.notes[0]
    with pytest.raises(DataRefused, match="Hounsfield"):
        prepare(Volume(voxels, (5.0, 1.0, 1.0)), wanted)
    with pytest.raises(DataRefused, match="Hounsfield"):
        prepare(Image(voxels[0]), wanted)


def test_tiles_are_read_from_tissue() -> None:
    class Glass:
        size, mpp, levels = (512, 512), (1.0, 1.0), ((512, 512),)

        def read(self, at, size, mpp):
            return np.full((size[1], size[0], 3), (180, 90, 160), np.uint8)

        def thumbnail(self, longest):
            return np.full((longest, longest, 3), (180, 90, 160), np.uint8)

        def close(self) -> None: ...

    found = prepare(Glass(), TileInput(64, 1.0, most=9)).batch
    assert found.shape == (9, 64, 64, 3)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("wanted", [ImageInput(16), TileInput(16, 1.0)])
def test_an_asset_of_another_kind_is_refused(wanted) -> None:
    with pytest.raises(DataRefused, match="something else"):
        prepare(recording(), wanted)
    with pytest.raises(DataRefused, match="something else"):
        prepare(Image(np.zeros((4, 4))), WANTED)


def test_the_layer_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, biolake.learning.preparing, biolake.learning.methods,"
        " biolake.encoders.ecg_kernels, biolake.encoders.slide_colour;"
        "heavy = {'numba', 'scipy', 'torch', 'PIL', 'pydicom'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(source)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
