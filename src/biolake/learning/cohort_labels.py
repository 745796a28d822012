"""Labels of a cohort's rows, and for each row the asset that was known when it was predicted."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.errors import DataRefused, SetupMissing
from biolake.lake.assets import AssetRow
from biolake.learning.asset_selection import Selection
from biolake.learning.specification import CohortRows
from biolake.statistics.columns import Flags, Indices

if TYPE_CHECKING:
    import pyarrow as pa

NO_ASSET = "the cohort's row has no asset in its lookback that was over by its prediction time"
_COLUMNS = ("subject_id", "prediction_time", "boolean_value")


@dataclass(frozen=True)
class LabelledRows:
    """Who is predicted, when, and what became true; and the digest of the file that says so."""

    subjects: Indices
    times: Indices  # int64 microseconds
    true: Flags
    sha256: str


def read_labelled_rows(path: Path) -> LabelledRows:
    """Read a MEDS label file with a boolean value, as `biolake cohort build` writes it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise SetupMissing(
            "there is no label file here", where=str(path), next="Make it: biolake cohort build"
        )
    content = path.read_bytes()
    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError):
        raise DataRefused("this is not a Parquet file", where=str(path)) from None
    subjects, times, true = (_column(table, name, path) for name in _COLUMNS)
    found = LabelledRows(subjects, times, true, hashlib.sha256(content).hexdigest())
    _refuse_repeats(found, path)
    return found


def cohort_examples(
    chosen: Selection, labelled: LabelledRows, cohort: CohortRows
) -> tuple[Selection, dict[str, Any]]:
    """Return an asset a labelled row, with its label, and what the model's card says of the rows.

    It is the subject's latest asset to begin of those that began within the lookback and were over
    by the prediction time. Rows without one are counted as left out; two rows may share one.
    """
    taken = _latest(chosen, labelled, cohort.lookback)
    there = taken >= 0
    left_out = dict(chosen.left_out)
    if not there.all():
        left_out[NO_ASSET] = int((~there).sum())
    places = taken[there]
    found = replace(
        chosen,
        rows=tuple(chosen.rows[place] for place in places),
        subjects=chosen.subjects[places],
        left_out=left_out,
        told=labelled.true[there][:, None],
    )
    if not found.rows:
        raise DataRefused(
            f"none of the {len(there)} rows of the cohort has an asset for this model",
            where=cohort.file,
            next="Widen the lookback, and see that the labels were built from this lake.",
        )
    said = {**vars(cohort), "file": Path(cohort.file).name, "sha256": labelled.sha256}
    return found, {**said, "rows": len(there)}


def _latest(chosen: Selection, labelled: LabelledRows, lookback: int) -> Indices:
    """Return for each labelled row its asset's place among those chosen, or -1."""
    begins = np.array([row.time for row in chosen.rows], "datetime64[us]").astype(np.int64)
    ends = np.array([_end(row) for row in chosen.rows], "datetime64[us]").astype(np.int64)
    # Assets stand by subject and time: the last that fits is the latest.
    first = np.searchsorted(chosen.subjects, labelled.subjects, side="left")
    last = np.searchsorted(chosen.subjects, labelled.subjects, side="right")
    taken = np.full(len(labelled.true), -1, dtype=np.int64)
    for n, time in enumerate(labelled.times):
        own = slice(first[n], last[n])
        fits = (begins[own] >= time - lookback) & (ends[own] <= time)
        if fits.any():
            taken[n] = first[n] + np.flatnonzero(fits)[-1]
    return taken


def _end(row: AssetRow) -> np.datetime64:
    """Return when an asset is over: its end, or where that is not known its begin and length."""
    begin = np.datetime64(row.time, "us")
    if row.end_time is not None:
        return max(begin, np.datetime64(row.end_time, "us"))
    return begin + np.timedelta64(int(np.ceil((row.seconds or 0.0) * 1e6)), "us")


def _column(table: pa.Table, name: str, path: Path) -> Any:
    import pyarrow as pa

    if name not in table.column_names:
        raise DataRefused(
            f"the labels have no column '{name}'",
            where=str(path),
            next=f"A model's label file has {', '.join(_COLUMNS)}: biolake cohort build makes it.",
        )
    column = table[name]
    if column.null_count:
        raise DataRefused(
            f"column '{name}' is empty in {column.null_count} of {table.num_rows} rows",
            where=str(path),
        )
    whole = pa.types.is_integer(column.type)
    naive = pa.types.is_timestamp(column.type) and column.type.tz is None
    with suppress(pa.ArrowInvalid):  # does not fit: refused below
        if name == "subject_id" and whole:
            return column.cast(pa.int64()).to_numpy()
        if name == "prediction_time" and naive:
            return column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
        if name == "boolean_value" and pa.types.is_boolean(column.type):
            return column.to_numpy()
    raise DataRefused(
        f"column '{name}' is {column.type}",
        where=str(path),
        next="subject_id is a whole number, prediction_time a time without a time zone,"
        " boolean_value true or false.",
    )


def _refuse_repeats(found: LabelledRows, path: Path) -> None:
    order = np.lexsort((found.times, found.subjects))
    subjects, times = found.subjects[order], found.times[order]
    again = (subjects[1:] == subjects[:-1]) & (times[1:] == times[:-1])
    if repeats := int(np.count_nonzero(again)):
        raise DataRefused(
            f"{repeats} labels repeat the subject and prediction time of another",
            where=str(path),
            next="Keep one label a subject and time.",
        )
