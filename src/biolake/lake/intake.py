"""First pass of a load: link each mapped chunk to subjects and spill it, one bucket a shard range.

A bucket holds a contiguous range of shards, small enough that the second pass can sort it in
memory; so the memory a load needs does not grow with its source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import available_timezones

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.bounds import FIRST_TIME, LAST_TIME, is_sayable
from biolake.core.errors import DataRefused, WrongUse, did_you_mean
from biolake.core.keys import SHARDS
from biolake.core.reading import Chunk, SourceFile, SubjectSystem, Tally
from biolake.core.schema import BIRTH, DEATH, MAPPED_CODES, MICROSECONDS
from biolake.core.units import to_ucum
from biolake.lake.columns import (
    SPILL,
    Block,
    concat,
    from_batches,
    times_to_int,
    whole,
)
from biolake.lake.commits import Commit
from biolake.lake.lake import Lake
from biolake.lake.linkage import NO_ENCOUNTER, Linkage, Registry
from biolake.lake.owners import KeyOwners
from biolake.lake.vocabulary import Terms

FLUSH_ROWS = 1 << 19
ROWS_A_BUCKET = 500_000
_LONGEST_SITE = 100


@dataclass(slots=True)
class Part:
    """One source file of one source table: its ledger line, and where its events come from."""

    file: str
    content_hash: str
    reading_hash: str
    table: str
    keyed: bool
    tally: Tally = field(default_factory=Tally)
    events: int = 0
    refused: int = 0  # events of subjects that were forgotten: not among `events`


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event comes from: its site, its load, its source table."""

    site: str
    load: str
    source: str


