"""A question to a validated answer: check, run, show and validate a study."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
HERE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("study", cls=Section, examples=["biolake study run study.yaml --out mortality"])
def study() -> None:
    """Check, run and validate studies; each gives one report."""


@study.command("check", reads=True, examples=["biolake study check study.yaml"])
@click.argument("definition", metavar="STUDY", type=FILE)
@pass_session
def check(session: Session, definition: Path) -> None:
    """Tell cohort size, events and whether that is enough, before anything is fitted."""
    from biolake.core.catalogue import discover
    from biolake.studies.checking import check_study
    from biolake.studies.loading import load_study

    found = check_study(
        session.lake(), load_study(definition), discover("biolake.analyses"), at=session.at
    )
    data = json.loads(json.dumps(dataclasses.asdict(found), default=str))
    session.show(data | {"lines": found.lines()}, _lines)


@study.command(
    "run",
    reads=True,
    examples=["biolake study run study.yaml --out mortality", "open mortality/report.html"],
)
@click.argument("definition", metavar="STUDY", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for everything it gives.")
@click.option("--threads", type=int, default=1, show_default=True)
@pass_session
def run(session: Session, definition: Path, out: Path, threads: int) -> None:
    """Run a study: population, features, models, evaluation, report."""
    from biolake.core.catalogue import discover
    from biolake.studies.loading import load_study
    from biolake.studies.running import run_study

    report = run_study(
        session.lake(),
        load_study(definition),
        out,
        discover("biolake.analyses"),
        at=session.at,
        threads=threads,
        stage=lambda name: session.say(f"… {name}"),
    )
    session.show(_summary(report.result, out) | {"lines": report.lines()}, _lines)


def _summary(result: Any, out: Path) -> dict[str, Any]:
    from biolake.studies.report import counts, tripod

    models = {
        model["name"]: {
            place: {key: figures.get(key) for key in ("n", "events", "auroc", "brier", "o_e")}
            for place, figures in model["evaluation"].items()
        }
        for model in result["models"]
    }
    return {
        "out": str(out),
        "report": str(out / "report.html"),
        "commit": result["provenance"]["commit"],
        "cohort": result["cohort"],
        "sample_size": result["sample_size"].get("verdict"),
        "models": models,
        "leakage": result["leakage"],
        "warnings": result["warnings"],
        "tripod": counts(tripod(result)),
    }


@study.command("show", examples=["biolake study show mortality"])
@click.argument("folder", metavar="RUN", type=HERE)
@pass_session
def show(session: Session, folder: Path) -> None:
    """Show again what a run found."""
    from biolake.core.errors import WrongUse
    from biolake.studies.summary import report_of

    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise WrongUse("this folder holds no study run", where=str(folder)) from None
    report = report_of(result, folder)
    session.show(_summary(result, folder) | {"lines": report.lines()}, _lines)


@study.command(
    "evaluate",
    reads=True,
    examples=["biolake study evaluate mortality/model/elastic_net --out again"],
)
@click.argument("model", type=HERE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for the result.")
@click.option("--site", "sites", multiple=True, help="Only these sites.")
@pass_session
def evaluate(session: Session, model: Path, out: Path, sites: tuple[str, ...]) -> None:
    """Apply a frozen model to this lake, or to some of its sites, as it is."""
    _validate(session, model, out, sites, None)


@study.command(
    "validate",
    reads=True,
    examples=["biolake study validate mortality/model/elastic_net --lake other --out external"],
)
@click.argument("model", type=HERE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for the result.")
@click.option("--site", "sites", multiple=True, help="Only these sites of the other lake.")
@click.option("--predicates", type=FILE, help="The task's predicates as that lake has them.")
@pass_session
def validate(
    session: Session, model: Path, out: Path, sites: tuple[str, ...], predicates: Path | None
) -> None:
    """Apply a frozen model to another lake; print both columns side by side."""
    _validate(session, model, out, sites, predicates)


def _validate(
    session: Session, model: Path, out: Path, sites: tuple[str, ...], predicates: Path | None
) -> None:
    from biolake.studies.validating import validate_study

    report = validate_study(
        model, session.lake(), out, sites=sites, predicates=predicates, at=session.at
    )
    data = {
        "out": str(out),
        "model": report.model,
        "development": report.development,
        "external": report.external,
        "codes_missing": report.codes_missing,
    }
    session.show(data | {"lines": report.lines()}, _lines)


def _lines(data: dict[str, Any]) -> Iterator[RenderableType]:
    yield from data["lines"]
