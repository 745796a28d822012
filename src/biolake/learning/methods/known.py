"""The methods by name."""

from __future__ import annotations

from biolake.core.errors import WrongUse, did_you_mean
from biolake.learning.methods.bags import AttentionMIL
from biolake.learning.methods.contract import Method
from biolake.learning.methods.ensemble import Ensemble
from biolake.learning.methods.kernels import Kernels
from biolake.learning.methods.networks import CNN, ResNet1d
from biolake.learning.methods.vectors import Vectors

METHODS: dict[str, Method] = {
    method.name: method
    for method in (Ensemble(), Kernels(), ResNet1d(), CNN(), AttentionMIL(), Vectors())
}


def method_named(name: str) -> Method:
    """Return a method with its usual settings."""
    try:
        return METHODS[name]
    except KeyError:
        raise WrongUse(
            f"no method is named '{name}'.{did_you_mean(name, METHODS)}",
            next=f"Known: {', '.join(sorted(METHODS))}.",
        ) from None
