"""The subjects that a search is kept to: of a label file, a task, or a cohort known by name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from biolake.core.errors import DataRefused, WrongUse

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from biolake.lake.door import View

_TABLES, _TASKS = (".parquet", ".csv"), (".yaml", ".yml")


def subjects_of(view: View, cohort: str) -> np.ndarray:
    """Return the ids of a cohort's subjects, ascending.

    It is a file of labels (Parquet or CSV with a column subject_id), a task (YAML), or the name of
    a cohort that `cohort build --name` kept: that is built again on the commit that is read.
    """
    import numpy as np

    path = Path(cohort)
    if path.suffix.lower() in (*_TABLES, *_TASKS):
        if not path.is_file():
            raise WrongUse("there is no such file", where=cohort)
        found = _listed(path) if path.suffix.lower() in _TABLES else _built(view, path)
    else:
        found = _named(view, cohort)
    return np.unique(found["subject_id"].to_numpy())


def _listed(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv
    from pyarrow import parquet as pq

    try:
        table = pq.read_table(path) if path.suffix.lower() == ".parquet" else csv.read_csv(path)
        return table.select(["subject_id"]).cast(pa.schema([("subject_id", pa.int64())]))
    except (pa.ArrowException, KeyError, OSError, ValueError):
        raise DataRefused(
            "the cohort's file has no column 'subject_id' of whole numbers",
            where=path.name,
            next="Make one: biolake cohort build TASK --out labels.parquet",
        ) from None


def _built(view: View, task: Path, predicates: Path | None = None) -> pa.Table:
    from biolake.cohorts import build, load_task

    return build(view, load_task(task, predicates), missing="refuse typos").labels


def _named(view: View, name: str) -> pa.Table:
    from biolake.cohorts.register import latest

    record = latest(view.lake, name)
    with tempfile.TemporaryDirectory() as folder:
        task = _written(Path(folder) / "task.yaml", record.get("task_text"), name)
        text = record.get("predicates_text")
        other = _written(Path(folder) / "predicates.yaml", text, name) if text else None
        return _built(view, task, other)


def _written(path: Path, text: str | None, name: str) -> Path:
    if not text or text.lstrip().startswith("{"):
        raise WrongUse(
            f"the cohort '{name}' is a Circe definition",
            next="Build it with --out labels.parquet and name that file.",
        )
    path.write_text(text, encoding="utf-8")
    return path
