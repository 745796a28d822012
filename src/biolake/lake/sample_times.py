"""When the samples of a site were taken, as its sample sheets say: before or after the files come.

A sheet names a sample by an identifier of its subject. Whatever file holds a sample of that name
then knows its time; of the name itself only a keyed hash is kept.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.schema import MICROSECONDS, SAMPLES
from biolake.lake.asset_rows import without
from biolake.lake.door import View
from biolake.lake.intake import Intake
from biolake.lake.transaction import Transaction

_HELD = "SELECT sample_key, subject_id, time FROM samples WHERE site_id = ?"


def write_sample_times(tx: Transaction, view: View, intake: Intake) -> None:
    """Write what this load's sheets say; a sample told of again has its newest time."""
    told = _told(intake)
    if told is None:
        return
    held = view.table(_HELD, [intake.site]) if "samples" in tx.base.tables else None
    if held is not None:
        told = _other_than(told, held)
    if not told.num_rows:
        return
    without(tx, "samples", told["sample_key"].to_pylist(), "sample_key")
    tx.append("samples", told)


def _told(intake: Intake) -> pa.Table | None:
    """Return the rows of this load's sheets, one a sample, the last one standing."""
    hashed, last = intake.linkage.sample_key, dict[str, tuple[int, int]]()
    ids = intake.linkage.registry.ids
    for part in intake.samples:
        subjects = part["subject"].to_pylist()
        times = part["time"].cast(pa.int64()).to_pylist()
        for name, subject, time in zip(part["value"].to_pylist(), subjects, times, strict=True):
            if subject >= 0:  # else of a forgotten subject
                last[hashed(name)] = (ids[subject], time)
    if not last:
        return None
    count = len(last)
    columns = {
        "site_id": pa.repeat(intake.site, count),
        "sample_key": pa.array(last, pa.string()),
        "subject_id": pa.array([subject for subject, _ in last.values()], pa.int64()),
        "time": pa.array([time for _, time in last.values()], pa.int64()).cast(MICROSECONDS),
        "load_id": pa.repeat(intake.load, count),
    }
    return pa.table([columns[name] for name in SAMPLES.names], schema=SAMPLES)


def _other_than(told: pa.Table, held: pa.Table) -> pa.Table:
    """Return the rows that say something new."""
    place = pc.index_in(told["sample_key"], value_set=held["sample_key"])
    same = None
    for name in ("subject_id", "time"):
        known = held[name].cast(told[name].type).take(place)
        equal = pc.fill_null(pc.equal(known, told[name]), False)
        same = equal if same is None else pc.and_(same, equal)
    return told.filter(pc.invert(same))
