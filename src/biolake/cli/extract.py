"""Measure the lake's assets: heart rates, lung volumes, tissue, steps become events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.assets import MODALITY, SUBJECT
from biolake.cli.grammar import Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.core.catalogue import Catalogue
    from biolake.ingest.extracting.report import Extracted, ExtractionReport
    from biolake.lake.lake import Lake


@command(
    "extract",
    examples=[
        "biolake extract --list",
        "biolake extract",
        "biolake extract ecg --limit 100",
        "biolake extract --modality ct",
    ],
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@MODALITY
@SUBJECT
@click.option("--limit", type=click.IntRange(1), metavar="ASSETS", help="Look at so many, no more.")
@click.option("--list", "listed", is_flag=True, help="Show the extractors and what they find.")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def extract(
    session: Session,
    names: tuple[str, ...],
    modality: str | None,
    subject: int | None,
    limit: int | None,
    listed: bool,
    wait: float,
) -> None:
    """Measure ECGs, images, notes, genotypes; findings become events.

    Without NAME every extractor runs. Each looks at an asset once, and again when its version, or
    the asset's subject or time, has changed: what it found before is then replaced.
    """
    from biolake.cli.pages import steps
    from biolake.core.catalogue import discover
    from biolake.ingest.extraction import choose
    from biolake.ingest.extraction import extract as run

    catalogue = discover("biolake.readers", "biolake.extractors")
    if listed:
        chosen = choose(catalogue, names, modality)
        session.show(_listed(catalogue, {extractor.name for extractor in chosen}), _list_page)
        return
    lake = session.lake()
    if subject is not None:
        _refuse_subject(session, subject)
    with steps(session.json) as progress:
        report = run(
            lake,
            catalogue,
            names,
            modality=modality,
            subject=subject,
            limit=limit,
            wait=wait,
            progress=progress,
        )
    session.show(_data(lake, report), _page)


def _refuse_subject(session: Session, subject: int) -> None:
    from biolake.cli.asking import refuse_unknown_subject

    with session.view("extract") as view:
        refuse_unknown_subject(view, subject)


def _listed(catalogue: Catalogue, names: set[str]) -> dict[str, Any]:
    from biolake.cli.doctor import missing_of

    found = []
    for extractor in sorted(catalogue.of("extractor"), key=lambda e: e.name):
        if extractor.name not in names:
            continue
        missing = missing_of(extractor.extra)
        found.append(
            {
                "extractor": extractor.name,
                "title": extractor.title,
                "needs": extractor.needs,
                "version": extractor.version,
                "codes": [
                    {
                        "code": code.code,
                        "unit": code.unit,
                        "description": code.description,
                        "parents": list(code.parents),
                    }
                    for code in extractor.codes
                ],
                "about": extractor.doc,
                "extra": extractor.extra,
                "installed": not missing,
                "install": f"pip install 'biolake[{extractor.extra}]'" if missing else "",
            }
        )
    return {"extractors": found}


def _list_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    found = data["extractors"]
    yield table(
        ["!extractor", "!reads", "!version", ">codes", "finds", "state"],
        (
            [
                row["extractor"],
                row["needs"],
                row["version"],
                len(row["codes"]),
                row["title"],
                "installed" if row["installed"] else f"missing: {row['install']}",
            ]
            for row in found
        ),
    )
    for row in found if len(found) == 1 else ():
        yield row["about"]
        yield ""
        yield table(
            ["!code", "!unit", "meaning", "a kind of"],
            (
                [c["code"], c["unit"], c["description"], ", ".join(c["parents"])]
                for c in row["codes"]
            ),
        )
    if len(found) > 1:
        yield f"See the codes of one: biolake extract {found[0]['extractor']} --list"


def _data(lake: Lake, report: ExtractionReport) -> dict[str, Any]:
    stands = lake.commit()
    return {
        "commit": stands.number,
        "committed": bool(report.loads),
        "assets": report.assets,
        "left": report.more,
        "unread": dict(report.unread.most_common()),
        "added": report.added,
        "replaced": sum(load.outcome.replaced for load in report.loads.values()),
        "removed": sum(load.outcome.removed for load in report.loads.values()),
        "opening_seconds": round(report.opening, 3),
        "extractors": [_row(one) for one in report.extractors.values()],
        "sites": list(report.loads),
        "events": stands.counts.get("events", 0),
    }


def _row(one: Extracted) -> dict[str, Any]:
    return {
        "extractor": one.extractor,
        "version": one.version,
        "assets": one.assets,
        "measured": one.measured,
        "findings": one.findings,
        "skipped": dict(one.skipped.most_common()),
        "quarantined": dict(one.quarantined.most_common()),
        "waiting": dict(one.waiting.most_common()),
        "dropped": dict(one.dropped.most_common()),
        "rows": dict(one.rows),
        "seconds": round(one.seconds, 3),
    }


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    rows = [r for r in data["extractors"] if r["assets"] or r["waiting"]]
    if any(row["assets"] for row in rows):
        yield _looked(rows)
    yield from _reasons(rows)
    if data["unread"]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in data["unread"].items())
        yield f"No extractor reads these assets: {kinds}."
    if not data["committed"]:
        yield f"Nothing new to measure. The lake stays at commit {data['commit']}."
        return
    yield (
        f"Added {counted(data['added'], 'event')} from {counted(data['assets'], 'asset')}"
        f" ({data['opening_seconds']:.1f} CPU seconds to open them)."
    )
    if data["replaced"] or data["removed"]:
        yield (
            f"Replaced {counted(data['replaced'], 'finding')} of earlier runs and took back"
            f" {data['removed']:,}."
        )
    if data["left"]:
        yield f"Left by --limit: {counted(data['left'], 'asset')}; run it again to go on."
    yield f"The lake is at commit {data['commit']}: {counted(data['events'], 'event')}."


def _looked(rows: list[dict[str, Any]]) -> RenderableType:
    from biolake.cli.pages import table

    figures = ("assets", "measured", "findings", "rows", "skipped", "quarantined", "CPU seconds")
    return table(
        ["!extractor", *(f">{name}" for name in figures)],
        (
            [
                row["extractor"],
                row["assets"],
                row["measured"],
                row["findings"],
                sum(row["rows"].values()) or None,
                sum(row["skipped"].values()) or None,
                sum(row["quarantined"].values()) or None,
                f"{row['seconds']:.1f}",
            ]
            for row in rows
            if row["assets"]
        ),
    )


def _reasons(rows: list[dict[str, Any]]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    for fate, words in (
        ("skipped", "skipped because"),
        ("quarantined", "quarantined because"),
        ("waiting", "not looked at yet because"),
    ):
        found = [(r["extractor"], why, n) for r in rows for why, n in r[fate].items()]
        if fate == "waiting":
            found = _together(found)
        if found:
            yield table(["!extractor", words, ">assets"], found)
    lost = [(r["extractor"], why, n) for r in rows for why, n in r["dropped"].items()]
    if lost:
        yield table(["!extractor", "findings without an event", ">findings"], lost)


def _together(found: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Put extractors that wait for the same, for as many assets, into one row."""
    names: dict[tuple[str, int], list[str]] = {}
    for name, why, count in found:
        names.setdefault((why, count), []).append(name)
    return [(", ".join(those), why, count) for (why, count), those in names.items()]
