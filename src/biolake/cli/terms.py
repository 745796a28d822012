"""Load terminologies, and follow codes up, down and across them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.asking import codes, unknown_code
from biolake.cli.grammar import Session, pass_session
from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.lake.door import View
    from biolake.lake.hierarchy import Relative

_LIMIT = click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Codes; 0 = all."
)
_OCCURRING = click.option("--occurring", is_flag=True, help="Only codes that have events here.")

_MAPS = """
WITH wanted AS (SELECT CASE WHEN contains($code, '//') THEN $code
    ELSE regexp_replace($code, '^([^/]+)/', '\\1//') END AS code),
found AS (
    SELECT to_code AS code, relation, terminology FROM term_maps SEMI JOIN wanted USING (code)
    UNION
    SELECT code, CASE relation WHEN 'broad' THEN 'narrow' WHEN 'narrow' THEN 'broad'
        ELSE relation END, terminology
    FROM term_maps WHERE to_code = (SELECT code FROM wanted)
)
SELECT f.code, f.relation, coalesce(t.name, c.description), f.terminology, coalesce(c.events, 0)
FROM found f LEFT JOIN codes c USING (code) LEFT JOIN (
    SELECT code, any_value(name) AS name FROM terms GROUP BY code
) t USING (code)
WHERE $to IS NULL OR starts_with(lower(f.code), lower($to) || '//')
ORDER BY list_position(['exact', 'broad', 'narrow', 'related'], f.relation), f.code
"""


@codes.command("load", examples=["biolake codes load icd10cm", "biolake codes load hp.obo"])
@click.argument("source", metavar="NAME|FILE")
@click.option("--name", default="", help="What to call it.  [default: as its file says]")
@click.option("--version", "release", default="", metavar="TEXT", help="Its release.")
@click.option("--licence", default="", metavar="TEXT", help="Under which its terms may be used.")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def load(session: Session, source: str, name: str, release: str, licence: str, wait: float) -> None:
    """Load a code system, a mapping or gene sets.

    `icd10cm` comes with Biolake's extra `notes`. Files: OBO (HPO, MONDO), GMT (gene sets), CSV or
    TSV of terms (code, name, parents, synonyms) or of maps (code, to_code, relation), the US
    General Equivalence Mappings, a folder of OMOP concept tables. Loading a name again replaces it.
    """
    from biolake.knowledge.loading import load as run
    from biolake.knowledge.loading import read_terminology

    lake = session.lake()
    found = read_terminology(source, name=name, version=release, licence=licence)
    done = run(lake, found, wait=wait)
    data = {
        "commit": done.commit.number,
        "terminology": found.name,
        "version": found.version,
        "source": found.source,
        "licence": found.licence,
        "terms": len(found.terms),
        "maps": len(found.maps),
        "replaced": done.replaced,
        "notes": list(found.notes),
    }
    session.show(data, _loaded_page)


def _loaded_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import facts

    yield facts(
        [
            ("terminology", f"{data['terminology']} {data['version']}".strip()),
            ("from", data["source"]),
            ("licence", data["licence"]),
            ("terms", data["terms"]),
            ("maps", data["maps"]),
        ]
    )
    yield from data["notes"]
    what = "in place of what had its name" if data["replaced"] else "new"
    yield f"The lake is at commit {data['commit']} ({what})."


@codes.command("terminologies", reads=True, examples=["biolake codes terminologies"])
@pass_session
def terminologies(session: Session) -> None:
    """List what was loaded: source, licence, terms."""
    with session.view("list terminologies") as view:
        rows = view.rows(
            "SELECT terminology, version, source, licence, terms,"
            " (SELECT count(*) FROM term_maps m WHERE m.terminology = t.terminology)"
            " FROM terminologies t ORDER BY terminology"
        )
    names = ("terminology", "version", "source", "licence", "terms", "maps")
    session.show({"terminologies": [dict(zip(names, r, strict=True)) for r in rows]}, _list_page)


def _list_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    rows = data["terminologies"]
    if not rows:
        yield "No terminology is loaded. ICD-10-CM comes with Biolake: biolake codes load icd10cm"
        return
    yield table(
        ["!terminology", "version", ">terms", ">maps", "from", "licence"],
        (
            [r["terminology"], r["version"], r["terms"], r["maps"], r["source"], r["licence"]]
            for r in rows
        ),
    )


@codes.command("ancestors", reads=True, examples=["biolake codes ancestors 'ICD10CM//I21.4'"])
@click.argument("code")
@_LIMIT
@pass_session
def ancestors(session: Session, code: str, limit: int) -> None:
    """Show what a code is a kind of, nearest first."""
    from biolake.lake.hierarchy import ancestors as walk

    with session.view("ancestors of a code") as view:
        found = walk(view, [code])
        data = _relatives(view, code, found, limit)
    session.show(data, _relatives_page)


@codes.command(
    "descendants",
    reads=True,
    examples=[
        "biolake codes descendants 'ICD10CM//I20-I25' --occurring",
        "biolake codes descendants 'GENESET//HALLMARK_HYPOXIA'",
    ],
)
@click.argument("code")
@_OCCURRING
@_LIMIT
@pass_session
def descendants(session: Session, code: str, occurring: bool, limit: int) -> None:
    """Show what is a kind of a code, nearest first."""
    from biolake.lake.hierarchy import descendants as walk

    with session.view("descendants of a code") as view:
        found = walk(view, [code])
        kept = [each for each in found if each.events or not each.distance or not occurring]
        data = _relatives(view, code, kept, limit)
    session.show(data, _relatives_page)


def _relatives(view: View, code: str, found: list[Relative], limit: int) -> dict[str, Any]:
    """Return the page's data; a code that nothing knows is refused."""
    own, *others = found
    known = own.name is not None or own.terminology is not None or own.events or others
    if not known and not view.rows("SELECT 1 FROM terms WHERE code = ?", [own.code]):
        raise _unknown(view, code)
    shown = others[:limit] if limit else others
    return {
        "code": own.code,
        "name": own.name,
        "events": own.events,
        "found": len(others),
        "codes": [each._asdict() for each in shown],
    }


