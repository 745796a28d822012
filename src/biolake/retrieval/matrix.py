"""A feature set on disk: written once, read back as a sparse or dense matrix.

    samples.parquet     the rows, in matrix order: sample, subject_id, prediction_time, labels' row
    columns.json        the columns, in matrix order, and what an entry that is not there means
    block-00/part-00000.parquet
                        one block's entries for a run of samples, ordered by (sample, item): one row
                        a sample and item (a code), one field a measure; null = no entry
    vocabulary.json     what to build the same columns with, from other labels or another lake
    features.json       provenance: definition, lake commit, what did not fit

The column of (item, measure m) in a block of M measures is `first column + item × M + m`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolake import __version__
from biolake.core.errors import SetupMissing, WrongUse, did_you_mean
from biolake.core.hashing import content_hash
from biolake.lake.door import View
from biolake.retrieval.definition import Definition
from biolake.retrieval.samples import Chunk, Samples
from biolake.retrieval.vocabulary import Block, Strays, Vocabulary

_ZERO = ("count", "presence", "n", "observed")  # no entry means 0; elsewhere it means missing
_UNITLESS = (*_ZERO, "time_since")


@dataclass(frozen=True)
class Column:
    """One column; `absent` is what an entry that is not stored stands for: 0, or None = missing."""

    name: str
    group: str
    window: str | None
    aggregation: str
    code: str | None
    unit: str | None
    absent: int | None


@dataclass(frozen=True)
class Csr:
    """A sparse matrix by rows, as SciPy lays it out."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    def to_scipy(self) -> Any:
        """Return the same as a `scipy.sparse.csr_matrix`, without copying."""
        try:
            from scipy.sparse import csr_matrix
        except ImportError:
            raise SetupMissing("SciPy is not installed", next="Run: pip install scipy") from None
        return csr_matrix((self.data, self.indices, self.indptr), shape=self.shape)


@dataclass(frozen=True)
class FeatureSet:
    """A built feature set; nothing is read before it is asked for."""

    folder: Path

    @staticmethod
    def load(folder: Path) -> FeatureSet:
        if not (folder / "features.json").is_file():
            raise SetupMissing("there is no feature set here", where=str(folder))
        return FeatureSet(folder)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "features.json").read_text("utf-8"))
        return found

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary.load(self.folder / "vocabulary.json")

    @cached_property
    def samples(self) -> pa.Table:
        return pq.read_table(self.folder / "samples.parquet")

    @cached_property
    def columns(self) -> list[Column]:
        raw = json.loads((self.folder / "columns.json").read_text("utf-8"))
        return [Column(**column) for column in raw["columns"]]

    def parts(self) -> Iterator[tuple[int, Csr]]:
        """Yield the matrix a run of samples at a time, with the number of its first sample."""
        for number, (start, stop) in enumerate(self.provenance["parts"]):
            yield start, self._part(number, start, stop)

    def csr(self) -> Csr:
        """Return the whole matrix, sparse; what an entry not stored means is each column's."""
        parts = [part for _, part in self.parts()]
        width = self.provenance["columns"]
        counts = [np.diff(part.indptr) for part in parts]
        indptr = np.concatenate([[0], *counts]).astype(np.int64).cumsum()
        data = np.concatenate([np.empty(0), *(part.data for part in parts)])
        columns = np.concatenate([np.empty(0, np.int32), *(part.indices for part in parts)])
        return Csr(data, columns, indptr, (len(indptr) - 1, width))

    def dense(self, columns: Sequence[str] | None = None) -> np.ndarray:
        """Return the columns named, or all, as float64: samples × columns, NaN where missing."""
        names = [column.name for column in self.columns]
        wanted = self._numbers(names, names if columns is None else columns)
        place = np.full(len(names), -1)
        place[wanted] = np.arange(len(wanted))
        absent = [self.columns[number].absent for number in wanted]
        start = np.array([np.nan if value is None else value for value in absent], dtype=float)
        out = np.tile(start, (self.provenance["samples"], 1))
        for first, part in self.parts():
            rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)) + first
            kept = place[part.indices] >= 0
            out[rows[kept], place[part.indices[kept]]] = part.data[kept]
        return out

    def _numbers(self, names: list[str], wanted: Sequence[str]) -> list[int]:
        numbers = {name: number for number, name in enumerate(names)}
        for name in wanted:
            if name not in numbers:
                near = did_you_mean(name, names)
                raise WrongUse(f"there is no feature '{name}'.{near}", where=str(self.folder))
        return [numbers[name] for name in wanted]

    def _part(self, number: int, start: int, stop: int) -> Csr:
        """Return one run of samples, the entries of all blocks side by side in column order."""
        rows, columns, data, offset = [], [], [], 0
        for place, block in enumerate(self.vocabulary.blocks):
            path = part_path(self.folder, place, number)
            if path.is_file():
                row, column, value = _entries(path, len(block.measures))
                rows.append(row - start)
                columns.append(column + offset)
                data.append(value)
            offset += block.width
        row = np.concatenate([np.empty(0, np.int32), *rows])
        order = np.argsort(row, kind="stable") if len(rows) > 1 else slice(None)
        indptr = np.concatenate([[0], np.bincount(row, minlength=stop - start)]).cumsum()
        indices = np.concatenate([np.empty(0, np.int32), *columns])[order]
        values = np.concatenate([np.empty(0), *data])[order]
        return Csr(values, indices.astype(np.int32), indptr, (stop - start, offset))


