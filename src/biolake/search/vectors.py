"""Vectors that are near: of two bytes a number, scanned whole by the first, ranked by both.

Nothing is left out for speed, so a filter costs no recall. Vectors are compared by the cosine.
Those of an asset's encoder are first set to mean 0 and variance 1 in each number, for such numbers
have other ranges; those of a text encoder are compared as they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.lake.door import View
from biolake.search.building import Change, keep
from biolake.search.home import BuiltPart, State, home_of, make_home, read_state
from biolake.search.tables import ROWS, Table, write_table

PREFIX = "vectors/"
WHOLE = -1  # in place of an item's number: the mean of all
_VERSION = 1
_STEPS = 254.0  # of the second byte, within one of the first
_READ = 4096  # embeddings read together
_WRITE = 8192
_RANKED = 100  # of the first byte's best, those that both bytes rank
_ALL = 20_000  # up to so many are ranked by both at once

_ENCODERS = """
SELECT encoder, encoder_version, any_value(modality), any_value(dimension), count(*)
FROM embeddings JOIN (SELECT DISTINCT asset_id, modality FROM assets) USING (asset_id)
WHERE items > 0 GROUP BY encoder, encoder_version ORDER BY encoder, count(*), encoder_version
"""
_KEYS = """
SELECT asset_id, any_value(items) AS items FROM embeddings
WHERE encoder = ? AND encoder_version = ? AND items > 0
    AND asset_id IN (SELECT asset_id FROM assets)
GROUP BY asset_id ORDER BY asset_id
"""
_VECTORS = """
SELECT asset_id, items, vector FROM embeddings
WHERE encoder = ? AND encoder_version = ? AND items > 0
    AND asset_id IN (SELECT asset_id FROM assets)
"""


@dataclass(frozen=True)
class Encoded:
    """Vectors of one encoder that a lake holds."""

    encoder: str
    version: str
    modality: str
    dimension: int
    assets: int

    @property
    def part(self) -> str:
        return f"{PREFIX}{self.encoder}"

    @property
    def by_item(self) -> bool:
        """Whether each item has its vector in the index: each chunk of a note has."""
        return self.modality == "note"


def encoders(view: View) -> list[Encoded]:
    """Return the encoders of a view's embeddings, each with the version most assets have."""
    found = {row[0]: Encoded(*row) for row in view.rows(_ENCODERS)}
    return list(found.values())


