"""Encode a lake's assets: each once a version of the encoder, kept in the table `embeddings`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import BiolakeError
from biolake.core.media import Opened
from biolake.core.schema import EMBEDDINGS
from biolake.lake.assets import AssetRow, find_assets
from biolake.lake.commits import Commit
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake
from biolake.lake.locking import writer
from biolake.lake.transaction import Transaction, clear_scratch, scratch_folder
from biolake.learning.asset_opening import Failure, Progress, each_opened, reasons
from biolake.learning.preparing import prepare

_BLOCK = 1 << 24  # numbers held before they are written: 64 MiB


@dataclass(frozen=True)
class EncodeReport:
    """What an encoding did; `commit` is None when there was nothing to encode."""

    encoder: str
    version: str
    encoded: int
    known: int
    failed: dict[str, int]  # reason → assets
    commit: Commit | None


def encode(
    lake: Lake,
    catalogue: Catalogue,
    encoder: str,
    *,
    wait: float = 0.0,
    progress: Progress = lambda _done, _of: None,
) -> EncodeReport:
    """Encode every linked asset of the encoder's modality that this version has not encoded."""
    extension = catalogue.get("encoder", encoder)
    with writer(lake.store, f"encode {encoder}", wait):
        clear_scratch(lake)
        base = lake.commit()
        with scratch_folder(lake) as scratch, open_view(lake, base) as view:
            rows, known = _to_encode(view, extension)
            tx = Transaction(lake, base, scratch, f"encode-{encoder}")
            failed = _encode_all(tx, view, catalogue, extension, rows, progress)
            encoded = len(rows) - len(failed)
            commit = None
            if encoded:
                counts = {**base.counts, "added": 0, "replaced": 0, "removed": 0}
                message = f"{encoder} {extension.version}: {encoded} assets"
                commit = tx.publish("encode", message, counts)
            return EncodeReport(encoder, extension.version, encoded, known, reasons(failed), commit)


def embed(extension: Extension, opened: Opened) -> np.ndarray:
    """Return items × dimension of one asset; refuses answers that are not what was declared."""
    if extension.inputs is None:
        raise BiolakeError(f"the encoder {extension.name} does not declare its inputs")
    batch = prepare(opened, extension.inputs).batch
    found = np.asarray(extension.call(batch), dtype=np.float32)
    if found.shape != (len(batch), extension.dimension):
        raise BiolakeError(
            f"the encoder {extension.name} gave an array of {found.ndim} dimensions that is not"
            f" items × {extension.dimension}",
            where=extension.module,
        )
    if not np.isfinite(found).all():
        raise BiolakeError(f"the encoder {extension.name} gave numbers that are not finite")
    return found


def stored_embeddings(
    view: View, extension: Extension, ids: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return asset → items × dimension, for those of the assets that are encoded."""
    table = view.table(
        "SELECT asset_id, items, dimension, vector FROM embeddings"
        " WHERE encoder = ? AND encoder_version = ? AND asset_id IN (SELECT unnest(?))",
        [extension.name, extension.version, list(ids)],
    )
    found: dict[str, np.ndarray] = {}
    for batch in table.to_batches():
        vectors = batch["vector"]
        for n, asset_id in enumerate(batch["asset_id"].to_pylist()):
            shape = batch["items"][n].as_py(), batch["dimension"][n].as_py()
            found[asset_id] = np.asarray(vectors[n].values).reshape(shape)
    return found


def _to_encode(view: View, extension: Extension) -> tuple[list[AssetRow], int]:
    done = {
        asset_id
        for (asset_id,) in view.rows(
            "SELECT DISTINCT asset_id FROM embeddings WHERE encoder = ? AND encoder_version = ?",
            [extension.name, extension.version],
        )
    }
    every = find_assets(view, modality=extension.needs, linked=True)
    rows = {row.asset_id: row for row in every if row.asset_id not in done}
    return list(rows.values()), len(every) - len(rows)


def _encode_all(
    tx: Transaction,
    view: View,
    catalogue: Catalogue,
    extension: Extension,
    rows: Sequence[AssetRow],
    progress: Progress,
) -> list[Failure]:
    failed: list[Failure] = []
    block: list[tuple[str, np.ndarray]] = []
    held = 0
    opened = each_opened(view, catalogue, rows, lambda one: embed(extension, one), progress)
    for number, made in opened:
        if isinstance(made, Failure):
            failed.append(made)
            continue
        block.append((rows[number].asset_id, made))
        held += made.size
        if held > _BLOCK:
            tx.append("embeddings", _table(extension, block))
            block, held = [], 0
    if block:
        tx.append("embeddings", _table(extension, block))
    return failed


def _table(extension: Extension, block: Sequence[tuple[str, np.ndarray]]) -> pa.Table:
    sizes = np.cumsum([0, *(vectors.size for _, vectors in block)])
    values = np.concatenate([vectors.ravel() for _, vectors in block])
    vector = pa.ListArray.from_arrays(pa.array(sizes, pa.int32()), pa.array(values, pa.float32()))
    count = len(block)
    return pa.table(
        [
            pa.array([asset_id for asset_id, _ in block]),
            pa.array([extension.name] * count),
            pa.array([extension.version] * count),
            pa.array([len(vectors) for _, vectors in block], pa.int32()),
            pa.array([extension.dimension] * count, pa.int32()),
            vector,
        ],
        schema=EMBEDDINGS,
    )
