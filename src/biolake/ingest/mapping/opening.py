"""Opens a source folder with a mapping: which files are read, in which order, and what is not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from biolake.core.errors import SourceUnreadable, WrongUse
from biolake.core.reading import Chunk, ReadContext, Reading, SourceFile, SubjectSystem, Tally
from biolake.ingest.mapping.assets import SourceNames
from biolake.ingest.mapping.codes import read_codes
from biolake.ingest.mapping.columns import open_source
from biolake.ingest.mapping.definition import Mapping, TableRule
from biolake.ingest.mapping.engine import connect
from biolake.ingest.mapping.files import Folder, find_files, is_table
from biolake.ingest.mapping.loading import (
    load_mapping,
    parse_mapping,
    read_text,
    says_mapping,
    shipped_mappings,
)
from biolake.ingest.mapping.lookups import Lookups
from biolake.ingest.mapping.notes import named_files
from biolake.ingest.mapping.plan import Planner
from biolake.ingest.mapping.retractions import Retractions
from biolake.ingest.mapping.tables import count, read_table


@dataclass(frozen=True)
class MappedReading(Reading):
    """A reading by a mapping; `lists` names the files whose rows say whose the asset files are."""

    lists: frozenset[str] = frozenset()


def detect_mapping(source: Path) -> Mapping | None:
    """Return the shipped mapping whose telling files are all there, or nothing."""
    folder = find_files(source)
    fitting = []
    for name in shipped_mappings():
        mapping = load_mapping(name)
        if mapping.detect and all(folder.match(file) for file in mapping.detect):
            fitting.append(mapping)
    return max(fitting, key=lambda mapping: len(mapping.detect), default=None)


def local_mapping(source: Path) -> Mapping | None:
    """Return the one mapping in the source folder itself whose telling files are all there."""
    folder = find_files(source)
    fitting = [
        mapping
        for mapping in map(_as_mapping, _yaml_files(source))
        if mapping and mapping.detect and all(folder.match(file) for file in mapping.detect)
    ]
    if len(fitting) > 1:
        names = " and ".join(mapping.path.name for mapping in fitting)
        raise WrongUse(
            f"more than one mapping in the source fits it: {names}",
            where=source.name,
            next="Name the one that is meant with --mapping.",
        )
    return fitting[0] if fitting else None


def _yaml_files(source: Path) -> list[Path]:
    endings = (".yaml", ".yml")
    found = source.iterdir() if source.is_dir() else ()
    return sorted(path for path in found if path.suffix in endings and path.is_file())


def _as_mapping(path: Path) -> Mapping | None:
    """Return a file's mapping, or nothing where it is YAML of another kind."""
    if path.name.startswith(".") or not says_mapping(path):
        return None
    return parse_mapping(read_text(path), path)


def open_mapping(mapping: Mapping, source: Path, ctx: ReadContext) -> MappedReading:
    """Open a source folder, or one file of it, for reading by a mapping."""
    work = _Work(mapping, find_files(source), ctx)
    tables = {table.name: work.folder.match(table.file) for table in mapping.tables}
    codes = [work.folder.match(rule.file) for rule in mapping.codes]
    files: dict[str, SourceFile] = {}
    for group in [*(tables[table.name] for table in work.ordered()), *codes]:
        files.update((file.name, file) for file in group)
    if not any(tables.values()):
        raise SourceUnreadable(
            f"no file here belongs to a table of the mapping '{mapping.name}'",
            where=source.name,
            next=f"Expected: {', '.join(table.file for table in mapping.tables[:5])}.",
        )
    depends = _depends(mapping, work)
    named = {file.name for others in depends.values() for file in others}
    return MappedReading(
        layout=mapping.name,
        layout_hash=_layout_hash(mapping, work.folder),
        subjects=SubjectSystem(mapping.subject.system, mapping.subject.integer),
        clock=mapping.clock,
        files=tuple(files.values()),
        chunks=work.chunks,
        depends=depends,
        notes=_notes(mapping, work.folder, named),
        lists=frozenset(f.name for t in mapping.tables if t.assets for f in tables[t.name]),
    )


