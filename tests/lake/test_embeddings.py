"""Vectors of assets and models are tables like the others; a forgotten subject's vectors go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.ingest.beeps import rows, take, write

from biolake.core.schema import EMBEDDINGS
from biolake.lake.forgetting import forget
from biolake.lake.lake import init
from biolake.lake.maintenance import compact
from biolake.lake.transaction import Transaction, scratch_folder
from biolake.lake.verifying import verify


def test_embeddings_are_kept_compacted_verified_and_forgotten(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"))
    for n in range(2):
        write(tmp_path / "source", f"{n}.beep", subject=f"p{n}", n=n)
    take(lake, tmp_path / "source", new_subjects=True)
    held = rows(lake, "SELECT asset_id, subject_id FROM assets ORDER BY subject_id")
    for number, (asset, _) in enumerate(held):
        base = lake.commit()
        with scratch_folder(lake) as scratch:
            tx = Transaction(lake, base, scratch, "embed")
            vector = (np.arange(8, dtype=np.float32) + number).tolist()
            row = (asset, "resnet", "1", 2, 4, vector)
            named = dict(zip(EMBEDDINGS.names, row, strict=True))
            tx.append("embeddings", pa.Table.from_pylist([named], EMBEDDINGS))
            tx.publish("embed", "one", {**base.counts, "added": 0, "replaced": 0, "removed": 0})
    assert verify(lake).problems == ()
    compact(lake)
    assert rows(lake, "SELECT vector FROM embeddings WHERE vector[1] = 1") == [
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],)
    ]
    report = forget(lake, held[0][1])
    assert report.rows["embeddings"] == 1
    assert report.scan.hits == ()
    assert rows(lake, "SELECT asset_id FROM embeddings") == [(held[1][0],)]
    found = verify(lake)
    assert (found.problems, found.leftovers) == ((), ())
