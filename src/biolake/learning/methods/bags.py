"""Bags of vectors (tiles of a slide, slices of a volume) → labels, by attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.errors import DataRefused, WrongUse
from biolake.learning.methods.contract import Examples, Takes, Training
from biolake.learning.networks.attention import attention_mil
from biolake.learning.networks.torch_setup import repeatable, torch_module
from biolake.learning.networks.training import Schedule, answers, train_network, with_weights
from biolake.statistics.columns import Floats

if TYPE_CHECKING:
    from torch import nn

_MOST_ITEMS = 256  # of one bag in one training step, drawn anew each time


@dataclass(frozen=True)
class FittedAttention:
    """Standardisation of the items' columns, and the network's weights."""

    center: np.ndarray
    scale: np.ndarray
    shape: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]

    def log_odds(self, examples: Examples) -> Floats:
        bags = _bags(examples, len(self.center))
        network = self._network()
        # One bag at a time: its size is its own, and no padding is needed.
        items = [_padded([self._scaled(bag)]) for bag in bags]
        found = [
            answers(network, partial(_whole, one), rows=1, threads=self._threads) for one in items
        ]
        return np.concatenate(found)

    def attention(self, bag: np.ndarray) -> Floats:
        """Return each item's share of the attention of its bag; they sum to 1."""
        network = self._network()
        with repeatable(0, self._threads) as torch, torch.inference_mode():
            network.eval()
            shares = network.attention(torch.from_numpy(_padded([self._scaled(bag)])))
        return np.asarray(shares[0].numpy(), dtype=np.float64)

    @property
    def _threads(self) -> int:
        return int(self.shape["threads"])

    def _network(self) -> Any:
        torch_module()
        return with_weights(_network(self.shape), dict(self.weights))

    def _scaled(self, bag: np.ndarray) -> np.ndarray:
        return np.asarray((bag - self.center) / self.scale, dtype=np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        own = {"center": self.center, "scale": self.scale}
        return own | {f"weights_{name}": values for name, values in self.weights.items()}

    def facts(self) -> dict[str, Any]:
        return dict(self.shape)


@dataclass(frozen=True)
class AttentionMIL:
    """A bag (items × columns) has a label though it is not known which item shows it."""

    epochs: int = 30
    width: int = 64
    name: str = "mil"
    takes: Takes = "bags"

    def fit(self, examples: Examples, training: Training) -> FittedAttention:
        torch_module()
        bags = _bags(examples)
        items = np.concatenate(bags)
        center, scale = items.mean(axis=0), items.std(axis=0) + 1e-6
        scaled = [np.asarray((bag - center) / scale, dtype=np.float32) for bag in bags]
        shape = {
            "dimension": items.shape[1],
            "labels": len(training.names),
            "width": self.width,
            "threads": training.threads,
        }
        weights = train_network(
            lambda: _network(shape),
            lambda rows, rng: _padded([_some(scaled[row], rng) for row in rows]),
            training.labels,
            Schedule(self.epochs, rate=2e-3, batch=16),
            seed=training.seed,
            threads=training.threads,
        )
        return FittedAttention(center, scale, shape, weights)

    def restore(
        self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> FittedAttention:
        begin = "weights_"
        weights = {k.removeprefix(begin): v for k, v in arrays.items() if k.startswith(begin)}
        return FittedAttention(arrays["center"], arrays["scale"], dict(facts), weights)


def _network(shape: Mapping[str, Any]) -> nn.Module:
    return attention_mil(shape["dimension"], shape["labels"], width=shape["width"])


def _bags(examples: Examples, columns: int | None = None) -> Sequence[np.ndarray]:
    bags = [np.asarray(bag) for bag in examples]
    if not bags:
        raise DataRefused("there is no bag")
    columns = columns or (bags[0].shape[1] if bags[0].ndim == 2 else None)
    if any(bag.ndim != 2 or bag.shape[1] != columns for bag in bags):
        raise WrongUse("Each bag must be items × columns, all with the same columns.")
    if any(not len(bag) or not np.isfinite(bag).all() for bag in bags):
        raise DataRefused("a bag is empty, or has missing values")
    return bags


def _whole(items: np.ndarray, _rows: slice) -> np.ndarray:
    return items


def _some(bag: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(bag) <= _MOST_ITEMS:
        return bag
    return bag[np.sort(rng.choice(len(bag), _MOST_ITEMS, replace=False))]


def _padded(bags: Sequence[np.ndarray]) -> np.ndarray:
    """Return bags × most items × (columns + 1); the last column marks items that exist."""
    most, columns = max(len(bag) for bag in bags), bags[0].shape[1]
    padded = np.zeros((len(bags), most, columns + 1), dtype=np.float32)
    for number, bag in enumerate(bags):
        padded[number, : len(bag), :-1] = bag
        padded[number, : len(bag), -1] = 1.0
    return padded
