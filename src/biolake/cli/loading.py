"""Make a lake, and load sources into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.ingest.pipeline import IngestReport
    from biolake.lake.lake import Lake, SubjectIds
    from biolake.lake.ledger import Line

# How a line of the ledger adds up: source rows by fate, then mapped events by fate.
ROW_FATES = ("rows", "event_rows", "part_rows", "quarantined", "unexplained")
EVENT_FATES = (
    "events",
    "added",
    "known",
    "repeated",
    "superseded",
    "retracted",
    "forgotten",
)


@command("init", examples=["biolake --lake /data/lake init", "biolake init --subject-ids source"])
@click.option(
    "--subject-ids",
    type=click.Choice(["keyed", "source"]),
    default="keyed",
    show_default=True,
    help="keyed: new pseudonyms, made with the lake's secret."
    " source: keep the integer ids of one already pseudonymous source.",
)
@click.option(
    "--shard-groups",
    type=int,
    default=16,
    show_default=True,
    help="Into how many files each table is split; a divisor of 1024.",
)
@pass_session
def init(session: Session, subject_ids: SubjectIds, shard_groups: int) -> None:
    """Make an empty lake."""
    from biolake.lake.lake import init as make

    lake = make(session.lake_root(), subject_ids=subject_ids, shard_groups=shard_groups)
    data = {
        "root": lake.root,
        "lake_id": lake.lake_id,
        "subject_ids": lake.subject_ids,
        "shard_groups": lake.shard_groups,
        "commit": lake.commit().number,
    }
    session.show(data, _init_page)


def _init_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    yield f"Made an empty lake at {data['root']} (subject ids: {data['subject_ids']})."
    yield "Next: biolake ingest FOLDER"


@command(
    "ingest",
    examples=[
        "biolake ingest mimic-iv-demo-2.2",
        "biolake ingest export.zip --site st-marys --zone Europe/London",
        "biolake ingest labs.csv --mapping labs.yaml",
        "biolake ingest pacs-export --subject-system hospital-mrn",
    ],
)
@click.argument("source")
@click.option(
    "--mapping", metavar="NAME|FILE", help="How to read it; without, the layout is recognised."
)
@click.option("--site", default="main", show_default=True, help="The hospital it comes from.")
@click.option(
    "--zone", metavar="AREA/CITY", help="Time zone of the site's clock; times become UTC."
)
@click.option(
    "--subject-system",
    metavar="NAME",
    help="Link assets by this identifier system alone; without, by all known at the site.",
)
@click.option(
    "--new-subjects",
    is_flag=True,
    help="Assets whose identifier nobody has make new subjects; without, they wait for theirs.",
)
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def ingest(
    session: Session,
    source: str,
    mapping: str | None,
    site: str,
    zone: str | None,
    subject_system: str | None,
    new_subjects: bool,
    wait: float,
) -> None:
    """Load records, notes, images, omics; the same again adds nothing."""
    from biolake.cli.pages import steps
    from biolake.core.catalogue import discover
    from biolake.ingest.pipeline import ingest as load

    lake = session.lake()
    with steps(session.json) as progress:
        report = load(
            lake,
            source,
            discover("biolake.readers"),
            mapping=mapping,
            site=site,
            zone=zone,
            wait=wait,
            progress=progress,
            new_subjects=new_subjects,
            subject_system=subject_system,
        )
    session.show(_data(lake, report), _page)


def _data(lake: Lake, report: IngestReport) -> dict[str, Any]:
    from biolake.cli.asset_loading import assets_data

    commit = report.load.commit
    tables = _tables(report.load.lines)
    stands = commit or lake.commit()
    return {
        "commit": stands.number,
        "committed": commit is not None,
        "load": commit.loads[0] if commit and commit.loads else None,
        "site": report.site,
        "layout": report.plan.reading.layout,
        "files": _files(report),
        "tables": tables,
        "totals": _totals(tables),
        "added": report.load.added,
        "replaced": report.load.outcome.replaced,
        "removed": report.load.outcome.removed,
        "identity_conflicts": report.load.conflicts,
        "subjects": stands.counts.get("subjects", 0),
        "encounters": stands.counts.get("encounters", 0),
        "events": stands.counts.get("events", 0),
        "codes": stands.counts.get("codes", 0),
        "assets": assets_data(lake, report),
        "quarantine": _quarantine(lake, commit.loads) if commit else [],
        "notes": list(report.plan.reading.notes),
    }


def _files(report: IngestReport) -> dict[str, int]:
    """Count the files, those of assets too."""
    new, known = len(report.plan.new), len(report.plan.known)
    if found := report.plan.assets:
        new, known = new + len(found.new), known + len(found.known)
    return {"new": new, "known": known}


def _tables(lines: list[Line]) -> list[dict[str, Any]]:
    """Add up the ledger's lines (one a file) by source table, in the order they were read."""
    tables: dict[str, dict[str, Any]] = {}
    for line in lines:
        row = tables.setdefault(
            line.table,
            {
                "table": line.table,
                "skipped": Counter(),
                **dict.fromkeys(ROW_FATES + EVENT_FATES, 0),
            },
        )
        for name in (*ROW_FATES, *EVENT_FATES):
            row[name] += line.quarantined_rows if name == "quarantined" else getattr(line, name)
        row["skipped"].update(line.skipped)
    for row in tables.values():
        row["skipped"] = {why: n for why, n in row["skipped"].items() if n}
    return list(tables.values())


