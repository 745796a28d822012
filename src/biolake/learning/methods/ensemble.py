"""Several methods on the same examples; their log odds are averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.learning.methods.contract import Examples, Fitted, Method, Takes, Training
from biolake.learning.methods.kernels import Kernels
from biolake.learning.methods.networks import ResNet1d
from biolake.statistics.columns import Floats


@dataclass(frozen=True)
class FittedEnsemble:
    """Members by name."""

    members: Mapping[str, Fitted]

    def log_odds(self, examples: Examples) -> Floats:
        answers = [member.log_odds(examples) for member in self.members.values()]
        return np.asarray(np.mean(answers, axis=0))

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            f"{name}.{key}": values
            for name, member in self.members.items()
            for key, values in member.arrays().items()
        }

    def facts(self) -> dict[str, Any]:
        return {name: member.facts() for name, member in self.members.items()}


@dataclass(frozen=True)
class Ensemble:
    """Kernels and two residual networks: they err on different recordings."""

    members: tuple[Method, ...] = (Kernels(), ResNet1d(seeds=2))
    name: str = "ensemble"
    takes: Takes = "signals"

    def fit(self, examples: Examples, training: Training) -> FittedEnsemble:
        return FittedEnsemble({m.name: m.fit(examples, training) for m in self.members})

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FittedEnsemble:
        members = {m.name: m for m in self.members}
        return FittedEnsemble(
            {name: members[name].restore(own, _of(name, arrays)) for name, own in facts.items()}
        )


def _of(name: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    begin = f"{name}."
    return {k.removeprefix(begin): v for k, v in arrays.items() if k.startswith(begin)}
