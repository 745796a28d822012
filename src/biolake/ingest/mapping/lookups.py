"""Small tables joined to the rows: loaded whole, and refused if a key is not unique."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import ReadContext, SourceFile
from biolake.ingest.mapping.columns import Relation, Source, column_named, open_source, typed
from biolake.ingest.mapping.definition import Column, Lookup, Mapping, TableRule
from biolake.ingest.mapping.engine import identifier
from biolake.ingest.mapping.files import Folder
from biolake.ingest.mapping.plan import JoinedLookup
from biolake.ingest.mapping.tables import check_count, count, forget_rejects, structural_rejects


@dataclass(frozen=True)
class Lookups:
    """Loads the look-up tables of a source into a connection."""

    mapping: Mapping
    folder: Folder
    connection: duckdb.DuckDBPyConnection
    context: ReadContext
    loaded: dict[tuple[object, ...], str] = field(default_factory=dict)

    def join(self, table: TableRule, source: Source) -> tuple[JoinedLookup, ...]:
        """Load what a table looks up, and say how each look-up is joined to its rows."""
        types = {column.name.lower(): column.type for column in table.columns}
        return tuple(self._join(rule, types, source) for rule in table.lookups)

    def _join(self, rule: Lookup, types: dict[str, str], source: Source) -> JoinedLookup:
        keys, conditions = [], []
        alias = identifier(rule.name.lower())
        for number, (left, right) in enumerate(rule.on):
            name = column_named(left, source, rule.where)
            keys.append(Column(right, types.get(left.lower(), "VARCHAR"), rule.where))
            conditions.append(f"{alias}.key{number} = src.{identifier(name)}")
        join = (
            f"LEFT JOIN {self._stored(rule, tuple(keys))} AS {alias} ON {' AND '.join(conditions)}"
        )
        return JoinedLookup(rule, {c.name.lower(): c.name for c in rule.columns}, join)

    def _stored(self, rule: Lookup, keys: tuple[Column, ...]) -> str:
        """Return the table that holds a look-up, loaded once for all that need the same."""
        kinds = [(column.name, column.type) for column in (*keys, *rule.columns)]
        wanted = (rule.file, rule.options, len(keys), *kinds)
        if wanted not in self.loaded:
            stored = identifier(f"lookup {len(self.loaded)}")
            self._load(rule, keys, stored)
            self.loaded[wanted] = stored
        return self.loaded[wanted]

    def _load(self, rule: Lookup, keys: tuple[Column, ...], stored: str) -> None:
        files = self.folder.match(rule.file)
        if not files:
            raise SourceUnreadable(
                f"the look-up '{rule.name}' needs '{rule.file}', which is not here",
                where=str(rule.where),
            )
        rows = " UNION ALL ".join(self._select(rule, keys, file) for file in files)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {stored} AS SELECT DISTINCT * FROM ({rows})"  # noqa: S608 - names are quoted
        )
        places = ", ".join(f"key{number}" for number in range(len(keys)))
        twice = self.connection.execute(
            f"SELECT 1 FROM {stored} GROUP BY {places} HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - names are quoted
        ).fetchone()
        if twice:
            raise SourceUnreadable(
                f"the look-up '{rule.name}' has two different rows for one key",
                where=files[0].name,
                next="Every row would count twice: name more columns in `on`.",
            )

    def _select(self, rule: Lookup, keys: tuple[Column, ...], file: SourceFile) -> str:
        source = open_source(file, rule.options, self.connection, self.context.scratch)
        clock = self.mapping.clock
        relation = typed(source, rule.columns, rule.options, clock)
        key_values = typed(source, keys, rule.options, clock)
        self._check(source, relation)
        columns = []
        for number, key in enumerate(keys):
            name = column_named(key.name, source, rule.where)
            columns.append(f"{key_values.values[name]} AS key{number}")
        for column in rule.columns:
            name = column_named(column.name, source, column.where)
            columns.append(f"{relation.values[name]} AS {identifier(column.name)}")
        present = " AND ".join(f"key{number} IS NOT NULL" for number in range(len(keys)))
        return (
            f"SELECT * FROM (SELECT {', '.join(columns)} FROM {source.sql} AS raw) WHERE {present}"  # noqa: S608 - names are quoted
        )

    def _check(self, source: Source, relation: Relation) -> None:
        """Read every value once: a record that is lost or broken must not go unseen."""
        counted = count(source)
        forget_rejects(self.connection)
        columns = [f"count({text})" for text in relation.texts.values()]
        columns += [f"count_if({misfit.condition})" for misfit in relation.misfits]
        query = f"SELECT count(*), {', '.join(columns)} FROM {source.sql} AS raw"  # noqa: S608 - names are quoted
        try:
            found = self.connection.execute(query).fetchone() or (0,)
        except duckdb.Error:
            raise SourceUnreadable("this look-up cannot be read", where=source.file.name) from None
        broken = structural_rejects(self.connection, counted)
        check_count(int(found[0]), broken, counted)
        misfits = found[1 + len(relation.texts) :]
        wrong = [m for m, rows in zip(relation.misfits, misfits, strict=True) if rows]
        if broken or wrong:
            what = f"record {broken[0].row}" if broken else f"column '{wrong[0].column}'"
            reason = broken[0].reason if broken else wrong[0].reason
            raise SourceUnreadable(
                f"{what} of this look-up is broken: {reason}", where=source.file.name
            )
