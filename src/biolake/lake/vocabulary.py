"""The strings that recur in a load (codes, units), as small integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Terms:
    """Number strings 0, 1, 2 … in order of appearance; -1 stands for null."""

    def __init__(self, normalise: Callable[[str], str] = str) -> None:
        self._normalise = normalise
        self._numbers: dict[str, int] = {}
        self._raw: dict[str, int] = {}
        self.names: list[str] = []

    def number(self, name: str) -> int:
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = len(self.names)
            self.names.append(name)
        return found

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return the int32 number of each string (string or dictionary array)."""
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        raw = self._raw
        numbers = []
        for text in encoded.dictionary.to_pylist():
            number = raw.get(text)
            if number is None:
                number = raw[text] = self.number(self._normalise(text))
            numbers.append(number)
        table = np.array([*numbers, -1], dtype=np.int32)
        indices = encoded.indices
        if indices.null_count:
            indices = pc.fill_null(indices.cast(pa.int32()), len(numbers))
        return np.asarray(table[indices.to_numpy(zero_copy_only=False)])

    def ranks(self) -> np.ndarray:
        """Return each number's place in the alphabetical (byte) order of all names."""
        order = sorted(range(len(self.names)), key=lambda n: self.names[n].encode())
        ranks = np.empty(len(order), dtype=np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        return ranks

    def array(self) -> pa.Array:
        return pa.array(self.names, pa.string())