def _unknown(view: View, code: str) -> WrongUse:
    """Return the error for a code that neither the events nor the terms know."""
    near = view.rows(
        "SELECT code FROM terms WHERE jaro_winkler_similarity(lower(code), lower($1)) > 0.9"
        " ORDER BY jaro_winkler_similarity(lower(code), lower($1)) DESC, code LIMIT 1",
        [code],
    )
    if not near and not view.rows("SELECT 1 FROM terminologies LIMIT 1"):
        return WrongUse(
            f"no event carries the code '{code}', and no terminology is loaded",
            next="ICD-10-CM comes with Biolake: biolake codes load icd10cm",
        )
    if not near:
        return unknown_code(view, code)
    return WrongUse(
        f"no event carries the code '{code}', and no terminology has it."
        f" Did you mean '{near[0][0]}'?",
        next="See what is loaded: biolake codes terminologies",
    )


def _relatives_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import facts, table

    yield facts([("code", data["code"]), ("means", data["name"]), ("events", data["events"])])
    if not data["codes"]:
        yield "There is none. See what is loaded: biolake codes terminologies"
        return
    yield table(
        [">steps", "code", "means", ">events", "from"],
        (
            [r["distance"], r["code"], r["name"], r["events"] or None, r["terminology"]]
            for r in data["codes"]
        ),
    )
    if data["found"] > len(data["codes"]):
        yield f"{len(data['codes']):,} of {data['found']:,}; all of them with --limit 0."


@codes.command("map", reads=True, examples=["biolake codes map 'ICD10CM//I21.4' --to ICD9CM"])
@click.argument("code")
@click.option("--to", default=None, metavar="VOCABULARY", help="Only codes of this vocabulary.")
@pass_session
def map_code(session: Session, code: str, to: str | None) -> None:
    """Show what a code is called in other vocabularies."""
    with session.view("map a code") as view:
        rows = view.con.execute(_MAPS, {"code": code, "to": to}).fetchall()
        if not rows and not view.rows(
            "SELECT 1 FROM terms WHERE code = $1 UNION ALL SELECT 1 FROM codes WHERE code = $1"
            " UNION ALL SELECT 1 FROM term_maps WHERE code = $1 OR to_code = $1 LIMIT 1",
            [code],
        ):
            raise _unknown(view, code)
    names = ("code", "relation", "name", "terminology", "events")
    maps = [dict(zip(names, row, strict=True)) for row in rows]
    session.show({"code": code, "maps": maps}, _maps_page)


def _maps_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    if not data["maps"]:
        yield f"Nothing that is loaded maps {data['code']}. See: biolake codes terminologies"
        return
    yield table(
        ["!relation", "code", "means", ">events", "by"],
        (
            [r["relation"], r["code"], r["name"], r["events"] or None, r["terminology"]]
            for r in data["maps"]
        ),
    )
