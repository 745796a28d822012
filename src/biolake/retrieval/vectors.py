"""The vectors of the assets that samples may see: found, shortened, and kept in a file of one row
an asset, so that memory is bounded whatever the lake holds.

An asset counts from its start, as events do, and only once it is over: what a recording that still
goes on will show is not known yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.errors import DataRefused, LakeDamaged, did_you_mean
from biolake.lake.door import View
from biolake.retrieval.definition import Embedding
from biolake.retrieval.meeting import span
from biolake.retrieval.projection import project
from biolake.retrieval.samples import Samples
from biolake.retrieval.vocabulary import Block, Encoded, Item

_BATCH_NUMBERS = 1 << 22  # numbers of vectors read at once

# `known` is when an asset is over; an asset of several versions comes several times.
_ASSETS = """
    SELECT asset_id, subject, time, known, encoder_version AS version, dimension, items
    FROM (
        SELECT a.asset_id, s.subject, s.since, s.until, epoch_us(a.time) AS time,
               greatest(epoch_us(a.time), epoch_us(a.end_time)) AS known
        FROM assets a JOIN biolake_seeing s USING (subject_id)
        WHERE a.modality = ? AND a.time IS NOT NULL
    ) LEFT JOIN (FROM embeddings WHERE encoder = ? AND items > 0) USING (asset_id)
    WHERE time <= until AND time > since
    ORDER BY subject, time, asset_id, version
"""
_UNTIMED = """
    SELECT count(*) FROM assets JOIN biolake_seeing USING (subject_id)
    WHERE modality = ? AND time IS NULL
