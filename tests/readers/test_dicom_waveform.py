"""DICOM waveforms: physical values as pydicom's, leads by their codes, marks in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.readers.dicom_files import encoded, group, image

from biolake.core.assets import FileContent, FoundAsset, Surroundings
from biolake.core.errors import SourceUnreadable
from biolake.core.media import Recording
from biolake.core.reading import SourceFile
from biolake.readers.dicom import dicom

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def twelve_leads() -> Path:
    (path,) = (Path(pydicom.__file__).parent / "data").rglob("waveform_ecg.dcm")
    return path


def opened(path: Path) -> Recording:
    found = dicom.call(FileContent.of(path))
    assert isinstance(found, Recording)
    return found


def test_a_twelve_lead_ecg_has_pydicoms_values():
    recording = opened(twelve_leads())
    (signal,) = recording.signals
    assert signal.channels == LEADS
    assert set(signal.units) == {"uV"}
    assert (signal.rate, signal.samples.shape) == (1000.0, (12, 10000))
    assert signal.samples.dtype == np.float32
    expected = pydicom.dcmread(twelve_leads()).waveform_array(0).T
    assert np.allclose(signal.samples, expected, rtol=1e-6, atol=0)
    assert "1 derived group left out" in recording.comments


def test_it_is_indexed_as_an_ecg():
    file = SourceFile(twelve_leads(), "ecg.dcm")
    (found,) = dicom.find([file], Surroundings({}))
    assert isinstance(found, FoundAsset)
    assert (found.modality, found.facts.kind) == ("ecg", "waveform")
    assert (found.facts.seconds, found.facts.rate, found.facts.channels) == (10.0, 1000.0, 12)
    assert found.facts.attributes["leads"] == list(LEADS)
    assert found.start is not None
    assert found.end == found.start + 10_000_000


def channel(code: str, scheme: str, **elements: object) -> Dataset:
    made = Dataset()
    made.ChannelSourceSequence = group(
        CodeValue=code, CodingSchemeDesignator=scheme, CodeMeaning="a channel"
    )
    made.ChannelSensitivityUnitsSequence = group(CodeValue="mV", CodingSchemeDesignator="UCUM")
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def made_of(channels: list[Dataset], stored: np.ndarray, **elements: object) -> Dataset:
    made = image(np.zeros((1, 1), np.uint16), SOPClassUID="1.2.840.10008.5.1.4.1.1.9.1.2")
    del made.PixelData
    item = Dataset()
    item.WaveformOriginality = "ORIGINAL"
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = stored.shape
    item.SamplingFrequency = 250
    item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 16, "SS"
    item.WaveformData = np.ascontiguousarray(stored.T.astype("<i2")).tobytes()
    item["WaveformData"].VR = "OW"
    item.ChannelDefinitionSequence = Sequence(channels)
    for name, value in elements.items():
        setattr(item, name, value)
    made.WaveformSequence = Sequence([item])
    return made


def test_sensitivity_correction_baseline_and_padding_are_applied(tmp_path):
    gain = {
        "ChannelSensitivity": 0.5,
        "ChannelSensitivityCorrectionFactor": 2,
        "ChannelBaseline": 3,
    }
    channels = [channel("2:61", "MDC", **gain), channel("131329", "MDC", ChannelSensitivity=2)]
    stored = np.array([[1, 2, -9], [-9, 4, 5]])
    path = tmp_path / "wave.dcm"
    made = made_of(channels, stored, MultiplexGroupTimeOffset=500)
    made.WaveformSequence[0].WaveformPaddingValue = np.array([-9], "<i2").tobytes()
    made.WaveformSequence[0]["WaveformPaddingValue"].VR = "OW"
    mark = Dataset()
    mark.ReferencedWaveformChannels, mark.TemporalRangeType = [1, 0], "POINT"
    mark.ReferencedSamplePositions, mark.UnformattedTextValue = [2], "beat"
    made.WaveformAnnotationSequence = Sequence([mark])
    path.write_bytes(encoded(made))
    recording = opened(path)
    (signal,) = recording.signals
    assert signal.channels == ("III", "I")
    assert signal.units == ("mV", "mV")
    assert signal.start == 0.5
    assert np.allclose(signal.samples, [[4, 5, np.nan], [np.nan, 8, 10]], equal_nan=True)
    (beat,) = recording.annotations["dicom"]
    assert beat.at == pytest.approx(0.5 + 1 / 250)


def test_samples_that_do_not_fill_the_channels_are_refused(tmp_path):
    made = made_of([channel("2:1", "MDC")], np.zeros((1, 4)), NumberOfWaveformSamples=10**9)
    path = tmp_path / "wave.dcm"
    path.write_bytes(encoded(made))
    with pytest.raises(SourceUnreadable, match="8 bytes of samples where 2000000000"):
        opened(path)
