"""A fixed random projection: long vectors become short ones, and nothing is learned from data.

Every component is a sum of the vector's numbers, each with a sign of its own, over √components:
lengths and distances are kept on average (Achlioptas, J. Comput. Syst. Sci. 66, 2003). The signs
are bits of SHAKE-256, so they are the same on every machine and under every version of NumPy.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

_SEED = "biolake random projection 1"


@cache
def signs(dimension: int, components: int) -> np.ndarray:
    """Return dimension × components of +1 and -1, float64."""
    size = dimension * components
    seed = f"{_SEED}: {dimension} to {components}".encode()
    raw = np.frombuffer(hashlib.shake_256(seed).digest(-(-size // 8)), np.uint8)
    return np.unpackbits(raw)[:size].reshape(dimension, components) * 2.0 - 1.0


def project(vectors: np.ndarray, components: int) -> np.ndarray:
    """Return n × components of n × dimension, float64.

    A matrix product would differ in the last bits from one library and batch size to another; sums
    in one order do not.
    """
    sign = signs(vectors.shape[1], components)
    total = np.zeros((len(vectors), components))
    for place in range(vectors.shape[1]):
        total += vectors[:, place, None] * sign[place]
    total /= np.sqrt(components)
    return total
