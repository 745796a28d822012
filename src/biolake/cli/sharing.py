"""Hand the lake's data on in formats that other tools read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

TITLES = {"meds": "MEDS", "omop": "OMOP", "parquet": "Parquet"}
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group("export", cls=Section, examples=["biolake export meds out/meds"])
def export() -> None:
    """Write the lake as MEDS, OMOP or plain Parquet."""


@export.command("meds", reads=True, examples=["biolake export meds out/meds --extra"])
@click.argument("out", type=FOLDER)
@click.option("--extra", is_flag=True, help="Also write unit, end, encounter, site and source.")
@pass_session
def meds(session: Session, out: Path, extra: bool) -> None:
    """Write a MEDS 0.4 data set, for machine learning."""
    from biolake.export.meds import EXTRA

    _export(session, "meds", out, extra=EXTRA if extra else ())


@export.command("omop", reads=True, examples=["biolake export omop out/omop --at 3"])
@click.argument("out", type=FOLDER)
@click.option(
    "--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True
)
@pass_session
def omop(session: Session, out: Path, form: str) -> None:
    """Write OMOP CDM 5.4 tables, for OHDSI tools."""
    _export(session, "omop", out, form=form)


@export.command("parquet", reads=True, examples=["biolake export parquet out/tables"])
@click.argument("out", type=FOLDER)
@pass_session
def parquet(session: Session, out: Path) -> None:
    """Write every table as Parquet files, for anything else."""
    _export(session, "parquet", out)


def _export(session: Session, name: str, out: Path, **options: Any) -> None:
    from importlib import import_module

    from biolake.cli.pages import steps

    exporter = import_module(f"biolake.export.{name}")
    with session.view(f"export as {name}") as view, steps(session.json) as progress:
        report = exporter.export(view, out, progress=progress, **options)
    data = {
        "format": name,
        "folder": str(out),
        "commit": view.commit.number,
        "events": report.rows,
        "files": [str(file) for file in report.files],
        "notes": list(report.notes),
    }
    session.show(data, _page)


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    name = TITLES[data["format"]]
    yield (
        f"Wrote {counted(data['events'], 'event')} of commit {data['commit']} as {name}:"
        f" {counted(len(data['files']), 'file')} in {data['folder']}."
    )
    for note in data["notes"]:
        yield f"Note: {note}"
