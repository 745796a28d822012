"""Who is in: build a cohort from a task, count criteria while one thinks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import RenderableType

    from biolake.cohorts.circe import CirceCohort, CohortExpression
    from biolake.lake.door import View

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(
    "cohort", cls=Section, examples=["biolake cohort build task.yaml --out labels.parquet"]
)
def cohort() -> None:
    """Find who qualifies: cohorts from a definition, quick counts."""


@cohort.command(
    "build",
    reads=True,
    examples=[
        "biolake cohort build mortality.yaml --predicates mimic.yaml --out labels.parquet",
        "biolake cohort build atlas.json --vocabulary athena --attrition",
    ],
)
@click.argument("task", type=FILE)
@click.option("--predicates", type=FILE, help="Predicates of this lake, in place of the task's.")
@click.option("--name", help="Keep the definition and its counts under this name.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the labels (Parquet)."
)
@click.option("--sql", "with_sql", is_flag=True, help="Show the SQL.")
@click.option("--attrition", is_flag=True, help="Show how many each criterion leaves.")
@click.option(
    "--allow-missing", is_flag=True, help="Go on though nobody has a code the task names."
)
@click.option(
    "--vocabulary",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the concept tables a Circe definition is about (CSV or Parquet).",
)
@pass_session
def build(
    session: Session,
    task: Path,
    predicates: Path | None,
    name: str | None,
    out: Path | None,
    with_sql: bool,
    attrition: bool,
    allow_missing: bool,
    vocabulary: Path | None,
) -> None:
    """Build the cohort that a task defines: who, when, with which label.

    A task is an ACES file (YAML) or an OHDSI Circe definition (JSON, as ATLAS exports it).
    """
    circe = task.suffix.lower() == ".json"
    _refuse_misfits(circe, predicates, vocabulary, out)
    with session.view("cohort build") as view:
        if circe:
            rows, data = _circe(view, task, vocabulary, allow_missing=allow_missing)
        else:
            rows, data = _aces(view, task, predicates, allow_missing=allow_missing)
        if name is not None:
            data["registered"] = _register(view, name, task, predicates, data)
        if out is not None:
            _write_rows(rows, out)
            data["out"] = str(out)
    if not with_sql:
        del data["sql"]
    session.show(data, lambda shown: _page(shown, attrition=attrition))


def _refuse_misfits(
    circe: bool, predicates: Path | None, vocabulary: Path | None, out: Path | None
) -> None:
    """Refuse, before anything is read, an option that would do nothing or cannot be met."""
    from biolake.core.errors import WrongUse

    if circe and predicates is not None:
        raise WrongUse("--predicates is for ACES tasks; a Circe definition names its concepts")
    if not circe and vocabulary is not None:
        raise WrongUse("--vocabulary is for Circe definitions; an ACES task names its codes")
    if out is not None and not out.parent.is_dir():
        raise WrongUse("there is no such folder to write the labels to", where=str(out.parent))


def _aces(
    view: View, task: Path, predicates: Path | None, *, allow_missing: bool
) -> tuple[pa.Table, dict[str, Any]]:
    from biolake.cohorts import build as build_cohort
    from biolake.cohorts import load_task
    from biolake.cohorts.register import members_hash

    missing: Any = "allow" if allow_missing else "refuse typos"
    made = build_cohort(view, load_task(task, predicates), missing=missing)
    labels = made.labels
    positive = labels["boolean_value"].combine_chunks().drop_null().to_pylist()
    return made.meds_labels, {
        "task": task.name,
        "commit": view.commit.number,
        "samples": labels.num_rows,
        "subjects": len(labels["subject_id"].unique()),
        "positive": sum(positive) if positive else None,
        "sentence": made.sentence,
        "emptied_at": made.emptied_at,
        "attrition": [vars(step) for step in made.attrition],
        "members_hash": members_hash(labels),
        "notes": list(made.notes),
        "sql": made.sql,
    }


def _circe(
    view: View, task: Path, vocabulary: Path | None, *, allow_missing: bool
) -> tuple[pa.Table, dict[str, Any]]:
    from biolake.cohorts.circe import omop_view, run_circe
    from biolake.cohorts.circe.vocabulary import read_vocabulary
    from biolake.cohorts.register import members_hash
    from biolake.core.errors import WrongUse

    if vocabulary is None:
        raise WrongUse(
            "a Circe definition names concepts: say where their tables are",
            where=task.name,
            next="Add --vocabulary FOLDER (concept, concept_ancestor, concept_relationship).",
        )
    expression = _expression(task)
    unknown: Any = "leave out" if allow_missing else "refuse"
    omop = omop_view(view, read_vocabulary(vocabulary), unknown_codes=unknown)
    made = run_circe(omop, expression)
    steps = _steps(made)
    return made.rows, {
        "task": task.name,
        "commit": view.commit.number,
        "samples": made.rows.num_rows,
        "subjects": len(made.rows["subject_id"].unique()),
        "positive": None,
        "sentence": made.sentence,
        "emptied_at": next((s["name"] for s in steps if not s["rows"]), None),
        "attrition": steps,
        "members_hash": members_hash(made.rows),
        "notes": list(made.notes),
        "sql": made.sql,
    }


def _steps(made: CirceCohort) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {"name": s.name, "subjects": s.persons, "rows": s.events} for s in made.attrition
    ]
    before = [steps[0]["rows"], *(s["rows"] for s in steps)] if steps else []
    for step, earlier in zip(steps, before, strict=False):
        step["lost"] = max(earlier - step["rows"], 0)
    return steps


def _expression(task: Path) -> CohortExpression:
    from biolake.cohorts.circe import CirceRefused, parse_circe
    from biolake.core.errors import TaskInvalid

    try:
        return parse_circe(task.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise TaskInvalid("the definition is not UTF-8 text", where=task.name) from None
    except CirceRefused as refused:
        refused.where = f"{task.name}: {refused.where}"
        raise


def _write_rows(rows: pa.Table, out: Path) -> None:
    import os
    import secrets

    import pyarrow.parquet as pq

    part = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    try:
        pq.write_table(rows, part.absolute())
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def _register(
    view: View, name: str, task: Path, predicates: Path | None, data: dict[str, Any]
) -> str:
    from biolake.cohorts.register import register

    texts = {
        "task_text": task.read_text(encoding="utf-8"),
        "predicates_text": predicates.read_text(encoding="utf-8") if predicates else None,
    }
    return register(view.lake, name, data | texts)


def _page(data: dict[str, Any], *, attrition: bool) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, share, table

    yield data["sentence"]
    if attrition:
        rows = [(s["name"], s["subjects"], s["rows"], s["lost"]) for s in data["attrition"]]
        yield table(["criterion", ">subjects", ">samples", ">lost"], rows)
    if data["emptied_at"]:
        yield f"Nobody is left after: {data['emptied_at']}."
    else:
        label = ""
        if data["positive"] is not None:
            part = share(data["positive"], data["samples"])
            label = f", {data['positive']:,} of them positive ({part})"
        samples, subjects = counted(data["samples"], "sample"), counted(data["subjects"], "subject")
        yield f"{samples} of {subjects}{label}."
    for note in data["notes"]:
        yield f"Note: {note}"
    if "sql" in data:
        yield data["sql"]
    if "out" in data:
        yield f"Labels: {data['out']}"


@cohort.command("list", examples=["biolake cohort list"])
@pass_session
def list_cohorts(session: Session) -> None:
    """List the cohorts kept by name."""
    from biolake.cohorts.register import registered

    keys = ("name", "commit", "samples", "subjects", "positive", "task", "sentence")
    records = [{key: record[key] for key in keys} for record in registered(session.lake())]
    session.show(records, _list_page)


def _list_page(records: list[dict[str, Any]]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    if not records:
        yield "No cohort has a name yet: biolake cohort build TASK --name NAME"
        return
    columns = ["name", ">commit", ">samples", ">subjects", ">positive", "task"]
    yield table(columns, [[r[c.removeprefix(">")] for c in columns] for r in records])


@cohort.command("show", examples=["biolake cohort show mortality"])
@click.argument("name")
@pass_session
def show(session: Session, name: str) -> None:
    """Show how a named cohort was defined, and its counts."""
    from biolake.cohorts.register import latest

    record = latest(session.lake(), name)
    session.show(record, _record_page)


def _record_page(record: dict[str, Any]) -> Iterator[RenderableType]:
    yield f"{record['name']}: {record['task']} at commit {record['commit']}."
    told = {key: value for key, value in record.items() if key != "sql"}
    yield from _page(told, attrition=True)
    yield "The task and its SQL are with --json."


@cohort.command(
    "count",
    reads=True,
    examples=[
        "biolake cohort count 'LAB//50912//mg/dL'",
        "biolake cohort count 'SNOMED//44054006' 'not RXNORM//860975'",
        "biolake cohort count 'ICU_ADMISSION//* then MEDS_DEATH within 30 days'",
        "biolake cohort count 'LAB//50912//mg/dL >= 2 x 3'",
        "biolake cohort count 'EXPRESSION//TP53//zscore > median' 'MUTATION//TP53//*'",
    ],
)
@click.argument("criteria", nargs=-1, required=True)
@pass_session
def count(session: Session, criteria: tuple[str, ...]) -> None:
    """Count who meets each criterion, alone and after those before it.

    A criterion is a code, several codes joined by |, or a pattern with *; then a limit (>= 2,
    > median, <= q25), a number of times (x 3), 'not' before it, or 'A then B within N days'.
    A quantile is over the subjects who have a value, of each the latest.
    """
    from biolake.cohorts.counts import count_code, count_subjects, told_of
    from biolake.cohorts.speaking import codes_of, parse_criterion

    with session.view("cohort count") as view:
        parsed = [parse_criterion(view, text) for text in criteria]
        data: dict[str, Any] = {
            "commit": view.commit.number,
            "criteria": [
                {"criterion": text, "subjects": found.subjects, "remaining": found.remaining}
                for text, found in zip(criteria, count_subjects(view, *parsed), strict=True)
            ],
        }
        if len(parsed) == 1 and (codes := codes_of(parsed[0])):
            data["events"] = count_code(view, *codes).events
        if notes := [note for one in parsed for note in told_of(one)]:
            data["notes"] = notes
    session.show(data, _count_page)


def _count_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, table

    rows = [(r["criterion"], r["subjects"], r["remaining"]) for r in data["criteria"]]
    yield table(["criterion", ">subjects", ">and all before"], rows)
    if "events" in data:
        yield f"{counted(data['events'], 'event')}."
    for note in data.get("notes", []):
        yield f"Note: {note}"
