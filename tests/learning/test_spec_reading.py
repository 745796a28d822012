from __future__ import annotations

import pytest
from tests.learning.small_ecgs import SPEC

from biolake.core.assets import ImageInput, SignalInput
from biolake.learning.spec_reading import TWELVE, parse_spec
from biolake.learning.specification import CodesNear, Grouping, ModelInvalid

HOUR = 3_600_000_000


def changed(old: str, new: str) -> str:
    assert old in SPEC
    return SPEC.replace(old, new)


def test_a_specification_says_everything_that_is_decided() -> None:
    spec = parse_spec(SPEC)
    assert spec.name == "wide-beats"
    assert spec.labels == {"wide": CodesNear(("FINDING//wide",), HOUR, HOUR)}
    assert spec.inputs == SignalInput(100.0, ("I", "II", "V1"), 2.0)
    assert spec.assets.rate == (90.0, 110.0)
    assert spec.groups[1] == Grouping("age", "code", CodesNear(("AGE",)), (40.0, 60.0))
    assert spec.text == SPEC


def test_an_ecg_has_its_usual_inputs_and_a_picture_its_size() -> None:
    plain = "\n".join(line for line in SPEC.splitlines() if not line.startswith("inputs"))
    usual = parse_spec(plain).inputs
    assert isinstance(usual, SignalInput)
    assert (usual.leads, usual.seconds, usual.band) == (TWELVE, 10.0, None)
    chest = plain.replace("modality: ecg", "modality: xray").replace("kernels", "cnn")
    assert parse_spec(chest).inputs == ImageInput(64)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("method: kernels", "method: kernel", "Did you mean 'kernels'"),
        ("labels:", "lables:", "Did you mean 'labels'"),
        ("modality: ecg", "modality: ekg", "Did you mean"),
        ("model: wide-beats", "model: Wide Beats", "small letters"),
        ("before: 1h", "before: one hour", "whole number and a unit"),
        ("{folds: 3}", "{folds: 1}", "between 2 and 20"),
        ("{folds: 3}", "{folds: 3, column: X}", "either folds"),
        ("method: kernels", "method: logistic", "name one encoder"),
        ("method: kernels", "method: kernels\nencoder: ecg-kernels", "without encoder"),
        ("method: kernels", "method: mil\nextractor: ecg", "name an encoder"),
        ("rate: 100,", "rate: -1,", "between 0.1"),
        ('codes: ["FINDING//wide"]', 'codes: ["*"]', "more than a star"),
        ("modality: ecg", "modality: eeg", ""),
    ],
)
def test_what_has_no_meaning_is_refused_where_it_stands(old: str, new: str, said: str) -> None:
    text = changed(old, new)
    if not said:
        assert parse_spec(text).assets.modality == "eeg"
        return
    with pytest.raises(ModelInvalid, match=said) as refusal:
        parse_spec(text)
    assert "MODEL.yaml:" in str(refusal.value)


def test_recordings_that_are_no_ecg_need_their_inputs() -> None:
    plain = "\n".join(line for line in SPEC.splitlines() if not line.startswith("inputs"))
    with pytest.raises(ModelInvalid, match="need `inputs`"):
        parse_spec(plain.replace("modality: ecg", "modality: ppg"))