def _entries(path: Path, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sample, column within the block and value of every entry of a part."""
    table = pq.read_table(path)
    sample, item = (table[name].to_numpy() for name in ("sample", "item"))
    values = np.empty((table.num_rows, width))
    for place, name in enumerate(table.column_names[2:]):
        # A null becomes NaN; no measure is ever NaN, so NaN is "no entry" below.
        values[:, place] = table[name].cast(pa.float64()).to_numpy()
    row, measure = np.nonzero(~np.isnan(values))
    return sample[row], item[row] * width + measure, values[row, measure]


def part_path(folder: Path, block: int, part: int) -> Path:
    return folder / f"block-{block:02d}" / f"part-{part:05d}.parquet"


def describe(
    folder: Path,
    view: View,
    definition: Definition,
    samples: Samples,
    parts: Sequence[Chunk],
    vocabulary: Vocabulary,
    strays: dict[str, Strays],
    vectors: dict[str, dict[str, Any]],
) -> None:
    """Write everything of a feature set but its entries."""
    pq.write_table(samples.table(), folder / "samples.parquet", compression="zstd")
    vocabulary.save(folder / "vocabulary.json")
    columns = [column for block in vocabulary.blocks for column in _columns(block)]
    lines = ",\n".join(json.dumps(vars(column), ensure_ascii=False) for column in columns)
    (folder / "columns.json").write_text(f'{{"columns": [\n{lines}\n]}}\n', encoding="utf-8")
    keys = content_hash(samples.table(), ["subject_id", "prediction_time"])
    said = {
        "format": 1,
        "software": f"biolake {__version__}",
        "lake_id": view.lake.lake_id,
        "commit": view.commit.number,
        "purpose": view.access.purpose,
        "definition": asdict(definition),
        "definition_hash": definition.hash,
        "samples": len(samples),
        "samples_hash": f"{int(keys.view(np.uint64).sum()):016x}",
        "columns": len(columns),
        "parts": [[chunk.start, chunk.stop] for chunk in parts],
        "codes_missing": {name: list(s.missing) for name, s in strays.items()},
        "values_in_another_unit": {name: dict(s.values) for name, s in strays.items()},
        "embeddings": vectors,
    }
    text = json.dumps(said, indent=1, ensure_ascii=False)
    (folder / "features.json").write_text(text + "\n", encoding="utf-8")


def _columns(block: Block) -> Iterator[Column]:
    for item in block.items:
        for window, name in block.measures:
            words = [block.name, window, name if block.kind == "group" else None, item.code]
            if block.kind == "age":
                words = ["age"]
            if block.kind == "embedding":
                words = ["embedding", block.name, name]
            unit = _unit(name, item.unit)
            absent = 0 if name in _ZERO else None
            full = "/".join(word for word in words if word)
            yield Column(full, block.name, window, name, item.code, unit, absent)


def _unit(aggregation: str, unit: str | None) -> str | None:
    if aggregation == "time_since":
        return "d"
    if aggregation in _UNITLESS or unit is None:
        return None
    return f"{unit}/d" if aggregation == "slope" else unit
