"""Look up codes and one subject's course."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session
from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.lake.door import View

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)

_SEARCH = """
SELECT code, description, events FROM codes
WHERE list_bool_and(
    [contains(lower(code || ' ' || coalesce(description, '')), word) FOR word IN $words]
)
ORDER BY events DESC, code
"""

_UNITS = """
SELECT unit, count(numeric_value), min(numeric_value), max(numeric_value),
    quantile_cont(numeric_value::DOUBLE, $shares)
FROM events_by_code
WHERE code = $code AND numeric_value IS NOT NULL AND isfinite(numeric_value)
GROUP BY unit ORDER BY 2 DESC, 1
"""

_COURSE = """
SELECT e.time, e.code, c.description, e.numeric_value, e.text_value, e.unit, e.end_time, e.source
FROM events e LEFT JOIN codes c USING (code)
WHERE e.shard_group = $shard_group AND e.shard = $shard AND e.subject_id = $subject
ORDER BY e.time NULLS FIRST, e.code, e.row_key
"""


@click.group("codes", cls=Section, examples=["biolake codes search glucose"])
def codes() -> None:
    """Find codes and see what each stands for."""


@codes.command("search", reads=True, examples=['biolake codes search "myocardial infarction"'])
@click.argument("text", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@pass_session
def search(session: Session, text: tuple[str, ...], limit: int) -> None:
    """List codes whose name or description holds all the words."""
    words = " ".join(text).lower().split()
    if not words:
        raise WrongUse("there is no word to search for")
    with session.view("search codes") as view:
        found = view.con.execute(_SEARCH, {"words": words}).fetchall()
        near = "" if found else _near_word(view, words)
    data = {
        "found": len(found),
        "codes": [
            dict(zip(("code", "description", "events"), r, strict=True)) for r in found[:limit]
        ],
        "did_you_mean": near or None,
    }
    session.show(data, _search_page)


def _near_word(view: View, words: list[str]) -> str:
    """Return the words with each unknown one replaced by the nearest the descriptions use."""
    from difflib import get_close_matches

    rows = view.rows(
        "SELECT DISTINCT unnest(regexp_split_to_array(lower(description), '[^a-z0-9]+')) FROM codes"
        " WHERE description IS NOT NULL"
    )
    known = [row[0] for row in rows]
    nearest = [next(iter(get_close_matches(w, known, n=1, cutoff=0.75)), w) for w in words]
    return "" if nearest == words else " ".join(nearest)


def _search_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    if not data["codes"]:
        near = data["did_you_mean"]
        yield "No code matches." + (f" Did you mean '{near}'?" if near else "")
        return
    yield table(
        ["code", "description", ">events"],
        ([row["code"], row["description"], row["events"]] for row in data["codes"]),
    )
    if data["found"] > len(data["codes"]):
        yield f"{len(data['codes']):,} of {data['found']:,} codes; see more with --limit."


@codes.command("show", reads=True, examples=["biolake codes show 'ICD10CM//I21.4'"])
@click.argument("code")
@pass_session
def show(session: Session, code: str) -> None:
    """Show what a code means, how often it occurs, its values."""
    with session.view("show a code") as view:
        data = code_data(view, code)
    session.show(data, _code_page)


def code_data(view: View, code: str) -> dict[str, Any]:
    found = view.rows(
        "SELECT code, description, parent_codes, vocabulary, events FROM codes WHERE code = ?",
        [code],
    )
    if not found:
        raise unknown_code(view, code)
    names = ("code", "description", "parent_codes", "vocabulary", "events")
    subjects, first, last, text = view.rows(
        "SELECT count(DISTINCT subject_id), min(time), max(time), count(text_value)"
        " FROM events_by_code WHERE code = ?",
        [code],
    )[0]
    children = view.rows(
        "SELECT code FROM codes WHERE list_contains(parent_codes, ?) ORDER BY events DESC LIMIT 20",
        [code],
    )
    return {
        **dict(zip(names, found[0], strict=True)),
        "subjects": subjects,
        "first": first.isoformat() if first else None,
        "last": last.isoformat() if last else None,
        "text_values": text,
        "child_codes": [row[0] for row in children],
        "values": _values(view, code),
    }


def _values(view: View, code: str) -> list[dict[str, Any]]:
    shares = [percent / 100 for percent in PERCENTILES]
    found = view.con.execute(_UNITS, {"code": code, "shares": shares}).fetchall()
    return [
        {
            "unit": unit,
            "count": count,
            "min": low,
            "max": high,
            **{f"p{p}": value for p, value in zip(PERCENTILES, quantiles, strict=True)},
        }
        for unit, count, low, high, quantiles in found
    ]


def unknown_code(view: View, code: str) -> WrongUse:
    """Return the error for a code the lake does not hold, naming the nearest one that it does."""
    near = view.rows(
        "SELECT code FROM codes, (SELECT lower(?) AS word)"
        " WHERE starts_with(lower(code), word) OR jaro_winkler_similarity(lower(code), word) > 0.8"
        " ORDER BY starts_with(lower(code), word) DESC,"
        " jaro_winkler_similarity(lower(code), word) DESC, events DESC, code LIMIT 1",
        [code],
    )
    hint = f" Did you mean '{near[0][0]}'?" if near else ""
    return WrongUse(
        f"no event carries the code '{code}'.{hint}",
        next=f'List codes: biolake codes search "{code.split("//")[-1]}"',
    )


def _code_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import facts, table

    yield facts(
        [
            ("code", data["code"]),
            ("means", data["description"] or "(no source described it)"),
            ("kind of", ", ".join(data["parent_codes"] or [])),
            ("includes", ", ".join(data["child_codes"])),
            ("events", data["events"]),
            ("subjects", data["subjects"]),
            ("time span", " to ".join(t[:10] for t in (data["first"], data["last"]) if t)),
            ("text values", data["text_values"] or None),
        ]
    )
    if data["values"]:
        names = ["min", *(f"p{percent}" for percent in PERCENTILES), "max"]
        yield table(
            ["unit", ">values", *(f">{name}" for name in names)],
            (
                [v["unit"] or "(none)", v["count"], *(v[name] for name in names)]
                for v in data["values"]
            ),
        )


@click.group("subject", cls=Section, examples=["biolake subject show 10000032"])
def subject() -> None:
    """See the course of one subject."""


@subject.command("show", reads=True, examples=["biolake subject show 10000032 --limit 100"])
@click.argument("subject_id", type=int)
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Events; 0 = all."
)
@pass_session
def show_subject(session: Session, subject_id: int, limit: int) -> None:
    """Show one subject's events in order of time."""
    with session.view("show a subject") as view:
        data = _subject(view, subject_id, limit)
    session.show(data, _subject_page)


