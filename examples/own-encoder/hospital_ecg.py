"""A hospital's own ECG network as an encoder: one file, its weights beside it.

The weights here are random and stand for yours: `python hospital_ecg.py` writes them. Put your own
network in `_network`, save its weights as plain arrays, and say below how it wants its input.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biolake.core.assets import SignalInput
from biolake.core.catalogue import encoder
from biolake.core.errors import SetupMissing

if TYPE_CHECKING:
    from torch import nn

DIMENSION = 64


def weights_file() -> Path:
    """Return where the weights lie: beside this file, or where HOSPITAL_ECG_WEIGHTS says."""
    return Path(os.environ.get("HOSPITAL_ECG_WEIGHTS", Path(__file__).with_name("weights.npz")))


@encoder(
    "ECG network of our hospital",
    needs="ecg",
    version="1",  # a new number for new weights: what the old ones encoded is then encoded again
    inputs=SignalInput(
        rate=250.0,
        leads=("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"),
        seconds=10.0,
        normalisation="lead-zscore",
        band=(0.5, 47.0),
        unit="mV",
    ),
    dimension=DIMENSION,
    licence="our hospital's own; not to be handed on",
    extra="ai",
)
def hospital_ecg(batch: np.ndarray) -> np.ndarray:
    """Encode 10 s of eight leads as 64 numbers.

    Biolake resamples, orders the leads, filters, cuts and normalises as declared above; this
    function only has to run the network: n × 8 × 2500 float32 in, n × 64 out.
    """
    import torch

    with torch.inference_mode():
        return np.asarray(_loaded()(torch.from_numpy(batch)).numpy(), dtype=np.float32)


@cache
def _loaded() -> nn.Module:
    import torch

    file = weights_file()
    if not file.is_file():
        raise SetupMissing(
            "the weights of the encoder hospital-ecg are not here",
            where=file.name,
            next="Put them there, or name them in HOSPITAL_ECG_WEIGHTS.",
        )
    network = _network()
    # Plain arrays only: loading weights must never run code.
    with np.load(file, allow_pickle=False) as stored:
        network.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
    return network.eval()


def _network() -> nn.Module:
    from torch import nn

    return nn.Sequential(
        nn.Conv1d(8, 32, 15, stride=4, padding=7),
        nn.ReLU(),
        nn.Conv1d(32, DIMENSION, 15, stride=4, padding=7),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
    )


def write_random_weights(file: Path) -> None:
    """Write weights drawn by a seed: a stand-in that makes the example run."""
    import torch

    torch.manual_seed(0)
    np.savez(file, **{name: value.numpy() for name, value in _network().state_dict().items()})


if __name__ == "__main__":
    write_random_weights(weights_file())
