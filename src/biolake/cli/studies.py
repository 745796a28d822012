"""From a question to a validated answer: check, run, show and validate a study."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    from biolake.studies.summary import StudyReport

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
HERE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("study", cls=Section, examples=["biolake study run study.yaml --out mortality"])
def study() -> None:
    """Go from a question to a validated answer, in one report."""


@study.command("check", reads=True, examples=["biolake study check study.yaml"])
@click.argument("definition", metavar="STUDY", type=FILE)
@pass_session
def check(session: Session, definition: Path) -> None:
    """Tell who is in and whether they are enough; fit nothing.

    No held-out outcome is looked at, so a study may be checked as often as you like.
    """
    from biolake.core.catalogue import discover
    from biolake.studies.checking import check_study
    from biolake.studies.loading import load_study
    from biolake.studies.writing import rounded

    found = check_study(
        session.lake(), load_study(definition), discover("biolake.analyses"), at=session.at
    )
    session.show(rounded(dataclasses.asdict(found)), lambda _: found.lines())


@study.command(
    "run",
    reads=True,
    examples=[
        "biolake study run study.yaml --out mortality",
        "biolake study run study.yaml --out at-3 --at 3 --threads 4",
    ],
)
@click.argument("definition", metavar="STUDY", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for everything it gives.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many cores to use.",
)
@pass_session
def run(session: Session, definition: Path, out: Path, threads: int) -> None:
    """Fit and evaluate what a study asks for; write the report.

    The folder gets report.html, result.json, the tables and the frozen models.
    """
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
    _show(session, report)


def _show(session: Session, report: StudyReport) -> None:
    page = report.out / "report.html"
    lines = [*report.lines(), *([f"read it: {page}"] if page.is_file() else [])]
    session.show(_summary(report.result, report.out), lambda _: lines)


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
    """Show again what a run found; RUN is its folder."""
    from biolake.studies.summary import report_of

    _show(session, report_of(_result(folder), folder))


def _result(folder: Path) -> dict[str, Any]:
    """Return the result of a run; refuse a folder that holds none."""
    from biolake.core.errors import WrongUse
    from biolake.studies.running import SCHEMA

    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        result = None
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        raise WrongUse(
            "this folder holds no study run",
            where=str(folder),
            next="Name the folder given as --out: biolake study run STUDY --out FOLDER",
        )
    return result


@study.command(
    "evaluate",
    reads=True,
    examples=["biolake study evaluate mortality/model/elastic_net --out again"],
)
@click.argument("model", metavar="MODEL", type=HERE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for the result.")
@click.option("--site", "sites", multiple=True, help="Only these sites.")
@pass_session
def evaluate(session: Session, model: Path, out: Path, sites: tuple[str, ...]) -> None:
    """Apply a finished model to this lake again, or to some sites.

    MODEL is one folder under 'model' of a run. Nothing is fitted.
    """
    _validate(session, model, out, sites, None)


@study.command(
    "validate",
    reads=True,
    examples=["biolake study validate mortality/model/elastic_net --lake other --out external"],
)
@click.argument("model", metavar="MODEL", type=HERE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for the result.")
@click.option("--site", "sites", multiple=True, help="Only these sites of the other lake.")
@click.option("--predicates", type=FILE, help="The task's predicates as that lake has them.")
@pass_session
def validate(
    session: Session, model: Path, out: Path, sites: tuple[str, ...], predicates: Path | None
) -> None:
    """Apply a finished model to another lake; compare with its own.

    MODEL is one folder under 'model' of a run, --lake the other lake. Nothing is fitted.
    """
    _validate(session, model, out, sites, predicates)


def _validate(
    session: Session, model: Path, out: Path, sites: Sequence[str], predicates: Path | None
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
    session.show(data, lambda _: report.lines())