def _totals(tables: list[dict[str, Any]]) -> dict[str, Any]:
    skipped: Counter[str] = Counter()
    for row in tables:
        skipped.update(row["skipped"])
    sums = {name: sum(row[name] for row in tables) for name in (*ROW_FATES, *EVENT_FATES)}
    return {**sums, "skipped": dict(skipped), "skipped_rows": sum(skipped.values())}


def _quarantine(lake: Lake, loads: tuple[str, ...]) -> list[dict[str, Any]]:
    from biolake.lake.door import open_view

    with open_view(lake) as view:
        found = view.rows(
            'SELECT "table", "column", reason, count(*) FROM quarantine'
            " WHERE list_contains(?, load_id) GROUP BY ALL ORDER BY 4 DESC, 1, 2, 3",
            [list(loads)],
        )
    return [dict(zip(("table", "column", "reason", "rows"), row, strict=True)) for row in found]


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.asset_loading import assets_page
    from biolake.cli.pages import counted

    files = data["files"]
    if not data["committed"]:
        yield (
            f"Nothing new: {_known(files['known'], data['layout'])} loaded before at site"
            f" {data['site']}. The lake stays at commit {data['commit']}."
        )
        return
    yield _rows_table(data)
    if data["totals"]["events"] or not data["assets"]:
        yield _events_table(data)
    yield from _remarks(data)
    if data["assets"]:
        yield from assets_page(data["assets"])
    things = ("event", "subject", "encounter", "code")
    held = ", ".join(counted(data[f"{thing}s"], thing) for thing in things)
    found = data["assets"]
    also = f" and {counted(found['added'], 'asset')}" if found and found["added"] else ""
    yield (
        f"Added {counted(data['added'], 'event')}{also} from {counted(files['new'], 'new file')}"
        f" ({data['layout']}, site {data['site']})."
    )
    yield f"The lake is at commit {data['commit']}: {held}."


def _known(files: int, layout: str) -> str:
    if files == 1:
        return f"the one file of this {layout} source was"
    return f"all {files:,} files of this {layout} source were"


def _rows_table(data: dict[str, Any]) -> RenderableType:
    from biolake.cli.pages import table

    columns = [">rows", ">→ events", ">→ part of", ">skipped", ">quarantined", ">unexplained"]
    rows = [*data["tables"], {**data["totals"], "table": "all"}]
    return table(
        ["source table", *columns],
        (
            [
                row["table"],
                row["rows"],
                row["event_rows"],
                row["part_rows"] or None,
                sum(row["skipped"].values()) or None,
                row["quarantined"] or None,
                row["unexplained"],
            ]
            for row in rows
        ),
        title="Where every source row went",
    )


def _events_table(data: dict[str, Any]) -> RenderableType:
    from biolake.cli.pages import table

    rows = [row for row in data["tables"] if row["events"]]
    return table(
        ["source table", *(f">{name}" for name in EVENT_FATES)],
        (
            [row["table"], row["events"], *(row[name] or None for name in EVENT_FATES[1:])]
            for row in [*rows, {**data["totals"], "table": "all"}]
        ),
        title="What became of the events",
    )


def _remarks(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, table

    skipped = [(t["table"], why, n) for t in data["tables"] for why, n in t["skipped"].items()]
    if skipped:
        yield table(["source table", "skipped because", ">rows"], skipped)
    if data["quarantine"]:
        yield table(
            ["source table", "column", "quarantined because", ">rows"],
            [[row[n] for n in ("table", "column", "reason", "rows")] for row in data["quarantine"]],
        )
    for note in data["notes"]:
        yield f"Note: {note}"
    if data["replaced"] or data["removed"]:
        yield (
            f"Corrections replaced {counted(data['replaced'], 'event')} of earlier loads;"
            f" the source took back {data['removed']:,}."
        )
    if data["identity_conflicts"]:
        yield f"Identity conflicts: {data['identity_conflicts']:,} (see biolake quality)."
