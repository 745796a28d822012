"""The samples of assets that hold many: whose each is, found out now or by a later load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.assets import FoundAsset
from biolake.core.bounds import is_sayable
from biolake.core.schema import ASSET_SAMPLES, MICROSECONDS
from biolake.lake.asset_found import Found
from biolake.lake.asset_owners import Owner, Owners
from biolake.lake.asset_report import OF_FORGOTTEN, AssetReport
from biolake.lake.asset_rows import Spill, without
from biolake.lake.door import View
from biolake.lake.intake import Intake
from biolake.lake.transaction import Transaction

TABLE = "asset_samples"
UNKNOWN = "no sample of anybody is known by this name: it waits for a sheet (or --subject-system)"
AMBIGUOUS = "the name is that of two subjects: it is linked to neither"
_WAITS = "SELECT 1 FROM asset_samples WHERE subject_key IS NOT NULL AND site_id = ? LIMIT 1"
# All samples of every stored asset of which one waits for an identifier that came to be known.
_LATE = """
SELECT s.* FROM asset_samples s SEMI JOIN (
    SELECT asset_id FROM asset_samples SEMI JOIN keys ON subject_key = k
    WHERE site_id = ? AND subject_id IS NULL
) USING (asset_id) ORDER BY asset_id, number
"""


class SampleIntake:
    """What a load adds to `asset_samples`, and what it changes there."""

    def __init__(
        self, view: View, intake: Intake, owners: Owners, report: AssetReport, scratch: Path
    ) -> None:
        self._view, self._intake, self._owners = view, intake, owners
        self._report = report
        self._rows = Spill(scratch / "asset-samples.arrow", ASSET_SAMPLES)
        self._replaced: set[str] = set()  # assets of which the stored rows are written anew
        self._late = ASSET_SAMPLES.empty_table()

    def waits(self) -> bool:
        """Say whether any sample of the site waits for its subject."""
        return bool(self._view.rows(_WAITS, [self._intake.site]))

    def owners(self, found: FoundAsset) -> list[Owner]:
        """Return whose each sample is, in the asset's order."""
        of, listed, system = self._owners.of_sample, found.listed, found.system
        return [of(each.name, each.system or system, listed) for each in found.samples]

    def new(self, one: Found) -> None:
        """Take the samples of an asset that is new, or other than before."""
        self._count(one.samples)
        self._spill(self._made(one))

    def known(self, one: Found) -> None:
        """Take the samples of a stored asset again: more of them may be known."""
        held = self._stored(one.id)
        if not held:
            self.new(one)
            return
        rows = told = self._made(one)
        names = [[row["sample_key"] for row in those] for those in (held, told)]
        if names[0] == names[1]:  # else its reader reads it in another way now
            pairs = zip(held, told, strict=True)
            rows = [self._merged(*pair, one.asset.listed) for pair in pairs]
        if rows != held:
            self._replaced.add(one.id)
            self._spill(rows)

    def _merged(self, old: dict[str, Any], new: dict[str, Any], listed: bool) -> dict[str, Any]:
        before, after, report = old["subject_id"], new["subject_id"], self._report
        time = new["time"] if new["time"] is not None else old["time"]
        if before is None:
            report.samples_linked_later += after is not None
            key = None if after is not None else new["subject_key"] or old["subject_key"]
            return old | {"subject_id": after, "subject_key": key, "time": time}
        if after in (None, before) or not listed:
            report.conflicts += after not in (None, before)
            return old | {"time": time}
        report.relinked += 1
        return old | {"subject_id": after, "time": time}

    def _stored(self, name: str) -> list[dict[str, Any]]:
        found = self._view.table(
            "SELECT * FROM asset_samples WHERE asset_id = ? ORDER BY number", [name]
        )
        return _plain(found)

    def _made(self, one: Found) -> list[dict[str, Any]]:
        hashed, site, load = self._intake.linkage.sample_key, self._intake.site, self._intake.load
        pairs = zip(one.asset.samples, one.samples, strict=True)
        return [
            {
                "asset_id": one.id,
                "number": number,
                "sample_key": hashed(sample.name),
                "subject_id": owner.subject,
                "time": sample.time,
                "subject_key": owner.key,
                "site_id": site,
                "load_id": load,
            }
            for number, (sample, owner) in enumerate(pairs)
        ]

    def _count(self, owners: Sequence[Owner]) -> None:
        linked = sum(owner.subject is not None for owner in owners)
        self._report.samples_linked += linked
        self._report.samples_unlinked += len(owners) - linked

    def _spill(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self._rows.add(row)

    def settle(self, gone: set[str]) -> None:
        """Link what waited and came to be known: samples of this load, and of earlier ones."""
        mine, linked, unsure = self._linked(self._rows.table())
        self._report.samples_linked += linked
        self._report.samples_unlinked -= linked
        moved = self._intake.linkage.moved
        mine, relinked = moved.applied(mine)
        stored = self._waiting()
        passed = pa.array(sorted(gone | self._replaced), pa.string())
        stored = stored.filter(pc.invert(pc.is_in(stored["asset_id"], value_set=passed)))
        stored, linked, others = self._linked(stored)
        stored, others_now = moved.applied(stored)
        self._report.samples_linked_later += linked
        self._report.samples_moved += relinked + others_now
        self._report.ambiguous += unsure + others
        self._replaced.update(stored["asset_id"].unique().to_pylist())
        self._late = pa.concat_tables([mine, stored])
        registry = self._intake.linkage.registry
        for subject in self._late["subject_id"].unique().drop_null().to_pylist():
            registry.add(subject)

    def _waiting(self) -> pa.Table:
        """Return all samples of the stored assets of which one is somebody's known now."""
        if TABLE not in self._view.commit.tables:
            return ASSET_SAMPLES.empty_table()
        moved = self._intake.linkage.moved.stored(self._view, self._intake.site)
        if not self._owners.waiting:
            return moved
        keys = pa.table({"k": pa.array(sorted(self._owners.waiting), pa.string())})
        self._view.con.register("keys", keys)
        stored = self._view.table(_LATE, [self._intake.site])
        self._view.con.unregister("keys")
        others = pc.is_in(moved["asset_id"], value_set=stored["asset_id"].combine_chunks())
        stored = stored.select(ASSET_SAMPLES.names).cast(ASSET_SAMPLES)
        return pa.concat_tables([stored, moved.filter(pc.invert(others))])

    def _linked(self, rows: pa.Table) -> tuple[pa.Table, int, int]:
        """Link rows whose key came to mean somebody; return how many, and how many mean several."""
        if not self._owners.waiting or not rows["subject_id"].null_count:
            return rows, 0, 0
        ids, keys = rows["subject_id"].to_pylist(), rows["subject_key"].to_pylist()
        linked = unsure = 0
        for n, (subject, key) in enumerate(zip(ids, keys, strict=True)):
            if subject is None and key in self._owners.waiting:
                ids[n], keys[n] = self._owners.meaning(key)
                linked += ids[n] is not None
                unsure += ids[n] is None
                self._report.notes[OF_FORGOTTEN] += "forgotten" in (keys[n] or "")
        for name, values in (("subject_id", ids), ("subject_key", keys)):
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, pa.array(values, rows.schema.field(name).type))
        return rows.cast(ASSET_SAMPLES), linked, unsure

    def write(self, tx: Transaction, gone: set[str]) -> None:
        """Write the new rows, and take out those they stand for."""
        without(tx, TABLE, sorted(self._replaced | gone))
        tx.append(TABLE, self._late)


def refused(owners: Sequence[Owner]) -> list[tuple[int, str]]:
    """Return the places of the samples that are nobody's, each with the reason."""
    return [
        (place, AMBIGUOUS if owner.ambiguous else UNKNOWN)
        for place, owner in enumerate(owners)
        if owner.subject is None
    ]


def fault_of(found: FoundAsset) -> str:
    """Return why samples cannot be taken as they are, or nothing."""
    if not all(isinstance(each.name, str) and each.name.strip() for each in found.samples):
        return "a sample in it has no name"
    if not all(is_sayable(each.time) for each in found.samples):
        return "the time of a sample in it lies outside the years 1 to 9999"
    return ""


def _plain(rows: pa.Table) -> list[dict[str, Any]]:
    place = rows.column_names.index("time")
    times = rows["time"].cast(MICROSECONDS).cast(pa.int64())
    found: list[dict[str, Any]] = (
        rows.set_column(place, "time", times).select(ASSET_SAMPLES.names).to_pylist()
    )
    return found
