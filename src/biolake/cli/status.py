"""What the lake holds, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.lake.door import View
    from biolake.lake.quality import Check, Quality

COUNTS = ("subjects", "events", "codes", "encounters")


@command("status", reads=True, examples=["biolake status", "biolake status --at 3 --json"])
@pass_session
def status(session: Session) -> None:
    """Tell what the lake holds: subjects, events, codes, sites."""
    with session.view("status") as view:
        data = _data(view)
    session.show(data, _page)


def _data(view: View) -> dict[str, Any]:
    from biolake.lake.lake import FORMAT_VERSION

    commit, lake = view.commit, view.lake
    first, last = _span(view)
    return {
        "root": lake.root,
        "lake_id": lake.lake_id,
        "format_version": FORMAT_VERSION,
        "subject_ids": lake.subject_ids,
        "commit": commit.number,
        "committed": {"time": commit.time, "by": commit.actor, "message": commit.message},
        **{name: commit.counts.get(name, 0) for name in COUNTS},
        "quarantined": commit.counts.get("quarantine", 0),
        "loads": view.rows("SELECT count(DISTINCT load_id) FROM loads")[0][0],
        "first_event": first,
        "last_event": last,
        "assets": _assets(view),
        "sites": _sites(view),
        "tables": {
            name: {
                "rows": state.rows,
                "files": len(state.files),
                "bytes": sum(file.size for file in state.files),
                "version": state.version,
            }
            for name, state in sorted(commit.tables.items())
        },
    }


def _span(view: View) -> tuple[str | None, str | None]:
    """Return the first and last time of any event, read from the files' footers alone."""
    paths = view.paths("events")
    if not paths:
        return None, None
    found = view.rows(
        "SELECT min(stats_min_value::TIMESTAMP), max(stats_max_value::TIMESTAMP)"
        " FROM parquet_metadata(?) WHERE path_in_schema = 'time'",
        [paths],
    )[0]
    return tuple(t.isoformat() if t else None for t in found)  # type: ignore[return-value]


def _assets(view: View) -> dict[str, Any]:
    """Return the assets by modality, how many are linked or wait, and the packs they lie in."""
    found = view.rows(
        "SELECT modality, count(*), count(subject_id),"
        " count(*) FILTER (subject_id IS NULL AND NOT starts_with(subject_key, 'either:')),"
        " sum(bytes)::BIGINT, count(*) FILTER (asset_id IN (SELECT asset_id FROM asset_samples))"
        " FROM assets GROUP BY modality ORDER BY 2 DESC, 1"
    )
    names = ("modality", "assets", "linked", "waiting", "bytes", "sampled")
    ((packs, stored),) = view.rows(
        "SELECT count(DISTINCT pack), coalesce(sum(length), 0)::BIGINT FROM"
        ' (SELECT DISTINCT pack, "offset", length FROM asset_files)'
    )
    return {
        "count": sum(row[1] for row in found),
        "packs": packs,
        "packed_bytes": stored,
        "modalities": [dict(zip(names, row, strict=True)) for row in found],
    }


def _sites(view: View) -> list[dict[str, Any]]:
    found = view.rows(
        "SELECT s.site_id, s.clock, s.zone, list_sort(list_distinct(list(l.layout))),"
        " count(DISTINCT l.load_id), coalesce(sum(l.rows), 0)::BIGINT,"
        " coalesce(sum(l.added), 0)::BIGINT"
        " FROM sites s LEFT JOIN loads l USING (site_id) GROUP BY ALL ORDER BY s.site_id"
    )
    names = ("site", "clock", "zone", "layouts", "loads", "rows", "events_added")
    return [dict(zip(names, row, strict=True)) for row in found]


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, facts, size, table

    stored = sum(state["bytes"] for state in data["tables"].values())
    yield facts(
        [
            ("lake", data["root"]),
            ("commit", f"{data['commit']}  {data['committed']['time']}  {_message(data)}"),
            ("subjects", data["subjects"]),
            ("encounters", data["encounters"]),
            ("events", data["events"]),
            ("codes", data["codes"]),
            ("time span", _days(data)),
            ("quarantined", counted(data["quarantined"], "source row")),
            ("loads", data["loads"]),
            ("assets", _kinds(data["assets"])),
            ("stored", size(stored) + _packed(data["assets"])),
            ("subject ids", data["subject_ids"]),
        ]
    )
    if data["sites"]:
        yield table(
            ["site", "layouts", "times", ">loads", ">source rows", ">events added"],
            ([s["site"], ", ".join(s["layouts"]), _clock(s), s["loads"], s["rows"],
              s["events_added"]] for s in data["sites"]),
        )  # fmt: skip
        yield table(
            ["table", ">rows", ">files", ">size"],
            ([n, t["rows"], t["files"], size(t["bytes"])] for n, t in data["tables"].items()),
        )
    else:
        yield "The lake is empty. Next: biolake ingest FOLDER"