def place_of(view: View, subject_id: int) -> dict[str, int]:
    """Return where a subject's rows lie, so that one shard of one group is read and no more."""
    from biolake.core.keys import shard_of

    shard = shard_of(subject_id)
    return {"shard_group": view.lake.group_of(shard), "shard": shard, "subject": subject_id}


def refuse_unknown_subject(view: View, subject_id: int) -> tuple[Any, ...]:
    found = view.con.execute(
        "SELECT birth, death, events FROM subjects"
        " WHERE shard_group = $shard_group AND shard = $shard AND subject_id = $subject",
        place_of(view, subject_id),
    ).fetchall()
    if not found:
        raise WrongUse(
            f"there is no such subject at commit {view.commit.number}",
            next="Subject ids are those of the lake: biolake events --limit 5",
        )
    row: tuple[Any, ...] = found[0]
    return row


def _subject(view: View, subject_id: int, limit: int) -> dict[str, Any]:
    birth, death, events = refuse_unknown_subject(view, subject_id)
    sql = _COURSE + (f"LIMIT {limit}" if limit else "")
    names = ("time", "code", "description", "value", "text", "unit", "end_time", "source")
    found = view.con.execute(sql, place_of(view, subject_id)).fetchall()
    return {
        "subject_id": subject_id,
        "birth": birth.isoformat() if birth else None,
        "death": death.isoformat() if death else None,
        "events": events,
        "timeline": [dict(zip(names, map(_plain, row), strict=True)) for row in found],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return None  # JSON has no infinity; `events` shows none either
    return value.isoformat() if hasattr(value, "isoformat") else value


def _subject_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import facts, table

    yield facts(
        [
            ("subject", str(data["subject_id"])),
            ("born", (data["birth"] or "")[:10]),
            ("died", (data["death"] or "")[:10]),
            ("events", data["events"]),
        ]
    )
    yield table(
        ["!time", "code", "description", ">value", "unit", "source"],
        (
            [
                (row["time"] or "always").replace("T", " "),
                row["code"],
                row["description"],
                row["text"] if row["value"] is None else row["value"],
                row["unit"],
                row["source"],
            ]
            for row in data["timeline"]
        ),
    )
    if len(data["timeline"]) < data["events"]:
        yield f"{len(data['timeline']):,} of {data['events']:,} events; all of them with --limit 0."
