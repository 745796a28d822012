"""Build the search index, and say how old it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session
from biolake.core.errors import SetupMissing, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.core.catalogue import Catalogue
    from biolake.lake.door import View
    from biolake.lake.lake import Lake
    from biolake.search.building import Change, Progress
    from biolake.search.rows import Named, Sources

KINDS = ("codes", "notes", "spans", "assets", "cohorts", "studies", "models")
VECTORS = "vectors"


def kinds(_: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Read names with commas between them; an unknown one is refused with the nearest."""
    known = (*KINDS, VECTORS) if parameter.name == "only" else KINDS
    names = tuple(name.strip() for name in (value or "").split(",") if name.strip())
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise click.UsageError(f"'{name}' is no part.{near} Known: {', '.join(known)}.")
    return names


ONLY = click.option(
    "--only", metavar="PARTS", callback=kinds, help=f"Of {', '.join((*KINDS, VECTORS))}."
)


@click.group("index", cls=Section, examples=["biolake index build", "biolake index status"])
def index() -> None:
    """Make the lake searchable; see whether the index is up to date."""


@index.command(
    "build",
    examples=["biolake index build", "biolake index build --only codes,notes"],
)
@ONLY
@click.option("--full", is_flag=True, help="Read everything again.")
@click.option("--learn", is_flag=True, help="Learn the text encoder anew from today's notes.")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def build(session: Session, only: tuple[str, ...], full: bool, learn: bool, wait: float) -> None:
    """Bring the search index up to date; only what changed is read again.

    The first time, a text encoder is learned from the lake's notes, if enough subjects have any;
    each note's vectors are kept in the lake. The rest of the index is derived: it can be
    removed and built again at any time, and is removed when a subject is forgotten.
    """
    from biolake.cli.pages import steps
    from biolake.core.catalogue import discover
    from biolake.lake.door import Access, open_view
    from biolake.lake.lake import actor
    from biolake.lake.locking import writer

    lake = session.lake()
    catalogue = discover("biolake.readers", "biolake.encoders")
    wanted = only or (*KINDS, VECTORS)
    with steps(session.json) as progress:
        said = _encode_notes(lake, catalogue, learn, wait, progress) if VECTORS in wanted else {}
        with (
            writer(lake.store, "build the search index", wait),
            open_view(lake, access=Access(actor(), "build the search index")) as view,
        ):
            found = list(_built(view, catalogue, wanted, full, progress))
            commit = view.commit.number
    parts = [{**_change(change), "built": change.stale or full} for change in found]
    session.show({"commit": commit, "text_encoder": said, "parts": parts}, _build_page)


def _encode_notes(
    lake: Lake, catalogue: Catalogue, learn: bool, wait: float, progress: Progress
) -> dict[str, Any]:
    """Learn the lake's text encoder where it has none, and encode the notes that it has not."""
    from biolake.lake.door import open_view
    from biolake.learning import text_encoder as own
    from biolake.learning.encoding import encode

    said: dict[str, Any] = {}
    try:
        with open_view(lake) as view:
            known, enough = own.text_encoder(view), own.can_learn(view)
        if enough and (learn or known is None):
            progress("learn from notes", 0, 1)
            learned = own.learn_text_encoder(lake, catalogue, wait=wait)
            said = {"learned_from": learned.chunks, "subjects": learned.subjects}
            progress("learn from notes", 1, 1)
        elif known is None:
            least = own.LEAST_SUBJECTS
            return {"none": f"fewer than {least} subjects have notes: they are found by words only"}
        with open_view(lake) as view:
            every = own.with_text_encoder(view, catalogue)
        step = partial(progress, "encode notes")
        report = encode(lake, every, own.NAME, wait=wait, progress=step)
    except SetupMissing as error:
        return {"none": " ".join(part for part in (error.message, error.next) if part)}
    return {**said, "version": report.version, "encoded": report.encoded, "failed": report.failed}


def _built(
    view: View, catalogue: Catalogue, wanted: tuple[str, ...], full: bool, progress: Progress
) -> Iterator[Change]:
    from biolake.search.building import build_text
    from biolake.search.vectors import build_vectors, encoders

    told = sources(view, catalogue)
    for name in KINDS:
        if name in wanted:
            yield build_text(view, told, name, full=full, progress=progress)
    if VECTORS in wanted:
        for encoded in encoders(view):
            progress(encoded.part, 0, 1)
            yield build_vectors(view, encoded, full=full)
            progress(encoded.part, 1, 1)


