"""MEDS 0.4 datasets: one folder of shards, with metadata, that any MEDS tool reads.

Source: Medical Event Data Standard 0.4 (https://github.com/Medical-Event-Data-Standard/meds).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake import __version__
from biolake.core.errors import WrongUse, did_you_mean
from biolake.core.folders import fresh_folder
from biolake.core.schema import MICROSECONDS
from biolake.export.clocks import clock_notes
from biolake.export.destination import ExportReport, TableFile, report
from biolake.export.pieces import PIECE_ROWS, Piece, pieces
from biolake.export.splits import split_of
from biolake.lake.door import View

MEDS_VERSION = "0.4.1"
EXTRA = ("unit", "end_time", "encounter_id", "site_id", "source")

_DATA = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", MICROSECONDS),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
        pa.field("text_value", pa.large_string()),
    ]
)
_EXTRA = {
    "unit": pa.field("unit", pa.string()),
    "end_time": pa.field("end_time", MICROSECONDS),
    "encounter_id": pa.field("encounter_id", pa.int64()),
    "site_id": pa.field("site_id", pa.string()),
    "source": pa.field("source", pa.string()),
}
_CODES = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
    ]
)
_SPLITS = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)
# What each extra column is to a MEDS tool: a key of dataset.json.
_ROLES = {
    "unit": "code_modifier_columns",
    "site_id": "site_id_columns",
    "end_time": "other_extension_columns",
    "encounter_id": "other_extension_columns",
    "source": "other_extension_columns",
}

Progress = Callable[[str, int, int], None]


def export(
    view: View,
    out: Path,
    *,
    extra: Sequence[str] = (),
    splits: Mapping[int, str] | None = None,
    shard_rows: int = PIECE_ROWS,
    progress: Progress = lambda *_: None,
) -> ExportReport:
    """Write a commit's events as a MEDS dataset: `data/<n>.parquet` and `metadata/`.

    A subject is in one file only, its rows together, static rows first, then by time. `splits`
    names the split of each subject (those not named are in none); without it 80, 10 and 10 per
    cent of the subjects are train, tuning and held_out. Memory holds one shard.
    """
    schema = _schema(extra)
    notes = _notes(view, extra)
    with fresh_folder(out) as folder:
        todo = list(pieces(view, shard_rows))
        subjects, rows = [np.empty(0, dtype=np.int64)], 0
        for number, piece in enumerate(todo):
            progress("writing", number, len(todo))
            found, count = _shard(
                view, piece, folder / "data", sum(len(s) > 0 for s in subjects), schema
            )
            subjects.append(found)
            rows += count
        (folder / "data").mkdir(exist_ok=True)
        _metadata(view, folder / "metadata", np.concatenate(subjects), splits, extra)
        (folder / "README.md").write_text(_readme(view, notes))
        return report(folder, out, rows, notes)


def _schema(extra: Sequence[str]) -> pa.Schema:
    for name in extra:
        if name not in _EXTRA:
            raise WrongUse(
                f"'{name}' is no column beyond MEDS.{did_you_mean(name, EXTRA)}",
                next=f"Known: {', '.join(EXTRA)}.",
            )
    return pa.schema([*_DATA, *(_EXTRA[name] for name in EXTRA if name in extra)])


def _shard(
    view: View, piece: Piece, folder: Path, number: int, schema: pa.Schema
) -> tuple[np.ndarray, int]:
    """Write one piece as a shard, if it holds a row; return its subjects and its rows."""
    columns = ", ".join(schema.names)
    rows = view.con.sql(
        f"SELECT {columns} FROM events WHERE {piece.where}"  # noqa: S608  column names, integers
        " ORDER BY shard, subject_id, time NULLS FIRST, code, row_key"
    )
    subjects = np.empty(0, dtype=np.int64)
    path = folder / f"{number}.parquet"
    with TableFile(path, schema) as file:
        for batch in rows.to_arrow_reader(1 << 17):
            file.write(batch)
            subjects = np.union1d(subjects, batch.column("subject_id").to_numpy())
    if not file.rows:
        path.unlink()
    return subjects, file.rows


def _metadata(
    view: View,
    folder: Path,
    subjects: np.ndarray,
    splits: Mapping[int, str] | None,
    extra: Sequence[str],
) -> None:
    codes = view.table("SELECT code, description, parent_codes FROM codes ORDER BY code")
    with TableFile(folder / "codes.parquet", _CODES) as file:
        file.write(codes)
    ids = [int(subject) for subject in np.sort(subjects)]
    if splits is not None:
        ids = [subject for subject in ids if subject in splits]
    names = [split_of(subject) if splits is None else splits[subject] for subject in ids]
    with TableFile(folder / "subject_splits.parquet", _SPLITS) as file:
        file.write(pa.table({"subject_id": ids, "split": names}, schema=_SPLITS))
    about: dict[str, object] = {
        "dataset_name": f"biolake-{view.lake.lake_id}",
        "dataset_version": str(view.commit.number),
        "etl_name": "biolake",
        "etl_version": __version__,
        "meds_version": MEDS_VERSION,
        "created_at": view.commit.time,
    }
    for role in dict.fromkeys(_ROLES.values()):
        about[role] = [name for name in EXTRA if name in extra and _ROLES[name] == role]
    (folder / "dataset.json").write_text(json.dumps(about, indent=1) + "\n")


def _notes(view: View, extra: Sequence[str]) -> tuple[str, ...]:
    left = [name for name in EXTRA if name not in extra]
    columns = [f"Left out, for MEDS has no column for it: {', '.join(left)}."] if left else []
    return (*clock_notes(view), *columns)


def _readme(view: View, notes: Sequence[str]) -> str:
    head = f"# MEDS dataset of lake {view.lake.lake_id}, commit {view.commit.number}\n\n"
    words = "Rows of MEDS 0.4; a null time is true at any time. Splits are by subject.\n\n"
    return head + words + "".join(f"- {note}\n" for note in notes)
