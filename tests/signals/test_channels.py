import pytest

from biolake.signals.channels import (
    TWELVE_LEADS,
    channel_name,
    channel_unit,
    is_twelve_lead,
    modality_of,
)


@pytest.mark.parametrize(
    ("written", "name"),
    [("AVR", "aVR"), ("v1", "V1"), ("ECG II", "II"), ("ECG lead II", "II"), ("EKG_aVL", "aVL")],
)
def test_standard_leads_get_their_usual_spelling(written, name):
    assert channel_name(written) == name


@pytest.mark.parametrize("name", ["MLII", "ECG 1", "V", "ABP", "Lead", "V7", ""])
def test_other_names_stay_as_they_are(name):
    assert channel_name(name) == name


@pytest.mark.parametrize(
    ("names", "modality"),
    [
        (("MLII", "V5"), "ecg"),
        (("MCL1",), "ecg"),
        (("ECG 1", "ECG_2"), "ecg"),
        (("PLETH",), "ppg"),
        (("EEG Fpz-Cz", "EEG Pz-Oz"), "eeg"),
        (("C4-A1", "F3", "Fp1"), "eeg"),
        (("II", "RESP"), "physiology"),
        (("ABP", "PAP", "ICP"), "physiology"),
        ((), "physiology"),
    ],
)
def test_channels_tell_the_kind_of_recording(names, modality):
    assert modality_of(names) == modality


def test_twelve_leads_may_stand_among_others():
    assert is_twelve_lead((*TWELVE_LEADS, "vx"))
    assert not is_twelve_lead(TWELVE_LEADS[:-1])


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("mV", "mV"),
        ("uV", "uV"),
        ("µV", "uV"),
        ("mmHg", "mm[Hg]"),
        ("NU", "1"),
        ("furlong", "furlong"),
    ],
)
def test_units_become_ucum(written, unit):
    assert channel_unit(written) == unit
