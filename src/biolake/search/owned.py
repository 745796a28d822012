"""Whose the rows of the index are, as the view's commit says it: the door of every hit.

The index holds no subject. A row whose asset the commit does not hold (it was replaced, or its
subject forgotten) is not shown, whatever the index still has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.lake.columns import NO_TIME
from biolake.lake.door import View

_OWNED = """
SELECT a.asset_id IS NOT NULL AS there, coalesce(a.subject_id, 0) AS subject,
    a.subject_id IS NOT NULL AS known, coalesce(epoch_us(a.time), $none) AS time,
    coalesce(a.modality, '') AS modality
FROM biolake_rows r LEFT JOIN (
    SELECT DISTINCT ON (asset_id) asset_id, subject_id, time, modality FROM assets
    ORDER BY asset_id, subject_id NULLS LAST
) a USING (asset_id)
ORDER BY r.number
"""
# A diagnosis is asked for as its span has it, or as the code of its event.
_DIAGNOSIS, _OWN = "NOTE_DIAGNOSIS//", "NOTE_"
_CODED = f"""
SELECT DISTINCT asset_id FROM spans, LATERAL (SELECT unnest([code,
    CASE WHEN starts_with(code, '{_OWN}') THEN code ELSE '{_DIAGNOSIS}' || code END]) AS one)
WHERE CASE WHEN $prefix THEN starts_with(one, $code) ELSE one = $code END
"""  # noqa: S608 - ours


@dataclass(frozen=True)
class Filters:
    """What hits must be; `subjects` are ids of a cohort, ascending."""

    subjects: np.ndarray | None = None
    since: datetime | None = None
    until: datetime | None = None
    modality: str | None = None
    code: str | None = None

    @property
    def of_subjects(self) -> bool:
        """Whether only what is a subject's can fit."""
        asked = (self.subjects, self.since, self.until, self.modality)
        return any(one is not None for one in asked)

    def code_begins(self) -> tuple[str, bool]:
        """Return the code asked for, and whether it is the beginning of codes."""
        code = self.code or ""
        return code.removesuffix("*"), code.endswith("*")


@dataclass(frozen=True)
class Owned:
    """What the commit says of the asset of each row."""

    there: np.ndarray
    subject: np.ndarray  # 0 where not known
    known: np.ndarray
    time: np.ndarray  # microseconds since 1970, NO_TIME where there is none
    modality: np.ndarray

    def fitting(self, filters: Filters) -> np.ndarray:
        """Mark the rows that may be shown and fit."""
        fits = self.there.copy()
        if filters.subjects is not None:
            fits &= self.known & np.isin(self.subject, filters.subjects)
        if filters.since is not None:
            fits &= (self.time != NO_TIME) & (self.time >= _microseconds(filters.since))
        if filters.until is not None:
            fits &= (self.time != NO_TIME) & (self.time < _microseconds(filters.until))
        if filters.modality is not None:
            fits &= self.modality == filters.modality
        return fits

    @cached_property
    def _numbers(self) -> np.ndarray:
        """The subject of each row, numbered; 0 where not known."""
        numbers = np.zeros(len(self.subject), dtype=np.int64)
        numbers[self.known] = np.unique(self.subject[self.known], return_inverse=True)[1] + 1
        return numbers

    def subjects_of(self, rows: np.ndarray) -> int:
        """Count the subjects of some rows."""
        seen = np.zeros(int(self._numbers.max(initial=0)) + 1, dtype=bool)
        seen[self._numbers[rows]] = True
        return int(np.count_nonzero(seen[1:]))


def owned(view: View, asset_ids: pa.ChunkedArray | pa.Array) -> Owned:
    """Ask the commit whose these assets are."""
    rows = pa.table({"number": np.arange(len(asset_ids)), "asset_id": asset_ids})
    view.con.register("biolake_rows", rows)
    try:
        found = view.con.sql(_OWNED, params={"none": NO_TIME}).to_arrow_table()
    finally:
        view.con.unregister("biolake_rows")
    columns = {name: found[name].to_numpy(zero_copy_only=False) for name in found.column_names}
    return Owned(**columns)


def coded(view: View, filters: Filters) -> pa.Array:
    """Return the notes in which a code was found."""
    code, prefix = filters.code_begins()
    found = view.con.sql(_CODED, params={"code": code, "prefix": prefix}).to_arrow_table()
    return found["asset_id"].combine_chunks()


def about(codes: pa.ChunkedArray, filters: Filters, *, found: bool) -> np.ndarray:
    """Mark the codes that are asked for; those found in notes also by the code of their event."""
    code, prefix = filters.code_begins()
    test = pc.starts_with if prefix else pc.equal
    marked = test(codes, code)
    if found:
        events = pc.binary_join_element_wise(_DIAGNOSIS, codes, "")
        marked = pc.or_(marked, test(pc.if_else(pc.starts_with(codes, _OWN), codes, events), code))
    return np.asarray(pc.fill_null(marked, False).to_numpy())


def _microseconds(moment: datetime) -> int:
    return int(np.datetime64(moment, "us").astype(np.int64))
