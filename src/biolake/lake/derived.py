"""Tables that follow from the events of a load and from what the lake held: codes, subjects,
encounters, and the totals of a commit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.keys import FAMILY, SHARDS, families_of, shard_of
from biolake.core.schema import CODES, ENCOUNTERS, MICROSECONDS, SUBJECTS
from biolake.lake.columns import NO_TIME, Block, times_to_arrow, times_to_int, whole
from biolake.lake.door import View
from biolake.lake.intake import Intake
from biolake.lake.lake import Lake
from biolake.lake.merging import Outcome
from biolake.lake.transaction import Transaction

if TYPE_CHECKING:
    from biolake.lake.measures import Row


@dataclass
class Counts:
    """Events gained (or lost) by code and by subject, in registry and vocabulary numbers, and the
    births and deaths among the rows written."""

    codes: Counter[int] = field(default_factory=Counter)
    subjects: Counter[int] = field(default_factory=Counter)
    births: dict[int, int] = field(default_factory=dict)
    deaths: dict[int, int] = field(default_factory=dict)
    rewritten: set[int] = field(default_factory=set)  # groups of which every row was written anew

    def note_lives(self, block: Block, intake: Intake) -> None:
        """Keep the earliest birth and death of each subject."""
        for kept, code in ((self.births, intake.birth_code), (self.deaths, intake.death_code)):
            rows = np.flatnonzero((block.code == code) & (block.time != NO_TIME))
            pairs = zip(block.subject[rows].tolist(), block.time[rows].tolist(), strict=True)
            for subject, time in pairs:
                kept[subject] = min(kept.get(subject, time), time)

    def add(self, block: Block, sign: int = 1) -> None:
        for counter, numbers in ((self.codes, block.code), (self.subjects, block.subject)):
            if len(numbers):
                counted = np.bincount(numbers)
                used = np.flatnonzero(counted)
                for number, count in zip(used.tolist(), counted[used].tolist(), strict=True):
                    counter[number] += sign * count

    def without(self, block: Block, gone: np.ndarray) -> Block:
        """Return a block less the rows marked, and count them as lost."""
        self.add(block.take(np.flatnonzero(gone)), -1)
        return block.keep(~gone)


def lives(view: View, intake: Intake) -> tuple[np.ndarray, np.ndarray]:
    """Return birth and death of every registered subject as the lake knew them before the load."""
    ids = np.array(intake.linkage.registry.ids, dtype=np.int64)
    birth, death = np.full(len(ids), NO_TIME), np.full(len(ids), NO_TIME)
    held = view.table("SELECT subject_id, birth, death FROM subjects ORDER BY subject_id")
    known = held["subject_id"].to_numpy()
    if len(known) and len(ids):
        place = np.searchsorted(known, ids).clip(max=len(known) - 1)
        hit = known[place] == ids
        for mine, name in ((birth, "birth"), (death, "death")):
            mine[hit] = times_to_int(whole(held[name]))[place][hit]
    return birth, death


def subjects(view: View, intake: Intake, counts: Counts, lake: Lake) -> pa.Table:
    """Return the subjects table after a load."""
    registry = intake.linkage.registry
    ids = np.array(registry.ids, dtype=np.int64)
    gained = np.array([counts.subjects[n] for n in range(len(registry))], dtype=np.int64)
    held = view.table("SELECT subject_id, shard, birth, death, events FROM subjects")
    known = dict(zip(held["subject_id"].to_pylist(), held["events"].to_pylist(), strict=True))
    gained += np.array([known.get(i, 0) for i in registry.ids], dtype=np.int64)
    shards = np.array(registry.shards, dtype=np.int16)
    groups = shards.astype(np.int32) * lake.shard_groups // SHARDS
    birth, death = _lives_after(held, ids, groups, counts)
    mine = pa.table(
        {
            "subject_id": ids,
            "shard": shards,
            "birth": times_to_arrow(birth),
            "death": times_to_arrow(death),
            "events": gained,
        }
    )
    others = held.filter(pc.invert(pc.is_in(held["subject_id"], value_set=pa.array(ids))))
    merged = pa.concat_tables([mine, others.cast(mine.schema)])
    groups = merged["shard"].to_numpy().astype(np.int32) * lake.shard_groups // SHARDS
    merged = merged.append_column("shard_group", pa.array(groups, pa.int32()))
    order = [(name, "ascending") for name in ("shard_group", "shard", "subject_id")]
    return merged.select(SUBJECTS.names).sort_by(order).cast(SUBJECTS)


def _lives_after(
    held: pa.Table, ids: np.ndarray, groups: np.ndarray, counts: Counts
) -> tuple[np.ndarray, np.ndarray]:
    """Return birth and death of each registered subject after a load.

    A group written anew is its own witness (a correction may have moved or removed a death);
    where rows were only added, what the lake knew stands unless the load says earlier.
    """
    order = np.argsort(held["subject_id"].to_numpy(), kind="stable")
    known = held["subject_id"].to_numpy()[order]
    place = np.searchsorted(known, ids).clip(max=max(len(known) - 1, 0))
    hit = ~np.isin(groups, list(counts.rewritten))
    hit &= known[place] == ids if len(known) else False
    found = []
    for name, noted in (("birth", counts.births), ("death", counts.deaths)):
        mine = np.full(len(ids), NO_TIME)
        mine[list(noted)] = list(noted.values())
        if hit.any():
            theirs = times_to_int(whole(held[name]))[order][place]
            take = hit & (theirs != NO_TIME) & ((mine == NO_TIME) | (theirs < mine))
            mine[take] = theirs[take]
        found.append(mine)
    return found[0], found[1]


def codes(view: View, intake: Intake, counts: Counts) -> pa.Table:
    """Return the codes table after a load: every code that occurs, described where anyone did."""
    held = {row["code"]: row for row in view.table("SELECT * FROM codes").to_pylist()}
    for number, count in counts.codes.items():
        name = intake.codes.names[number]
        row = held.setdefault(name, {"code": name, "events": 0})
        row["events"] += count
    _describe(held, intake)
    rows = [
        {
            "code": name,
            "description": row.get("description"),
            "parent_codes": row.get("parent_codes"),
            "vocabulary": name.split("//", 1)[0],
            "events": row["events"],
        }
        for name, row in sorted(held.items())
        if row["events"] > 0
    ]
    return pa.Table.from_pylist(rows, CODES)


def _describe(held: dict[str, dict[str, object]], intake: Intake) -> None:
    """Describe codes as their sources do; a description of `X//*` goes to every code `X//…`.

    The nearer family speaks last: `X//Y//*` goes before `X//*`.
    """
    told = {code for table in intake.described for code in table["code"].to_pylist()}
    families: dict[str, list[str]] = {name: [] for name in told if name.endswith(FAMILY)}
    for name in held if families else ():
        for family in families_of(name):
            if family in families:
                families[family].append(name)
    wanted = pa.array([*held, *families], pa.string())
    for table in intake.described:
        rows = table.filter(pc.is_in(table["code"], value_set=wanted)).to_pylist()
        for row in sorted(rows, key=_nearness):
            for name in families.get(row["code"], [row["code"]]):
                mine = held[name]
                mine["description"] = row["description"] or mine.get("description")
                mine["parent_codes"] = row["parent_codes"] or mine.get("parent_codes")


def _nearness(row: dict[str, str]) -> tuple[int, bool]:
    return row["code"].count("//"), not row["code"].endswith(FAMILY)


# arg_max passes over nulls, so only the rows from the newest whole one on may speak.
_ENCOUNTERS = """
WITH told AS (
    SELECT encounter_id, subject_id, "start", "end", kind, ? AS site_id, source, ? AS load_id,
        seen, whole
    FROM mine
    UNION ALL
    SELECT encounter_id, subject_id, "start", "end", kind, site_id, source, load_id, 0, true
    FROM encounters
),
valid AS (
    SELECT * FROM told
    QUALIFY seen >= coalesce(max(seen) FILTER (whole) OVER (PARTITION BY encounter_id), 0)
)
SELECT encounter_id, arg_max(subject_id, seen) AS subject_id,
    arg_max("start", seen) AS "start", arg_max("end", seen) AS "end",
    arg_max(kind, seen) AS kind, arg_max(site_id, seen) AS site_id,
    arg_max(source, seen) AS source, arg_max(load_id, seen) AS load_id
