"""features build: from labels to a folder of features, with a vocabulary to use again."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
from tests.cli.source import refused, told

FEATURES = """
features: labs
units: majority
windows:
  ever: {lookback: unbounded}
groups:
  labs: {codes: {prefix: [LAB//]}, windows: [ever], aggregations: [count, last], min_subjects: 1}
"""


def inputs(folder):
    times = [dt.datetime(2024, 1, 2, 12), dt.datetime(2024, 1, 4)]  # noqa: DTZ001 - as stored
    labels = {"subject_id": [1, 1], "prediction_time": times, "boolean_value": [True, False]}
    types = {"prediction_time": pa.timestamp("us")}
    table = pa.table({name: pa.array(v, types.get(name)) for name, v in labels.items()})
    pq.write_table(table, folder / "labels.parquet")
    (folder / "features.yaml").write_text(FEATURES)
    return folder / "labels.parquet", folder / "features.yaml"


def test_features_are_built_and_their_columns_used_again(lake, tmp_path):
    out, again = tmp_path / "out", tmp_path / "again"
    data = told("--lake", lake, "features", "build", *inputs(tmp_path), "--out", out)
    assert data["samples"] == 2
    columns = json.loads((out / "columns.json").read_text())
    told(
        *("--lake", lake, "features", "build", *inputs(tmp_path)),
        *("--vocabulary", out, "--out", again),
    )
    assert json.loads((again / "columns.json").read_text()) == columns


def test_a_folder_in_use_is_refused_and_kept(lake, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    code, error = refused("--lake", lake, "features", "build", *inputs(tmp_path), "--out", out)
    assert code == 2
    assert "not empty" in error["message"]
    assert (out / "mine.txt").read_text() == "keep"


def test_what_is_no_label_file_or_has_a_wrong_key_is_refused(lake, tmp_path):
    labels, features = inputs(tmp_path)
    words = ("--lake", lake, "features", "build")
    assert refused(*words, labels, tmp_path / "none.yaml", "--out", tmp_path / "x")[0] == 2
    features.write_text(FEATURES.replace("windows:", "window:", 1))
    code, error = refused(*words, labels, features, "--out", tmp_path / "x")
    assert code == 4
    assert "Did you mean 'windows'?" in error["message"]
    assert refused(*words, features, features, "--out", tmp_path / "x")[0] == 4
    assert not (tmp_path / "x").exists()
