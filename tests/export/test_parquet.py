"""A lake's tables as plain files: all rows, every hash right, and no way back to a person."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biolake.core.catalogue import discover
from biolake.core.errors import WrongUse
from biolake.export import parquet
from biolake.ingest.pipeline import ingest
from biolake.lake.door import TABLES, open_view
from biolake.lake.lake import Lake, init

IDENTIFIERS = [8_400_001, 8_400_002, 8_400_003]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    codes = ["LAB//1", "LAB//2", "LAB//1"]
    table = pa.table(
        {
            "subject_id": IDENTIFIERS,
            "time": pa.array([0, None, 5_000_000], pa.timestamp("us")),
            "code": codes,
            "numeric_value": pa.array([1.5, None, 2.5], pa.float32()),
        }
    )
    (tmp_path / "ward").mkdir()
    pq.write_table(table, tmp_path / "ward" / "0.parquet")
    lake = init(str(tmp_path / "lake"), shard_groups=4)
    ingest(lake, str(tmp_path / "ward"), discover("biolake.readers"))
    return lake


@pytest.fixture
def out(lake: Lake, tmp_path: Path) -> Path:
    with open_view(lake) as view:
        report = parquet.export(view, tmp_path / "out")
    assert report.rows == 3
    return tmp_path / "out"


def test_the_manifest_names_every_file_with_its_true_hash(out: Path, lake: Lake):
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["commit"] == lake.commit().number == 1
    listed = {entry["file"]: entry for files in manifest["tables"].values() for entry in files}
    found = {path.relative_to(out).as_posix() for path in out.rglob("*.parquet")}
    assert set(listed) == found
    for name, entry in listed.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == entry["sha256"]
        assert pq.read_metadata(out / name).num_rows == entry["rows"]


def test_row_hashes_are_those_of_the_commit(out: Path, lake: Lake):
    manifest = json.loads((out / "manifest.json").read_text())
    for name, files in manifest["tables"].items():
        state = lake.commit().tables.get(name)
        stored = sum(file.row_hash for file in state.files) if state else 0
        written = sum(int(entry["row_hash"], 16) for entry in files)
        assert written % (1 << 64) == stored % (1 << 64), name


def test_tables_keep_their_columns_and_types(out: Path):
    for name, columns in TABLES.items():
        for path in [*out.glob(f"{name}.parquet"), *(out / name).glob("*.parquet")]:
            assert pq.read_schema(path).equals(columns), path.name


def test_nothing_that_leads_back_to_a_person_is_written(out: Path, lake: Lake):
    names = {path.name for path in out.rglob("*")}
    assert not any("linkage" in name or "secret" in name for name in names)
    for path in out.rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        assert lake.secret().hex().encode() not in text
        assert not any(str(number).encode() in text for number in IDENTIFIERS)


def test_a_folder_that_holds_something_is_not_written_to(out: Path, lake: Lake):
    with open_view(lake) as view, pytest.raises(WrongUse, match="not empty"):
        parquet.export(view, out)
