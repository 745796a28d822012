"""Who trains, tunes and tests: the cohort engine's splits of subjects, laid on the samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from biolake.cohorts import splits
from biolake.core.errors import DataRefused
from biolake.core.schema import MICROSECONDS
from biolake.lake.door import View
from biolake.studies.definition import Split
from biolake.studies.population import Members

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_FOLDS = """
SELECT subject_id, [min(numeric_value), max(numeric_value)] FROM events_by_code
WHERE code = ? AND numeric_value IS NOT NULL GROUP BY subject_id
"""
UNUSED = ""  # the split of a sample of a training subject that lies after the cut


@dataclass(frozen=True)
class Deal:
    """One assignment of every sample to a split, and the subjects' splits it came from.

    `site` is the one left out, if one is: of those held out, only its own samples are judged.
    """

    table: pa.Table
    split: np.ndarray
    site: str = ""
    fold: str = ""

    @property
    def name(self) -> str:
        """What is left out: a site, or a fold; nothing where there is one deal."""
        return f"fold {self.fold}" if self.fold else self.site

    @property
    def place(self) -> str:
        """Where an evaluation of this deal stands in the result."""
        return f"fold:{self.fold}" if self.fold else f"left_out:{self.site}"

    def rows(self, *names: str) -> np.ndarray:
        return np.flatnonzero(np.isin(self.split, names))


def deals(view: View, members: Members, plan: Split) -> Iterator[Deal]:
    """Yield the assignments of a study: one, or one a site left out or a fold.

    Raises DataRefused when nobody would train, or nobody be held out.
    """
    key = splits.split_key(view.lake, plan.seed)
    if plan.kind == "leave_one_site_out":
        sites = splits.sites_of(view, label_table(members))
        for site, table in splits.leave_one_site_out(sites, key, tuning=_tuning_share(plan)):
            found = _laid(members, table, site)
            elsewhere = (found.split == splits.HELD_OUT) & (members.site != site)
            yield _checked(Deal(table, np.where(elsewhere, UNUSED, found.split), site))
        return
    if plan.kind == "folds":
        for fold, table in _by_fold(view, members, plan, key):
            yield _checked(replace(_laid(members, table), fold=fold))
        return
    table = _table(view, members, plan, key)
    deal = _laid(members, table)
    yield _checked(_cut(members, deal, plan) if plan.kind == "temporal" else deal)


def development(view: View, members: Members, plan: Split) -> Deal:
    """Deal every subject to train and tuning: for the final model of leave-one-site-out."""
    share = _tuning_share(plan)
    ratios = {splits.TRAIN: 1.0 - share, splits.TUNING: share}
    key = splits.split_key(view.lake, plan.seed)
    return _laid(members, splits.stratified(label_table(members), key, ratios))


def everyone(members: Members) -> Deal:
    """Deal nobody out: for a study that fits no model."""
    ids = np.unique(members.subject_id)
    table = pa.table({"subject_id": ids, "split": [splits.TRAIN] * len(ids)})
    return _laid(members, splits.validate(table))


def label_table(members: Members) -> pa.Table:
    """Return the members as MEDS labels."""
    return pa.table(
        {
            "subject_id": members.subject_id,
            "prediction_time": pa.array(members.index_time).cast(MICROSECONDS),
            "boolean_value": pa.array(members.outcome == 1.0),
        }
    )


def _table(view: View, members: Members, plan: Split, key: bytes) -> pa.Table:
    ratios = dict(zip(splits.NAMES, plan.ratios, strict=True))
    if plan.kind == "site":
        sites = splits.sites_of(view, label_table(members))
        table = splits.by_site(sites, held_out=plan.held_out_sites)
        return _with_tuning(table, key, _tuning_share(plan))
    if plan.kind == "temporal":
        tuning_from, held_out_from = _cuts(members, plan)
        return splits.temporal(
            label_table(members), tuning_from=tuning_from, held_out_from=held_out_from
        )
    if plan.stratify:
        return splits.stratified(label_table(members), key, ratios)
    return splits.random(members.subject_id.tolist(), key, ratios)


def _by_fold(
    view: View, members: Members, plan: Split, key: bytes
) -> Iterator[tuple[str, pa.Table]]:
    """Hold out each fold in turn, as the source's own numbers tell it."""
    ids = np.unique(members.subject_id)
    fold_of = dict(view.rows(_FOLDS, [plan.code]))
    if many := sum(low != high for low, high in fold_of.values()):
        raise DataRefused(
            f"{many} subjects are in more than one fold of '{plan.code}'",
            next="Name a code with one number a subject.",
        )
    lost = sum(subject not in fold_of for subject in ids.tolist())
    if lost:
        raise DataRefused(
            f"{lost} of {len(ids)} subjects have no fold: no number of code '{plan.code}'",
            next="List codes: biolake codes search; or exclude them from the population.",
        )
    mine = np.array([fold_of[subject][0] for subject in ids.tolist()])
    for fold in np.unique(mine):
        held = np.where(mine == fold, splits.HELD_OUT, splits.TRAIN).tolist()
        table = splits.validate(pa.table({"subject_id": ids, "split": held}))
        yield f"{fold:g}", _with_tuning(table, key, _tuning_share(plan))


def _with_tuning(table: pa.Table, key: bytes, share: float) -> pa.Table:
    """Give a share of the training subjects to tuning, drawn by their hash."""
    names = [
        splits.TUNING if split == splits.TRAIN and splits.draw(subject, key) < share else split
        for subject, split in zip(*(table[n].to_pylist() for n in table.column_names), strict=True)
    ]
    return splits.validate(pa.table({"subject_id": table["subject_id"], "split": names}))


def _tuning_share(plan: Split) -> float:
    train, tuning, _ = plan.ratios
    return tuning / (train + tuning)


def _cuts(members: Members, plan: Split) -> tuple[datetime, datetime]:
    """Return the first prediction times at which tuning and held_out begin, by the ratios."""
    ids, place = np.unique(members.subject_id, return_inverse=True)
    first = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(first, place, members.index_time)
    ordered = np.sort(first)
    train, tuning, _ = plan.ratios
    at = (min(round(share * len(ids)), len(ids) - 1) for share in (train, train + tuning))
    begin, end = (_EPOCH + timedelta(microseconds=int(ordered[place])) for place in at)
    return begin, end


def _cut(members: Members, deal: Deal, plan: Split) -> Deal:
    """Leave out what training and tuning subjects did after their own period."""
    tuning_from, held_out_from = (
        int((cut - _EPOCH) / timedelta(microseconds=1)) for cut in _cuts(members, plan)
    )
    late = (deal.split == splits.TRAIN) & (members.index_time >= tuning_from)
    late |= (deal.split == splits.TUNING) & (members.index_time >= held_out_from)
    return Deal(deal.table, np.where(late, UNUSED, deal.split))


def _laid(members: Members, table: pa.Table, site: str = "") -> Deal:
    """Give every sample its subject's split."""
    ids = table["subject_id"].to_numpy()
    place = np.searchsorted(ids, members.subject_id)
    return Deal(table, table["split"].to_numpy(zero_copy_only=False)[place], site)


def _checked(deal: Deal) -> Deal:
    for name in (splits.TRAIN, splits.HELD_OUT):
        if not (deal.split == name).any():
            where = f" when site '{deal.site}' is left out" if deal.site else ""
            raise DataRefused(
                f"the split leaves nobody in {name}{where}",
                next="Change the ratios or the split, or widen the population.",
            )
    return deal
