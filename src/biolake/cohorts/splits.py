"""Splits: which subjects a model learns on, is tuned on and is judged on. Never one in two."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biolake.cohorts.labels import value_column
from biolake.core.errors import DataRefused, SetupMissing, WrongUse, did_you_mean
from biolake.core.schema import MICROSECONDS
from biolake.lake.door import View
from biolake.lake.lake import Lake

SPLITS = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)

TRAIN, TUNING, HELD_OUT = NAMES = ("train", "tuning", "held_out")
RATIOS = {TRAIN: 0.8, TUNING: 0.1, HELD_OUT: 0.1}


def split_key(lake: Lake, seed: int = 0) -> bytes:
    """Return the key that draws this lake's splits: nobody outside can tell who is held out."""
    return hmac.digest(lake.secret(), b"split %d" % seed, "sha256")


def random(subjects: Collection[int], key: bytes, ratios: Mapping[str, float] = RATIOS) -> pa.Table:
    """Split subjects at random by a keyed hash of each.

    A subject's split depends on nothing but the key and the ratios: it is the same in every cohort.
    """
    edges = _edges(ratios)
    ids = sorted(set(subjects))
    return _table(ids, [NAMES[np.searchsorted(edges, draw(i, key), side="right")] for i in ids])


def stratified(labels: pa.Table, key: bytes, ratios: Mapping[str, float] = RATIOS) -> pa.Table:
    """Split the subjects of a label table so that each split has the same share of every label.

    A subject's stratum is whether any of its labels is true; of other labels, the first one. The
    splits hold for this cohort only: in another, a subject may fall elsewhere.
    """
    edges = _edges(ratios)
    strata: dict[object, list[int]] = {}
    for subject, stratum in _strata(labels).items():
        strata.setdefault(stratum, []).append(subject)
    found: dict[int, str] = {}
    for members in strata.values():
        members.sort(key=lambda subject: (draw(subject, key), subject))
        for place, subject in enumerate(members):
            share = (place + 0.5) / len(members)
            found[subject] = NAMES[np.searchsorted(edges, share, side="right")]
    return _table(sorted(found), [found[subject] for subject in sorted(found)])


def temporal(labels: pa.Table, *, tuning_from: datetime, held_out_from: datetime) -> pa.Table:
    """Split subjects by their first prediction time: before, from `tuning_from`, `held_out_from`.

    Later labels of a training subject may lie after the cut; `before_cut` takes them away.
    """
    if not tuning_from <= held_out_from:
        raise WrongUse("'tuning_from' must not be later than 'held_out_from'")
    first = labels.group_by("subject_id").aggregate([("prediction_time", "min")])
    first = first.sort_by("subject_id")
    time = first["prediction_time_min"].cast(MICROSECONDS).to_numpy()
    cuts = np.array([tuning_from, held_out_from], dtype="datetime64[us]")
    places = np.searchsorted(cuts, time, side="right").tolist()
    return _table(first["subject_id"].to_pylist(), [NAMES[place] for place in places])


def before_cut(labels: pa.Table, splits: pa.Table, cuts: Mapping[str, datetime]) -> pa.Table:
    """Keep the labels predicted before their split's cut; of a split without one, all."""
    kept = [
        rows.filter(pc.less(rows["prediction_time"], pa.scalar(cuts[name], MICROSECONDS)))
        if name in cuts
        else rows
        for name in NAMES
        for rows in [of_split(labels, splits, name)]
    ]
    return pa.concat_tables(kept).sort_by(
        [("subject_id", "ascending"), ("prediction_time", "ascending")]
    )


def sites_of(view: View, labels: pa.Table) -> pa.Table:
    """Return (subject_id, site_id) for every site at which a subject of the labels has an event."""
    view.con.register("biolake_subjects", labels.select(["subject_id"]))
    try:
        return view.table(
            "SELECT DISTINCT subject_id, site_id FROM events"
            " WHERE subject_id IN (SELECT subject_id FROM biolake_subjects)"
            " ORDER BY subject_id, site_id"
        )
    finally:
        view.con.unregister("biolake_subjects")


def by_site(
    sites: pa.Table, *, held_out: Collection[str], tuning: Collection[str] = ()
) -> pa.Table:
    """Hold out whole sites: whoever was ever at one is held out, wherever else they were."""
    known = set(sites["site_id"].to_pylist())
    for name in [*held_out, *tuning]:
        if name not in known:
            near = did_you_mean(name, known)
            raise WrongUse(f"no subject has events of a site '{name}'.{near}")
    found: dict[int, int] = {}
    for row in sites.to_pylist():
        place = 2 if row["site_id"] in held_out else int(row["site_id"] in tuning)
        found[row["subject_id"]] = max(place, found.get(row["subject_id"], 0))
    return _table(sorted(found), [NAMES[found[subject]] for subject in sorted(found)])


