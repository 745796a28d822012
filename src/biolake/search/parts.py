"""The parts of the index that are searched by text: what each holds now, and its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from biolake.core.assets import MODALITIES
from biolake.core.media import Note
from biolake.lake.door import View
from biolake.search.rows import Named, Sources

# Every one yields `owner` and `fingerprint`, each owner once.
_CODES = """
SELECT code AS owner, hash(description, synonyms)::HUGEINT AS fingerprint
FROM ({codes})
"""
_ALL_CODES = """
SELECT coalesce(c.code, t.code) AS code,
    coalesce(c.description, t.name) AS description,
    list_filter(list_distinct(list_concat(t.synonyms, [t.name])),
        lambda s: s IS DISTINCT FROM coalesce(c.description, t.name)) AS synonyms
FROM codes c FULL JOIN (
    SELECT code, any_value(name ORDER BY terminology) AS name,
        list_sort(flatten(list(coalesce(synonyms, [])))) AS synonyms
    FROM terms GROUP BY code
) t USING (code)
"""
_NOTES = """
SELECT asset_id AS owner, min(hash(format, kind, attributes ->> '$.title',
    attributes ->> '$.language'))::HUGEINT AS fingerprint
FROM assets WHERE modality = 'note' GROUP BY asset_id
"""
# A section is a place in a note, nothing found in it.
_FOUND = "label <> 'section'"
_SPANS = f"""
SELECT asset_id AS owner, sum(hash({{columns}}))::HUGEINT AS fingerprint
FROM spans WHERE {_FOUND} AND asset_id IN (SELECT asset_id FROM assets WHERE modality = 'note')
GROUP BY asset_id
"""  # noqa: S608 - ours
_ASSETS = """
SELECT asset_id AS owner, min(hash(modality, kind, device, attributes))::HUGEINT AS fingerprint
FROM assets WHERE modality <> 'note' GROUP BY asset_id
"""
_SPAN_COLUMNS = (
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
    "annotator",
)
_SPAN_NAMES = ", ".join(f'"{name}"' for name in _SPAN_COLUMNS)

_PRIME = 4_611_686_018_427_387_847  # below 2^62

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One part: what it holds now, and how its rows are made."""

    name: str
    now: Callable[[View, Sources], pa.Table]  # owner, fingerprint
    rows: Callable[[View, Sources, Sequence[str]], Iterator[Row]]  # of these owners
    of_subjects: bool  # the owner is an asset


def _sql(statement: str) -> Callable[[View, Sources], pa.Table]:
    def now(view: View, _: Sources) -> pa.Table:
        # A sum of hashes has more than the 64 bits that are kept of it.
        return view.table(
            f"SELECT owner, (fingerprint % {_PRIME})::BIGINT AS fingerprint FROM ({statement})"  # noqa: S608 - ours
            " ORDER BY owner"
        )

    return now


def _code_rows(view: View, _: Sources, owners: Sequence[str]) -> Iterator[Row]:
    for code, description, synonyms in view.rows(
        f"SELECT code, description, synonyms FROM ({_ALL_CODES})"  # noqa: S608 - ours
        " WHERE code IN (SELECT unnest(?))",
        [list(owners)],
    ):
        words = "; ".join(synonyms or ())
        yield {**_row(code, code, code, description or "", words), "code": code}


def _note_rows(view: View, sources: Sources, owners: Sequence[str]) -> Iterator[Row]:
    for asset_id, note in sources.notes(view, owners):
        if isinstance(note, Note):
            details = {"kind": note.kind, "language": note.language}
            yield _row(
                asset_id, asset_id, note.title, note.text, note.kind, **_without_empty(details)
            )
        else:
            yield _row(asset_id, asset_id, unread=note)


def _span_rows(view: View, sources: Sources, owners: Sequence[str]) -> Iterator[Row]:
    spans: dict[str, list[tuple[Any, ...]]] = {}
    for row in view.rows(
        f"SELECT asset_id, {_SPAN_NAMES} FROM spans"  # noqa: S608 - ours
        f" WHERE {_FOUND} AND asset_id IN (SELECT unnest(?))"
        ' ORDER BY asset_id, start, "end", label, code, annotator',
        [list(owners)],
    ):
        spans.setdefault(row[0], []).append(row[1:])
    for asset_id, note in sources.notes(view, owners):
        text = note.text if isinstance(note, Note) else ""
        for number, span in enumerate(spans.get(asset_id, ())):
            details = _without_empty(dict(zip(_SPAN_COLUMNS, span, strict=True)))
            quoted = text[details["start"] : details["end"]]
            title = " ".join(filter(None, (details["label"], details.get("code"))))
            made = _row(f"{asset_id}/{number:06d}", asset_id, title, quoted, **details)
            yield {**made, "code": details.get("code")}


def _asset_rows(view: View, _: Sources, owners: Sequence[str]) -> Iterator[Row]:
    for asset_id, modality, kind, device, attributes in view.rows(
        "SELECT DISTINCT ON (asset_id) asset_id, modality, kind, device, attributes FROM assets"
        " WHERE asset_id IN (SELECT unnest(?)) ORDER BY asset_id",
        [list(owners)],
    ):
        title = f"{modality}: {MODALITIES.get(modality, modality)}"
        text = ", ".join(filter(None, (kind, device)))
        yield _row(asset_id, asset_id, title, text, _flat(json.loads(attributes)))


def _named(part: str) -> tuple[Callable[..., pa.Table], Callable[..., Iterator[Row]]]:
    def now(_: View, sources: Sources) -> pa.Table:
        found = {one.name: _digest(one) for one in sources.named.get(part, ())}
        names = sorted(found)
        prints = pa.array([found[name] for name in names], pa.int64())
        return pa.table({"owner": pa.array(names, pa.string()), "fingerprint": prints})

    def rows(_: View, sources: Sources, owners: Sequence[str]) -> Iterator[Row]:
        wanted = set(owners)
        for one in {one.name: one for one in sources.named.get(part, ())}.values():
            if one.name in wanted:
                yield _row(one.name, one.name, one.name, one.text, **one.details)

    return now, rows


def _row(
    key: str, owner: str, title: str = "", text: str = "", words: str = "", **details: Any
) -> Row:
    told = json.dumps(details, ensure_ascii=False, sort_keys=True)
    return {
        "key": key,
        "owner": owner,
        "title": title,
        "text": text,
        "words": words,
        "details": told,
    }


def _without_empty(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value not in (None, "")}


def _flat(value: Any) -> str:
    """Return names and values of technical attributes as words."""
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')} {_flat(one)}" for name, one in value.items())
    if isinstance(value, list):
        return " ".join(_flat(one) for one in value)
    return str(value)


def _digest(one: Named) -> int:
    told = json.dumps([one.text, one.details], sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:7], "big")


_COHORTS, _STUDIES, _MODELS = _named("cohorts"), _named("studies"), _named("models")
PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("codes", _sql(_CODES.format(codes=_ALL_CODES)), _code_rows, False),
        Part("notes", _sql(_NOTES), _note_rows, True),
        Part("spans", _sql(_SPANS.format(columns=_SPAN_NAMES)), _span_rows, True),
        Part("assets", _sql(_ASSETS), _asset_rows, True),
        Part("cohorts", *_COHORTS, False),
        Part("studies", *_STUDIES, False),
        Part("models", *_MODELS, False),
    )
}
