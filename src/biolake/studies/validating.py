"""External validation: a frozen model on another lake or site, beside its first evaluation."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from biolake.cohorts.held_out import EVALUATION
from biolake.cohorts.loading import load_task
from biolake.core.errors import DataRefused
from biolake.core.folders import fresh_folder
from biolake.lake.door import Access, View, open_view
from biolake.lake.lake import Lake, actor
from biolake.retrieval.vocabulary import Vocabulary
from biolake.studies.assembling import attrition_section, cohort_section, prediction_table
from biolake.studies.dataset import Dataset, build_dataset
from biolake.studies.definition import Study
from biolake.studies.evaluating import Asked, evaluate
from biolake.studies.folds import judge
from biolake.studies.gathering import gather
from biolake.studies.metrics import Judged
from biolake.studies.model_folder import STUDY, Frozen, thaw
from biolake.studies.provenance import provenance
from biolake.studies.summary import ValidationReport
from biolake.studies.writing import rounded, write_result

_SCRATCH = ".features"
SCHEMA = "biolake-study-validation/1"
MOST_MISSING = 0.2  # of the model's codes: with fewer of them it is another model

_KNOWN = "SELECT code FROM codes WHERE code IN (SELECT unnest(?::VARCHAR[])) AND events > 0"


def validate_study(
    model_dir: Path,
    lake: Lake,
    out: Path,
    *,
    sites: Sequence[str] = (),
    predicates: Path | None = None,
    at: int | None = None,
    most_missing: float = MOST_MISSING,
    threads: int = 1,
) -> ValidationReport:
    """Apply a frozen model elsewhere as it is, and write its figures beside those of development.

    `predicates` replaces the task's predicates where codes differ. Raises DataRefused when the
    lake lacks more than `most_missing` of the model's codes.
    """
    frozen = thaw(model_dir)
    study = _elsewhere(frozen.study, model_dir, tuple(sites), predicates)
    access = Access(actor(), EVALUATION)
    with fresh_folder(out) as folder, open_view(lake, at, access=access) as view:
        missing = missing_codes(view, frozen.vocabulary)
        _refuse_missing(frozen, missing, most_missing)
        result = _validated(view, frozen, study, folder, threads)
        result["codes_missing"] = missing
        share = len(missing) / max(1, len(codes_of(frozen.vocabulary)))
        result["share_of_codes_missing"] = share
        plain = rounded(result)
        write_result(plain, folder / "result.json")
        shutil.rmtree(folder / _SCRATCH)
    return ValidationReport(
        out,
        frozen.model.name,
        plain["development"],
        plain["external"],
        share,
        tuple(plain["notes"]),
    )


def codes_of(vocabulary: Vocabulary) -> list[str]:
    """Return every code a model's columns were learned from."""
    return sorted({code for block in vocabulary.blocks for code in block.codes})


def missing_codes(view: View, vocabulary: Vocabulary) -> list[str]:
    """Return the model's codes that a commit has no event of."""
    wanted = codes_of(vocabulary)
    known = {code for (code,) in view.rows(_KNOWN, [wanted])}
    return [code for code in wanted if code not in known]


def _refuse_missing(frozen: Frozen, missing: Sequence[str], most: float) -> None:
    wanted = len(codes_of(frozen.vocabulary))
    if len(missing) > most * wanted:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if missing[5:] else "")
        raise DataRefused(
            f"the lake lacks {len(missing)} of the {wanted} codes of model"
            f" '{frozen.model.name}' ({len(missing) / wanted:.0%}, allowed {most:.0%}): {shown}",
            next="Map the lake's codes to the model's when ingesting, or validate elsewhere.",
        )


def _elsewhere(
    study: Study, model_dir: Path, sites: tuple[str, ...], predicates: Path | None
) -> Study:
    """Return the study as asked of another lake: its own sites, its newest commit."""
    study = replace(study, sites=sites, commit=None)
    if predicates is None:
        return study
    task = load_task(model_dir / STUDY / study.population.task_path, predicates)
    return replace(study, population=replace(study.population, task=task))


def _validated(
    view: View, frozen: Frozen, study: Study, folder: Path, threads: int
) -> dict[str, Any]:
    gathered = gather(view, study)
    members, cast = gathered.enrolled.members, gathered.cast
    scratch = folder / _SCRATCH
    dataset = build_dataset(
        view, frozen.definition, members, scratch, vocabulary=frozen.vocabulary, threads=threads
    )
    _refuse_unseen(frozen, dataset)
    risk = frozen.model.predict(dataset.values, threads)
    judged = judge(members, risk, frozen.model.horizon)
    if isinstance(judged, Judged):
        known = np.flatnonzero(~np.isnan(members.outcome))
        groups = {name: labels[known] for name, labels in cast.groups.items()}
        judged = judged.take(known)
    else:
        groups = dict(cast.groups)
    asked = Asked(study.split.seed, study.minimum_cell, groups)
    table = prediction_table(members, frozen.model.name, risk)
    pq.write_table(table, folder / "predictions.parquet")
    return {
        "schema": SCHEMA,
        "model": frozen.model.name,
        "study": frozen.card["study"],
        "provenance": provenance(view, study, frozen.vocabulary),
        "development_provenance": frozen.card["provenance"],
        "attrition": attrition_section(gathered.enrolled.attrition),
        "cohort": cohort_section(members, study.minimum_cell),
        "development": frozen.card["evaluation"]["held_out"],
        "external": evaluate(judged, asked),
        "notes": [*_same_lake(view, frozen), *gathered.enrolled.notes, *dataset.notes],
    }


def _refuse_unseen(frozen: Frozen, dataset: Dataset) -> None:
    """Refuse a lake where a model would meet none of the vectors that it was learned with."""
    for name in dataset.unseen:
        made = frozen.vocabulary.encoders[name]
        raise DataRefused(
            f"no sample has a vector of {made} (embedding '{name}'), which model"
            f" '{frozen.model.name}' reads",
            next="Encode the lake's assets with that version first, or validate elsewhere.",
        )


def _same_lake(view: View, frozen: Frozen) -> list[str]:
    """Say so when the model meets the lake it was learned in: that is no external validation."""
    if frozen.card["provenance"]["lake_id"] != view.lake.lake_id:
        return []
    return [
        "the model was learned in this lake: subjects it was trained on may be among these,"
        " so these figures are no external validation unless the sites are new to it"
    ]
