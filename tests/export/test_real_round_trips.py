"""MEDS → lake → MEDS on open data: the same rows, as often, in every MEDS column."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from biolake.core.catalogue import discover
from biolake.export import meds
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import init

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
COLUMNS = "subject_id, time, code, numeric_value::FLOAT AS numeric_value"


@pytest.mark.parametrize(
    ("name", "files", "columns"),
    [
        ("mimic-iv-demo-meds", "*.parquet", COLUMNS.replace("numeric_value::", "value::")),
        ("aces-meds-sample", "*/*.parquet", COLUMNS),
    ],
)
def test_meds_data_come_back_as_they_were(
    tmp_path: Path, name: str, files: str, columns: str
) -> None:
    source = SHARED / name
    if not source.is_dir():
        pytest.skip("no shared data")
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    ingest(lake, str(source), discover("biolake.readers"))
    with open_view(lake) as view:
        meds.export(view, tmp_path / "out")
    ours = f"SELECT {COLUMNS} FROM read_parquet('{tmp_path}/out/data/**/*.parquet')"  # noqa: S608 - our own paths
    theirs = f"SELECT {columns} FROM read_parquet('{source}/{files}')"  # noqa: S608 - our own paths
    con = duckdb.connect()
    assert len(con.execute(ours).fetchmany(70_000)) == 70_000
    for one, other in ((ours, theirs), (theirs, ours)):
        assert con.execute(f"{one} EXCEPT ALL {other} LIMIT 1").fetchall() == []
