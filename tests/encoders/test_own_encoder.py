"""The example of a hospital's own encoder runs as its page says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from biolake.core.errors import SetupMissing
from biolake.core.media import Recording, Signal
from biolake.learning.encoding import embed
from biolake.learning.spec_reading import parse_spec

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pytest.importorskip("torch")
    file = EXAMPLES / "own-encoder" / "hospital_ecg.py"
    spec = importlib.util.spec_from_file_location("hospital_ecg", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "hospital_ecg", module)
    monkeypatch.setenv("HOSPITAL_ECG_WEIGHTS", str(tmp_path / "weights.npz"))
    spec.loader.exec_module(module)
    return module


def recording() -> Recording:
    names = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    samples = np.random.default_rng(1).standard_normal((8, 5000)).astype(np.float32)
    return Recording((Signal(samples, 500.0, names, ("mV",) * 8),))


def test_it_encodes_a_recording_of_another_rate(example, tmp_path: Path) -> None:
    example.write_random_weights(tmp_path / "weights.npz")
    found = embed(example.hospital_ecg, recording())
    assert found.shape == (1, 64)
    assert np.array_equal(found, embed(example.hospital_ecg, recording()))


def test_without_its_weights_it_says_where_they_belong(example) -> None:
    with pytest.raises(SetupMissing, match="HOSPITAL_ECG_WEIGHTS"):
        embed(example.hospital_ecg, recording())


def test_the_example_of_a_model_is_a_valid_specification() -> None:
    spec = parse_spec((EXAMPLES / "ptb-xl" / "model.yaml").read_text())
    assert spec.method == "ensemble"
    assert len(spec.labels) == 5
