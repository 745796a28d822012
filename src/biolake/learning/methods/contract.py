"""What every method of learning labels takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Flags, Floats, Indices

Takes = Literal["signals", "images", "bags", "vectors"]

# n × channels × samples, n × rows × columns, n × columns; or for bags one items × columns each.
Examples = np.ndarray | Sequence[np.ndarray]
LEAST_EACH = 5  # rows with and without a label, or nothing can be learned of it


@dataclass(frozen=True)
class Training:
    """What is to be learned, and what the fit may use.

    `labels` is rows × labels; `groups` says whose each row is: a subject is never split.
    """

    labels: Flags
    groups: Indices
    names: tuple[str, ...]
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.labels.shape != (len(self.groups), len(self.names)):
            raise WrongUse("Labels must be rows × names, and groups one a row.")
        for name, column in zip(self.names, self.labels.T, strict=True):
            with_it = int(column.sum())
            if min(with_it, len(column) - with_it) < LEAST_EACH:
                raise DataRefused(
                    f"label '{name}' has fewer than {LEAST_EACH} rows with it, or without",
                    next="Join it with another label, or find more data.",
                )


class Fitted(Protocol):
    """A model of labels: plain arrays and facts, no row it was fitted to."""

    def log_odds(self, examples: Examples) -> Floats:
        """Return the log odds of each label, rows × labels."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything learned, to be saved."""

    def facts(self) -> dict[str, Any]:
        """Return what says how to put the arrays together again, as JSON."""


class Method(Protocol):
    """A way to fit, and to restore what was fitted."""

    @property
    def name(self) -> str: ...

    @property
    def takes(self) -> Takes: ...

    def fit(self, examples: Examples, training: Training) -> Fitted: ...

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Fitted: ...


def array_of(examples: Examples, dimensions: int, what: str) -> np.ndarray:
    """Return examples as one array of this many dimensions, or refuse."""
    if not isinstance(examples, np.ndarray) or examples.ndim != dimensions:
        raise WrongUse(f"This method reads {what}, one array with {dimensions} dimensions.")
    return examples
