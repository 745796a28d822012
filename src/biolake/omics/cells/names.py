"""Names of genes and of cell types, such that no two things have the same."""

from __future__ import annotations

from collections import Counter

import numpy as np


def told_apart(names: np.ndarray) -> list[str]:
    """Give a name that comes again `-1`, `-2` …, as anndata does; none is merged."""
    plain = [str(name) for name in names]
    counts = Counter(plain)
    taken, seen = set(plain), Counter[str]()
    found = []
    for name in plain:
        if counts[name] > 1 and seen[name]:
            number = seen[name]
            while f"{name}-{number}" in taken:
                number += 1
            seen[name] = number
            taken.add(f"{name}-{number}")
            found.append(f"{name}-{number}")
        else:
            found.append(name)
        seen[name] += 1
    return found


def as_code(name: str) -> str:
    """Return a name as one part of a code: codes part at two slashes."""
    plain = " ".join(name.split())
    while "//" in plain:
        plain = plain.replace("//", "/")
    return plain.strip("/")