def _kinds(assets: dict[str, Any]) -> str:
    """Say how many assets there are of each kind, and how many are not linked."""
    rows = assets["modalities"]
    if not rows:
        return ""
    waiting = sum(row["waiting"] for row in rows)
    sampled = sum(row["sampled"] for row in rows)  # these hold samples of many subjects
    nobody = assets["count"] - waiting - sampled - sum(row["linked"] for row in rows)
    kinds = ", ".join(f"{row['assets']:,} {row['modality']}" for row in rows)
    parts = [f"{assets['count']:,} ({kinds})"]
    parts += [f"{waiting:,} waiting for their subject"] if waiting else []
    parts += [f"{nobody:,} without an identifier"] if nobody else []
    return "; ".join(parts)


def _packed(assets: dict[str, Any]) -> str:
    from biolake.cli.pages import counted, size

    if not assets["packs"]:
        return ""
    return f" of tables, {size(assets['packed_bytes'])} in {counted(assets['packs'], 'pack')}"


def _message(data: dict[str, Any]) -> str:
    return f"{data['committed']['message']}, by {data['committed']['by']}"


def _days(data: dict[str, Any]) -> str:
    if not data["first_event"]:
        return ""
    return f"{data['first_event'][:10]} to {data['last_event'][:10]}"


def _clock(site: dict[str, Any]) -> str:
    if site["clock"] == "utc":
        return f"UTC (from {site['zone']})" if site["zone"] else "UTC"
    return "as given by the source"


@command(
    "quality",
    reads=True,
    examples=[
        "biolake quality",
        "biolake quality --site st-marys --items 5",
        "biolake quality --thresholds ours.csv --json",
        "biolake quality --history",
    ],
)
@click.option("--site", help="Only what was loaded from this site.")
@click.option("--load", metavar="LOAD", help="Only this load (L0000000001 …).")
@click.option(
    "--thresholds",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV or YAML with check, warn, fail: shares that replace the shipped ones.",
)
@click.option(
    "--items",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Also the N worst items a check.",
)
@click.option("--history", is_flag=True, help="Count also readings that later ones replaced.")
@pass_session
def quality(
    session: Session,
    site: str | None,
    load: str | None,
    thresholds: Path | None,
    items: int,
    history: bool,
) -> None:
    """Tell how good the data are: every check, judged by thresholds."""
    from biolake.lake.quality import quality as judge
    from biolake.lake.quality import read_thresholds

    limits = read_thresholds(thresholds)
    with session.view("quality") as view:
        found = judge(view, thresholds=limits, site=site, load=load, history=history)
        commit = view.commit.number
    session.show(
        {"commit": commit, **found.as_data()}, lambda _: _quality_page(found, commit, items)
    )


def _quality_page(found: Quality, commit: int, items: int) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, share, table

    columns = ["!check", "!verdict", ">count", ">share", "worst in", ">there", ">limits"]
    yield table(
        columns,
        (_check_row(found, check) for check in found.checks),
        title=f"Quality at commit {commit}: {found.verdict}",
    )
    yield "Limits: above the first share a check warns, above the second it fails, anywhere."
    if found.left_out:
        yield (
            f"Left out: {counted(len(found.left_out), 'earlier reading')} of tables whose files"
            " were read again later; --history counts all."
        )
    for check in found.checks if items else ():
        worst = [row for row in found.rows_of(check.check) if row.count][:items]
        if worst:
            yield table(
                ["item", "!verdict", ">count", ">of", ">share", "site", "!load", "detail"],
                (
                    [r.item, r.verdict, r.count, r.total, share(r.count, r.total), r.site, r.load,
                     r.detail] for r in worst
                ),
                title=check.check,
            )  # fmt: skip
    if not found.checks:
        yield "Nothing was loaded yet, so there is nothing to judge."


def _check_row(found: Quality, check: Check) -> tuple[str | int, ...]:
    from biolake.cli.pages import share

    limits = f"{100 * check.limit.warn:g} / {100 * check.limit.fail:g} %"
    worst = next((row for row in found.rows_of(check.check) if row.count), None)
    place = (worst.item, share(worst.count, worst.total)) if worst else ("", "")
    part = share(check.count, check.total)
    return (check.check, check.verdict, check.count, part, *place, limits)
