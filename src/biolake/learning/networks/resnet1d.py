"""A residual network over time for multichannel signals, with the xresnet stem.

He et al., CVPR 2016 and CVPR 2019 ("bag of tricks": three-convolution stem, average-pooled
shortcuts), in one dimension as in Strodthoff et al., IEEE JBHI 2021;25:1519.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def resnet1d(
    channels: int,
    labels: int,
    *,
    widths: tuple[int, ...] = (32, 64, 96, 128),
    kernel: int = 7,
    dropout: float = 0.3,
) -> nn.Module:
    """Return a network n × channels × samples → n × labels (logits); any number of samples ≥ 32."""
    from torch import nn

    layers: list[nn.Module] = [*_stem(channels, widths[0], kernel)]
    before = widths[0]
    for number, width in enumerate(widths):
        layers.append(_block(before, width, kernel, stride=1 if number == 0 else 2))
        before = width
    return nn.Sequential(*layers, _pooled(), nn.Dropout(dropout), nn.Linear(2 * before, labels))


def _stem(channels: int, width: int, kernel: int) -> list[nn.Module]:
    from torch import nn

    half = width // 2
    return [
        *_convolution(channels, half, kernel, stride=2),
        *_convolution(half, width, kernel, stride=1),
        nn.MaxPool1d(3, stride=2, padding=1),
    ]


def _convolution(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
    from torch import nn

    return [
        nn.Conv1d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm1d(after),
        nn.ReLU(inplace=True),
    ]


def _block(before: int, after: int, kernel: int, stride: int) -> nn.Module:
    from torch import Tensor, nn

    class Block(nn.Module):
        """Two convolutions beside a shortcut; the second starts as zero (He 2019)."""

        def __init__(self) -> None:
            super().__init__()
            last = nn.BatchNorm1d(after)
            nn.init.zeros_(last.weight)
            self.path = nn.Sequential(
                *_convolution(before, after, kernel, stride),
                nn.Conv1d(after, after, kernel, padding=kernel // 2, bias=False),
                last,
            )
            shortcut: list[nn.Module] = []
            if stride > 1:
                shortcut.append(nn.AvgPool1d(stride, ceil_mode=True))
            if before != after:
                shortcut += [nn.Conv1d(before, after, 1, bias=False), nn.BatchNorm1d(after)]
            self.shortcut = nn.Sequential(*shortcut)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.relu(self.path(x) + self.shortcut(x))

    return Block()


def _pooled() -> nn.Module:
    import torch
    from torch import Tensor, nn

    class Pooled(nn.Module):
        """Mean and maximum over time, end to end."""

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)

    return Pooled()
