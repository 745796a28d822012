"""What must hold of a lake's assets: their files, their bytes in the packs, their subjects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from biolake.core.schema import DERIVED
from biolake.lake.asset_rows import asset_id
from biolake.lake.commits import Commit
from biolake.lake.door import View, open_view
from biolake.lake.inspection import local_copy
from biolake.lake.lake import Lake
from biolake.lake.repacking import digest_of
from biolake.lake.transaction import SCHEMAS

Fault = tuple[str, str, str]  # table, file, what

_BATCH = 10_000
_LINKED = """
SELECT count(*) FROM assets a ANTI JOIN subjects s USING (subject_id)
WHERE a.subject_id IS NOT NULL
"""
_TOLD = """
SELECT count(*) FROM assets a ANTI JOIN marks e
    ON a.asset_id = e.text_value AND a.subject_id = e.subject_id AND a.time = e.time
    AND e.code = 'ASSET//' || a.modality
WHERE a.subject_id IS NOT NULL AND a.time IS NOT NULL
"""
_MARKS = """
CREATE TEMP TABLE marks AS
SELECT text_value, subject_id, time, code FROM events_by_code WHERE starts_with(code, 'ASSET//')
"""


# Rows that stand for something of an asset: each names one, and a subject that the lake has.
_DERIVED = ("asset_samples", *DERIVED)
_OWN = """
SELECT count(*) FROM spans d JOIN assets a USING (asset_id)
WHERE d.subject_id IS DISTINCT FROM a.subject_id
"""
_TWICE = """
SELECT count(*) FROM (
    SELECT 1 FROM asset_samples GROUP BY asset_id, number HAVING count(*) > 1
)
"""
_ASSETS_TOO = """
SELECT count(*) FROM assets WHERE subject_id IS NOT NULL
    AND asset_id IN (SELECT asset_id FROM asset_samples)
"""


def asset_faults(lake: Lake, commit: Commit, scratch: Path) -> Iterator[Fault]:
    """Yield everything wrong with the assets of a commit; reads every pack once."""
    with open_view(lake, commit) as view:
        yield from _index(view)
        yield from _rows_of_assets(view)
        yield from _events(view)
        packs = [pack for (pack,) in view.rows("SELECT DISTINCT pack FROM asset_files ORDER BY 1")]
        for pack in packs:
            yield from _pack(view, pack, scratch)


def _index(view: View) -> Iterator[Fault]:
    """Compare the assets with the files listed for them, and each id with its content."""
    twice = view.rows("SELECT count(*) - count(DISTINCT asset_id) FROM assets")[0][0]
    if twice:
        yield "assets", "", f"{twice} assets are listed twice"
    stray = view.rows("SELECT count(*) FROM asset_files ANTI JOIN assets USING (asset_id)")[0][0]
    if stray:
        yield "asset_files", "", f"{stray} files are of no asset"
    reader = view.con.execute(
        "SELECT a.asset_id, a.files, a.bytes, count(f.sha256), sum(f.length),"
        " count(DISTINCT f.number), list(f.sha256), a.source_key"
        " FROM assets a LEFT JOIN asset_files f USING (asset_id) GROUP BY ALL"
    )
    wrong = other = 0
    while rows := reader.fetchmany(_BATCH):
        for name, files, size, listed, length, numbers, hashes, key in rows:
            wrong += not (files == listed == numbers and size == length)
            if listed:
                mine = [sha for sha in hashes if sha]
                other += name not in (asset_id(mine), asset_id(mine, key))
    if wrong:
        yield "asset_files", "", f"{wrong} assets have not the files they should"
    if other:
        yield "assets", "", f"the id of {other} assets is not that of their content"


def _rows_of_assets(view: View) -> Iterator[Fault]:
    """Check that samples, spans and variants are of assets and subjects that the lake has."""
    for name in _DERIVED:
        stray = f"SELECT count(*) FROM {name} ANTI JOIN assets USING (asset_id)"  # noqa: S608 - ours
        if count := view.rows(stray)[0][0]:
            yield name, "", f"{count} rows are of no asset"
        if "subject_id" in SCHEMAS[name].names:
            lost = (
                f"SELECT count(*) FROM {name} d ANTI JOIN subjects USING (subject_id)"  # noqa: S608
                " WHERE d.subject_id IS NOT NULL"
            )
            if count := view.rows(lost)[0][0]:
                yield name, "", f"{count} rows are of no subject in the lake"
    for table, sql, what in (
        ("spans", _OWN, "rows are of another subject than their asset"),
        ("asset_samples", _TWICE, "samples are listed twice"),
        ("assets", _ASSETS_TOO, "assets of many samples have a subject of their own"),
    ):
        if count := view.rows(sql)[0][0]:
            yield table, "", f"{count} {what}"


def _events(view: View) -> Iterator[Fault]:
    """Check that linked assets have their subject and their event, and that no event has none."""
    view.con.execute(_MARKS)
    for sql, what in (
        (_LINKED, "linked assets have no subject in the lake"),
        (_TOLD, "linked assets have no event"),
    ):
        if count := view.rows(sql)[0][0]:
            yield "assets", "", f"{count} {what}"
    lost = "SELECT count(*) FROM marks ANTI JOIN assets ON marks.text_value = assets.asset_id"
    if count := view.rows(lost)[0][0]:
        yield "events", "", f"{count} events name an asset that the lake does not hold"


def _pack(view: View, pack: str, scratch: Path) -> Iterator[Fault]:
    parts = view.rows(
        'SELECT DISTINCT "offset", length, sha256 FROM asset_files WHERE pack = ? ORDER BY ALL',
        [pack],
    )
    try:
        with local_copy(view.lake, pack, scratch) as path:
            damaged = sum(digest_of(path, start, size) != sha for start, size, sha in parts)
    except FileNotFoundError:
        yield "asset_files", pack, f"the pack is missing, with {len(parts)} files"
        return
    except (OSError, pa.ArrowException) as error:
        yield "asset_files", pack, f"the pack cannot be read ({type(error).__name__})"
        return
    if damaged:
        yield "asset_files", pack, f"{damaged} files in it are not what the index says"
