"""Assets with vectors in a small lake, as tables of a view or written to the lake itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import numpy as np
import pyarrow as pa

from biolake.core.schema import ASSETS, EMBEDDINGS
from biolake.lake.door import View
from biolake.lake.lake import Lake
from biolake.lake.transaction import Transaction, scratch_folder


@dataclass(frozen=True)
class Shown:
    """An asset and its vectors (items × dimension, or one), None while it is not encoded."""

    subject: int
    time: datetime | None
    vector: object = None
    end: datetime | None = None
    version: str = "1"
    modality: str = "ecg"
    encoder: str = "kernels"
    name: str = ""

    @property
    def asset_id(self) -> str:
        said = (self.name, self.subject, self.time, self.end, self.modality)
        return sha256(repr(said).encode()).hexdigest()


def asset_table(shown: Sequence[Shown]) -> pa.Table:
    always = {"format": "wfdb", "attributes": "{}", "files": 1, "bytes": 1, "site_id": "main"}
    rows = {
        one.asset_id: dict.fromkeys(ASSETS.names)
        | always
        | {"load_id": "L1", "source_key": one.asset_id, "asset_id": one.asset_id}
        | {"subject_id": one.subject, "time": one.time, "end_time": one.end}
        | {"modality": one.modality}
        for one in shown
    }
    return pa.Table.from_pylist(list(rows.values()), ASSETS)


def vector_table(shown: Sequence[Shown]) -> pa.Table:
    rows = []
    for one in shown:
        if one.vector is not None:
            matrix = np.atleast_2d(np.asarray(one.vector, dtype=np.float32))
            said = (one.asset_id, one.encoder, one.version, *matrix.shape, matrix.ravel().tolist())
            rows.append(dict(zip(EMBEDDINGS.names, said, strict=True)))
    return pa.Table.from_pylist(rows, EMBEDDINGS)


def show(view: View, shown: Sequence[Shown]) -> None:
    """Let a view's lake hold these assets and no other."""
    for name, table in (("assets", asset_table(shown)), ("embeddings", vector_table(shown))):
        view.con.register(f"shown_{name}", table)
        view.con.execute(f"CREATE OR REPLACE TABLE true_{name} AS FROM shown_{name}")
        view.con.unregister(f"shown_{name}")
        view.con.execute(f"CREATE OR REPLACE VIEW {name} AS FROM true_{name}")


def publish(lake: Lake, shown: Sequence[Shown]) -> None:
    """Write assets and their vectors to a lake as a commit of its own."""
    base = lake.commit()
    with scratch_folder(lake) as scratch:
        tx = Transaction(lake, base, scratch, "embed")
        tx.append("assets", asset_table(shown))
        tx.append("embeddings", vector_table(shown))
        tx.publish("embed", "test", {**base.counts, "added": 0, "replaced": 0, "removed": 0})