def sources(view: View, catalogue: Catalogue) -> Sources:
    """Return what the index takes from other places than the lake's tables."""
    from biolake.learning.text_encoder import open_notes
    from biolake.search.rows import Sources

    named = {"cohorts": _cohorts(view), "studies": _studies(view), "models": _models(view)}
    return Sources(open_notes(catalogue), named)


def _cohorts(view: View) -> list[Named]:
    from biolake.cohorts.register import registered
    from biolake.search.rows import Named

    newest = {record["name"]: record for record in registered(view.lake)}
    told = ("commit", "subjects", "samples")
    return [
        Named(name, f"{one['task']}. {one['sentence']}", {key: one[key] for key in told})
        for name, one in newest.items()
    ]


def _studies(view: View) -> list[Named]:
    from biolake.cohorts.held_out import FOLDER, locked
    from biolake.search.rows import Named

    keys = [key.removeprefix(f"{FOLDER}/") for key, _ in view.lake.store.list(f"{FOLDER}/")]
    names = [key.removesuffix(".json") for key in keys if key.endswith(".json") and "/" not in key]
    held = [locked(view.lake, name) for name in names]
    return [
        Named(one.name, "study with held-out subjects", {"locked": one.locked, "by": one.actor})
        for one in held
    ]


def _models(view: View) -> list[Named]:
    from biolake.learning.shelf import shelved_models
    from biolake.search.rows import Named

    newest = {one.model: one for one in shelved_models(view)}
    return [
        Named(
            name,
            f"{one.method} on {one.modality}: {', '.join(one.labels)}",
            {"version": one.version, "modality": one.modality},
        )
        for name, one in newest.items()
    ]


def _change(change: Change) -> dict[str, Any]:
    found = {
        "part": change.name,
        "rows": change.rows,
        "commit": change.commit,
        "new": change.new,
        "changed": change.changed,
        "removed": change.removed,
    }
    unread = change.told.get("unread")
    return {**found, "unread": unread} if unread else found


def _build_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, table

    columns = ["part", ">new", ">changed", ">removed", "state"]
    yield table(
        columns,
        (
            [
                row["part"],
                row["new"],
                row["changed"],
                row["removed"],
                "built" if row["built"] else "was up to date",
            ]
            for row in data["parts"]
        ),
    )
    said = data["text_encoder"]
    if "learned_from" in said:
        chunks, subjects = counted(said["learned_from"], "chunk"), said["subjects"]
        yield f"A text encoder was learned from {chunks} of notes of {subjects:,} subjects."
    if said.get("encoded"):
        yield f"{counted(said['encoded'], 'note')} encoded by text encoder {said['version']}."
    if "none" in said:
        yield f"No text encoder: {said['none']}."
    yield f"The index is at commit {data['commit']}."


@index.command("status", examples=["biolake index status"])
@ONLY
@pass_session
def status(session: Session, only: tuple[str, ...]) -> None:
    """Say what the index holds, when it was built, and what it lacks by now."""
    from biolake.core.catalogue import discover

    catalogue = discover("biolake.readers", "biolake.encoders")
    with session.view("index status") as view:
        wanted = only or (*KINDS, VECTORS)
        parts = list(_states(view, catalogue, wanted))
        commit = view.commit.number
    stale = [row["part"] for row in parts if row["stale"]]
    session.show({"commit": commit, "stale": stale, "parts": parts}, _status_page)


def _states(view: View, catalogue: Catalogue, wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    from biolake.search.building import changes
    from biolake.search.home import require_state, size_of
    from biolake.search.vectors import change_of, encoders

    state = require_state(view.lake)
    told = sources(view, catalogue)
    found = [changes(view, told, name) for name in KINDS if name in wanted]
    if VECTORS in wanted:
        found += [change_of(view, encoded) for encoded in encoders(view)]
    for change in found:
        part = state.parts.get(change.name)
        kept = {"built": part.built, "bytes": size_of(view.lake, part)} if part else {}
        yield {**_change(change), "stale": change.stale, **kept}


def _status_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import size, table

    yield table(
        ["part", ">rows", ">at commit", ">new", ">changed", ">removed", ">unread", ">size"],
        (
            [
                row["part"],
                row["rows"],
                "never" if row["commit"] is None else row["commit"],
                row["new"] or None,
                row["changed"] or None,
                row["removed"] or None,
                row.get("unread"),
                size(row["bytes"]) if "bytes" in row else None,
            ]
            for row in data["parts"]
        ),
    )
    if data["stale"]:
        yield f"The lake is at commit {data['commit']}. Bring it up to date: biolake index build"
    else:
        yield f"All parts hold what commit {data['commit']} of the lake holds."
