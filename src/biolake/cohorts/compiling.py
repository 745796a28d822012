"""Turn a task into one SQL statement over a run of shard groups.

Only rows a predicate names are read, in code order, so that the rest of the lake stays untouched.
Windows are judged by running counts over those rows, looked up where each window starts and ends.
"""

# ruff: noqa: S608  every name in the SQL comes from `identifiers`, every text from `rows.text`

from __future__ import annotations

from dataclasses import dataclass

from biolake.cohorts.clauses import Condition, label_count, outcome_columns, window_conditions
from biolake.cohorts.definition import (
    ANY_EVENT,
    RECORD_END,
    RECORD_START,
    Derived,
    Plain,
    Ref,
    Task,
)
from biolake.cohorts.planning import Lookup, Plan, holds_of_nothing, plan_task, value_parts
from biolake.cohorts.points import point_name
from biolake.cohorts.rows import boolean, picked_sql, plain_test, reading_test, static_test
from biolake.core.errors import TaskInvalid

GROUPS = "shard_group BETWEEN $first AND $last"


@dataclass(frozen=True)
class Compiled:
    """The SQL of a task: tables to make first, the statement, and its steps."""

    setup: tuple[str, ...]
    tables: tuple[str, ...]
    ctes: tuple[str, ...]
    judged: str
    steps: tuple[str, ...]
    # Whether only rows that a predicate names are held, a small part of the events.
    sparse: bool

    @property
    def statement(self) -> str:
        """The statement of the shard groups from $first to $last."""
        body = ",\n".join(self.ctes)
        return f"WITH {body}\nSELECT * FROM {self.judged}"


def compile_task(task: Task, codes: dict[str, dict[str, list[str]]], prefix: str = "") -> Compiled:
    """Compile a task; `codes` holds the codes of each task (by its prefix) and predicate."""
    return _Compiler(task, codes, prefix).compile()


