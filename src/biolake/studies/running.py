"""Run a study: population, features, models, then the held-out outcomes once, and the record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolake.core.catalogue import Catalogue
from biolake.core.folders import fresh_folder
from biolake.lake.door import Access, View, open_view
from biolake.lake.lake import Lake, actor
from biolake.studies.assembling import (
    attrition_section,
    cohort_section,
    model_section,
    prediction_table,
    split_section,
)
from biolake.studies.binding import Call, bind
from biolake.studies.blocks import compare_blocks
from biolake.studies.definition import Study, said
from biolake.studies.evaluating import CURVES, Asked, conformal, evaluate
from biolake.studies.folds import Fold, open_held_out, pooled, work
from biolake.studies.gathering import Gathered, gather, sizing
from biolake.studies.leakage import learned_here, met_at_once, shuffle_test
from biolake.studies.metrics import Judged
from biolake.studies.model_folder import freeze, write_study
from biolake.studies.provenance import provenance
from biolake.studies.report import tripod, write_report
from biolake.studies.sections import add_section
from biolake.studies.splitting import deals, development, everyone
from biolake.studies.summary import StudyReport, report_of
from biolake.studies.writing import rounded, write_csv, write_result

SCHEMA = "biolake-study-result/1"
PURPOSE = "study run"

Stage = Callable[[str], None]


@dataclass(frozen=True)
class _Run:
    """What a run works with: fixed once, handed to every stage."""

    view: View
    study: Study
    calls: Sequence[Call]
    gathered: Gathered
    folder: Path
    threads: int

    def asked(self, rows: np.ndarray) -> Asked:
        groups = {name: labels[rows] for name, labels in self.gathered.cast.groups.items()}
        return Asked(self.study.split.seed, self.study.minimum_cell, groups)


def run_study(
    lake: Lake,
    study: Study,
    out: Path,
    catalogue: Catalogue,
    *,
    at: int | None = None,
    threads: int = 1,
    stage: Stage = lambda _: None,
) -> StudyReport:
    """Run a study at a commit and write its folder; a run that fails leaves nothing.

    The same commit, definition and software give the same bytes. Held-out outcomes are opened
    once the models are fixed, and the lake records it.
    """
    calls = bind(study, catalogue)
    access = Access(actor(), PURPOSE)
    with (
        fresh_folder(out) as folder,
        open_view(lake, study.commit if at is None else at, access=access) as view,
    ):
        stage("population")
        run = _Run(view, study, calls, gather(view, study), folder, threads)
        folds, final = _fold_all(run, stage)
        result = _described(run, folds, final)
        stage("evaluation")
        for fold in folds if any(call.fits for call in calls) else []:
            open_held_out(fold)
        result["models"] = [_evaluated(run, folds, final, n) for n in range(len(final.fitted))]
        compare_blocks(result, study)
        _describe_all(run, final, result)
        stage("report")
        _write(run, folds, final, result)
        return report_of(result, out)


def _fold_all(run: _Run, stage: Stage) -> tuple[list[Fold], Fold]:
    """Work every deal through; return them and the one whose models are kept."""
    view, study, cast = run.view, run.study, run.gathered.cast
    fits = any(call.fits for call in run.calls)
    plans = list(deals(view, cast.members, study.split)) if fits else [everyone(cast.members)]
    folds = []
    for number, deal in enumerate(plans):
        stage(f"features and models{f', {deal.name} left out' if deal.name else ''}")
        scratch = run.folder / f".features-{number}"
        folds.append(work(view, study, cast, deal, run.calls, scratch, run.threads))
    if len(folds) == 1:
        return folds, folds[0]
    stage("final models")
    deal = development(view, cast.members, study.split)
    scratch = run.folder / ".features-final"
    return folds, work(view, study, cast, deal, run.calls, scratch, run.threads)


def _described(run: _Run, folds: Sequence[Fold], final: Fold) -> dict[str, Any]:
    """Return the result as far as it goes without a held-out outcome."""
    members = run.gathered.enrolled.members
    study = run.study
    size = sizing(final.door, final.dataset)
    scratch = run.folder / ".shuffled"
    shuffled = shuffle_test(run.view, study.features, members, final.dataset, scratch)
    warnings = []
    if final.fitted and not size.verdict.startswith("enough"):
        warnings.append(f"the training sample is {size.verdict}")
    if met_at_once(study.population.task, study.features):
        warnings.append("an event at the prediction time itself is both a feature and the outcome")
    if learned_here(final.dataset.vocabulary):
        warnings.append(
            "answers of diagnosis models are features: a model trained on subjects of this lake may"
            " have learned from those held out here, and then these figures are too good"
        )
    if shuffled.verdict == "failed":
        warnings.append("features changed when the future was shuffled: these figures are void")
    return {
        "schema": SCHEMA,
        "study": said(study) | {"hash": study.hash},
        "provenance": provenance(run.view, study, final.dataset.vocabulary),
        "attrition": attrition_section(run.gathered.enrolled.attrition),
        "sample_size": size.to_json(),
        "leakage": {
            "shuffle_test": shuffled.verdict,
            "samples": shuffled.samples,
            "columns": list(shuffled.columns),
        },
        "notes": [*run.gathered.enrolled.notes, *final.dataset.notes],
        "warnings": warnings,
    }


def _evaluated(run: _Run, folds: Sequence[Fold], final: Fold, number: int) -> dict[str, Any]:
    """Return one model's section with its evaluation on every deal's held-out samples."""
    found = model_section(final.fitted[number])
    found["primary"] = number == 0
    models = [fold.fitted[number].model for fold in folds]
    parts = [fold.held_out(model, run.threads) for fold, model in zip(folds, models, strict=True)]
    rows = [fold.deal.rows("held_out") for fold in folds]
    everywhere = run.asked(np.concatenate(rows))
    found["evaluation"]["held_out"] = evaluate(pooled(parts), everywhere)
    if len(folds) > 1:
        for fold, part, mine in zip(folds, parts, rows, strict=True):
            place = fold.deal.place
            found["evaluation"][place] = evaluate(part, run.asked(mine))
    elif isinstance(parts[0], Judged) and len(folds[0].deal.rows("tuning")):
        tuning = folds[0].judged(models[0], "tuning", run.threads)
        if isinstance(tuning, Judged) and (sets := conformal(tuning, parts[0])):
            found["evaluation"]["held_out"]["conformal"] = sets
    return found


def _describe_all(run: _Run, final: Fold, result: dict[str, Any]) -> None:
    """Run the analyses that describe, on everyone, now that nothing can be learned from it."""
    for call in run.calls:
        found = None if call.fits else call.extension.call(final.context, **call.options)
        for done, answer in final.answers:
            found = answer if done is call else found
        if found is not None:
            extension = call.extension
            least = run.study.minimum_cell
            add_section(result, extension.name, extension.title, found, least)


def _write(run: _Run, folds: Sequence[Fold], final: Fold, result: dict[str, Any]) -> None:
    members, study = run.gathered.enrolled.members, run.study
    result["cohort"] = cohort_section(members, study.minimum_cell)
    result["split"] = split_section(study, [fold.deal for fold in folds], members)
    plain = rounded(result)
    plain["tripod"] = rounded([one.as_json() for one in tripod(plain)])
    for fitted, section in zip(final.fitted, plain["models"], strict=True):
        folder = run.folder / "model" / fitted.model.name
        freeze(fitted.model, final.dataset.vocabulary, study, _card(plain, section), folder)
    if final.fitted:
        pq.write_table(_predictions(run, folds, final), run.folder / "predictions.parquet")
    for name in ("table_one", "survival", "incidence", "cox"):
        rows = plain.get(name, [])
        rows = rows["rows"] if isinstance(rows, dict) else rows
        if rows:
            write_csv(rows, run.folder / "tables" / f"{name}.csv")
    write_study(study, run.folder)
    write_result(plain, run.folder / "result.json")
    write_report(plain, run.folder)
    for scratch in run.folder.glob(".*"):
        shutil.rmtree(scratch)


def _card(result: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Return what someone who gets only the model's folder must know of it."""
    figures = {
        place: {name: value for name, value in found.items() if name not in CURVES}
        for place, found in model["evaluation"].items()
    }
    kept = ("study", "provenance", "cohort", "split", "sample_size", "leakage", "warnings")
    return {name: result[name] for name in kept} | {"name": model["name"], "evaluation": figures}


def _predictions(run: _Run, folds: Sequence[Fold], final: Fold) -> pa.Table:
    """Return every held-out sample's risk under every model, as MEDS evaluations write them."""
    tables = []
    for number in range(len(final.fitted)):
        for fold in folds:
            model = fold.fitted[number].model
            rows = fold.deal.rows("held_out")
            risk = model.predict(fold.dataset.values[rows], run.threads)
            tables.append(prediction_table(fold.door.part("held_out"), model.name, risk))
    order = [(name, "ascending") for name in ("model", "subject_id", "prediction_time")]
    return pa.concat_tables(tables).sort_by(order)
