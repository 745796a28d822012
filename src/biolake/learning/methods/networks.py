"""Neural networks as methods: a residual network over time, and a small one over pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.learning.methods.contract import Examples, Takes, Training, array_of
from biolake.learning.networks.changes import changed_images, changed_signals
from biolake.learning.networks.cnn import cnn
from biolake.learning.networks.resnet1d import resnet1d
from biolake.learning.networks.torch_setup import torch_module
from biolake.learning.networks.training import Schedule, answers, train_network, with_weights
from biolake.statistics.columns import Floats

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FittedNetworks:
    """One or several networks of the same build, from different seeds; log odds are averaged."""

    build: Callable[[Mapping[str, Any]], nn.Module]
    read: Callable[[np.ndarray, Mapping[str, Any]], np.ndarray]
    dimensions: int
    shape: Mapping[str, Any]
    weights: tuple[Mapping[str, np.ndarray], ...]

    def log_odds(self, examples: Examples) -> Floats:
        torch_module()
        batch = array_of(examples, self.dimensions, "one kind of example")
        threads = int(self.shape["threads"])
        found = [
            answers(
                with_weights(self.build(self.shape), dict(weights)),
                lambda part: self.read(batch[part], self.shape),
                len(batch),
                threads,
            )
            for weights in self.weights
        ]
        return np.asarray(np.mean(found, axis=0))

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            f"{number}.{name}": values
            for number, weights in enumerate(self.weights)
            for name, values in weights.items()
        }

    def facts(self) -> dict[str, Any]:
        return {**self.shape, "networks": len(self.weights)}


@dataclass(frozen=True)
class ResNet1d:
    """Signals (n × channels × samples) → labels, by a residual network over time."""

    epochs: int = 25
    seeds: int = 1
    widths: tuple[int, ...] = (32, 48, 64, 96)
    name: str = "resnet1d"
    takes: Takes = "signals"

    def fit(self, examples: Examples, training: Training) -> FittedNetworks:
        torch_module()
        batch = array_of(examples, 3, "signals")
        shape: dict[str, Any] = {
            "channels": batch.shape[1],
            "labels": len(training.names),
            "widths": list(self.widths),
            "scale": float(np.nanstd(batch)) or 1.0,
            "threads": training.threads,
        }
        scaled = _read_signals(batch, shape)
        weights = _by_seed(
            lambda: _resnet(shape),
            lambda rows, rng: changed_signals(scaled[rows], rng),
            training,
            Schedule(self.epochs, smoothing=0.05),
            self.seeds,
        )
        return FittedNetworks(_resnet, _read_signals, 3, shape, weights)

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FittedNetworks:
        return FittedNetworks(_resnet, _read_signals, 3, _shape(facts), _weights(facts, arrays))


@dataclass(frozen=True)
class CNN:
    """Grey pictures (n × size × size, 0 to 1) → labels, by a small residual network."""

    epochs: int = 10
    seeds: int = 1
    widths: tuple[int, ...] = (16, 32, 64)
    name: str = "cnn"
    takes: Takes = "images"

    def fit(self, examples: Examples, training: Training) -> FittedNetworks:
        torch_module()
        batch = array_of(examples, 3, "pictures")
        shape: dict[str, Any] = {
            "size": batch.shape[1],
            "labels": len(training.names),
            "widths": list(self.widths),
            "center": float(batch.mean()),
            "scale": float(batch.std()) or 1.0,
            "threads": training.threads,
        }
        scaled = _read_images(batch, shape)[:, 0]
        weights = _by_seed(
            lambda: _cnn(shape),
            lambda rows, rng: changed_images(scaled[rows], rng)[:, None],
            training,
            Schedule(self.epochs, batch=64 if len(batch) > 1000 else 16, smoothing=0.02),
            self.seeds,
        )
        return FittedNetworks(_cnn, _read_images, 3, shape, weights)

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FittedNetworks:
        return FittedNetworks(_cnn, _read_images, 3, _shape(facts), _weights(facts, arrays))


def _resnet(shape: Mapping[str, Any]) -> nn.Module:
    return resnet1d(shape["channels"], shape["labels"], widths=tuple(shape["widths"]))


def _cnn(shape: Mapping[str, Any]) -> nn.Module:
    return cnn(shape["labels"], size=shape["size"], widths=tuple(shape["widths"]))


def _read_signals(batch: np.ndarray, shape: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(batch / shape["scale"], dtype=np.float32)


def _read_images(batch: np.ndarray, shape: Mapping[str, Any]) -> np.ndarray:
    scaled = (batch - shape["center"]) / shape["scale"]
    return np.asarray(scaled[:, None], dtype=np.float32)


def _by_seed(
    build: Callable[[], nn.Module],
    batch: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    training: Training,
    schedule: Schedule,
    seeds: int,
) -> tuple[dict[str, np.ndarray], ...]:
    return tuple(
        train_network(
            build,
            batch,
            training.labels,
            schedule,
            seed=training.seed + number,
            threads=training.threads,
        )
        for number in range(seeds)
    )


def _shape(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "networks"}


def _weights(
    facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], ...]:
    return tuple(
        {
            name.split(".", 1)[1]: values
            for name, values in arrays.items()
            if name.split(".", 1)[0] == str(number)
        }
        for number in range(int(facts["networks"]))
    )
