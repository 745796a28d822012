"""What was found in notes: each span with the words that stand there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.assets import SUBJECT
from biolake.cli.grammar import Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.lake.door import View

_COLUMNS = (
    "asset_id",
    "subject_id",
    "start",
    "end",
    "label",
    "code",
    "assertion",
    "temporality",
    "experiencer",
    "section",
    "value",
    "unit",
    "attributes",
    "confidence",
    "annotator",
    "version",
)
_CHOSEN = """
FROM spans
WHERE ($label IS NULL OR label = $label)
    AND ($code IS NULL OR code LIKE $code ESCAPE '!'
        OR (CASE WHEN starts_with(code, 'NOTE_') THEN code ELSE 'NOTE_DIAGNOSIS//' || code END)
        LIKE $code ESCAPE '!')
    AND ($subject IS NULL OR subject_id = $subject)
    AND ($asset IS NULL OR asset_id = $asset)
"""
_LIST = f"""
SELECT {", ".join(f'"{name}"' for name in _COLUMNS)} {_CHOSEN}
ORDER BY subject_id NULLS LAST, asset_id, "start", "end", annotator, label, code LIMIT $limit
"""
_SUMS = (
    f"SELECT label, count(*), count(DISTINCT asset_id) {_CHOSEN} GROUP BY label ORDER BY 2 DESC, 1"
)
_LONGEST = 60  # characters shown of a span


@command(
    "spans",
    reads=True,
    examples=[
        "biolake spans --label diagnosis --limit 5",
        "biolake spans --code 'ICD10CM//I21*'",
        "biolake spans --asset 3f2a9c --json",
    ],
)
@click.option("--label", metavar="LABEL", help="section, diagnosis, medication, measurement …")
@click.option("--code", metavar="CODE", help="* stands for any.")
@SUBJECT
@click.option("--asset", metavar="ID", help="Only of this note; the start of its id is enough.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Spans.")
@pass_session
def spans(
    session: Session,
    label: str | None,
    code: str | None,
    subject: int | None,
    asset: str | None,
    limit: int,
) -> None:
    """List what was found in notes, with the words it stands for.

    Each span names the note, its first character and the one after its last. Only the notes of the
    spans shown are read.
    """
    from biolake.cli.asking import refuse_unknown_subject
    from biolake.cli.asset_lookup import find_id

    with session.view("list spans") as view:
        if subject is not None:
            refuse_unknown_subject(view, subject)
        chosen = {
            "label": label,
            "code": None if code is None else _pattern(code),
            "subject": subject,
            "asset": None if asset is None else find_id(view, asset),
        }
        sums = view.con.execute(_SUMS, chosen).fetchall()
        found = view.con.execute(_LIST, chosen | {"limit": limit}).fetchall()
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in found]
        _quote(view, rows)
    labels = [dict(zip(("label", "spans", "notes"), row, strict=True)) for row in sums]
    data = {"found": sum(row["spans"] for row in labels), "labels": labels, "spans": rows}
    session.show(data, _page)


def _pattern(code: str) -> str:
    return code.replace("!", "!!").replace("%", "!%").replace("_", "!_").replace("*", "%")


def _quote(view: View, rows: list[dict[str, Any]]) -> None:
    """Add to each span the words that stand there; none where its note cannot be read."""
    from biolake.core.catalogue import discover
    from biolake.core.media import Note
    from biolake.learning.text_encoder import open_notes

    spans_of: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        row["text"] = None
        spans_of.setdefault(row["asset_id"], []).append(row)
    for name, note in open_notes(discover("biolake.readers"))(view, list(spans_of)):
        if isinstance(note, Note):
            for row in spans_of[name]:
                row["text"] = note.text[row["start"] : row["end"]]


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    if not data["found"]:
        yield "No such span is in the lake. They come from notes: biolake extract"
        return
    yield table(
        ["note", ">subject", ">from", ">to", "text", "label", "code", "said as", "section", "by"],
        (_shown(row) for row in data["spans"]),
    )
    yield table(
        ["label", ">spans", ">notes"],
        ([row["label"], row["spans"], row["notes"]] for row in data["labels"]),
    )
    if data["found"] > len(data["spans"]):
        yield f"{len(data['spans']):,} of {data['found']:,} spans; more of them with --limit."


def _shown(row: dict[str, Any]) -> list[Any]:
    text = " ".join((row["text"] or "").split())
    usual = ("affirmed", "recent", "patient")
    said = [row[name] for name in ("assertion", "temporality", "experiencer")]
    return [
        row["asset_id"][:12],
        "" if row["subject_id"] is None else str(row["subject_id"]),
        row["start"],
        row["end"],
        text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…",
        row["label"],
        row["code"],
        ", ".join(word for word in said if word and word not in usual) or None,
        row["section"],
        row["annotator"],
    ]
