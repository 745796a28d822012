"""Random convolution kernels, then ridge: the accurate method that needs no neural network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.learning.methods.contract import Examples, Takes, Training, array_of
from biolake.learning.ridge import Ridge, fit_ridge
from biolake.signals.kernels import KernelBank, draw_kernels, learn_biases
from biolake.statistics.columns import Floats


@dataclass(frozen=True)
class FittedKernels:
    """A bank of kernels and a ridge on their features."""

    bank: KernelBank
    ridge: Ridge

    def log_odds(self, examples: Examples) -> Floats:
        return self.ridge.log_odds(self.bank.apply(array_of(examples, 3, "signals")))

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "dilations": self.bank.dilations,
            "channels": self.bank.channels,
            "biases": self.bank.biases,
            **{f"ridge_{name}": values for name, values in self.ridge.arrays().items()},
        }

    def facts(self) -> dict[str, Any]:
        return {"samples": self.bank.samples}


@dataclass(frozen=True)
class Kernels:
    """Signals (n × channels × samples) → labels."""

    features: int = 5000
    name: str = "kernels"
    takes: Takes = "signals"

    def fit(self, examples: Examples, training: Training) -> FittedKernels:
        batch = array_of(examples, 3, "signals")
        bank = draw_kernels(
            batch.shape[1], batch.shape[2], features=self.features, seed=training.seed
        )
        bank = learn_biases(bank, batch, seed=training.seed)
        ridge = fit_ridge(bank.apply(batch), training.labels, training.groups, seed=training.seed)
        return FittedKernels(bank, ridge)

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FittedKernels:
        bank = KernelBank(
            int(facts["samples"]), arrays["dilations"], arrays["channels"], arrays["biases"]
        )
        own = {k.removeprefix("ridge_"): v for k, v in arrays.items() if k.startswith("ridge_")}
        return FittedKernels(bank, Ridge.restored(own))
