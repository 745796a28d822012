"""Ways to learn labels from signals, pictures, bags of vectors, or vectors: one interface."""

from __future__ import annotations

from biolake.learning.methods.contract import Examples, Fitted, Method, Training
from biolake.learning.methods.known import METHODS, method_named
from biolake.learning.methods.saving import load_fitted, save_fitted

__all__ = [
    "METHODS",
    "Examples",
    "Fitted",
    "Method",
    "Training",
    "load_fitted",
    "method_named",
    "save_fitted",
]
