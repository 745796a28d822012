"""What a reader receives and hands over: the contract between a file format and the lake."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from biolake.core.assets import FoundAsset

Clock = Literal["utc", "local"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source: where it lies, its path inside the source, and its content's hash.

    `reading_hash` stands for how it is read: the mapping, and the look-up tables read with it. A
    source may have a hundred thousand: the place is kept as text, which takes a third of a `Path`.
    """

    place: str | Path
    name: str
    content_hash: str = ""
    reading_hash: str = ""
    size: int = 0
    # The bytes of an asset that lies inside a file (one note of a table) start here and are `size`.
    start: int = 0
    inside: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", os.fspath(self.place))

    @property
    def path(self) -> Path:
        return Path(self.place)


@dataclass(frozen=True, slots=True)
class Reject:
    """One source row that cannot become events; `row` counts records from 1, header included."""

    row: int
    column: str
    reason: str


@dataclass(slots=True)
class Tally:
    """Where the rows of one source file went. Every row is counted exactly once.

    rows = event_rows + part_rows + sum(skipped.values()) + len(rejects)

    `dropped` counts events, not rows: those that another rule of an event's row should have given
    and did not, by rule and reason (`death: no time`).
    """

    rows: int = 0
    event_rows: int = 0
    part_rows: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def unexplained(self) -> int:
        """Rows that no fate accounts for; anything but zero is a fault of the reader."""
        known = self.event_rows + self.part_rows + sum(self.skipped.values()) + len(self.rejects)
        return self.rows - known

    def add(self, other: Tally) -> None:
        self.rows += other.rows
        self.event_rows += other.event_rows
        self.part_rows += other.part_rows
        self.skipped.update(other.skipped)
        self.rejects.extend(other.rejects)
        self.dropped.update(other.dropped)


@dataclass(frozen=True)
class Chunk:
    """A run of mapped rows from one file and one source table (or FHIR resource type, HL7 message).

    Events have the columns of `schema.MAPPED` (`subject` and `encounter` may also be int64;
    string columns may be dictionaries). `keyed` says that `row_key` comes from the source's own
    identifiers, so that a later row with the same key is a correction; otherwise it hashes the
    content, and identical rows are told apart by their order. `retracted` lists the row keys of
    events the source takes back (entered in error): rows with these keys are removed whatever their
    order, so a reader that sees a key given again afterwards must not list it. Rows of `people`
    come no later than the chunk that holds the first events of that subject. A row of `encounters`
    replaces what was known of it; with `adds_to_encounters` what it leaves empty stays as told.

    Of the files of `assets`, those in `accounted` get their ledger lines with this chunk, whose
    own tally is empty; the others have theirs already.

    `parts` are many ledger lines at once, each with its tally, which nobody changes afterwards:
    `events` then has a column `part` that numbers them, and the chunk's own tally is empty.
    `derived` are rows of derived tables: they take the place of all that `table`, an extractor,
    said of the assets that `parts` name.
    """

    file: SourceFile
    table: str
    tally: Tally
    events: pa.Table | None = None
    encounters: pa.Table | None = None
    people: pa.Table | None = None
    codes: pa.Table | None = None
    retracted: np.ndarray | None = None
    asset_links: pa.Table | None = None  # schema.MAPPED_ASSETS: whose the files named are
    keyed: bool = True
    adds_to_encounters: bool = False
    assets: tuple[FoundAsset, ...] = ()
    accounted: tuple[SourceFile, ...] = ()
    parts: tuple[tuple[SourceFile, Tally], ...] = ()
    derived: Mapping[str, pa.Table] | None = None


@dataclass(frozen=True)
class SubjectSystem:
    """The identifier system of the subjects a source's rows name.

    `direct`: they are the lake's own subject and encounter ids, and name nobody new.
    """

    name: str
    integer: bool = False
    direct: bool = False


@dataclass(frozen=True)
class Reading:
    """A source opened for reading: what it is, and the chunks to come."""

    layout: str
    layout_hash: str
    subjects: SubjectSystem
    clock: Clock
    files: tuple[SourceFile, ...]
    chunks: Callable[[tuple[SourceFile, ...]], Iterator[Chunk]]
    # File name → files it is read together with (look-up tables): if they change, it is read again.
    depends: dict[str, tuple[SourceFile, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadContext:
    """What the engine lends a reader: the site, a scratch folder, and progress.

    `whose` returns a mark of the subject that a sample's name leads to at this site: another for
    another subject, and nothing where the lake knows nobody by it.
    """

    site: str
    scratch: Path
    threads: int = 2
    progress: Callable[[str, int], None] = lambda _what, _rows: None
    whose: Callable[[str], str] = lambda _sample: "somebody"