def leave_one_site_out(
    sites: pa.Table, key: bytes, *, tuning: float = 0.1
) -> Iterator[tuple[str, pa.Table]]:
    """Yield for each site the splits that hold it out; a share of the others is for tuning."""
    names = sorted(set(sites["site_id"].to_pylist()))
    if len(names) < 2:
        raise DataRefused(f"the labels have subjects of {len(names)} site; it takes two or more")
    for site in names:
        table = by_site(sites, held_out=[site])
        found = zip(table["subject_id"].to_pylist(), table["split"].to_pylist(), strict=True)
        drawn = {
            subject: TUNING if split == TRAIN and draw(subject, key) < tuning else split
            for subject, split in found
        }
        yield site, _table(list(drawn), list(drawn.values()))


def of_split(rows: pa.Table, splits: pa.Table, split: str) -> pa.Table:
    """Return the rows whose subjects are in a split; a subject that is in none is an error."""
    if split not in NAMES:
        raise WrongUse(f"no split is named '{split}'.{did_you_mean(split, NAMES)}")
    if strangers := pc.sum(
        pc.invert(pc.is_in(rows["subject_id"], splits["subject_id"].combine_chunks()))
    ).as_py():
        raise DataRefused(
            f"{strangers} labels are of subjects that are in no split",
            next="Split the subjects of these labels.",
        )
    mine = splits.filter(pc.equal(splits["split"], split))["subject_id"].combine_chunks()
    return rows.filter(pc.is_in(rows["subject_id"], mine))


def validate(splits: pa.Table, where: str = "") -> pa.Table:
    """Return a split table in the MEDS schema, by subject; refuse a subject that is in it twice."""
    if sorted(splits.column_names) != sorted(SPLITS.names):
        raise DataRefused("a split table has the columns subject_id and split", where=where)
    try:
        valid = splits.select(SPLITS.names).cast(SPLITS).sort_by("subject_id")
    except (pa.ArrowInvalid, ValueError):
        raise DataRefused("a row of the splits is empty or of another type", where=where) from None
    if unknown := set(valid["split"].to_pylist()) - set(NAMES):
        name = min(unknown)
        raise DataRefused(f"no split is named '{name}'.{did_you_mean(name, NAMES)}", where=where)
    subject = valid["subject_id"].to_numpy()
    if repeats := int(np.count_nonzero(subject[1:] == subject[:-1])):
        raise DataRefused(f"{repeats} subjects are in the splits more than once", where=where)
    return valid


def read_splits(path: Path) -> pa.Table:
    if not path.is_file():
        raise SetupMissing("there are no splits here", where=str(path))
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataRefused("this is not a Parquet file", where=str(path)) from None
    return validate(table, str(path))


def write_splits(splits: pa.Table, path: Path) -> None:
    """Write a split table that any MEDS tool can read (`metadata/subject_splits.parquet`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(validate(splits, str(path)), path.absolute(), compression="zstd")


def draw(subject: int, key: bytes) -> float:
    """Return a number from 0 to 1 that depends on the subject and the key alone."""
    digest = hashlib.blake2b(str(subject).encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def _edges(ratios: Mapping[str, float]) -> np.ndarray:
    for name in ratios:
        if name not in NAMES:
            raise WrongUse(f"no split is named '{name}'.{did_you_mean(name, NAMES)}")
    shares = [ratios.get(name, 0.0) for name in NAMES]
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise WrongUse("the ratios of the splits must be shares that add up to 1")
    return np.cumsum(shares)[:2]


def _strata(labels: pa.Table) -> dict[int, object]:
    """Return each subject's stratum, subjects in order of their first label."""
    name = value_column(labels)
    if name == "float_value":
        raise WrongUse("labels that are numbers on a scale have no strata")
    ordered = labels.sort_by([("subject_id", "ascending"), ("prediction_time", "ascending")])
    found: dict[int, object] = {}
    subjects, values = ordered["subject_id"].to_pylist(), ordered[name].to_pylist()
    for subject, value in zip(subjects, values, strict=True):
        first = found.setdefault(subject, value)
        if name == "boolean_value":
            found[subject] = first or value
    return found


def _table(subjects: list[int], names: list[str]) -> pa.Table:
    return validate(
        pa.table([pa.array(subjects, pa.int64()), pa.array(names, pa.string())], SPLITS)
    )
