"""One table's rules as one SQL query over one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from biolake.core.errors import MappingInvalid
from biolake.core.keys import row_key
from biolake.ingest.mapping.assets import (
    AssetPlan,
    asset_outputs,
    asset_plans,
    asset_times,
    only_when,
)
from biolake.ingest.mapping.columns import Relation, Source, column_named, typed
from biolake.ingest.mapping.definition import (
    Column,
    EventRule,
    Expression,
    Identity,
    Lookup,
    Mapping,
    TableRule,
)
from biolake.ingest.mapping.engine import identifier, quoted
from biolake.ingest.mapping.expressions import Expressions, Scope, Tree
from biolake.ingest.mapping.fates import Fate, Fates, bounded_number, bounded_time
from biolake.ingest.mapping.fates import Kind as FateKind
from biolake.ingest.mapping.losses import lost_events
from biolake.ingest.mapping.notes import (
    NotePlan,
    mark_empty,
    note_outputs,
    note_plans,
    refuse_zeros,
    skip_empty,
)
from biolake.ingest.mapping.outputs import Kind
from biolake.ingest.mapping.units import converted, renamed
from biolake.ingest.mapping.values import Output, Values

_LOW_64 = f"{(1 << 64) - 1}::UHUGEINT"
_NO_RULE = Fate("skip", reason="no rule applies")
_RULE_FIELDS: dict[str, Kind] = {
    "code": "text",
    "time": "time",
    "end_time": "time",
    "numeric_value": "number",
    "text_value": "text",
    "unit": "text",
    "when": "truth",
}
_ENCOUNTER_FIELDS: dict[str, Kind] = {"start": "time", "end": "time", "kind": "text"}


@dataclass(frozen=True)
class RulePlan:
    """Which columns of the query hold one event rule, and the constant that marks its row keys."""

    name: str
    applies: str | None  # null: every row whose fate is `event`
    columns: dict[str, str]  # MAPPED column → query column
    key_mark: int


@dataclass(frozen=True)
class Plan:
    """A query that gives, for every row, its fate and the values of every rule."""

    sql: str
    values: Values
    fates: tuple[Fate, ...]
    rules: tuple[RulePlan, ...]
    encounters: dict[str, str]
    people: tuple[tuple[str, str, str, str], ...]  # system, scope, columns of value and time
    assets: tuple[AssetPlan, ...]
    notes: tuple[NotePlan, ...]
    keyed: bool
    integer_encounter: bool

    @property
    def retracts(self) -> bool:
        return any(fate.kind == "retract" for fate in self.fates)


@dataclass(frozen=True)
class JoinedLookup:
    """A look-up table loaded beside the rows: its columns, and how to join it."""

    rule: Lookup
    columns: dict[str, str]  # lower-case name → name
    join: str


@dataclass(frozen=True)
class Planner:
    """Builds the plan of one table for one file."""

    mapping: Mapping
    table: TableRule
    source: Source
    lookups: tuple[JoinedLookup, ...]
    connection: duckdb.DuckDBPyConnection

    def plan(self) -> Plan:
        """Check every expression and write the query."""
        relation = self.relation()
        values = self.values(relation)
        values.add_all(list(self.outputs(values)))
        for number, rule in enumerate(self.table.events):
            self._units(rule, number, values.sql)
        only_when(self.table.assets, values.sql)
        mark_empty(self.table.notes, values.sql)
        fates = self._fates(relation, values.sql)
        return Plan(
            self._query(fates, values),
            values,
            tuple(fates.known),
            tuple(self._rule(rule, number) for number, rule in enumerate(self.table.events)),
            self._encounter_columns(),
            tuple(
                (p.system, p.scope, f"person{n}", f"taken{n}" if p.time else "")
                for n, p in enumerate(self.table.people)
            ),
            asset_plans(self.table.assets),
            note_plans(self.table.notes, f"{self.mapping.name}/{self.table.name}"),
            bool(self.table.key),
            self.mapping.encounter is not None and self.mapping.encounter.integer,
        )

    def relation(self) -> Relation:
        """Return the file's columns in their types; a plain integer identity is typed by itself."""
        columns = list(self.table.columns)
        for identity, override in (
            (self.mapping.subject, self.table.subject),
            (self.mapping.encounter, self.table.encounter),
        ):
            if identity and identity.integer:
                columns.extend(self._implied(override or identity.expression, columns))
        return typed(self.source, tuple(columns), self.table.options, self.mapping.clock)

    def _implied(self, expression: Expression, columns: list[Column]) -> list[Column]:
        name = expression.text.strip()
        declared = name.lower() in [column.name.lower() for column in columns]
        known = name.lower() in [column.lower() for column in self.source.names]
        return [Column(name, "BIGINT", expression.where)] if known and not declared else []

    def values(self, relation: Relation) -> Values:
        """Return the row's values as names can reach them, with `let` and `epoch` resolved."""
        expressions, named = Expressions(), dict[str, Tree]()
        lookups = {join.rule.name.lower(): join.columns for join in self.lookups}
        texts = frozenset(n.lower() for n, kind in relation.types.items() if kind == "VARCHAR")
        scope = Scope(relation.names, lookups, named, texts)
        if self.mapping.epoch:
            literal = f"TIMESTAMP {quoted(self.mapping.epoch.isoformat(sep=' '))}"
            named["epoch"] = expressions.literal(literal)
        for name, expression in self.table.let:
            if name.lower() in relation.names:
                message = f"'{name}' is a column of '{self.source.file.name}' already"
                raise MappingInvalid(message, where=str(expression.where))
            named[name.lower()] = expressions.tree(expression, scope)
        rows = self._rows(relation)
        values = Values(rows, scope, expressions, self.connection, self.mapping.clock)
        values.sql["misfit"] = 'src."biolake misfit"'
        values.sql["key"] = self._key(relation)
        return values

    def outputs(self, values: Values) -> Iterator[Output]:
        """Yield every expression of the table with the column it becomes."""
        integer = self.mapping.subject.integer
        subject = self.table.subject or self.mapping.subject.expression
        yield Output("subject", subject, "integer" if integer else "key text")
        for number, skip in enumerate(self.table.skip):
            yield Output(f"skip{number}", skip.when, "truth")
        if self.table.retract:
            yield Output("retract", self.table.retract.when, "truth")
        for number, rule in enumerate(self.table.events):
            for field, kind in _RULE_FIELDS.items():
                expression = getattr(rule, field)
                if expression is not None and not (field == "time" and rule.static):
                    yield Output(f"{field}{number}", expression, kind)
        yield from self._encounter_outputs(values)
        for number, person in enumerate(self.table.people):
            yield Output(f"person{number}", person.value, "key text")
            if person.time is not None:
                yield Output(f"taken{number}", person.time, "time")
        yield from asset_outputs(self.table.assets)
        yield from note_outputs(self.table.notes)

    def _encounter_outputs(self, values: Values) -> Iterator[Output]:
        identity = self.mapping.encounter
        kind: Kind = "integer" if identity and identity.integer else "native"
        expression = self.table.encounter
        if not expression and identity and _reaches(identity, values):
            expression = identity.expression
        if expression:
            yield Output("encounter", expression, kind)
        if not self.table.encounters:
            return
        yield Output("e_id", self.table.encounters.id, kind)
        for field, field_kind in _ENCOUNTER_FIELDS.items():
            expression = getattr(self.table.encounters, field)
            if expression:
                yield Output(f"e_{field}", expression, field_kind)

    def _rows(self, relation: Relation) -> str:
        """Return the row relation: typed columns as `src`, look-ups by their names."""
        values = [f"{sql} AS {identifier(name)}" for name, sql in relation.values.items()]
        cases = "".join(
            f" WHEN {misfit.condition} THEN {number}"
            for number, misfit in enumerate(relation.misfits, 1)
        )
        misfit = f"(CASE{cases} ELSE 0 END)" if cases else "0"
        joins = "\n".join(lookup.join for lookup in self.lookups)
        return f"""(SELECT {", ".join(values)},
            {misfit} AS "biolake misfit", {self._hash(relation)} AS "biolake key"
            FROM {self.source.sql} AS raw) AS src {joins}"""  # noqa: S608 - names are quoted

    def _keys(self, relation: Relation) -> list[str]:
        where = self.table.where
        return [column_named(name, self.source, where) for name in self.table.key]

    def _key(self, relation: Relation) -> str:
        keys = self._keys(relation)
        if len(keys) == 1 and relation.types[keys[0]] == "BIGINT":
            return f"src.{identifier(keys[0])}"
        return 'src."biolake key"'

    def _hash(self, relation: Relation) -> str:
        """Return the SQL of a hash of the key columns, or of every column: the same for ever."""
        keys = self._keys(relation)
        if len(keys) == 1 and relation.types[keys[0]] == "BIGINT":
            return "0"
        names = keys or sorted(self.source.names, key=str.lower)
        # Length first, so that ("a", "bc") and ("ab", "c") differ, and null differs from empty.
        texts = [relation.texts[name] for name in names]
        parts = [f"coalesce(strlen({text}) || ':' || {text}, '-')" for text in texts]
        # The first 8 bytes of the MD5, as the standard says and whatever release computes it.
        return f"(md5_number({' || '.join(parts)}) & {_LOW_64})::UBIGINT"

    def _units(self, rule: EventRule, number: int, sql: dict[str, str]) -> None:
        if rule.unit and rule.numeric_value:
            value, unit, code = (f"{name}{number}" for name in ("numeric_value", "unit", "code"))
            sql[value], sql[unit] = converted(sql[value], sql[unit], sql[code], self.mapping)
        elif rule.unit:
            sql[f"unit{number}"] = renamed(sql[f"unit{number}"], self.mapping)

    def _rule(self, rule: EventRule, number: int) -> RulePlan:
        fields = [field for field in _RULE_FIELDS if field != "when" and getattr(rule, field)]
        if rule.static:
            fields = [field for field in fields if field != "time"]
        several = len(self.table.events) > 1
        return RulePlan(
            rule.name,
            f"applies{number}" if several else None,
            {field: f"{field}{number}" for field in fields},
            row_key(self.mapping.name, self.table.name, rule.name),
        )

    def _encounter_columns(self) -> dict[str, str]:
        rule = self.table.encounters
        if not rule:
            return {}
        given = [field for field in _ENCOUNTER_FIELDS if getattr(rule, field)]
        return {"encounter": "e_id"} | {field: f"e_{field}" for field in given}

    def _fates(self, relation: Relation, sql: dict[str, str]) -> Fates:
        """State, in order, what can become of a row."""
        fates, keys = Fates(), self._keys(relation)
        if keys:
            sql["keyless"] = " AND ".join(f"src.{identifier(name)} IS NULL" for name in keys)
        if self.table.retract:
            # A cancelled row may well hold what fits no column: only its key must be there.
            fates.when("retract AND NOT keyless", Fate("retract", reason=self.table.retract.why))
        for number, misfit in enumerate(relation.misfits, 1):
            kind: FateKind = "skip" if misfit.skipped else "reject"
            fates.when(f"misfit = {number}", Fate(kind, misfit.column, misfit.reason))
        for number, skip in enumerate(self.table.skip):
            fates.when(f"skip{number}", Fate("skip", reason=skip.why))
        self._unidentified(fates, sql)
        if keys:
            fates.when("keyless", Fate("reject", ", ".join(keys), "the key is empty"))
        self._bounds(fates, sql)
        for name, expression in asset_times(self.table.assets, self.table.notes):
            bounded_time(fates, "", name, expression)
        refuse_zeros(self.table.notes, fates)
        self._made(fates)
        return fates

    def _unidentified(self, fates: Fates, sql: dict[str, str]) -> None:
        """State when a row does not say whom it is about."""
        for name, expression in self._identities():
            if f"{name}_given" in sql:
                fate = Fate("reject", expression.text, "not an integer")
                fates.when(f"{name} IS NULL AND {name}_given", fate)
        fates.when("subject IS NULL", Fate("reject", "subject", "empty"))

    def _made(self, fates: Fates) -> None:
        """State when a row gives an event, should give one, or gives something else."""
        if self.table.events:
            numbers = range(len(self.table.events))
            fates.when(" OR ".join(self._applies(n) for n in numbers), Fate("event"))
        for number, rule in enumerate(self.table.events):
            _missing(fates, rule, number)
        parts = [f"person{number} IS NOT NULL" for number in range(len(self.table.people))]
        parts += ["e_id IS NOT NULL"] if self.table.encounters else []
        parts += [f"asset{number} IS NOT NULL" for number in range(len(self.table.assets))]
        parts += [f"note{number} IS NOT NULL" for number in range(len(self.table.notes))]
        if parts:
            fates.when(" OR ".join(parts), Fate("part"))
        skip_empty(self.table.notes, fates)

    def _identities(self) -> Iterator[tuple[str, Expression]]:
        yield "subject", self.table.subject or self.mapping.subject.expression
        identity = self.mapping.encounter
        encounter = self.table.encounter or (identity.expression if identity else None)
        if encounter:
            yield "encounter", encounter
        if self.table.encounters:
            yield "e_id", self.table.encounters.id

    def _bounds(self, fates: Fates, sql: dict[str, str]) -> None:
        """State which values cannot be stored: of any rule that applies, for a row is one whole."""
        for number, rule in enumerate(self.table.events):
            when = f"when{number} AND " if rule.when else ""
            for field in ("time", "end_time"):
                if f"{field}{number}" in sql:
                    bounded_time(fates, when, f"{field}{number}", getattr(rule, field))
            if rule.numeric_value:
                bounded_number(fates, when, f"numeric_value{number}", rule.numeric_value)
        for field in ("start", "end"):
            if f"e_{field}" in sql:
                bounded_time(fates, "", f"e_{field}", getattr(self.table.encounters, field))

    def _applies(self, number: int) -> str:
        """Return the condition under which a rule gives an event."""
        rule = self.table.events[number]
        checks = [f"coalesce(code{number} <> '', false)"]
        if rule.when:
            checks.append(f"when{number}")
        if not rule.static:
            checks.append(f"time{number} IS NOT NULL")
        return f"({' AND '.join(checks)})"

    def _query(self, fates: Fates, values: Values) -> str:
        fate = fates.sql(_NO_RULE)
        inner = ",\n".join(f"{sql} AS {name}" for name, sql in values.sql.items())
        shown = [name for name in values.sql if not _is_inner(name)]
        if len(self.table.events) > 1:
            numbers = range(len(self.table.events))
            shown += [f"{self._applies(number)} AS applies{number}" for number in numbers]
            shown.append(f"{lost_events(self.table.events)} AS lost")
        outer = ",\n".join(shown)
        return f"SELECT {fate} AS fate,\n{outer}\nFROM (SELECT {inner}\nFROM {values.rows})"


def _missing(fates: Fates, rule: EventRule, number: int) -> None:
    """State why a rule that applies gives no event."""
    when = f"when{number} AND " if rule.when else ""
    if rule.time and not rule.static:
        fates.when(f"{when}time{number} IS NULL", Fate("reject", rule.time.text, "no time"))
    code = Fate("reject", rule.code.text, "no code")
    fates.when(f"{when}coalesce(code{number} = '', true)", code)


def _reaches(identity: Identity, values: Values) -> bool:
    """Say whether a file has the columns that the mapping's default encounter needs."""
    try:
        values.expressions.tree(identity.expression, Scope(_AnyName()))
        values.expressions.tree(identity.expression, values.scope)
    except MappingInvalid as error:
        if "there is no column" not in error.message:
            raise
        return False
    return True


class _AnyName(dict[str, str]):
    """Column names of which every one exists."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return key


def _is_inner(name: str) -> bool:
    """Say whether a column only decides the fate, so that it is not handed over."""
    inner = ("misfit", "keyless", "skip", "retract", "when")
    return name.startswith(inner) or name.endswith("_given")
