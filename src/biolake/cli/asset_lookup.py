"""Assets looked up in a view: by part of an id, by kind or subject; and opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from biolake.core.assets import Content
    from biolake.core.media import Opened
    from biolake.lake.assets import StoredContent
    from biolake.lake.door import View

SHORTEST_ID = 6
_COLUMNS = (
    "asset_id",
    "modality",
    "kind",
    "format",
    "subject_id",
    "encounter_id",
    "time",
    "end_time",
    "seconds",
    "rate",
    "channels",
    "shape",
    "units",
    "device",
    "files",
    "bytes",
    "site_id",
    "load_id",
    "coalesce(NOT starts_with(subject_key, 'either:'), false) AS waiting",
    "samples",
    "linked",
)
_NAMES = tuple(column.split()[-1] for column in _COLUMNS)
# Of an asset that holds samples of many subjects, `samples` says how many; it has no subject.
_ASSETS = """(
    SELECT a.*, coalesce(s.samples, 0) AS samples, coalesce(s.linked, 0) AS linked FROM assets a
    LEFT JOIN (
        SELECT asset_id, count(*) AS samples, count(subject_id) AS linked FROM asset_samples
        GROUP BY asset_id
    ) s USING (asset_id)
)"""
_CHOSEN = f"""
FROM {_ASSETS}
WHERE ($modality IS NULL OR modality = $modality)
    AND ($subject IS NULL OR subject_id = $subject)
    AND (NOT $unlinked OR (subject_id IS NULL AND samples = 0))
"""
_LIST = f"SELECT {', '.join(_COLUMNS)} {_CHOSEN} ORDER BY time NULLS LAST, asset_id"
_SUMS = f"""
SELECT modality, count(*), count(DISTINCT subject_id),
    count_if(subject_id IS NULL AND samples = 0), sum(bytes)
{_CHOSEN} GROUP BY modality ORDER BY 2 DESC, 1
"""


def chosen_rows(view: View, chosen: dict[str, Any], limit: int = 0) -> list[dict[str, Any]]:
    """Return the assets of a modality, a subject, or without one, in order of time."""
    sql = _LIST + (f" LIMIT {limit}" if limit else "")
    return [_row(row) for row in view.con.execute(sql, chosen).fetchall()]


def chosen_sums(view: View, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    """Count the same by modality."""
    names = ("modality", "assets", "subjects", "unlinked", "bytes")
    rows = view.con.execute(_SUMS, chosen).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(_NAMES, row, strict=True))
    for name in ("time", "end_time"):
        found[name] = found[name].isoformat() if found[name] else None
    return found


def find_id(view: View, text: str) -> str:
    """Return the one asset id that begins so; `WrongUse` for none, for several, or too few."""
    start = text.strip().lower()
    if len(start) < SHORTEST_ID:
        raise WrongUse(
            f"an asset is named by at least {SHORTEST_ID} characters of its id",
            next="List assets: biolake assets list",
        )
    found = view.rows(
        "SELECT DISTINCT asset_id FROM assets WHERE starts_with(asset_id, ?) ORDER BY 1 LIMIT 2",
        [start],
    )
    if len(found) > 1:
        raise WrongUse(
            f"more than one asset begins with '{start}'", next="Give more characters of its id."
        )
    if not found:
        raise WrongUse(
            f"there is no asset '{start}' at commit {view.commit.number}.{_near(view, start)}",
            next="List assets: biolake assets list",
        )
    return str(found[0][0])


def _near(view: View, start: str) -> str:
    near = view.rows(
        "SELECT left(asset_id, ?) AS start FROM assets"
        " WHERE jaro_winkler_similarity(start, ?) > 0.8"
        " ORDER BY jaro_winkler_similarity(start, ?) DESC, start LIMIT 1",
        [len(start), start, start],
    )
    return f" Did you mean '{near[0][0]}'?" if near else ""


def asset_data(view: View, asset_id: str) -> dict[str, Any]:
    """Return all that the index says of an asset, with its files."""
    names = ", ".join(_COLUMNS)
    found = view.rows(
        f"SELECT {names}, attributes FROM {_ASSETS} WHERE asset_id = ? LIMIT 1",  # noqa: S608 - our names
        [asset_id],
    )[0]
    files = view.rows(
        "SELECT DISTINCT number, name, length, sha256 FROM asset_files WHERE asset_id = ?"
        " ORDER BY number",
        [asset_id],
    )
    file_names = ("number", "name", "bytes", "sha256")
    return {
        **_row(found[:-1]),
        "attributes": json.loads(found[-1] or "{}"),
        "contents": [dict(zip(file_names, row, strict=True)) for row in files],
    }


def stored_content(view: View, asset_id: str) -> StoredContent:
    from biolake.lake.assets import StoredContent

    return StoredContent(view, asset_id)


def note_data(row: dict[str, Any], content: Content) -> dict[str, Any]:
    """Return what a note says, and where its sections are; `WrongUse` where the asset is none."""
    from biolake.core.media import Note

    found = opened(row, content) if row["modality"] == "note" else None
    if not isinstance(found, Note):
        raise WrongUse(
            "this asset is no note: it has no text",
            next="List notes: biolake assets list --modality note",
        )
    names = ("section", "start", "end")
    sections = [dict(zip(names, section, strict=True)) for section in found.sections]
    return {"text": found.text, "sections": sections}


def opened(row: dict[str, Any], content: Content) -> Opened:
    """Open an asset with the reader of its row's format."""
    from biolake.core.catalogue import discover

    reader = discover("biolake.readers").get("asset-reader", row["format"])
    found: Opened = reader.call(content)
    return found
