"""Says all that is wrong with a mapping before it is used, and tries it on a few rows."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import pyarrow as pa

from biolake.core.errors import BiolakeError, MappingInvalid, SourceUnreadable, did_you_mean
from biolake.core.reading import ReadContext, SourceFile
from biolake.core.yaml_positions import Where
from biolake.ingest.mapping.assets import SourceNames
from biolake.ingest.mapping.codes import code_values
from biolake.ingest.mapping.columns import Source, column_named, open_source
from biolake.ingest.mapping.conversions import TRIED_ROWS, Conversions
from biolake.ingest.mapping.definition import CodeRule, Column, Mapping, TableRule
from biolake.ingest.mapping.document import NodeRefused, parse_mapping_document, without
from biolake.ingest.mapping.engine import connect, identifier
from biolake.ingest.mapping.files import Folder, find_files
from biolake.ingest.mapping.loading import define, read_text
from biolake.ingest.mapping.lookups import Lookups
from biolake.ingest.mapping.losses import count_lost
from biolake.ingest.mapping.notes import EMPTY
from biolake.ingest.mapping.plan import Plan, Planner
from biolake.ingest.mapping.values import Output, Values, failing
from biolake.text.notes import SUFFIXES

SAMPLE_ROWS = 1_000
_MOST_PROBLEMS = 200


@dataclass(frozen=True)
class Problem:
    """One thing to look at: an error stops the ingest, a warning does not."""

    where: str
    message: str
    next: str = ""
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.where}: {self.message}", self.next) if part)


def check_mapping(path: Path, source: Path) -> list[Problem]:
    """Return every problem of a mapping with a source, in the order of the file."""
    problems: list[Problem] = []
    mapping = _load(path, problems)
    if mapping is None:
        return problems
    with tempfile.TemporaryDirectory() as scratch:
        context = ReadContext(site="check", scratch=Path(scratch))
        try:
            folder = find_files(source)
        except BiolakeError as error:
            return [*problems, _problem(error)]
        with connect(context, [folder.root]) as connection:
            lookups = Lookups(mapping, folder, connection, context)
            problems.extend(_Check(mapping, folder, lookups).run())
    return problems


def _load(path: Path, problems: list[Problem]) -> Mapping | None:
    """Load a mapping; what is wrong is noted and taken out, so that the rest is checked too."""
    try:
        root = parse_mapping_document(read_text(path), path.name)
    except MappingInvalid as error:
        problems.append(_problem(error))
        return None
    removed = ""
    while len(problems) < _MOST_PROBLEMS:
        try:
            return define(root, path, "")
        except NodeRefused as error:
            if error.message != f"'{removed}' is missing":
                problems.append(_problem(error))
            removed = error.value.name
            if not without(root, error.value):
                return None
        except MappingInvalid as error:
            problems.append(_problem(error))
            return None
    return None


def _problem(error: BiolakeError, where: Where | None = None) -> Problem:
    return Problem(error.where or str(where or ""), error.message, error.next)


@dataclass
class _Check:
    """The check of one mapping with one source."""

    mapping: Mapping
    folder: Folder
    lookups: Lookups
    found: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conversions = Conversions(self.mapping)

    def run(self) -> list[Problem]:
        for table in self.mapping.tables:
            for file, source in self._sources(table):
                if not table.part_of:
                    self._table(table, file, source)
        for rule in self.mapping.codes:
            for _, source in self._sources(rule):
                values, outputs = code_values(rule, self.mapping, source, self._connection)
                self._outputs(values, outputs)
        self._conversions()
        return self.found

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self.lookups.connection

    def _add(self, error: BiolakeError, where: Where) -> None:
        self.found.append(_problem(error, where))

    def _sources(self, rule: TableRule | CodeRule) -> Iterator[tuple[SourceFile, Source]]:
        """Yield the first file of a table, opened; a sample of one stands for its parts."""
        try:
            files = self.folder.match(rule.file)
            if not files:
                names = [file.name for file in self.folder.files]
                message = f"no file matches '{rule.file}'.{did_you_mean(rule.file, names)}"
                self.found.append(Problem(str(rule.file_where), message, level="warning"))
                return
            scratch = self.lookups.context.scratch
            yield files[0], open_source(files[0], rule.options, self._connection, scratch)
        except BiolakeError as error:
            self._add(error, rule.file_where)

    def _table(self, table: TableRule, file: SourceFile, source: Source) -> None:
        table, before = self._with_known_columns(table, source), len(self.found)
        try:
            joins = self.lookups.join(table, source)
            planner = Planner(self.mapping, table, source, joins, self._connection)
            relation = planner.relation()
            values = planner.values(relation)
            self._outputs(values, list(planner.outputs(values)))
        except (MappingInvalid, SourceUnreadable) as error:
            self._add(error, table.where)
        if len(self.found) == before:
            self._dry_run(planner, file)
            self._unique_key(table, source)

    def _with_known_columns(self, table: TableRule, source: Source) -> TableRule:
        """Note declared columns that the file has not, and go on without them."""
        known: list[Column] = []
        for column in table.columns:
            try:
                column_named(column.name, source, column.where)
                known.append(column)
            except MappingInvalid as error:
                self._add(error, column.where)
        return replace(table, columns=tuple(known))

    def _outputs(self, values: Values, outputs: list[Output]) -> None:
        for output in outputs:
            try:
                values.check(output)
            except MappingInvalid as error:
                self._add(error, output.expression.where)

    def _dry_run(self, planner: Planner, file: SourceFile) -> None:
        """Say how many of the first rows would be quarantined, by column and reason."""
        plan = planner.plan()
        sample = f"SELECT * FROM ({plan.sql}) LIMIT {SAMPLE_ROWS}"  # noqa: S608 - checked above
        try:
            rows = self._connection.sql(sample).to_arrow_table().combine_chunks()
        except duckdb.Error:
            wrong = failing(plan.values.given, plan.values.rows, self._connection)
            message = f"this expression fails on a value of '{file.name}'"
            where = str(wrong.where if wrong else planner.table.where)
            self.found.append(Problem(where, message, "Use try_cast in expressions."))
            return
        self.conversions.try_on(planner)
        fates = rows["fate"].to_numpy()
        self._quarantined(plan, fates, planner.table, file)
        self._notes(plan, rows, planner.table, file)
        if len(plan.rules) > 1 and rows.num_rows:
            names = tuple(rule.name for rule in plan.rules)
            self._dropped(count_lost(names, rows.to_batches()[0], fates), planner.table, file)

    def _quarantined(
        self, plan: Plan, fates: np.ndarray, table: TableRule, file: SourceFile
    ) -> None:
        for code, rows in sorted(Counter(fates.tolist()).items()):
            fate = plan.fates[code]
            if fate.kind == "reject":
                message = (
                    f"{rows} of the first {len(fates)} rows of '{file.name}' would be"
                    f" quarantined: {fate.column}: {fate.reason}"
                )
                self.found.append(Problem(str(table.where), message, level="warning"))

    def _notes(self, plan: Plan, rows: pa.Table, table: TableRule, file: SourceFile) -> None:
        """Say which of the first rows have a note and nothing in it, or name a file not there."""
        names = SourceNames(self.folder.files)
        folder = file.name.rpartition("/")[0]
        for note, rule in zip(plan.notes, table.notes, strict=True):
            empty = sum(rows[f"note_empty{note.number}"].to_pylist())
            named = rows[note.column].to_pylist() if note.is_file else ()
            absent = sum(not names.text_file(folder, n, SUFFIXES) for n in named if n)
            for count, what in ((empty, EMPTY), (absent, "the text file is not in the source")):
                if count:
                    message = f"{count} of the first {len(rows)} rows of '{file.name}': {what}"
                    self.found.append(Problem(str(rule.where), message, level="warning"))

    def _dropped(self, lost: Counter[str], table: TableRule, file: SourceFile) -> None:
        """Say which rules give no event for rows that others make events of."""
        for rule in table.events:
            for reason in ("no time", "no code"):
                count = lost[f"{rule.name}: {reason}"]
                place = (rule.time if reason == "no time" else None) or rule.code
                message = (
                    f"{count} of the first rows of '{file.name}' give events, but none of the"
                    f" rule '{rule.name}': {reason}"
                )
                hint = f"If that is meant, say {self._only_when(place.text)}."
                if count:
                    self.found.append(Problem(str(rule.where), message, hint, "warning"))

    def _only_when(self, text: str) -> str:
        """Return the YAML of a condition; a column named like an SQL word needs its quotes."""
        bare = f"{text.strip()} IS NOT NULL"
        ask = "SELECT json_extract_string(json_serialize_sql(?), '$.error')"
        answer = self._connection.execute(ask, [f"SELECT {bare}"]).fetchone()
        if answer and answer[0] == "true":
            bare = f"'{identifier(text.strip())} IS NOT NULL'"
        return f"`when: {bare}`"

    def _conversions(self) -> None:
        """Say which conversions find nothing to convert: mostly a unit spelled in another way."""
        if any(problem.level == "error" for problem in self.found):
            return
        for rule, units in self.conversions.unused():
            message = f"this conversion applies to none of the first {TRIED_ROWS:,} rows of a table"
            hint = f"Units of these codes there: {', '.join(units)}." if units else ""
            self.found.append(Problem(str(rule.where), message, hint, "warning"))

    def _unique_key(self, table: TableRule, source: Source) -> None:
        if not table.key:
            return
        names = [identifier(column_named(name, source, table.where)) for name in table.key]
        sample = f"SELECT {', '.join(names)} FROM {source.sql} LIMIT 100000"  # noqa: S608 - names are quoted
        twice = self._connection.execute(
            f"SELECT count(*) FROM (FROM ({sample}) GROUP BY ALL HAVING count(*) > 1)"  # noqa: S608 - names are quoted
        ).fetchone()
        if twice and twice[0]:
            message = (
                f"the key ({', '.join(table.key)}) is not unique: {twice[0]} keys occur"
                " more than once, and a later row replaces an earlier one"
            )
            self.found.append(Problem(str(table.where), message, level="warning"))
