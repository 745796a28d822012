"""Rows that hold notes, or name the text files that do: each becomes an asset of its subject."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.assets import Facts, FoundAsset
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, Reject, SourceFile, Tally
from biolake.core.schema import MICROSECONDS
from biolake.core.spool import Spool
from biolake.ingest.mapping.assets import SourceNames
from biolake.ingest.mapping.definition import Expression, NoteRule
from biolake.ingest.mapping.fates import Fate, Fates
from biolake.ingest.mapping.outputs import Kind
from biolake.ingest.mapping.values import Output
from biolake.text.notes import SUFFIXES, SURE, note_facts

FORMAT = "note"  # the asset reader that opens them
EMPTY = "the note is empty"
EACH = 2_000  # notes of one chunk: they are values of their own in memory
FILE_ROWS = 5_000  # rows of a batch that names files
LARGEST = 64 << 20  # bytes of a text file
_NO_TEXT = "it holds zero bytes: it is no text"
Parts = Iterable[tuple[SourceFile, Facts]]
_WORDS = ("kind", "title", "language", "id")


@dataclass(frozen=True)
class NotePlan:
    """Which columns of the query hold one note rule."""

    name: str
    number: int
    source: Expression  # of the text or of the file's name
    is_file: bool
    prefix: str  # of the note's own key: the same for ever
    given: frozenset[str]  # of time, kind, title, language and id

    @property
    def column(self) -> str:
        return f"note{self.number}"

    def words(self, rows: pa.RecordBatch, word: str) -> list[str | None]:
        if word not in self.given:
            return [None] * rows.num_rows
        found: list[str | None] = rows.column(f"note_{word}{self.number}").to_pylist()
        return found


def note_plans(rules: tuple[NoteRule, ...], table: str) -> tuple[NotePlan, ...]:
    return tuple(
        NotePlan(
            rule.name,
            number,
            _source(rule),
            rule.file is not None,
            f"{table}/{rule.name}",
            frozenset(word for word in ("time", *_WORDS) if getattr(rule, word)),
        )
        for number, rule in enumerate(rules)
    )


def _source(rule: NoteRule) -> Expression:
    source = rule.text or rule.file
    assert source is not None  # noqa: S101 - the loader has refused a rule without either
    return source


def note_outputs(rules: tuple[NoteRule, ...]) -> Iterator[Output]:
    """Yield the expressions of the note rules with the columns they become."""
    for number, rule in enumerate(rules):
        yield Output(f"note{number}", _source(rule), "text" if rule.text else "key text")
        for word in _WORDS:
            if expression := getattr(rule, word):
                kind: Kind = "key text" if word == "id" else "text"
                yield Output(f"note_{word}{number}", expression, kind)
        if rule.time:
            yield Output(f"note_time{number}", rule.time, "time")
        if rule.when:
            yield Output(f"when_note{number}", rule.when, "truth")


def mark_empty(rules: tuple[NoteRule, ...], sql: dict[str, str]) -> None:
    """Leave a note out where its rule does not hold or it is blank; say where it is blank."""
    for number in range(len(rules)):
        name = f"note{number}"
        value = sql[name]
        holds = sql.pop(f"when_note{number}", "true")
        full = f"coalesce(regexp_matches({value}, '\\S'), false)"
        sql[f"note_empty{number}"] = f"({holds} AND NOT {full})"
        sql[name] = f"(CASE WHEN {holds} AND {full} THEN {value} END)"


def refuse_zeros(rules: tuple[NoteRule, ...], fates: Fates) -> None:
    """State which texts are no text."""
    for number, rule in enumerate(rules):
        if rule.text:
            fate = Fate("reject", rule.text.text, _NO_TEXT)
            fates.when(f"contains(note{number}, chr(0))", fate)


def skip_empty(rules: tuple[NoteRule, ...], fates: Fates) -> None:
    """State which rows have a note and nothing in it, and give nothing else."""
    if rules:
        blank = " OR ".join(f"note_empty{number}" for number in range(len(rules)))
        fates.when(blank, Fate("skip", reason=EMPTY))


def named_files(
    sql: str,
    plans: tuple[NotePlan, ...],
    table: SourceFile,
    names: SourceNames,
    connection: duckdb.DuckDBPyConnection,
) -> list[SourceFile]:
    """Return the text files that the rows of a table name; of a table that fails, none.

    Reading it says what is wrong.
    """
    folder, found = table.name.rpartition("/")[0], dict[str, SourceFile]()
    for plan in plans:
        if not plan.is_file:
            continue
        try:
            rows = connection.execute(f"SELECT DISTINCT {plan.column} FROM ({sql})").fetchall()  # noqa: S608 - ours
        except duckdb.Error:
            continue
        files = (names.text_file(folder, name, SUFFIXES) for (name,) in rows if name)
        found |= {file.name: file for file in files if file}
    return [found[name] for name in sorted(found)]


@dataclass
class NoteTaking:
    """Takes the notes of one file's rows; texts go to a spool file, from which packs are written.

    `alone`: the table makes nothing but notes, so a row of which the file cannot be read gives
    nothing and is quarantined.
    """

    plans: tuple[NotePlan, ...]
    file: SourceFile
    names: SourceNames
    spool: Spool
    utc: bool
    alone: bool
    first: int = 2  # number of the first row
    _owners: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    @property
    def of_files(self) -> bool:
        return any(plan.is_file for plan in self.plans)

    def take(
        self, batch: pa.RecordBatch, used: np.ndarray, tally: Tally, seen: int
    ) -> tuple[list[Iterator[Chunk]], list[Reject]]:
        """Return the notes of a batch, and the rows (by place, from 0) that are quarantined.

        Notes that are left out of rows which give something else are counted in `tally`.
        """
        found: list[Iterator[Chunk]] = []
        rejects: list[Reject] = []
        for plan in self.plans:
            self._count_empty(plan, batch, used, tally)
            given = used & batch.column(plan.column).is_valid().to_numpy(zero_copy_only=False)
            if not given.any():
                continue
            rows, places = batch.filter(pa.array(given)), np.flatnonzero(given) + seen
            if plan.is_file:
                files, faults = self._files(plan, rows)
                rejects += self._faults(plan, places, faults, tally)
                kept = [n for n, file in enumerate(files) if file]
                rows, places = rows.take(pa.array(kept, pa.int64())), places[kept]
                found.append(self._chunks(plan, rows, places, [f for f in files if f]))
            else:
                found.append(self._chunks(plan, rows, places, self._spooled(plan, rows)))
        return found, rejects

    def _count_empty(
        self, plan: NotePlan, batch: pa.RecordBatch, used: np.ndarray, tally: Tally
    ) -> None:
        empty = batch.column(f"note_empty{plan.number}").to_numpy(zero_copy_only=False)
        if count := int((used & empty).sum()):
            tally.dropped[f"{plan.name}: {EMPTY}"] += count

    def _spooled(self, plan: NotePlan, rows: pa.RecordBatch) -> Iterator[tuple[SourceFile, Facts]]:
        """Write the texts behind one another, and yield where each lies and what it is."""
        column = rows.column(plan.column)
        lengths = pc.utf8_length(column).to_numpy(zero_copy_only=False).tolist()
        name = f"{self.file.name}/{FORMAT}{SURE}.txt"
        parts = self.spool.write(column, name)
        words = zip(*(plan.words(rows, word) for word in _WORDS[:3]), strict=True)
        for part, length, (kind, title, language) in zip(parts, lengths, words, strict=True):
            yield part, _facts(length, "utf-8", kind, title, language)

    def _files(
        self, plan: NotePlan, rows: pa.RecordBatch
    ) -> tuple[list[tuple[SourceFile, Facts] | None], dict[int, str]]:
        """Read the files that rows name; where one cannot be a note, say why by its place."""
        folder = self.file.name.rpartition("/")[0]
        found: list[tuple[SourceFile, Facts] | None] = []
        faults: dict[int, str] = {}
        subjects = rows.column("subject").cast(pa.string()).to_pylist()
        named = rows.column(plan.column).to_pylist()
        words = zip(*(plan.words(rows, word) for word in _WORDS[:3]), strict=True)
        for place, (name, subject, each) in enumerate(zip(named, subjects, words, strict=True)):
            try:
                found.append(self._file(folder, name, subject, each))
            except SourceUnreadable as error:
                found.append(None)
                faults[place] = error.message
        return found, faults

    def _file(
        self, folder: str, name: str, subject: str, words: tuple[str | None, ...]
    ) -> tuple[SourceFile, Facts]:
        file = self.names.text_file(folder, name, SUFFIXES)
        if file is None:
            raise SourceUnreadable("the text file is not in the source")
        if self._owners.setdefault(file.name, subject) != subject:
            raise SourceUnreadable("the text file is that of another subject in a row before")
        try:
            with file.path.open("rb") as stream:
                data = stream.read(LARGEST + 1)
        except OSError as error:
            raise SourceUnreadable(
                f"the text file cannot be read ({type(error).__name__})"
            ) from None
        if len(data) > LARGEST:
            raise SourceUnreadable(f"the text file is larger than {LARGEST >> 20} MB")
        told = note_facts(file.name, data)
        digest, how = hashlib.sha256(data).hexdigest(), self.file.reading_hash
        place = SourceFile(file.place, file.name, digest, how, len(data))
        return place, _facts(told["shape"][0], told["attributes"]["encoding"], *words)

    def _faults(
        self, plan: NotePlan, places: np.ndarray, faults: dict[int, str], tally: Tally
    ) -> list[Reject]:
        """Quarantine rows of which the file is no note; those that give more are only counted."""
        if not self.alone:
            tally.dropped.update(Counter(f"{plan.name}: {why}" for why in faults.values()))
            return []
        tally.part_rows -= len(faults)
        tally.rows -= len(faults)
        column = plan.source.text
        return [Reject(int(places[place]), column, why) for place, why in faults.items()]

    def _chunks(
        self, plan: NotePlan, rows: pa.RecordBatch, places: np.ndarray, parts: Parts
    ) -> Iterator[Chunk]:
        """Yield notes some thousand at a time, as assets whose subject the source tells."""
        notes = self._found(plan, rows, places, parts)
        while some := tuple(islice(notes, EACH)):
            yield Chunk(self.file, FORMAT, Tally(), assets=some, accounted=self._new(some))

    def _new(self, some: tuple[FoundAsset, ...]) -> tuple[SourceFile, ...]:
        """Return the text files told of for the first time: each has its line in the ledger."""
        files = {note.files[0].name: note.files[0] for note in some if not note.files[0].inside}
        mine = tuple(file for name, file in files.items() if name not in self._told)
        self._told.update(files)
        return mine

    def _found(
        self, plan: NotePlan, rows: pa.RecordBatch, places: np.ndarray, parts: Parts
    ) -> Iterator[FoundAsset]:
        times = _times(rows, f"note_time{plan.number}" if "time" in plan.given else "")
        subjects = rows.column("subject").cast(pa.string()).to_pylist()
        stays = [None] * rows.num_rows
        if "encounter" in rows.schema.names:
            stays = rows.column("encounter").cast(pa.string()).to_pylist()
        ids, keys = plan.words(rows, "id"), rows.column("key").to_pylist()
        numbers = (places + self.first).tolist()
        offset = 0 if self.utc else None
        columns = zip(subjects, stays, times, ids, keys, numbers, parts, strict=True)
        for subject, stay, time, own, key, number, (file, facts) in columns:
            yield FoundAsset(
                FORMAT,
                (file,),
                facts,
                source_key=f"{plan.prefix}/{key if own is None else own}",
                subject=subject,
                encounter=stay,
                start=time,
                utc_offset=offset,
                listed=True,
                row=number,
            )


def _facts(
    length: int, encoding: str, kind: str | None, title: str | None, language: str | None
) -> Facts:
    attributes = {"encoding": encoding}
    if title and title.strip():
        attributes["title"] = title.strip()
    if language and language.strip():
        attributes["language"] = language.strip().lower().replace("_", "-").partition("-")[0]
    return Facts((kind or "").strip(), shape=(length,), attributes=attributes)


def _times(rows: pa.RecordBatch, name: str) -> list[int | None]:
    if not name:
        return [None] * rows.num_rows
    times: list[int | None] = rows.column(name).cast(MICROSECONDS).cast(pa.int64()).to_pylist()
    return times
