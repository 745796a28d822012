"""Account for the lake: its commits, their differences, its integrity, its forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.lake.commits import Commit


@command("commits", reads=True, examples=["biolake commits", "biolake commits --at 3 --json"])
@click.option("--limit", type=click.IntRange(0), default=0, help="The latest N; 0 = all.")
@pass_session
def commits(session: Session, limit: int) -> None:
    """List every state the lake was in: when, by whom, what."""
    from biolake.lake import commits as log

    lake = session.lake()
    if session.at is not None:
        log.read(lake.store, session.at)
    numbers = [n for n in log.numbers(lake.store) if session.at is None or n <= session.at]
    found = [log.read(lake.store, number) for number in numbers[-limit:]]
    redacted = {old: c.number for c in found for old in c.redacts}
    session.show({"commits": [_row(c, redacted.get(c.number)) for c in found]}, _commits_page)


def _row(commit: Commit, redacted: int | None) -> dict[str, Any]:
    return {
        "commit": commit.number,
        "kind": commit.kind,
        "time": commit.time,
        "by": commit.actor,
        "message": commit.message,
        "software": commit.software,
        "loads": list(commit.loads),
        "counts": dict(commit.counts),
        "redacted_by": redacted,
    }


def _commits_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    columns = [
        ">commit",
        "!time (UTC)",
        "by",
        "kind",
        "what",
        ">events",
        ">added",
        ">replaced",
        ">removed",
    ]
    yield table(
        columns,
        (
            [
                str(row["commit"]),
                row["time"][:16].replace("T", " "),
                row["by"],
                row["kind"],
                _what(row),
                row["counts"].get("events", 0),
                *(row["counts"].get(name) or None for name in ("added", "replaced", "removed")),
            ]
            for row in data["commits"]
        ),
    )


def _what(row: dict[str, Any]) -> str:
    by = row["redacted_by"]
    return f"{row['message']} (redacted by commit {by})" if by is not None else str(row["message"])


@command("diff", examples=["biolake diff 3 4"])
@click.argument("a", type=click.IntRange(0))
@click.argument("b", type=click.IntRange(0))
@pass_session
def diff(session: Session, a: int, b: int) -> None:
    """Show what changed between two commits."""
    from biolake.lake.maintenance import diff as compare

    found = compare(session.lake(), a, b)
    codes = {"appeared": found.codes_appeared, "vanished": found.codes_vanished}
    data = {
        "a": a,
        "b": b,
        "loads": list(found.loads),
        "sources": [asdict(change) for change in found.sources],
        **{
            f"codes_{name}": [{"code": code, "events": events} for code, events in listed]
            for name, listed in codes.items()
        },
        "tables": {name: {"a": old, "b": new} for name, (old, new) in found.tables.items()},
    }
    session.show(data, _diff_page)


def _diff_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    a, b = data["a"], data["b"]
    changed = [(n, t["a"], t["b"], t["b"] - t["a"]) for n, t in data["tables"].items()]
    if not data["sources"] and all(old == new for _, old, new, _ in changed):
        yield f"Commits {a} and {b} hold the same events."
        return
    if data["sources"]:
        yield table(
            ["site", "source table", ">events added", ">events removed"],
            ([s["site"], s["source"], s["added"], s["removed"]] for s in data["sources"]),
            title=f"From commit {a} to commit {b}",
        )
    yield table(["table", f">rows at {a}", f">rows at {b}", ">change"], changed)
    for name in ("appeared", "vanished"):
        listed = [(c["code"], c["events"]) for c in data[f"codes_{name}"]]
        if listed:
            yield table([f"codes that {name} (most used first)", ">events"], listed)


@command("verify", reads=True, examples=["biolake verify", "biolake verify --at 3"])
@pass_session
def verify(session: Session) -> None:
    """Read every stored byte and check that all of it agrees."""
    from biolake.cli.endings import Refused
    from biolake.cli.pages import counted, steps
    from biolake.core.errors import LakeDamaged
    from biolake.lake.verifying import verify as check

    lake = session.lake()
    with steps(session.json) as progress:
        report = check(lake, session.at, progress=progress)
    data = {"ok": not report.problems, **asdict(report)}
    if report.problems:
        if not session.json:
            session.show(data, _verify_page)
        wrong = (
            f"commit {report.commit} does not hold what it says"
            f" ({counted(len(report.problems), 'problem')})"
        )
        raise Refused(
            LakeDamaged(wrong, where=lake.root, next="Restore the files named from a backup."), data
        )
    session.show(data, _verify_page)


def _verify_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, table

    if data["problems"]:
        yield table(
            ["table", "file", "what is wrong"],
            ([p["table"], p["file"], p["what"]] for p in data["problems"]),
        )
    else:
        yield (
            f"Commit {data['commit']} is whole: {counted(data['rows'], 'row')} in"
            f" {counted(data['files'], 'file')} of {counted(data['tables'], 'table')} are what the"
            " commit says, and agree with each other."
        )
    for note in data["notes"]:
        yield f"Note: {note}"
    if data["leftovers"]:
        left = counted(len(data["leftovers"]), "file")
        it = "it" if len(data["leftovers"]) == 1 else "them"
        yield f"Note: {left} that no commit needs; biolake compact removes {it}."


@command("compact", examples=["biolake compact"])
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def compact(session: Session, wait: float) -> None:
    """Rewrite many small files as few; the data stay the same."""
    from biolake.cli.pages import steps
    from biolake.lake.maintenance import compact as rewrite

    lake = session.lake()
    with steps(session.json) as progress:
        made = rewrite(lake, wait=wait, progress=progress)
    data = {
        "commit": (made or lake.commit()).number,
        "committed": made is not None,
        "message": made.message if made else "",
    }
    session.show(data, _compact_page)


def _compact_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    if data["committed"]:
        yield f"Compacted: {data['message']}. Commit {data['commit']} holds the same rows."
    else:
        yield f"Nothing to compact. The lake stays at commit {data['commit']}."


@command("forget", examples=["biolake forget 10000032 --yes"])
@click.argument("subject_id", type=int)
@click.option("--yes", is_flag=True, help="Really forget; nothing brings the subject back.")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def forget(session: Session, subject_id: int, yes: bool, wait: float) -> None:
    """Remove one subject from the lake and its past; prove it."""
    from biolake.cli.endings import Refused
    from biolake.cli.pages import counted, steps
    from biolake.core.errors import BiolakeError, WrongUse
    from biolake.lake.forgetting import forget as remove

    lake = session.lake()
    if not yes:
        raise WrongUse(
            "forgetting a subject cannot be undone, in this commit or any before it",
            next="Say that you mean it: --yes",
        )
    with steps(session.json) as progress:
        report = remove(lake, subject_id, wait=wait, progress=progress)
    data = {
        "commit": report.commit.number,
        "removed_rows": report.rows,
        "unlinked_events": report.unlinked,
        "redacted_commits": list(report.redacted),
        "deleted_files": len(report.deleted),
        "scan": asdict(report.scan),
    }
    if report.scan.hits:
        found = BiolakeError(
            f"the subject was still found in {counted(len(report.scan.hits), 'file')}",
            where=lake.root,
            next="Run the same command again; the files are listed with --json.",
        )
        raise Refused(found, data)
    session.show(data, _forget_page)


def _forget_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    scan = data["scan"]
    removed = ", ".join(
        counted(rows, table.removesuffix("s")) if table.endswith("s") else f"{rows:,} {table}"
        for table, rows in data["removed_rows"].items()
        if rows
    )
    yield f"Forgotten at commit {data['commit']}: {removed or 'nothing was left to remove'}."
    if data["unlinked_events"]:
        others = counted(data["unlinked_events"], "event")
        yield f"{others} of others named an encounter of this subject."
    if data["redacted_commits"]:
        old = ", ".join(map(str, data["redacted_commits"]))
        yield f"Commits that held the subject can no longer be opened: {old}."
    yield f"Deleted {counted(data['deleted_files'], 'file')}."
    read = f"{counted(scan['files'], 'file')} with {counted(scan['rows'], 'row')}"
    yield f"Proof: {read} were read again; none holds the subject."
    for note in scan["notes"]:
        yield f"Note: {note}"
