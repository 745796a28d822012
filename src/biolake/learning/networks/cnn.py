"""A small residual network for grey pictures of 28 to 256 pixels a side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def cnn(
    labels: int, *, size: int, widths: tuple[int, ...] = (32, 64, 128), dropout: float = 0.3
) -> nn.Module:
    """Return a network n × 1 × size × size → n × labels (logits)."""
    from torch import nn

    # Larger pictures are first brought down to about 56 pixels a side.
    stride = max(1, size // 56)
    layers: list[nn.Module] = [*_convolution(1, widths[0], stride=min(stride, 4))]
    before = widths[0]
    for number, width in enumerate(widths):
        layers += [_block(before, width)]
        if number < len(widths) - 1:
            layers.append(nn.MaxPool2d(2))
        before = width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(before, labels)]
    return nn.Sequential(*layers, *head)


def _convolution(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    from torch import nn

    return [
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]


def _block(before: int, after: int) -> nn.Module:
    from torch import Tensor, nn

    class Block(nn.Module):
        """Two convolutions beside a shortcut (He et al., CVPR 2016)."""

        def __init__(self) -> None:
            super().__init__()
            self.path = nn.Sequential(
                *_convolution(before, after),
                nn.Conv2d(after, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
            )
            narrow = nn.Conv2d(before, after, 1, bias=False)
            self.shortcut = narrow if before != after else nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.relu(self.path(x) + self.shortcut(x))

    return Block()
