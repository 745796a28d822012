"""When the samples of a site were taken, as its sample sheets say: before or after the files come.

A sheet names a sample by an identifier of its subject. Whatever file holds a sample of that name
then knows its time; of the name itself only a keyed hash is kept.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.reading import SubjectSystem
from biolake.core.schema import MICROSECONDS, SAMPLES
from biolake.lake.asset_rows import exchange, without
from biolake.lake.door import View
from biolake.lake.intake import Intake
from biolake.lake.lake import Lake
from biolake.lake.linkage import Linkage
from biolake.lake.moved_samples import SAMPLE, MovedSamples
from biolake.lake.transaction import Transaction

_HELD = "SELECT sample_key, subject_id, time FROM samples WHERE site_id = ?"


class Whose:
    """Tells whose the samples of a site are, by marks that name nobody; reads when first asked."""

    def __init__(self, lake: Lake, site: str) -> None:
        self._lake, self._site = lake, site
        self._linkage: Linkage | None = None

    def __call__(self, sample: str) -> str:
        """Return the mark of whom the name of a sample leads to; nothing: to nobody."""
        if self._linkage is None:
            system = SubjectSystem(SAMPLE)
            self._linkage = Linkage(self._lake, self._lake.commit(), self._site, system)
        found = self._linkage.known_as(sample, SAMPLE)
        return self._linkage.either(found) if found else ""


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


def write_moved_samples(tx: Transaction, moved: MovedSamples) -> None:
    """Let the names of samples that were given to another subject lead there."""
    hashes = pa.array(moved.identifiers, pa.binary(16))

    def changed(rows: pa.Table) -> pa.Table:
        pairs = zip(rows["identifier"].to_pylist(), rows["subject_id"].to_pylist(), strict=True)
        ids = pa.array([moved.now(*pair) for pair in pairs], pa.int64())
        return rows.set_column(rows.column_names.index("subject_id"), "subject_id", ids)

    def touched(rows: pa.Table) -> pa.ChunkedArray:
        return pc.is_in(rows["identifier"].cast(pa.binary(16)), value_set=hashes)

    if len(moved):
        exchange(tx, "linkage", ["identifier"], touched, changed)


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