"""
_VECTORS = (
    "SELECT asset_id, items, vector FROM embeddings WHERE encoder = ? AND encoder_version = ?"
)


@dataclass(frozen=True)
class AssetVectors:
    """Encoded assets ordered by subject (numbered as in the samples) and time.

    `known` is when each was over; `values` is assets × width in a file. `not_encoded` and `untimed`
    count assets of these subjects that cannot be seen: without a vector, without a time.
    `going_on` counts samples whose latest asset had begun, but was not over.
    """

    embedding: Embedding
    encoded: Encoded
    subject: np.ndarray
    time: np.ndarray
    known: np.ndarray
    values: np.ndarray
    not_encoded: int = 0
    untimed: int = 0
    going_on: int = 0

    @property
    def width(self) -> int:
        return self.embedding.components or self.encoded.dimension

    def block(self) -> Block:
        """Return the columns: the numbers of the vector, and whether there is one."""
        names = [*map(str, range(self.width)), "presence"]
        measures = tuple((None, name) for name in names)
        return Block("embedding", self.embedding.name, (Item(None),), measures, (), self.encoded)

    def said(self) -> dict[str, Any]:
        """Return what a feature set's provenance says of them."""
        return {
            **vars(self.encoded),
            "assets": len(self.time),
            "assets_not_encoded": self.not_encoded,
            "assets_without_time": self.untimed,
            "samples_latest_not_over": self.going_on,
        }

    def counted(self, samples: Samples) -> AssetVectors:
        """Return the same with the samples counted whose latest asset still goes on."""
        window = self.embedding.window
        first, last = span(self, samples.subjects(), samples.time, window)
        there = first < last
        going_on = self.known[last[there] - 1] > samples.time[there] - window.cut
        return replace(self, going_on=int(going_on.sum()))

    def part(self, subject: np.ndarray, time: np.ndarray, start: int) -> pa.Table:
        """Return the entries of a run of samples that see an asset; `start` numbers the first."""
        samples, rows = [], []
        for sample, seen in self._seen(subject, time):
            samples.append(sample)
            rows.append(self.values[seen].mean(axis=0, dtype=np.float64))
        found = np.array(rows, dtype=np.float32).reshape(-1, self.width)
        columns: dict[str, np.ndarray] = {
            "sample": np.array(samples, dtype=np.int32) + np.int32(start),
            "item": np.zeros(len(samples), dtype=np.int32),
        }
        columns |= {str(place): column for place, column in enumerate(found.T)}
        return pa.table(columns | {"presence": np.ones(len(samples), dtype=np.int8)})

    def _seen(self, subject: np.ndarray, time: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the samples that see an asset, with the assets they take."""
        window = self.embedding.window
        first, last = span(self, subject, time, window)
        until = time - window.cut
        for sample in np.flatnonzero(first < last).tolist():
            seen = np.arange(first[sample], last[sample])
            seen = seen[self.known[seen] <= until[sample]]
            if not len(seen):
                continue
            if self.embedding.pick == "latest":
                # Several that start together (the series of one imaging study) are taken together.
                seen = seen[self.time[seen] == self.time[seen[-1]]]
            yield sample, seen


def read_vectors(
    view: View,
    samples: Samples,
    embedding: Embedding,
    given: Encoded | None,
    path: Path,
) -> AssetVectors:
    """Find the vectors that any sample may see and keep them at `path`.

    They are of the version `given` (a vocabulary's), else of the definition's, else of the only one
    that these assets have. Raises DataRefused when versions are mixed or there is no vector.
    """
    table, untimed = _assets(view, samples, embedding)
    wanted = given.version if given else embedding.encoder_version
    encoded_rows = table.filter(pc.is_valid(table["version"]))
    encoded = given or _encoded(view, embedding, encoded_rows, wanted)
    mine = encoded_rows.filter(pc.equal(encoded_rows["version"], encoded.version))
    _check(embedding, encoded, encoded_rows, mine)
    ids = mine["asset_id"].to_numpy(zero_copy_only=False).astype("S64")
    largest = int(pc.max(mine["items"]).as_py() or 1) * encoded.dimension
    width = embedding.components or encoded.dimension
    values = _keep(view, encoded, ids, width, path, max(1, _BATCH_NUMBERS // largest))
    subject, time, known = (mine[name].to_numpy() for name in ("subject", "time", "known"))
    missing = pc.count_distinct(table["asset_id"]).as_py() - len(ids)
    found = AssetVectors(embedding, encoded, subject, time, known, values, missing, untimed)
    return found.counted(samples)


def _assets(view: View, samples: Samples, embedding: Embedding) -> tuple[pa.Table, int]:
    """Return the assets in reach of any sample, one row a version, and how many have no time."""
    subject = samples.subjects()
    first = np.flatnonzero(np.diff(subject, prepend=-1))
    last = np.append(first[1:], len(subject))[: len(first)] - 1
    seeing = {
        "subject_id": samples.subject_id[first],
        "subject": np.arange(len(first)),
        "since": samples.time[first] - embedding.window.until,
        "until": samples.time[last] - embedding.window.cut,
    }
    view.con.register("biolake_seeing", pa.table(seeing))
    try:
        found = view.table(_ASSETS, [embedding.modality, embedding.encoder])
        ((untimed,),) = view.rows(_UNTIMED, [embedding.modality])
    finally:
        view.con.unregister("biolake_seeing")
    return found, int(untimed)


def _encoded(view: View, embedding: Embedding, rows: pa.Table, wanted: str | None) -> Encoded:
    """Return what made the vectors; refuse none, several versions, and several lengths."""
    versions = sorted(set(rows["version"].to_pylist()))
    if not versions:
        _refuse_none(view, embedding)
    if wanted is None and len(versions) > 1:
        raise DataRefused(
            f"embedding '{embedding.name}': the vectors of encoder '{embedding.encoder}' are of"
            f" several versions: {', '.join(versions)}",
            next=f'Choose one: encoder_version: "{versions[-1]}"',
        )
    version = wanted or versions[0]
    lengths = pc.unique(rows.filter(pc.equal(rows["version"], version))["dimension"]).to_pylist()
    if not lengths:
        _refuse_version(embedding, version, versions)
    encoded = Encoded(embedding.encoder, version, lengths[0])
    if embedding.components and embedding.components > encoded.dimension:
        raise DataRefused(
            f"embedding '{embedding.name}' asks for {embedding.components} components of vectors"
            f" of {encoded.dimension} numbers",
            next="Ask for fewer, or leave out 'components' to have all numbers.",
        )
    return encoded


def _refuse_none(view: View, embedding: Embedding) -> NoReturn:
    known = [name for (name,) in view.rows("SELECT DISTINCT encoder FROM embeddings")]
    near = "" if embedding.encoder in known else did_you_mean(embedding.encoder, known)
    raise DataRefused(
        f"embedding '{embedding.name}': no asset of modality '{embedding.modality}' that a sample"
        f" may see has a vector of encoder '{embedding.encoder}'.{near}",
        where=view.lake.root,
        next=f"Encode them first (biolake encode {embedding.encoder}), or widen the window.",
    )


def _refuse_version(embedding: Embedding, version: str, others: Collection[str]) -> NoReturn:
    raise DataRefused(
        f"embedding '{embedding.name}': some assets have vectors of encoder '{embedding.encoder}'"
        f" of version {', '.join(others)} only, but version {version} is asked for",
        next="Encode them with that version too: versions are never mixed.",
    )


def _check(embedding: Embedding, encoded: Encoded, rows: pa.Table, mine: pa.Table) -> None:
    """Refuse assets of another version only, vectors of another length, and two of one asset."""
    if set(pc.unique(mine["dimension"]).to_pylist()) - {encoded.dimension}:
        raise DataRefused(
            f"embedding '{embedding.name}': vectors of encoder '{encoded.encoder}' version"
            f" {encoded.version} are of several lengths, or not of the {encoded.dimension} numbers"
            " they had in training",
            next="An encoder that changed needs a new version: encode the assets again.",
        )
    others = rows.filter(pc.invert(pc.is_in(rows["asset_id"], mine["asset_id"])))
    if others.num_rows:
        _refuse_version(embedding, encoded.version, sorted(set(others["version"].to_pylist())))
    if pc.count_distinct(mine["asset_id"]).as_py() != mine.num_rows:
        raise LakeDamaged(
            f"an asset has two vectors of encoder '{encoded.encoder}' version {encoded.version}",
            next="Check the lake: biolake verify",
        )


def _keep(
    view: View, encoded: Encoded, ids: np.ndarray, width: int, path: Path, rows: int
) -> np.ndarray:
    """Write one row an asset, in the order of `ids`: the mean of its vectors, shortened."""
    if not len(ids):
        return np.empty((0, width), np.float32)
    values = np.lib.format.open_memmap(path, "w+", np.float32, (len(ids), width))
    order = np.argsort(ids)
    there = np.zeros(len(ids), dtype=bool)
    asked = view.con.sql(_VECTORS, params=[encoded.encoder, encoded.version])
    for batch in asked.to_arrow_reader(rows):
        names = batch["asset_id"].to_numpy(zero_copy_only=False).astype("S64")
        place = order[np.searchsorted(ids, names, sorter=order).clip(max=len(ids) - 1)]
        wanted = ids[place] == names
        if wanted.any():
            vectors = _means(batch.filter(pa.array(wanted)), encoded)
            short = vectors if width == encoded.dimension else project(vectors, width)
            values[place[wanted]] = short
            there[place[wanted]] = True
    if not there.all():
        raise LakeDamaged("vectors that the index has are not in the table 'embeddings'")
    values.flush()
    return values


def _means(batch: pa.RecordBatch, encoded: Encoded) -> np.ndarray:
    """Return one vector an asset, float64: the mean of its items (slices, tiles)."""
    items = batch["items"].to_numpy()
    flat = batch["vector"].flatten().to_numpy(zero_copy_only=False)
    lengths = pc.list_value_length(batch["vector"]).to_numpy(zero_copy_only=False)
    if not np.array_equal(lengths, items * encoded.dimension) or not np.isfinite(flat).all():
        raise LakeDamaged(
            f"a vector of encoder '{encoded.encoder}' is cut short, or not of finite numbers",
            next="Check the lake: biolake verify",
        )
    starts = np.cumsum(items) - items
    matrix = flat.reshape(-1, encoded.dimension)
    total: np.ndarray = np.add.reduceat(matrix, starts, axis=0, dtype=np.float64)
    total /= items[:, None]
    return total
