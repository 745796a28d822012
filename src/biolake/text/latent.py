"""Texts as vectors learned from texts: hashed n-grams, weighted, projected by an SVD.

Terms, pairs of terms and runs of four letters are hashed into buckets (Weinberger et al., ICML
2009), weighted by (1 + log count) · idf, and projected on the directions in which a sample of texts
differs most: latent semantic analysis (Deerwester et al., JASIS 1990) by a randomised SVD (Halko,
Martinsson & Tropp, SIAM Rev 2011, algorithm 4.4). The same texts and seed give the same vectors.

A bucket counts only if texts of several people hold something in it, so that no word that is one
person's alone is in what is learned.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.text.terms import terms

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BUCKETS = 1 << 18
DIMENSION = 256
MOST_BUCKETS = 50_000  # those that texts of most people hold
LEAST_PEOPLE = 10  # whose texts must hold a bucket; Biolake's small-cell threshold
_OFTEN = 0.5  # a bucket in more than this share of texts tells nothing
_SPARE, _PASSES = 16, 2  # of the randomised SVD


@dataclass(frozen=True)
class TextModel:
    """What was learned: the row of each bucket in `basis` (-1: none), its idf, its directions."""

    rows: np.ndarray
    idf: np.ndarray
    basis: np.ndarray

    @property
    def dimension(self) -> int:
        return int(self.basis.shape[1])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return texts × dimension, each of length 1; zeros where nothing in a text is known."""
        found = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for number, text in enumerate(texts):
            rows, counts = self._known(text)
            if len(rows):
                weights = _weights(counts) * self.idf[rows]
                vector = weights.astype(np.float32) @ self.basis[rows]
                found[number] = vector / (float(np.linalg.norm(vector)) or 1.0)
        return found

    def _known(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        rows = self.rows[buckets_of(text)]
        return np.unique(rows[rows >= 0], return_counts=True)

    def save(self, folder: Path) -> None:
        """Write the model as plain files."""
        folder.mkdir(parents=True, exist_ok=True)
        half = self.basis.astype(np.float16)
        np.savez(folder / "model.npz", rows=self.rows, idf=self.idf, basis=half)
        said = {"method": "tfidf-svd", "buckets": BUCKETS, "dimension": self.dimension}
        (folder / "model.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> TextModel:
        with np.load(folder / "model.npz", allow_pickle=False) as held:
            basis = held["basis"].astype(np.float32)
            return TextModel(held["rows"], held["idf"], basis)


def buckets_of(text: str) -> np.ndarray:
    """Return the buckets of all n-grams of a text."""
    require("search", "numba", to="encode texts")
    from biolake.text._ngrams import hashed

    found = terms(text)
    if not found:
        return np.zeros(0, dtype=np.int64)
    joined = "\n".join(found)
    codes = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)
    numbers = np.empty(2 * len(found) + len(joined) + len(found), dtype=np.int64)
    return numbers[: hashed(codes, BUCKETS, numbers)]


def fit(
    texts: Sequence[str], people: Sequence[int], *, dimension: int = DIMENSION, seed: int = 1
) -> TextModel:
    """Learn from texts; `people` says whose each is.

    Raises DataRefused where so few people have texts that nothing may be learned.
    """
    held = [np.unique(buckets_of(text), return_counts=True) for text in texts]
    rows = _kept(held, np.asarray(people))
    width = int(rows.max()) + 1
    rank = min(dimension, width - 1, len(texts) - 1)
    if rank < 2:
        raise DataRefused(
            f"too few words stand in texts of {LEAST_PEOPLE} people or more",
            next="Search by words does without.",
        )
    matrix, idf = _matrix(held, rows, width)
    basis = _directions(matrix, rank, seed)
    # Kept in half precision, so that a model read back is the one that was made.
    return TextModel(rows, idf, basis.astype(np.float16).astype(np.float32))


def _kept(held: Sequence[tuple[np.ndarray, np.ndarray]], people: np.ndarray) -> np.ndarray:
    """Number the buckets that count, those of most people first if there are too many."""
    texts, persons = np.zeros(BUCKETS, np.int64), np.zeros(BUCKETS, np.int64)
    for buckets, _ in held:
        texts[buckets] += 1
    order = np.argsort(people, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(people[order])) + 1):
        persons[np.unique(np.concatenate([held[int(n)][0] for n in mine]))] += 1
    good = (persons >= LEAST_PEOPLE) & (texts <= max(_OFTEN * len(held), LEAST_PEOPLE))
    chosen = np.flatnonzero(good)
    if len(chosen) > MOST_BUCKETS:
        chosen = np.sort(chosen[np.argsort(-persons[chosen], kind="stable")[:MOST_BUCKETS]])
    rows = np.full(BUCKETS, -1, dtype=np.int32)
    rows[chosen] = np.arange(len(chosen), dtype=np.int32)
    return rows


def _matrix(
    held: Sequence[tuple[np.ndarray, np.ndarray]], rows: np.ndarray, width: int
) -> tuple[csr_array, np.ndarray]:
    """Return texts × buckets, weighted and each text of length 1, and the idf of each bucket."""
    require("search", "scipy", to="learn from texts")
    from scipy.sparse import csr_array

    columns, values = [], []
    for buckets, counts in held:
        known = rows[buckets] >= 0
        columns.append(rows[buckets[known]])
        values.append(_weights(counts[known]))
    lengths = [len(one) for one in columns]
    column = np.concatenate(columns)
    texts = np.bincount(column, minlength=width)
    idf = np.log((1.0 + len(held)) / (1.0 + texts)) + 1.0
    value = np.concatenate(values) * idf[column]
    of = np.repeat(np.arange(len(held)), lengths)
    norm = np.sqrt(np.bincount(of, weights=value * value, minlength=len(held)))
    value /= norm[of]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    shape = (len(held), width)
    return csr_array((value.astype(np.float32), column, starts), shape=shape), idf


def _weights(counts: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 + np.log(counts))


def _directions(matrix: csr_array, rank: int, seed: int) -> np.ndarray:
    """Return the first right singular vectors, buckets × rank, the largest number of each > 0."""
    draw = np.random.default_rng(seed)
    wide = min(rank + _SPARE, *matrix.shape)
    drawn = draw.standard_normal((matrix.shape[1], wide)).astype(np.float32)
    span = np.linalg.qr(matrix @ drawn)[0]
    for _ in range(_PASSES):
        span = np.linalg.qr(matrix.T @ span)[0]
        span = np.linalg.qr(matrix @ span)[0]
    small = np.asarray(matrix.T @ span)
    values, left = np.linalg.eigh((small.T @ small).astype(np.float64))
    order = np.argsort(-values)[:rank]
    spread = np.sqrt(np.maximum(values[order], 1e-12))
    basis = small @ (left[:, order] / spread).astype(np.float32)
    largest = np.take_along_axis(basis, np.abs(basis).argmax(axis=0)[None], axis=0)
    return np.asarray(basis * np.where(largest < 0, -1.0, 1.0), dtype=np.float32)