@dataclass
class Quantised:
    """Unit vectors: `scale · (code + fine / 254)`, a row each."""

    code: np.ndarray
    fine: np.ndarray
    scale: np.ndarray

    @staticmethod
    def empty(rows: int, dimension: int) -> Quantised:
        shape = (rows, dimension)
        codes = np.zeros(shape, np.int8), np.zeros(shape, np.int8)
        return Quantised(*codes, np.zeros(rows, np.float32))

    def put(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Keep unit vectors as these rows."""
        scale = np.abs(vectors).max(axis=1) / 127.0
        steps = vectors / np.where(scale > 0, scale, 1.0)[:, None]
        code = np.rint(steps)
        self.code[rows] = code.astype(np.int8)
        self.fine[rows] = np.rint((steps - code) * _STEPS).astype(np.int8)
        self.scale[rows] = scale

    def exact(self, rows: np.ndarray) -> np.ndarray:
        steps = self.code[rows].astype(np.float32)
        steps += self.fine[rows].astype(np.float32) / np.float32(_STEPS)
        return np.asarray(steps * self.scale[rows][:, None])

    def nearest(
        self, asked: np.ndarray, count: int, rows: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows most like a unit vector, the most alike first, and their cosines.

        `rows`, ascending, are those that may be found; None: all.
        """
        many = len(self.scale) if rows is None else len(rows)
        if rows is None or many > _ALL:
            rows = self._best(asked, max(count * 4, _RANKED), rows)
        cosine = np.clip(self.exact(rows) @ asked.astype(np.float32), -1.0, 1.0)
        order = np.lexsort((rows, -cosine))[:count]
        return rows[order], cosine[order]

    def _best(self, asked: np.ndarray, count: int, rows: np.ndarray | None) -> np.ndarray:
        """Return the best rows by the first byte, ascending."""
        require("search", "numba", to="search by vectors")
        from biolake.search._scan import scan, scan_rows

        step = float(np.abs(asked).max()) / 127.0 or 1.0
        code = np.rint(asked / step).astype(np.int8)
        found = np.empty(len(self.scale) if rows is None else len(rows), np.float32)
        if rows is None:
            scan(self.code, self.scale, code, found)
        else:
            scan_rows(self.code, self.scale, rows, code, found)
        if len(found) > count:
            places = np.sort(np.argpartition(-found, count)[:count])
        else:
            places = np.arange(len(found))
        return places if rows is None else rows[places]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1; one of zeros stays."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0), dtype=np.float32)


def change_of(view: View, encoded: Encoded) -> Change:
    """Return how far the part of one encoder is behind the view's commit."""
    before = (read_state(view.lake) or State()).parts.get(encoded.part)
    now_held = set(_keys(view, encoded)["asset_id"].to_pylist())
    if before is None or not _same(before, encoded):
        commit = None if before is None else before.commit
        return Change(encoded.part, 0 if before is None else before.rows, commit, len(now_held))
    table = Table(home_of(view.lake) / before.folder, ROWS).columns(["asset_id"])
    held = set(table["asset_id"].to_pylist())
    told = dict(before.told)
    new, gone = len(now_held - held), len(held - now_held)
    return Change(encoded.part, before.rows, before.commit, new, 0, gone, told)


def _same(before: BuiltPart, encoded: Encoded) -> bool:
    said = (before.told.get("version"), before.told.get("encoder_version"))
    return said == (_VERSION, encoded.version)


def build_vectors(view: View, encoded: Encoded, *, full: bool = False) -> Change:
    """Bring the part of one encoder up to date."""
    change = change_of(view, encoded)
    before = (read_state(view.lake) or State()).parts.get(encoded.part)
    if before is not None and not change.stale and not full:
        if before.commit != view.commit.number:
            keep(view, encoded.part, before.folder, before.rows, dict(before.told))
        return change
    keys = _keys(view, encoded)
    items = keys["items"].to_numpy()
    counts = items if encoded.by_item else np.ones(len(items), dtype=np.int64)
    quantised = _quantised(view, encoded, keys["asset_id"].combine_chunks(), counts)
    folder = f"vectors-{secrets.token_hex(6)}"
    batches = _batches(keys["asset_id"].combine_chunks(), counts, quantised, encoded)
    home = make_home(view.lake)
    write_table(home / folder, ROWS, _schema(encoded.dimension), batches)
    told = {
        "version": _VERSION,
        "encoder": encoded.encoder,
        "encoder_version": encoded.version,
        "modality": encoded.modality,
        "dimension": encoded.dimension,
        "owners": len(keys),
    }
    keep(view, encoded.part, folder, int(counts.sum()), told)
    return change


def _keys(view: View, encoded: Encoded) -> pa.Table:
    return view.table(_KEYS, [encoded.encoder, encoded.version])


def _quantised(view: View, encoded: Encoded, ids: pa.Array, counts: np.ndarray) -> Quantised:
    edges = np.concatenate([[0], np.cumsum(counts)])
    made = Quantised.empty(int(edges[-1]), encoded.dimension)
    mean, spread = _moments(view, encoded)
    import pyarrow.compute as pc

    for asset_ids, vectors, starts in _read(view, encoded):
        place = pc.index_in(asset_ids, value_set=ids).to_numpy(zero_copy_only=False)
        of = np.repeat(np.arange(len(place)), np.diff(starts))
        rows = edges[place][of] + np.arange(len(vectors)) - starts[of]
        made.put(rows, unit((vectors - mean) / spread))
    return made


def _moments(view: View, encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Return what to subtract from each number, and what to divide by."""
    count, total, squares = 0, np.zeros(encoded.dimension), np.zeros(encoded.dimension)
    if encoded.by_item:
        return total, np.ones(encoded.dimension)
    for _, vectors, _ in _read(view, encoded):
        exact = vectors.astype(np.float64)
        count += len(exact)
        total += exact.sum(axis=0)
        squares += (exact * exact).sum(axis=0)
    mean = total / max(count, 1)
    spread = np.sqrt(np.maximum(squares / max(count, 1) - mean * mean, 0.0))
    return mean, np.where(spread > 1e-6, spread, 1.0)


def _read(view: View, encoded: Encoded) -> Iterator[tuple[pa.Array, np.ndarray, np.ndarray]]:
    """Yield asset ids, their vectors, and where those of each begin."""
    rows = view.con.sql(_VECTORS, params=[encoded.encoder, encoded.version])
    for batch in rows.to_arrow_reader(_READ):
        items = batch["items"].to_numpy()
        flat = batch["vector"].flatten().to_numpy()
        if len(flat) != int(items.sum()) * encoded.dimension:
            raise DataRefused(f"embeddings of {encoded.encoder} are not all of one dimension")
        vectors = flat.reshape(-1, encoded.dimension)
        starts = np.concatenate([[0], np.cumsum(items)])
        if not encoded.by_item:
            vectors = np.add.reduceat(vectors, starts[:-1], axis=0) / items[:, None]
            starts = np.arange(len(items) + 1)
        yield batch["asset_id"], vectors, starts


def _schema(dimension: int) -> pa.Schema:
    numbers = pa.list_(pa.int8(), dimension)
    return pa.schema(
        [
            pa.field("asset_id", pa.string(), nullable=False),
            pa.field("item", pa.int32(), nullable=False),
            pa.field("scale", pa.float32(), nullable=False),
            pa.field("code", numbers, nullable=False),
            pa.field("fine", numbers, nullable=False),
        ]
    )


def _batches(
    ids: pa.Array, counts: np.ndarray, made: Quantised, encoded: Encoded
) -> Iterator[pa.RecordBatch]:
    owner = np.repeat(np.arange(len(ids)), counts)
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    item = np.arange(len(owner)) - starts[owner] if encoded.by_item else np.full(len(owner), WHOLE)
    schema = _schema(encoded.dimension)
    for begin in range(0, len(owner), _WRITE):
        part = slice(begin, begin + _WRITE)
        lists = [
            pa.FixedSizeListArray.from_arrays(pa.array(block[part].ravel()), encoded.dimension)
            for block in (made.code, made.fine)
        ]
        columns = [
            ids.take(pa.array(owner[part])),
            pa.array(item[part], pa.int32()),
            pa.array(made.scale[part]),
            *lists,
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


@dataclass(frozen=True)
class OpenVectors:
    """One encoder's vectors in memory, two bytes a number."""

    encoder: str
    version: str
    modality: str
    commit: int
    assets: pa.Array  # of each row
    items: np.ndarray
    quantised: Quantised


def open_vectors(view: View, part: BuiltPart) -> OpenVectors:
    """Read one encoder's part of the index."""
    told, table = part.told, Table(home_of(view.lake) / part.folder, ROWS)
    keys = table.columns(["asset_id", "item", "scale"])
    made = Quantised.empty(len(keys), int(told["dimension"]))
    for name, block in (("code", made.code), ("fine", made.fine)):
        begin = 0
        for batch in table.batches([name]):
            numbers = batch[name].flatten().to_numpy().reshape(-1, block.shape[1])
            block[begin : begin + len(numbers)] = numbers
            begin += len(numbers)
    made.scale[:] = keys["scale"].to_numpy()
    items = keys["item"].to_numpy()
    asset_ids = keys["asset_id"].combine_chunks()
    said = (told["encoder"], told["encoder_version"], told["modality"], part.commit)
    return OpenVectors(*said, asset_ids, items, made)
