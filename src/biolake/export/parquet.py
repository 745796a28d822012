"""A lake's tables as plain Parquet files with a manifest, for whoever has no Biolake at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from biolake.core.folders import fresh_folder
from biolake.core.hashing import content_hash
from biolake.export.clocks import clock_notes
from biolake.export.destination import ExportReport, TableFile, report, sha256_of
from biolake.export.pieces import Piece, pieces
from biolake.lake.door import TABLES, View
from biolake.lake.files import hashable, total

_MODULUS = 1 << 64
_LEFT_OUT = ("events_by_code",)  # the rows of events in another order
_ORDER = {
    "events": "shard, subject_id, time NULLS FIRST, code, row_key",
    "subjects": "shard_group, shard, subject_id",
    "encounters": "shard_group, subject_id, encounter_id",
}

Progress = Callable[[str, int, int], None]


def export(view: View, out: Path, *, progress: Progress = lambda *_: None) -> ExportReport:
    """Write a commit's tables as Parquet, and `manifest.json` with the hash of every file.

    Events are in numbered files, a subject in one only. The way from a subject back to a person
    (linkage) is not part of a view and not written. Memory holds one file's rows.
    """
    manifest: dict[str, list[dict[str, object]]] = {}
    notes = (*clock_notes(view), "events_by_code is left out: it holds the rows of events.")
    with fresh_folder(out) as folder:
        names = [name for name in TABLES if name not in _LEFT_OUT]
        for number, name in enumerate(names):
            progress("writing", number, len(names))
            manifest[name] = [
                _write(view, name, where, folder, file) for where, file in _parts(view, name)
            ]
        about = {
            "lake": view.lake.lake_id,
            "commit": view.commit.number,
            "time": view.commit.time,
            "software": view.commit.software,
            "notes": list(notes),
            "tables": manifest,
        }
        (folder / "manifest.json").write_text(json.dumps(about, indent=1) + "\n")
        (folder / "README.md").write_text(_readme(view, manifest))
        rows = sum(int(str(file["rows"])) for file in manifest["events"])
        return report(folder, out, rows, notes)


def _parts(view: View, name: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a table: the condition on its rows, and its path."""
    if name != "events":
        yield "true", f"{name}.parquet"
        return
    parts: list[Piece] = list(pieces(view))
    for number, piece in enumerate(parts):
        yield piece.where, f"events/{number:05d}.parquet"


def _write(view: View, name: str, where: str, folder: Path, file: str) -> dict[str, object]:
    """Write one file; return its line of the manifest."""
    names = ", ".join(f'"{column}"' for column in TABLES[name].names)
    order = _ORDER.get(name, "ALL")
    rows = view.con.sql(
        f'SELECT {names} FROM "{name}" WHERE {where} ORDER BY {order}'  # noqa: S608  our names
    )
    row_hash = 0
    with TableFile(folder / file, TABLES[name]) as out:
        for batch in rows.to_arrow_reader(1 << 16):
            table = pa.Table.from_batches([batch]).cast(TABLES[name])
            out.write(table)
            columns = hashable(table)
            row_hash = (row_hash + total(content_hash(columns, columns.column_names))) % _MODULUS
    path = folder / file
    return {
        "file": file,
        "rows": out.rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "row_hash": f"{row_hash:016x}",
    }


def _readme(view: View, manifest: dict[str, list[dict[str, object]]]) -> str:
    lines = [
        f"- {name}: {sum(int(str(file['rows'])) for file in files)} rows"
        for name, files in manifest.items()
    ]
    head = f"# Tables of lake {view.lake.lake_id}, commit {view.commit.number}\n\n"
    words = (
        "Parquet, one row a fact in `events`; `manifest.json` names every file with its SHA-256\n"
        "and `row_hash`, the sum of its rows' content hashes, whatever their order.\n"
        "Subject ids are pseudonyms; what leads back to persons is not in here.\n\n"
    )
    return head + words + "\n".join(lines) + "\n"
