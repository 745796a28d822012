"""Attention over the items of a bag (tiles of a slide, slices of a volume).

Gated attention-based multiple-instance learning: Ilse, Tomczak & Welling, ICML 2018, equation 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def attention_mil(
    dimension: int, labels: int, *, width: int = 64, dropout: float = 0.25
) -> nn.Module:
    """Return a network n × items × (dimension + 1) → n × labels (logits).

    The last column of each item is 1 where the item exists and 0 where the bag was padded.
    `network.attention(bags)` gives each item's share, n × items.
    """
    import torch
    from torch import nn

    class Attention(nn.Module):
        """a_k ∝ exp{wᵀ(tanh(V h_k) ⊙ sigm(U h_k))}; the bag is Σ a_k h_k."""

        def __init__(self) -> None:
            super().__init__()
            self.items = nn.Sequential(nn.Linear(dimension, width), nn.ReLU(), nn.Dropout(dropout))
            self.content, self.gate = nn.Linear(width, width), nn.Linear(width, width)
            self.score, self.answer = nn.Linear(width, 1), nn.Linear(width, labels)

        def attention(self, bags: Tensor) -> Tensor:
            return self._shares(self.items(bags[..., :-1]), bags[..., -1])

        def _shares(self, h: Tensor, exists: Tensor) -> Tensor:
            gated = torch.tanh(self.content(h)) * torch.sigmoid(self.gate(h))
            score = self.score(gated).squeeze(-1).masked_fill(exists < 0.5, float("-inf"))
            return torch.softmax(score, dim=1)

        def forward(self, bags: Tensor) -> Tensor:
            h = self.items(bags[..., :-1])
            shares = self._shares(h, bags[..., -1])
            answer: Tensor = self.answer((shares.unsqueeze(-1) * h).sum(dim=1))
            return answer

    return Attention()