class _Compiler:
    """Collects the named parts of one statement; each part reads those before it."""

    def __init__(self, task: Task, codes: dict[str, dict[str, list[str]]], prefix: str) -> None:
        self.task, self.codes, self.prefix = task, codes, prefix
        self.plan: Plan = plan_task(task)
        self.names = self.plan.names
        self.setup: list[str] = []
        self.tables: list[str] = []
        self.ctes: list[str] = []
        self.state = ""
        self.states = 0

    def compile(self) -> Compiled:
        self._hits()
        self._marks()
        self._axis_and_spans()
        self._running()
        self._triggers()
        for step in range(len(self.plan.found)):
            self._bound(step)
        for lookup in self.plan.lookups:
            if not lookup.any_event:
                self._lookup(lookup)
        self._instants()
        self._values()
        self._outcome()
        steps = self._judge()
        return Compiled(
            tuple(self.setup),
            tuple(self.tables),
            tuple(self.ctes),
            self._name("judged"),
            steps,
            sparse=not (self.plan.axis or self.plan.spans),
        )

    def _name(self, name: str) -> str:
        return self.prefix + name

    def _add(self, name: str, body: str, *, kept: bool = False) -> str:
        full = self._name(name)
        self.ctes.append(f"{full} AS {'MATERIALIZED ' if kept else ''}(\n{body}\n)")
        return full

    def _step(self, body: str, *, kept: bool = False) -> None:
        """Add a state: the one before with more columns; `{s}` in the body names that one."""
        self.state = self._add(f"s{self.states}", body.replace("{s}", self.state), kept=kept)
        self.states += 1

    def _column(self, predicate: str) -> str:
        return f"n_{self.names[predicate]}"

    def _hits(self) -> None:
        """One row per subject and instant, with how many events meet each plain predicate."""
        plain = self.task.plain()
        parts = [self._nested_rows(nested.name) for nested in self.task.nested()]
        whole = any(
            holds_of_nothing(self.task, Ref(name))
            for name, p in self.task.predicates.items()
            if isinstance(p, Derived)
        )
        if plain or whole:
            parts.insert(0, self._scan(plain, whole=whole))
        self.has_hits = bool(parts)
        if len(parts) == 1 and plain:
            self._add("hits", parts[0], kept=True)
        elif parts:
            columns = [p.name for p in self.task.predicates.values() if not isinstance(p, Derived)]
            sums = ", ".join(
                f"coalesce(sum({self._column(n)}), 0)::BIGINT AS {self._column(n)}" for n in columns
            )
            union = "\nUNION ALL BY NAME\n".join(f"({part})" for part in parts)
            self._add(
                "hits", f"SELECT subject_id, t, {sums}\nFROM ({union})\nGROUP BY ALL", kept=True
            )

    def _scan(self, plain: list[Plain], *, whole: bool) -> str:
        self._pick(plain)
        counts = "".join(
            f",\n       count(*) FILTER ({plain_test(p, self.names)}) AS {self._column(p.name)}"
            for p in plain
        )
        timed = "" if self.task.static else " AND e.time IS NOT NULL"
        join = "LEFT JOIN" if whole else "JOIN"
        table = "events" if whole else "events_by_code"
        return (
            f"SELECT e.subject_id, epoch_us(e.time) AS t{counts}\n"
            f"FROM {table} e {join} {self._name('picked')} k ON k.code = e.code\n"
            f"WHERE e.{GROUPS}{timed}\n"
            "GROUP BY ALL"
        )

    def _pick(self, plain: list[Plain]) -> None:
        table = self._name("picked")
        codes = {p.name: self.codes[self.prefix][p.name] for p in plain}
        self.setup.append(picked_sql(table, codes, self.names))
        self.tables.append(table)

    def _nested_rows(self, name: str) -> str:
        nested = next(n for n in self.task.nested() if n.name == name)
        inner = compile_task(nested.task, self.codes, f"{self.prefix}{self.names[name]}__")
        self.setup += inner.setup
        self.tables += inner.tables
        self.ctes += inner.ctes
        positive = " AND label > 0" if nested.positive else ""
        return (
            f"SELECT subject_id, t_trigger AS t, 1 AS {self._column(name)}\n"
            f"FROM {inner.judged} WHERE passed = {len(inner.steps)}{positive}"
        )

    def _marks(self) -> None:
        """The same rows that have a time, with derived predicates."""
        if not self.has_hits:
            return
        hits = self._name("hits")
        derived = "".join(
            f",\n       ({boolean(self.task, p.expression, self.names)})::BIGINT"
            f" AS {self._column(p.name)}"
            for p in self.task.predicates.values()
            if isinstance(p, Derived) and not p.static
        )
        self._add("marks", f"SELECT *{derived}\nFROM {hits} WHERE t IS NOT NULL", kept=True)
        if self.task.static:
            tests = "\n  AND ".join(static_test(self.task, p, self.names) for p in self.task.static)
            self._add("statics", f"SELECT subject_id FROM {hits} WHERE t IS NULL\n  AND {tests}")

    def _axis_and_spans(self) -> None:
        """Times of any event, and of the first and last, for subjects with a trigger."""
        trigger = self.task.trigger
        only = ""
        if trigger in self.task.predicates:
            having = f"FROM {self._name('marks')} WHERE {self._column(trigger)} > 0"
            only = f"\n  AND subject_id IN (SELECT subject_id {having})"
        rows = f"FROM events WHERE {GROUPS} AND time IS NOT NULL{only}"
        if self.plan.axis:
            inner = f"SELECT DISTINCT subject_id, epoch_us(time) AS t {rows}"
            # Kept only if it is read more than once: it is as long as the record.
            self._add("axis", inner, kept=self.plan.axis_bounds or trigger == ANY_EVENT)
        if self.plan.spans:
            self._add(
                "spans",
                "SELECT subject_id, min(epoch_us(time)) AS t_first, max(epoch_us(time)) AS t_last\n"
                f"{rows}\nGROUP BY subject_id",
                kept=True,
            )

    def _running(self) -> None:
        counted = self.plan.counted()
        if counted:
            sums = "".join(
                f",\n       sum({self._column(n)}) OVER w::BIGINT AS c_{self.names[n]}"
                for n in counted
            )
            self._add(
                "running",
                f"SELECT subject_id, t{sums}\nFROM {self._name('marks')}\n"
                "WINDOW w AS (PARTITION BY subject_id ORDER BY t ROWS UNBOUNDED PRECEDING)",
                kept=True,
            )

    def _triggers(self) -> None:
        trigger = self.task.trigger
        if trigger in (RECORD_START, RECORD_END):
            time = "t_first" if trigger == RECORD_START else "t_last"
            rows = f"SELECT subject_id, {time} AS t_trigger FROM {self._name('spans')}"
        elif trigger == ANY_EVENT:
            rows = f"SELECT subject_id, t AS t_trigger FROM {self._name('axis')}"
        else:
            rows = (
                f"SELECT subject_id, t AS t_trigger FROM {self._name('marks')}"
                f" WHERE {self._column(trigger)} > 0"
            )
        columns, joins = "s.*", ""
        if self.task.static:
            columns += ", o.subject_id IS NOT NULL AS is_static"
            joins += f"\nLEFT JOIN {self._name('statics')} o ON o.subject_id = s.subject_id"
        if self.plan.spans:
            columns += ", p.t_first, p.t_last"
            joins += f"\nJOIN {self._name('spans')} p ON p.subject_id = s.subject_id"
        self._step(f"SELECT {columns}\nFROM ({rows}) s{joins}")

    def _bound(self, number: int) -> None:
        """Find the event that ends a window: the nearest one on or after, or on or before."""
        step = self.plan.found[number]
        later = step.direction == "next"
        sign = (">" if later else "<") + ("=" if step.inclusive else "")
        origin = step.origin.sql()
        if step.event in (RECORD_START, RECORD_END):
            edge = "s.t_first" if step.event == RECORD_START else "s.t_last"
            value = f"CASE WHEN {edge} {sign} {origin} THEN {edge} END"
            self._step(f"SELECT s.*, {value} AS {step.column}\nFROM {{s}} s")
            return
        rows = self._name("axis")
        if step.event != ANY_EVENT:
            rows = (
                f"(SELECT subject_id, t FROM {self._name('marks')}"
                f" WHERE {self._column(step.event)} > 0)"
            )
        self._step(
            f"SELECT s.*, b.t AS {step.column}\nFROM {{s}} s ASOF LEFT JOIN {rows} b\n"
            f"  ON b.subject_id = s.subject_id AND b.t {sign} {origin}"
        )

    def _lookup(self, lookup: Lookup) -> None:
        names = [name for name in self.task.predicates if name in self.plan.lookups[lookup]]
        columns = "".join(
            f", coalesce(c.c_{self.names[n]}, 0) AS {self.plan.lookup_column(lookup, n)}"
            for n in names
        )
        sign = "<=" if lookup.inclusive else "<"
        self._step(
            f"SELECT s.*{columns}\nFROM {{s}} s ASOF LEFT JOIN {self._name('running')} c\n"
            f"  ON c.subject_id = s.subject_id AND c.t {sign} {lookup.at.sql()}"
        )

    def _instants(self) -> None:
        """Count instants with any event up to each time asked for, all in one pass of the record.

        Instants stand on even places and the times asked for on odd ones, just after or before.
        """
        lookups = [lookup for lookup in self.plan.lookups if lookup.any_event]
        if not lookups:
            return
        self._step("SELECT * FROM {s}", kept=True)
        asked = "".join(
            f"\n  UNION ALL SELECT s.subject_id, 2 * ({lookup.at.sql()})"
            f" {'+' if lookup.inclusive else '-'} 1, 0, s.t_trigger, {number} FROM {{s}} s"
            for number, lookup in enumerate(lookups)
        )
        columns = ", ".join(
            f"max(seen) FILTER (asked = {number}) AS {self.plan.lookup_column(lookup, ANY_EVENT)}"
            for number, lookup in enumerate(lookups)
        )
        self._step(
            f"SELECT * FROM {{s}} LEFT JOIN (\n  SELECT subject_id, t_trigger, {columns} FROM (\n"
            "  SELECT *, sum(tick) OVER (PARTITION BY subject_id ORDER BY place"
            " ROWS UNBOUNDED PRECEDING)::BIGINT AS seen FROM (\n"
            "  SELECT subject_id, 2 * t AS place, 1 AS tick, NULL::BIGINT AS t_trigger,"
            f" NULL::TINYINT AS asked FROM {self._name('axis')}{asked}\n"
            "  ) WHERE place IS NOT NULL) WHERE asked IS NOT NULL GROUP BY ALL\n"
            ") USING (subject_id, t_trigger)"
        )

    def _values(self) -> None:
        """Statistics of the readings in each window that asks for them."""
        wanted = [w for w in self.task.windows if w.values]
        names = list(dict.fromkeys(v.predicate for w in wanted for v in w.values))
        if not names:
            return
        self._add("readings", self._readings(names), kept=True)
        for window in wanted:
            self._step("SELECT * FROM {s}", kept=True)
            start = self.plan.at[f"{window.name}.start"].sql()
            end = self.plan.at[f"{window.name}.end"].sql()
            stats = statistics_sql(self.plan, window.name, {v.predicate for v in window.values})
            after = ">=" if window.start_inclusive else ">"
            before = "<=" if window.end_inclusive else "<"
            self._step(
                f"SELECT * FROM {{s}} LEFT JOIN (\n  SELECT s.subject_id, s.t_trigger{stats}\n"
                f"  FROM {{s}} s JOIN {self._name('readings')} r ON r.subject_id = s.subject_id\n"
                f"   AND r.t {after} {start} AND r.t {before} {end}\n"
                "  GROUP BY ALL\n) USING (subject_id, t_trigger)"
            )

    def _readings(self, names: list[str]) -> str:
        tests = {name: reading_test(value_parts(self.task, name), self.names) for name in names}
        flags = "".join(f", ({test}) AS is_{self.names[name]}" for name, test in tests.items())
        # A 32-bit 1.3 is 1.29999995: read as the decimal it was written as, 1.0 to 1.3 is +0.3.
        value = "e.numeric_value::VARCHAR::DOUBLE AS v"
        return (
            f"SELECT e.subject_id, epoch_us(e.time) AS t, {value}{flags}\n"
            f"FROM events_by_code e JOIN {self._name('picked')} k ON k.code = e.code\n"
            f"WHERE e.{GROUPS} AND e.time IS NOT NULL\n"
            "  AND e.numeric_value IS NOT NULL AND NOT isnan(e.numeric_value)\n"
            f"  AND ({' OR '.join(f'({test})' for test in tests.values())})"
        )

    def _outcome(self) -> None:
        outcome, index = self.task.outcome, self.task.index_window
        if outcome is None:
            return
        if index is None or not index.index:
            raise TaskInvalid(
                "time to an event runs from the prediction time, and no window gives one",
                where=str(outcome.where),
                next="Set index_timestamp on a window.",
            )
        origin = self.plan.at[point_name(index, index.index)].sql()
        for column, names in (("t_event", (outcome.event,)), ("t_competing", outcome.competing)):
            tests = " OR ".join(f"{self._column(name)} > 0" for name in names) or "false"
            rows = f"(SELECT subject_id, t FROM {self._name('marks')} WHERE {tests})"
            self._step(
                f"SELECT s.*, b.t AS {column}\nFROM {{s}} s ASOF LEFT JOIN {rows} b\n"
                f"  ON b.subject_id = s.subject_id AND b.t > {origin}"
            )

    def _judge(self) -> tuple[str, ...]:
        """Say for every trigger how many steps it passed, and what is predicted."""
        steps: list[Condition] = []
        if self.task.static:
            names = ", ".join(p.name for p in self.task.static)
            steps = [Condition(f"static: {names}", "is_static")]
        steps += [window_conditions(self.plan, window) for window in self.task.windows]
        extra, followed = outcome_columns(self.plan)
        steps += followed
        cases = " ".join(f"WHEN ({c.sql}) IS NOT TRUE THEN {i}" for i, c in enumerate(steps))
        passed = f"CASE {cases} ELSE {len(steps)} END" if steps else "0"
        index = self.task.index_window
        prediction = "NULL::BIGINT"
        if index is not None and index.index:
            prediction = self.plan.at[point_name(index, index.index)].sql()
        self._add(
            "judged",
            f"SELECT s.subject_id, s.t_trigger, {prediction} AS t_prediction,\n"
            f"       {label_count(self.plan)} AS label{extra},\n"
            f"       ({passed})::INTEGER AS passed\nFROM {self.state} s",
        )
        return tuple(step.name for step in steps)


def statistics_sql(plan: Plan, window: str, names: set[str]) -> str:
    """Return the statistics of a window's readings; ties: smallest first, largest last."""
    parts = []
    for name in sorted(names):
        slug = plan.names[name]
        column, only = f"v_{plan.windows[window]}_{slug}", f"FILTER (r.is_{slug})"
        parts.append(f",\n         avg(r.v) {only} AS {column}_mean")
        parts.append(f", min(r.v) {only} AS {column}_min, max(r.v) {only} AS {column}_max")
        parts.append(f",\n         min((r.t, r.v)) {only}[2] AS {column}_first")
        parts.append(f", max((r.t, r.v)) {only}[2] AS {column}_last")
    return "".join(parts)