FROM valid GROUP BY encounter_id
"""


def encounters(view: View, intake: Intake) -> pa.Table | None:
    """Return all encounters after a load, the newest row of each id standing; None if unchanged.

    A row that only adds (HL7 tells a discharge without the admission) leaves what it does not say.
    """
    if not intake.encounters:
        return None
    mine = pa.concat_tables(intake.encounters)
    ids = np.array(intake.linkage.registry.ids, dtype=np.int64)
    mine = mine.append_column("subject_id", pa.array(ids[mine["subject"].to_numpy()]))
    mine = mine.append_column("seen", pa.array(np.arange(1, len(mine) + 1)))
    view.con.register("mine", mine)
    merged = view.table(_ENCOUNTERS, [intake.site, intake.load])
    view.con.unregister("mine")
    return merged


def encounter_ids(view: View, encounters: pa.Table | None) -> np.ndarray:
    if encounters is None:
        encounters = view.table("SELECT encounter_id FROM encounters")
    return np.sort(encounters["encounter_id"].to_numpy())


def encounter_rows(encounters: pa.Table | None, intake: Intake) -> list[Row]:
    """Count the encounters of this load that end before they start."""
    if encounters is None:
        return []
    mine = encounters.filter(pc.equal(encounters["load_id"], intake.load))
    wrong = pc.sum(pc.less(mine["end"], mine["start"])).as_py() or 0
    return [("encounters ending before start", "encounters", wrong, mine.num_rows, "")]


def with_groups(encounters: pa.Table, lake: Lake, load: str) -> pa.Table:
    unique = encounters["subject_id"].combine_chunks().dictionary_encode()
    groups = np.array(
        [lake.group_of(shard_of(v)) for v in unique.dictionary.to_pylist()], dtype=np.int32
    )
    table = encounters.append_column("shard_group", pa.array(groups[unique.indices.to_numpy()]))
    times = {name: table[name].cast(MICROSECONDS) for name in ("start", "end")}
    for name, column in times.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table.select(ENCOUNTERS.names).sort_by(
        [("shard_group", "ascending"), ("subject_id", "ascending"), ("encounter_id", "ascending")]
    )


def totals(tx: Transaction, view: View, added: Counter[int], outcome: Outcome) -> dict[str, int]:
    """Return the counts a commit shows, from the files it will list."""
    counts = {}
    for table in ("events", "subjects", "codes", "encounters", "quarantine", "assets"):
        if table == "assets" and table not in tx.base.tables and table not in tx.adds:
            continue  # a lake without assets counts none
        state = tx.base.tables.get(table)
        removed = {file.path for file in tx.removes.get(table, ())}
        kept = [f for f in (state.files if state else ()) if f.path not in removed]
        counts[table] = sum(f.rows for f in [*kept, *tx.adds.get(table, ())])
    counts["added"] = sum(added.values())
    counts["replaced"] = outcome.replaced
    counts["removed"] = outcome.removed
    return counts
