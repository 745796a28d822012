"""Row keys of findings, and which of those stored an asset had before.

A key says extractor, asset, sample, code and ordinal, and can be read backwards: the finaliser of
SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) is a bijection, so key = mix(asset + code + place)
with place = sample and ordinal. Turned back and sorted, all that was found in one asset lies side
by side, however many codes an extractor has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from biolake.core.keys import row_key
from biolake.lake.door import View

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BACK_1 = np.uint64(pow(int(_MIX_1), -1, 1 << 64))
_BACK_2 = np.uint64(pow(int(_MIX_2), -1, 1 << 64))
_ORDINALS = 28  # bits
_ORDINAL = np.uint64((1 << _ORDINALS) - 1)
# A sample beyond these was in no earlier state of an asset: what looks so is another's by chance.
_FEWEST_SAMPLES = 1 << 16
_BATCH = 1 << 18


def mix(words: np.ndarray) -> np.ndarray:
    """Return the finaliser of SplitMix64 of unsigned 64-bit words."""
    z = (words ^ (words >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return np.asarray(z ^ (z >> np.uint64(31)))


def unmix(words: np.ndarray) -> np.ndarray:
    """Return what `mix` made of other words."""
    z = words ^ (words >> np.uint64(31)) ^ (words >> np.uint64(62))
    z = z * _BACK_2
    z = z ^ (z >> np.uint64(27)) ^ (z >> np.uint64(54))
    z = z * _BACK_1
    return np.asarray(z ^ (z >> np.uint64(30)) ^ (z >> np.uint64(60)))


def ordinals(*columns: np.ndarray) -> np.ndarray:
    """Number the rows that are equal in these columns 0, 1, 2 … in their order."""
    order = np.lexsort(columns)
    fresh = np.zeros(len(order), dtype=bool)
    fresh[:1] = True
    for column in columns:
        arranged = column[order]
        fresh[1:] |= arranged[1:] != arranged[:-1]
    places = np.arange(len(order))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = places - np.maximum.accumulate(np.where(fresh, places, 0))
    return found


class FindingKeys:
    """The keys of one extractor's findings at one site: those made now, and those stored."""

    def __init__(self, view: View, name: str, site: str) -> None:
        self._name = name
        self._words: dict[str, int] = {}
        stored = view.con.sql(
            "SELECT row_key, code FROM events WHERE site_id = ? AND source = ?",
            params=[site, name],
        )
        empty = np.empty(0, dtype=np.uint64)
        parts = [(empty, empty)]
        for batch in stored.to_arrow_reader(_BATCH):
            key = batch["row_key"].to_numpy().view(np.uint64)
            parts.append((key, unmix(key) - self._code_words(batch["code"])))
        keys, turned = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(turned)
        self._turned, self._keys = turned[order], keys[order]

    def base(self, identity: str) -> np.uint64:
        """Return the word of an asset."""
        return np.uint64(row_key(self._name, identity) % (1 << 64))

    def make(
        self, bases: np.ndarray, samples: np.ndarray, codes: pa.ChunkedArray, nth: np.ndarray
    ) -> np.ndarray:
        """Return the keys of findings; a sample of -1 stands for the asset itself."""
        places = ((samples.astype(np.int64) + 1).astype(np.uint64) << np.uint64(_ORDINALS)) | (
            nth.astype(np.uint64) & _ORDINAL
        )
        return mix(bases + self._code_words(codes) + places).view(np.int64)

    def _code_words(self, codes: pa.ChunkedArray | pa.Array) -> np.ndarray:
        whole = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
        encoded = whole.dictionary_encode()
        words = np.array([self._word(code) for code in encoded.dictionary.to_pylist()], np.uint64)
        return words[encoded.indices.to_numpy()] if len(codes) else words

    def _word(self, code: str) -> int:
        if code not in self._words:
            self._words[code] = row_key("code", code) % (1 << 64)
        return self._words[code]

    def stored(self, base: np.uint64, samples: int) -> np.ndarray:
        """Return the stored keys of what was found in an asset that has, or had, some samples."""
        if not len(self._keys):
            return _NONE
        highest = max(2 * samples, _FEWEST_SAMPLES) if samples else 0
        reach = np.uint64((highest + 1) << _ORDINALS)
        with np.errstate(over="ignore"):
            first = int(np.searchsorted(self._turned, base))
            last = int(np.searchsorted(self._turned, base + reach))
            parts = [slice(first, last)] if base + reach > base else [
                slice(first, None), slice(0, last)
            ]  # fmt: skip
            found = np.concatenate([self._turned[part] for part in parts]) - base
        keys = np.concatenate([self._keys[part] for part in parts])
        # Findings of one code are numbered without a gap, so no number exceeds their count.
        return np.asarray(keys[(found & _ORDINAL) < np.uint64(len(found))].view(np.int64))

    def orphans(self, identities: Sequence[tuple[str, int]]) -> np.ndarray:
        """Return the stored keys of findings in none of these assets (identity, samples)."""
        if not len(self._keys):
            return _NONE
        if not identities:
            return np.asarray(self._keys.view(np.int64))
        bases = np.array([self.base(name) for name, _ in identities], dtype=np.uint64)
        order = np.argsort(bases)
        bases = bases[order]
        counts = np.array([samples for _, samples in identities], dtype=np.uint64)[order]
        # The nearest base below; below the first one lies the last, round the end of 64 bits.
        place = np.searchsorted(bases, self._turned, side="right") - 1
        with np.errstate(over="ignore"):
            after = (self._turned - bases[place]) >> np.uint64(_ORDINALS)
        return np.asarray(self._keys[after > counts[place]].view(np.int64))


_NONE = np.empty(0, dtype=np.int64)
