"""Train a network on arrays, the same way every time: AdamW with one cycle of the learning rate.

Smith & Topin 2019 (one cycle); Loshchilov & Hutter, ICLR 2019 (decoupled weight decay).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.networks.torch_setup import repeatable
from biolake.statistics.columns import Flags, Floats

if TYPE_CHECKING:
    from torch import nn

# (rows, generator) → what the network reads for these rows, changed at random as training wants.
Batch = Callable[[np.ndarray, np.random.Generator], np.ndarray]
_LEAST_ROWS = 4  # in a batch: fewer have no batch statistics worth the name


@dataclass(frozen=True)
class Schedule:
    """How long, how fast, and on how many rows at once."""

    epochs: int
    rate: float = 3e-3
    batch: int = 32
    decay: float = 1e-2
    smoothing: float = 0.0  # share of each target given to the other outcome


def train_network(
    build: Callable[[], nn.Module],
    batch: Batch,
    labels: Flags,
    schedule: Schedule,
    *,
    seed: int,
    threads: int,
) -> dict[str, np.ndarray]:
    """Return the weights of a network fitted by the labels' log-loss; `build` makes it anew."""
    rng = np.random.default_rng(seed)
    softened = labels * (1.0 - 2.0 * schedule.smoothing) + schedule.smoothing
    target = np.asarray(softened, dtype=np.float32)
    with repeatable(seed, threads) as torch:
        network = build()
        network.train()
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.rate, weight_decay=schedule.decay
        )
        batches = list(_batches(len(labels), schedule, rng))
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, schedule.rate, total_steps=max(len(batches), 1)
        )
        for rows in batches:
            optimiser.zero_grad()
            answer = network(torch.from_numpy(batch(rows, rng)))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                answer, torch.from_numpy(target[rows])
            )
            loss.backward()
            optimiser.step()
            cycle.step()
        return weights_of(network)


def answers(
    network: nn.Module, pieces: Callable[[slice], np.ndarray], rows: int, threads: int
) -> Floats:
    """Return the network's log odds for all rows, a few at a time."""
    found = []
    with repeatable(0, threads) as torch, torch.inference_mode():
        network.eval()
        for begin in range(0, rows, 64):
            part = pieces(slice(begin, begin + 64))
            found.append(network(torch.from_numpy(part)).numpy().astype(np.float64))
    if not found:
        raise DataRefused("there is nothing to predict")
    return np.concatenate(found)


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """Return everything the network learned, by name, as plain arrays."""
    return {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}


def with_weights(network: nn.Module, arrays: dict[str, np.ndarray]) -> nn.Module:
    """Put learned weights into a network of the same build; refuses any that do not fit."""
    from biolake.learning.networks.torch_setup import torch_module

    torch = torch_module()
    state: dict[str, Any] = {k: torch.from_numpy(np.array(v)) for k, v in arrays.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise DataRefused("the saved weights do not fit this network") from None
    return network


def _batches(rows: int, schedule: Schedule, rng: np.random.Generator) -> Iterator[np.ndarray]:
    for _ in range(schedule.epochs):
        order = rng.permutation(rows)
        for begin in range(0, rows, schedule.batch):
            part = order[begin : begin + schedule.batch]
            if len(part) >= min(_LEAST_ROWS, rows):
                yield part
