"""Mappings from a hospital's tables to events, and a synthetic hospital to try them on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.group("mapping", cls=Section, examples=["biolake mapping list"])
def mapping() -> None:
    """Say what a hospital's own tables mean: list, draft, check."""


@mapping.command("list", examples=["biolake mapping list"])
@pass_session
def list_mappings(session: Session) -> None:
    """List what Biolake reads as it comes: mappings, readers, asset formats."""
    from biolake.core.catalogue import discover
    from biolake.ingest.mapping import load_mapping, shipped_mappings

    shipped = [load_mapping(name) for name in shipped_mappings()]
    known = discover("biolake.readers")
    data = {
        "mappings": [
            {"name": m.name, "version": m.version, "description": m.description} for m in shipped
        ],
        "readers": [
            {"name": reader.name, "title": reader.title, "extra": reader.extra}
            for reader in known.of("reader")
        ],
        "asset_readers": [
            {"name": reader.name, "title": reader.title, "extra": reader.extra}
            for reader in sorted(known.of("asset-reader"), key=lambda reader: reader.name)
        ],
    }
    session.show(data, _list_page)


def _list_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    mappings = [(m["name"], "mapping", m["description"].strip()) for m in data["mappings"]]
    readers = [(r["name"], "reader", r["title"]) for r in data["readers"]]
    assets = [
        (r["name"], "assets", r["title"] + (f" (extra: {r['extra']})" if r["extra"] else ""))
        for r in data["asset_readers"]
    ]
    yield table(["name", "kind", "reads"], [*mappings, *readers, *assets])
    yield "The layout of a source is recognised; to name one: biolake ingest SOURCE --mapping NAME"


@mapping.command("check", examples=["biolake mapping check labs.yaml labs.csv"])
@click.argument("file")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@pass_session
def check(session: Session, file: str, source: Path) -> None:
    """Try a mapping on a source; list every mistake with its line."""
    from biolake.cli.endings import Refused
    from biolake.cli.pages import counted
    from biolake.core.errors import MappingInvalid
    from biolake.ingest.mapping import check_mapping, load_mapping, shipped_mappings

    path = load_mapping(file).path if file in shipped_mappings() else Path(file)
    problems = [asdict(problem) for problem in check_mapping(path, source)]
    errors = sum(problem["level"] == "error" for problem in problems)
    data = {"mapping": file, "errors": errors, "problems": problems}
    if errors:
        if not session.json:
            session.show(data, _check_page)
        found = f"the mapping has {counted(errors, 'mistake')}"
        raise Refused(MappingInvalid(found, where=file), data)
    session.show(data, _check_page)


def _check_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    for problem in data["problems"]:
        yield f"{problem['level']:8}{problem['where']}: {problem['message']}"
        if problem["next"]:
            yield f"{'':8}{problem['next']}"
    if not data["errors"]:
        yield f"The mapping {data['mapping']} fits the source."


@mapping.command("draft", examples=["biolake mapping draft labs.csv --out labs.yaml"])
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@pass_session
def draft(session: Session, source: Path, out: Path | None) -> None:
    """Write a first mapping from a source's columns, to be finished."""
    from biolake.core.errors import WrongUse
    from biolake.ingest.mapping import draft_mapping

    text = draft_mapping(source)
    if out is not None:
        if out.exists():
            raise WrongUse("the file is there already", where=str(out), next="Choose another name.")
        out.write_text(text, encoding="utf-8")
    data = {"mapping": text, "file": str(out) if out else None}
    session.show(data, lambda _: _draft_page(text, out, source))


def _draft_page(text: str, out: Path | None, source: Path) -> Iterator[RenderableType]:
    if out is None:
        yield text.rstrip("\n")
        return
    yield f"Drafted {out}. Finish it, then: biolake mapping check {out} {source}"


@command(
    "simulate",
    examples=[
        "biolake simulate hospital --subjects 1000 --seed 7 --sites 4",
        "biolake simulate hospital --subjects 200 --assets 0.5 --notes 0.5 --omics 0.5",
    ],
)
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--subjects", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option(
    "--sites", type=click.IntRange(1), default=1, show_default=True,
    help="Each next site writes another format: MIMIC, OMOP, FHIR, HL7.",
)  # fmt: skip
@click.option(
    "--assets", type=click.FloatRange(0, 1), metavar="SHARE", default=0.0,
    help="Give this share of the subjects ECGs, radiographs, CTs and slides too (1: all).",
)  # fmt: skip
@click.option(
    "--notes", type=click.FloatRange(0, 1), metavar="SHARE", default=0.0,
    help="Give this share of the subjects discharge summaries.",
)  # fmt: skip
@click.option(
    "--omics", type=click.FloatRange(0, 1), metavar="SHARE", default=0.0,
    help="Give this share of the subjects genotypes, expression and cells.",
)  # fmt: skip
@pass_session
def simulate(
    session: Session,
    out: Path,
    subjects: int,
    seed: int,
    sites: int,
    assets: float,
    notes: float,
    omics: float,
) -> None:
    """Write a made-up hospital in real file formats, to try it all."""
    from biolake.cli.pages import steps
    from biolake.core.errors import WrongUse
    from biolake.testing.hospital import simulate as write

    if out.exists() and any(out.iterdir()):
        raise WrongUse("the folder is not empty", where=str(out), next="Name a new one.")
    with steps(session.json) as progress:
        summary = write(
            out,
            subjects=subjects,
            seed=seed,
            sites=sites,
            assets=assets,
            notes=notes,
            omics=omics,
            progress=lambda done, total: progress("simulating", done, total),
        )
    data = {**asdict(summary), "folder": str(summary.folder), "sites": list(summary.sites)}
    session.show(data, _simulate_page)


def _simulate_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, size

    yield (
        f"Wrote {counted(data['subjects'], 'made-up subject')} with"
        f" {counted(data['encounters'], 'encounter')} to {data['folder']}"
        f" ({counted(data['files'], 'file')}, {size(data['bytes'])})."
    )
    if data["assets"]:
        yield f"With {counted(data['assets'], 'asset')}: ECGs, radiographs, CTs and slides."
    if data["notes"]:
        yield f"With {counted(data['notes'], 'note')}, in English, Spanish and Chinese."
    if data["samples"]:
        yield f"With {counted(data['samples'], 'sample')}: genotypes, expression and cells."
    yield "To load it:"
    for number, name in enumerate(data["sites"], 1):
        beside = [("assets", data["assets"]), ("notes", data["notes"])]
        beside += [("omics", data["samples"]), ("expression", data["samples"])]
        for part in (name, *(kind for kind, made in beside if made)):
            yield f"  biolake ingest {data['folder']}/site-{number}/{part} --site site-{number}"
