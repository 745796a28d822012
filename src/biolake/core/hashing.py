"""Content hashes of whole tables: vectorised, and the same in every release of every library.

Integers, times and floats enter as 64-bit words, each distinct string as its BLAKE2b digest; the
words of a row are folded in column order by the finaliser of SplitMix64 (Steele, Lea & Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from biolake.core.errors import WrongUse

Words = np.ndarray  # uint64, one a row

_BLOCK_ROWS = 1 << 17  # keeps the scratch arrays in cache
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_NULL = np.uint64(0xD1B54A32D192ED03)  # any constant that no small integer or float equals
_NAN = np.array([np.nan]).view(np.uint64)[0]


def content_hash(table: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Return a signed 64-bit hash of each row's values in `columns`, in that order.

    Null differs from zero and from the empty string; -0.0 equals 0.0 and every NaN is one NaN.
    A value hashes alike as int32 and int64, float32 and float64 (after widening), string, large
    string and dictionary, and timestamp in any unit (finer than a microsecond is cut off).
    """
    words = [_words_of(table.schema.field(name)) for name in columns]
    out = np.empty(table.num_rows, dtype=np.uint64)
    start = 0
    for batch in table.select(list(columns)).to_batches(max_chunksize=_BLOCK_ROWS):
        folded = np.full(batch.num_rows, np.uint64(len(columns)), dtype=np.uint64)
        for to_words, column in zip(words, batch.columns, strict=True):
            _fold(folded, to_words(column))
        out[start : start + batch.num_rows] = folded
        start += batch.num_rows
    return out.view(np.int64)


def _fold(folded: Words, words: Words) -> None:
    """Mix the next column's words into the running hash, in place."""
    folded += _GAMMA
    folded ^= words
    folded ^= folded >> np.uint64(30)
    folded *= _MIX_1
    folded ^= folded >> np.uint64(27)
    folded *= _MIX_2
    folded ^= folded >> np.uint64(31)


def _words_of(field: pa.Field) -> Callable[[pa.Array], Words]:
    """Return what turns an array of this field's type into words."""
    kind = field.type.value_type if pt.is_dictionary(field.type) else field.type
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        return _StringWords()
    if kind is not field.type:
        return lambda array: _words_of(pa.field(field.name, kind))(array.dictionary_decode())
    if pt.is_floating(kind):
        return _float_words
    if pt.is_timestamp(kind) or pt.is_date(kind):
        return _time_words
    if pt.is_integer(kind) or pt.is_boolean(kind):
        return _integer_words
    if pt.is_null(kind):
        return lambda array: np.full(len(array), _NULL, dtype=np.uint64)
    raise WrongUse(f"column '{field.name}' of type {field.type} has no content hash")


def _integer_words(array: pa.Array) -> Words:
    if pt.is_uint64(array.type):
        values = array.fill_null(0).to_numpy(zero_copy_only=False)
    else:
        values = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
    return _with_nulls(array, values)


def _time_words(array: pa.Array) -> Words:
    zone = getattr(array.type, "tz", None)
    return _integer_words(array.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()))


def _float_words(array: pa.Array) -> Words:
    filled = array.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    values = (filled + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
    nan = np.isnan(filled)
    if nan.any():
        values[nan] = _NAN
    return _with_nulls(array, values)


def _with_nulls(array: pa.Array, values: Words) -> Words:
    if not array.null_count:
        return values
    return np.where(array.is_null().to_numpy(zero_copy_only=False), _NULL, values)


class _StringWords:
    """Digest each distinct string once, over all batches of a column."""

    def __init__(self) -> None:
        self._digests: dict[str, int] = {}
        self._dictionary: pa.Array | None = None
        self._words = np.empty(0, dtype=np.uint64)

    def __call__(self, array: pa.Array) -> Words:
        encoded = array if pt.is_dictionary(array.type) else array.dictionary_encode()
        if self._dictionary is None or not self._dictionary.equals(encoded.dictionary):
            self._dictionary = encoded.dictionary
            digests = [self._digest(text) for text in encoded.dictionary.to_pylist()]
            self._words = np.array([*digests, int(_NULL)], dtype=np.uint64)
        # A missing index points behind the dictionary, where the null's word is.
        indices = pc.fill_null(encoded.indices.cast(pa.int64()), len(self._words) - 1)
        words: Words = self._words[indices.to_numpy(zero_copy_only=False)]
        return words

    def _digest(self, text: str | None) -> int:
        if text is None:
            return int(_NULL)
        digest = self._digests.get(text)
        if digest is None:
            raw = hashlib.blake2b(text.encode(), digest_size=8).digest()
            digest = self._digests[text] = int.from_bytes(raw, "little")
        return digest