class Intake:
    """Takes chunks in; afterwards every event lies in exactly one bucket's spill file."""

    def __init__(
        self,
        lake: Lake,
        base: Commit,
        *,
        site: str,
        load: str,
        subjects: SubjectSystem,
        scratch: Path,
        expected_rows: int,
        zone: str | None = None,
    ) -> None:
        self.linkage = Linkage(lake, base, site, subjects)
        self.codes, self.units = Terms(), Terms(to_ucum)
        self.birth_code, self.death_code = self.codes.number(BIRTH), self.codes.number(DEATH)
        self.parts: list[Part] = []
        self.origins: list[Origin] = []
        self.encounters: list[pa.Table] = []
        self.described: list[pa.Table] = []
        self.samples: list[pa.Table] = []  # value, subject (registry number), time
        self.retracted: list[np.ndarray] = []
        self.taken_back = np.empty(0, dtype=np.int64)  # these, ascending: of a finished intake
        self.buckets = bucket_count(lake, expected_rows)
        self.site, self.load, self._zone = site, load, zone
        self._scratch = scratch
        self.owners = KeyOwners(scratch)
        self._origins: dict[str, Origin] = {}
        self._number: dict[tuple[str, str], int] = {}
        self._pending: list[Block] = []
        self._pending_rows = 0
        self._spills: dict[int, pa.RecordBatchStreamWriter] = {}

    @property
    def registry(self) -> Registry:
        """The subjects met so far."""
        return self.linkage.registry

    def add(self, chunk: Chunk) -> None:
        """Take one chunk: its people first, then its events, encounters and codes."""
        numbers = self._lines(chunk)
        if chunk.people is not None:
            self.linkage.people(chunk.people)
            self._note_samples(chunk)
        if chunk.codes is not None:
            self.described.append(chunk.codes.cast(MAPPED_CODES))
        if chunk.retracted is not None:
            self.retracted.append(np.asarray(chunk.retracted, dtype=np.int64))
        encounters, events = self._admitted(chunk.encounters), chunk.events
        if encounters is not None and encounters.num_rows:
            self.encounters.append(self._encounters(encounters, chunk))
        if events is not None and events.num_rows:
            self._take_events(events, numbers)

    def _note_samples(self, chunk: Chunk) -> None:
        """Keep when the samples were taken of which a chunk tells."""
        people = chunk.people
        if people is None or "time" not in people.column_names:
            return
        timed = people.filter(pc.is_valid(people["time"]))
        if not timed.num_rows:
            return
        column = {name: whole(timed[name]) for name in ("subject", "value", "time")}
        subjects = pa.array(self.linkage.subjects(column["subject"]))
        times = self._as_utc(column["time"].cast(MICROSECONDS), chunk.file.name)
        names = ["value", "subject", "time"]
        self.samples.append(pa.table([column["value"], subjects, times], names=names))

    def _lines(self, chunk: Chunk) -> np.ndarray:
        """Return the ledger lines of a chunk: of its file, or of each of its parts."""
        if not chunk.parts:
            number = self.line(chunk.file, chunk.table, keyed=chunk.keyed)
            self.parts[number].tally.add(chunk.tally)
            return np.array([number], dtype=np.int32)
        lines = (self.line(f, chunk.table, keyed=chunk.keyed, tally=t) for f, t in chunk.parts)
        return np.fromiter(lines, dtype=np.int32, count=len(chunk.parts))

    def _admitted(self, rows: pa.Table | None) -> pa.Table | None:
        """Return rows less those of forgotten subjects."""
        if rows is None or not self.linkage.forgets:
            return rows
        return rows.filter(pa.array(self.linkage.subjects(whole(rows["subject"])) >= 0))

    def _take_events(self, events: pa.Table, numbers: np.ndarray) -> None:
        origin = np.repeat(numbers, events.num_rows) if len(numbers) == 1 else None
        if origin is None:
            origin = numbers[events["part"].to_numpy()]
        if self.linkage.forgets:
            admitted = self.linkage.subjects(whole(events["subject"])) >= 0
            for number, count in _counted(origin[~admitted]):
                self.parts[number].refused += count
            events, origin = events.filter(pa.array(admitted)), origin[admitted]
        for number, count in _counted(origin):
            self.parts[number].events += count
        if events.num_rows:
            self._pending.append(self._block(events, origin))
            self._pending_rows += events.num_rows
            if self._pending_rows >= FLUSH_ROWS:
                self._flush()

    def finish(self) -> None:
        self._flush()
        for writer in self._spills.values():
            writer.close()
        self._spills = {}
        self.owners.settle()
        if self.retracted:
            self.taken_back = np.sort(np.concatenate(self.retracted))

    def bucket(self, number: int) -> Block:
        """Read one bucket back, its rows in source order."""
        path = self._path(number)
        if not path.exists():
            return concat([])
        with pa.memory_map(str(path)) as stream:
            return from_batches(list(pa.ipc.open_stream(stream)))

    def line(
        self, file: SourceFile, table: str, *, keyed: bool = True, tally: Tally | None = None
    ) -> int:
        """Return the number of a file's ledger line, begun if it is met for the first time.

        A `tally` given is its first; many lines may share one, which nobody changes then.
        """
        key = (file.name, table)
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self.parts)
            tally = Tally() if tally is None else tally
            how = (file.content_hash, file.reading_hash)
            self.parts.append(Part(file.name, *how, table, keyed, tally))
            self.origins.append(self._origin(table))
        return number

    def _origin(self, table: str) -> Origin:
        found = self._origins.get(table)
        if found is None:
            found = self._origins[table] = Origin(self.site, self.load, table)
        return found

    def take(self, block: Block) -> None:
        """Take events of subjects already registered."""
        if len(block):
            for number, count in _counted(block.origin):
                self.parts[number].events += count
            self._pending.append(block)
            self._pending_rows += len(block)
            if self._pending_rows >= FLUSH_ROWS:
                self._flush()

    def _block(self, events: pa.Table, origin: np.ndarray) -> Block:
        column = {name: whole(events[name]) for name in events.column_names}
        file = self.parts[int(origin[0])].file
        time = times_to_int(self._as_utc(column["time"], file))
        code = self.codes.encode(column["code"])
        subject = self.linkage.subjects(column["subject"])
        return Block(
            subject=subject,
            time=time,
            end_time=times_to_int(self._as_utc(column["end_time"], file)),
            code=code,
            value=_as_float32(column["numeric_value"], file),
            unit=self.units.encode(column["unit"]),
            encounter=self._encounter_ids(column["encounter"]),
            key=column["row_key"].to_numpy(),
            origin=origin,
            text=_plain(column["text_value"]),
        )

    def _encounter_ids(self, identifiers: pa.Array) -> np.ndarray:
        if identifiers.null_count == len(identifiers):
            return np.full(len(identifiers), NO_ENCOUNTER, dtype=np.int64)
        return self.linkage.encounters(identifiers)

    def _encounters(self, table: pa.Table, chunk: Chunk) -> pa.Table:
        column = {name: whole(table[name]) for name in table.column_names}
        return pa.table(
            {
                "encounter_id": self.linkage.encounters(column["encounter"]),
                "subject": self.linkage.subjects(column["subject"]),
                "start": self._as_utc(column["start"], chunk.file.name),
                "end": self._as_utc(column["end"], chunk.file.name),
                "kind": _plain(column["kind"]),
                "source": pa.array([chunk.table] * len(table), pa.string()),
                "whole": pa.array([not chunk.adds_to_encounters] * len(table)),
            }
        )

    def _as_utc(self, times: pa.Array, file: str) -> pa.Array:
        _refuse_unsayable(times, file)
        return as_utc(times, self._zone)

    def _flush(self) -> None:
        if not self._pending:
            return
        block = concat(self._pending)
        self._pending, self._pending_rows = [], 0
        shards = np.array(self.linkage.registry.shards, dtype=np.int32)
        self._note_owners(block)
        bucket = (shards * self.buckets // SHARDS).astype(np.uint16)[block.subject]
        block = block.take(np.argsort(bucket, kind="stable"))
        edges = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=self.buckets))])
        for number in range(self.buckets):
            start, stop = int(edges[number]), int(edges[number + 1])
            if start < stop:
                self._spill(number).write_batch(block.slice(start, stop).to_batch())

    def _note_owners(self, block: Block) -> None:
        keyed = np.array([part.keyed for part in self.parts], dtype=bool)[block.origin]
        if keyed.all():
            self.owners.add(block.key, block.subject)
        elif keyed.any():
            self.owners.add(block.key[keyed], block.subject[keyed])

    def _spill(self, bucket: int) -> pa.RecordBatchStreamWriter:
        if bucket not in self._spills:
            self._spills[bucket] = pa.ipc.new_stream(str(self._path(bucket)), SPILL)
        return self._spills[bucket]

    def _path(self, bucket: int) -> Path:
        return self._scratch / f"bucket-{bucket:04d}.arrow"

    def skipped(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for part in self.parts:
            total.update(part.tally.skipped)
        return total


def _counted(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield each number with how often it occurs."""
    if len(numbers) and (numbers == numbers[0]).all():
        return iter([(int(numbers[0]), len(numbers))])
    found, counts = np.unique(numbers, return_counts=True)
    return zip(found.tolist(), counts.tolist(), strict=True)


def as_utc(times: pa.Array, zone: str | None) -> pa.Array:
    """Return times in UTC; the ends of time (0001-01-01, 9999-12-31) stay where they are."""
    if zone is None or times.null_count == len(times):
        return times
    zoned = pc.assume_timezone(times, zone, ambiguous="earliest", nonexistent="latest")
    utc = zoned.cast(pa.timestamp("us", "UTC")).cast(MICROSECONDS)
    first, last = (pa.scalar(end, MICROSECONDS) for end in (FIRST_TIME, LAST_TIME))
    late = pc.max_element_wise(utc, first, skip_nulls=False)
    return pc.min_element_wise(late, last, skip_nulls=False)


def bucket_count(lake: Lake, expected_rows: int) -> int:
    """Return how many buckets keep each near `ROWS_A_BUCKET` rows: a multiple of the groups."""
    buckets = lake.shard_groups
    while buckets < SHARDS and expected_rows / buckets > ROWS_A_BUCKET:
        buckets *= 2
    return buckets


def known_zone(name: str) -> str:
    """Check a time zone's name (IANA)."""
    if name in available_timezones():
        return name
    raise WrongUse(
        f"no time zone is named '{name}'.{did_you_mean(name, available_timezones())}",
        next="Name it as Area/City, such as Europe/London.",
    )


def known_site(name: str) -> str:
    """Check a site's name: it stands in every row, table and message."""
    if name and name.isprintable() and name == name.strip() and len(name) <= _LONGEST_SITE:
        return name
    raise WrongUse(
        f"a site's name is 1 to {_LONGEST_SITE} printable characters, without blanks around it",
        next="Give a short name: --site st-marys",
    )


def _refuse_unsayable(times: pa.Array, file: str) -> None:
    """Refuse times outside the years 1 to 9999: a reader should have quarantined their rows."""
    ends = pc.min_max(times.cast(MICROSECONDS).cast(pa.int64())).as_py()
    if not (is_sayable(ends["min"]) and is_sayable(ends["max"])):
        raise DataRefused("it holds a time outside the years 1 to 9999", where=file)


def _as_float32(values: pa.Array, file: str) -> np.ndarray:
    """Return values as MEDS keeps them; refuse to make a finite one infinite."""
    whole = values.to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore", under="ignore"):
        kept = np.asarray(whole, dtype=np.float64).astype(np.float32)
    if (np.isinf(kept) & np.isfinite(whole.astype(np.float64))).any():
        raise DataRefused("it holds a number beyond what float32 holds", where=file)
    return kept


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if column.type != pa.string() else column