def _layout_hash(mapping: Mapping, folder: Folder) -> str:
    """Fold in the names of other files where rows name them: a file that came later is linked."""
    if not any(table.assets for table in mapping.tables):
        return mapping.content_hash
    names = [file.name for file in folder.files if not is_table(file.name)]
    text = "\n".join([mapping.content_hash, *names])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _depends(mapping: Mapping, work: _Work) -> dict[str, tuple[SourceFile, ...]]:
    """Return what each table's files are read together with: look-ups, and notes they name."""
    found: dict[str, tuple[SourceFile, ...]] = {}
    for table in mapping.tables:
        needed = {f.name: f for rule in table.lookups for f in work.folder.match(rule.file)}
        named = work.text_files(table)
        for file in work.folder.match(table.file) if needed or named else ():
            known = {other.name: other for other in found.get(file.name, ())}
            mine = {other.name: other for other in named.get(file.name, ())}
            found[file.name] = tuple((known | needed | mine).values())
    return found


def _notes(mapping: Mapping, folder: Folder, named: set[str]) -> tuple[str, ...]:
    patterns = [table.file for table in mapping.tables] + [rule.file for rule in mapping.codes]
    patterns += [rule.file for rule in mapping.ignore]
    patterns += [lookup.file for table in mapping.tables for lookup in table.lookups]
    used = {file.name for file in folder.files if file.path.resolve() == mapping.path.resolve()}
    used |= named | {file.name for pattern in patterns for file in folder.match(pattern)}
    absent = [t.file for t in mapping.tables if not folder.match(t.file)]
    unread = [file.name for file in folder.files if file.name not in used]
    if any(table.assets for table in mapping.tables):
        # Any other file may be an asset: it is accounted for where the assets are.
        unread = [name for name in unread if is_table(name)]
    return tuple(
        [f"not read: {name}" for name in unread] + [f"not there: {name}" for name in absent]
    )


@dataclass(frozen=True)
class _Work:
    """One source being read."""

    mapping: Mapping
    folder: Folder
    context: ReadContext

    @cached_property
    def names(self) -> SourceNames:
        return SourceNames(self.folder.files)

    def ordered(self) -> list[TableRule]:
        """Return the tables, those that introduce subjects first."""
        return sorted(self.mapping.tables, key=lambda table: not table.introduces_subjects)

    def text_files(self, table: TableRule) -> dict[str, list[SourceFile]]:
        """Return the text files that the rows of each file of a table name as notes."""
        if not any(rule.file for rule in table.notes):
            return {}
        found: dict[str, list[SourceFile]] = {}
        with connect(self.context, [self.folder.root]) as connection:
            lookups = Lookups(self.mapping, self.folder, connection, self.context)
            for file in self.folder.match(table.file):
                source = open_source(file, table.options, connection, self.context.scratch)
                joins = lookups.join(table, source)
                plan = Planner(self.mapping, table, source, joins, connection).plan()
                found[file.name] = named_files(plan.sql, plan.notes, file, self.names, connection)
        return found

    def chunks(self, files: tuple[SourceFile, ...]) -> Iterator[Chunk]:
        given = {file.name: file for file in files}
        with connect(self.context, [self.folder.root]) as connection:
            lookups = Lookups(self.mapping, self.folder, connection, self.context)
            for table in self.ordered():
                yield from self._files(table, self._chosen(table.file, given), lookups)
            for rule in self.mapping.codes:
                for file in self._chosen(rule.file, given):
                    source = open_source(file, rule.options, connection, self.context.scratch)
                    yield from read_codes(rule, self.mapping, count(source), connection)

    def _chosen(self, pattern: str, given: dict[str, SourceFile]) -> list[SourceFile]:
        """Return the caller's own objects: they know the hash."""
        return [given[file.name] for file in self.folder.match(pattern) if file.name in given]

    def _files(
        self, table: TableRule, files: list[SourceFile], lookups: Lookups
    ) -> Iterator[Chunk]:
        """Yield the chunks of a table's files, and at their end the keys that they take back."""
        retractions = Retractions()
        for file in files:
            yield from self._table(table, file, lookups, retractions)
        if len(retractions.keys):
            yield Chunk(files[-1], table.name, Tally(), retracted=retractions.keys)

    def _table(
        self, table: TableRule, file: SourceFile, lookups: Lookups, retractions: Retractions
    ) -> Iterator[Chunk]:
        connection = lookups.connection
        source = open_source(file, table.options, connection, self.context.scratch)
        counted = count(source)
        if table.part_of:
            self.context.progress(file.name, counted.rows)
            yield Chunk(file, table.name, Tally(rows=counted.rows, part_rows=counted.rows))
            return
        joins = lookups.join(table, source)
        plan = Planner(self.mapping, table, source, joins, connection).plan()
        yield from read_table(
            table.name, plan, counted, connection, self.context, retractions, self.names
        )
