"""How good the data are: raw counts, judged by thresholds at the moment they are read.

The kinds of checks are those of Kahn et al., "A harmonized data quality assessment terminology
and framework", eGEMs 4(1):1244, 2016. The shipped thresholds are a start: a hospital's own replace
them without loading anything again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from biolake.core.errors import WrongUse, did_you_mean
from biolake.lake.door import View

VERDICTS = ("ok", "warn", "fail")

# Codes that no vocabulary knows, wherever in the code the marker stands.
_UNMAPPED = r"(^|//)(UNMAPPED|TEXT|LOCAL|OMOP)//"

_USES = """
CREATE OR REPLACE TEMP TABLE code_uses AS
SELECT code, unit, source, site_id, load_id, count(*) AS events, count(numeric_value) AS "values"
FROM events_by_code
GROUP BY ALL
"""

# One row a source of a load: codes and events of which `wrong` holds, and the most used of them.
_BY_SOURCE = """
WITH used AS (
    SELECT
        u.site_id, u.load_id, u.source, u.code,
        sum(u.events) AS events, any_value({wrong}) AS wrong
    FROM code_uses u LEFT JOIN codes c USING (code)
    GROUP BY ALL
)
SELECT
    site_id, load_id, source,
    count(*) FILTER (wrong), count(*),
    coalesce(sum(events) FILTER (wrong), 0)::BIGINT, sum(events)::BIGINT,
    array_to_string(
        list(code || ' ' || events ORDER BY events DESC, code) FILTER (wrong)[1:3], ', '
    )
FROM used
GROUP BY ALL
"""

_UNITS_BY_LOAD = """
WITH by_load AS (
    SELECT code, unit, site_id, load_id, sum("values") AS n
    FROM code_uses WHERE unit IS NOT NULL AND "values" > 0 GROUP BY ALL
),
main AS (
    SELECT code, load_id, arg_max(unit, (n, unit)) AS unit, sum(n) AS n
    FROM by_load GROUP BY ALL
),
overall AS (
    SELECT code, arg_max(unit, (n, unit)) AS unit
    FROM (SELECT code, unit, sum(n) AS n FROM by_load GROUP BY ALL) GROUP BY code
)
SELECT site_id, load_id, code, CASE WHEN m.unit <> o.unit THEN m.n ELSE 0 END::BIGINT,
    m.n::BIGINT, CASE WHEN m.unit <> o.unit THEN m.unit || ', elsewhere ' || o.unit ELSE '' END
FROM main m JOIN overall o USING (code)
JOIN (SELECT DISTINCT load_id, site_id FROM by_load) USING (load_id)
"""


# Tables of a load whose every file its site read again: the later reading speaks for them.
_READ_AGAIN = """
CREATE OR REPLACE TEMP TABLE read_again AS
WITH latest AS (
    SELECT site_id, content_hash, max(load_id) AS last FROM loads GROUP BY ALL
),
tables AS (
    SELECT site_id, load_id, "table" AS source, bool_and(last > load_id) AS again
    FROM loads JOIN latest USING (site_id, content_hash) GROUP BY ALL
)
SELECT site_id, load_id, source, bool_and(again) OVER (PARTITION BY load_id) AS whole
FROM tables QUALIFY again
"""

# What a later reading left as it was keeps its load: these count it again, as it is now.
_LEFT = """
WITH kept AS (SELECT * FROM events SEMI JOIN read_again USING (load_id, source))
SELECT e.source, e.site_id, e.load_id, count(*),
    count(*) - count(DISTINCT hash(
        e.subject_id, time, code, numeric_value, text_value, unit, end_time, e.encounter_id
    )),
    count(*) FILTER (time < birth),
    count(*) FILTER (time >= date_trunc('day', death) + INTERVAL 1 DAY),
    count(*) FILTER (n.encounter_id IS NULL AND e.encounter_id IS NOT NULL
        AND (SELECT count(*) FROM encounters) > 0)
FROM kept e LEFT JOIN subjects s ON s.subject_id = e.subject_id
    LEFT JOIN encounters n ON n.encounter_id = e.encounter_id
GROUP BY ALL
"""

_LEFT_BY_LOAD = """
WITH again AS (SELECT DISTINCT load_id FROM read_again),
used AS (
    SELECT site_id, load_id, code, unit, sum("values")::BIGINT AS n
    FROM code_uses SEMI JOIN again USING (load_id)
    WHERE unit IS NOT NULL AND "values" > 0 GROUP BY ALL
)
SELECT 'units disagree', code, site_id, load_id, (sum(n) - max(n))::BIGINT, sum(n)::BIGINT,
    string_agg(unit || ' ' || n, ', ' ORDER BY n DESC, unit DESC)
FROM used GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'encounters ending before start', 'encounters', site_id, load_id,
    count(*) FILTER ("end" < "start"), count(*), ''
FROM encounters SEMI JOIN again USING (load_id) GROUP BY ALL
UNION ALL
SELECT 'implausible values', code, site_id, load_id,
    count(*) FILTER (numeric_value < low OR numeric_value > high), count(*), any_value(said)
FROM events_by_code SEMI JOIN again USING (load_id)
    JOIN (SELECT unnest(?) AS code, unnest(?) AS unit, unnest(?) AS low, unnest(?) AS high,
        unnest(?) AS said) USING (code, unit)
WHERE numeric_value IS NOT NULL AND NOT isnan(numeric_value) GROUP BY ALL
"""
_BY_TABLE = ("duplicate events", "before birth", "after death", "orphan encounters")
_BY_LOAD = ("units disagree", "encounters ending before start", "implausible values")


@dataclass(frozen=True)
class Threshold:
    """Above which share a check warns or fails; `least` is how many rows it takes to fail."""

    check: str
    kind: str
    warn: float
    fail: float
    least: int
    meaning: str

    def verdict(self, count: int, total: int) -> str:
        share = count / total if total else 0.0
        if share > self.fail and total >= self.least:
            return "fail"
        return "warn" if share > min(self.warn, self.fail) else "ok"


@dataclass(frozen=True)
class Measured:
    """One check on one thing (a source, a code) of one load."""

    check: str
    item: str
    site: str
    load: str
    count: int
    total: int
    detail: str = ""
    verdict: str = "ok"

    @property
    def share(self) -> float:
        return self.count / self.total if self.total else 0.0


@dataclass(frozen=True)
class Check:
    """One check over all that was asked for; its verdict is the worst of its items'."""

    check: str
    verdict: str
    count: int
    total: int
    limit: Threshold


@dataclass(frozen=True)
class Quality:
    """Every measured row with its verdict, and the same by check, worst first."""

    checks: tuple[Check, ...]
    rows: tuple[Measured, ...]
    left_out: tuple[tuple[str, str], ...] = ()  # (load, table) that a later reading speaks for

    @property
    def verdict(self) -> str:
        return _worst(check.verdict for check in self.checks)

    def rows_of(self, check: str) -> list[Measured]:
        return [row for row in self.rows if row.check == check]

    def as_data(self) -> dict[str, Any]:
        rows = [{**asdict(row), "share": row.share} for row in self.rows if row.count]
        checks = [
            {"check": c.check, "verdict": c.verdict, "count": c.count, "total": c.total,
             "share": c.count / c.total if c.total else 0.0, "warn_above": c.limit.warn,
             "fail_above": c.limit.fail, "kind": c.limit.kind, "meaning": c.limit.meaning}
            for c in self.checks
        ]  # fmt: skip
        strata = [
            {"site": site, "load": load, "check": check.check, "verdict": check.verdict,
             "count": check.count, "total": check.total}
            for (site, load), checks in self._strata() for check in checks
        ]  # fmt: skip
        found = {"verdict": self.verdict, "checks": checks, "strata": strata, "items": rows}
        return found | {"left_out": [{"load": a, "table": b} for a, b in self.left_out]}

    def _strata(self) -> Iterator[tuple[tuple[str, str], tuple[Check, ...]]]:
        limits = {check.check: check.limit for check in self.checks}
        for key in sorted({(row.site, row.load) for row in self.rows}):
            mine = [row for row in self.rows if (row.site, row.load) == key]
            yield key, _by_check(mine, limits)


def quality(
    view: View,
    *,
    thresholds: Mapping[str, Threshold] | None = None,
    site: str | None = None,
    load: str | None = None,
    history: bool = False,
) -> Quality:
    """Judge what was measured at each load, and what only the lake as a whole can show.

    Readings that a later one of the same files replaced are left out, unless `history` asks for
    them or `load` names one.
    """
    limits = thresholds or shipped_thresholds()
    _refuse_unknown(view, site, load)
    view.con.execute(_USES)
    view.con.execute(_READ_AGAIN)
    past = [] if history or load else view.rows("SELECT * FROM read_again ORDER BY ALL")
    stored = _present(view, past) if past else _stored(view)
    wanted = [
        row
        for row in [*stored, *_of_the_lake(view)]
        if site in (None, row.site) and load in (None, row.load) and row.check in limits
    ]
    rows = [replace(r, verdict=limits[r.check].verdict(r.count, r.total)) for r in wanted]
    rows.sort(key=lambda r: (-VERDICTS.index(r.verdict), -r.share, -r.count, r.check, r.item))
    left_out = tuple((name, table) for at, name, table, _ in past if site in (None, at))
    return Quality(_by_check(rows, limits), tuple(rows), left_out)


@cache
def shipped_thresholds() -> dict[str, Threshold]:
    """Return check → threshold, as shipped in `thresholds.csv`."""
    text = files("biolake.lake").joinpath("thresholds.csv").read_text(encoding="utf-8")
    return {
        row["check"]: Threshold(
            row["check"], row["kind"], float(row["warn"]), float(row["fail"]), int(row["least"]),
            row["meaning"],
        )
        for row in csv.DictReader(text.splitlines())
    }  # fmt: skip


def read_thresholds(path: Path | None) -> dict[str, Threshold]:
    """Return the shipped thresholds, those that a CSV or YAML file gives in their place."""
    limits = dict(shipped_thresholds())
    for check, values in _given(path) if path else ():
        if check not in limits:
            raise WrongUse(
                f"there is no check '{check}'.{did_you_mean(check, limits)}",
                where=str(path),
                next=f"Known: {', '.join(limits)}.",
            )
        limits[check] = _overridden(limits[check], values, str(path))
    return limits


def _given(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() not in (".yaml", ".yml"):
        for row in csv.DictReader(text.splitlines()):
            yield (row.get("check") or "").strip(), row
        return
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise WrongUse(
            "thresholds are written as 'check: {warn: 0.01, fail: 0.05}'", where=str(path)
        )
    yield from ((str(check), values) for check, values in content.items())


def _overridden(limit: Threshold, values: Mapping[str, Any], where: str) -> Threshold:
    try:
        names = [n for n in ("warn", "fail", "least") if values.get(n) not in (None, "")]
        given = {name: float(values[name]) for name in names}
    except (TypeError, ValueError):
        raise WrongUse(f"the thresholds of '{limit.check}' are not numbers", where=where) from None
    if any(not 0 <= given[name] <= 1 for name in ("warn", "fail") if name in given):
        raise WrongUse(f"the thresholds of '{limit.check}' are shares from 0 to 1", where=where)
    return replace(
        limit,
        warn=given.get("warn", limit.warn),
        fail=given.get("fail", limit.fail),
        least=int(given.get("least", limit.least)),
    )


def _refuse_unknown(view: View, site: str | None, load: str | None) -> None:
    for word, column, name in ((site, "site_id", "site"), (load, "load_id", "load")):
        if word is None:
            continue
        known = [row[0] for row in view.rows(f"SELECT DISTINCT {column} FROM loads ORDER BY 1")]  # noqa: S608 (our own column names)
        if word not in known:
            raise WrongUse(
                f"there is no {name} '{word}'.{did_you_mean(word, known)}",
                next=f"Known: {', '.join(known) or 'none yet'}.",
            )


def _stored(view: View) -> list[Measured]:
    """Return what was counted while each load passed by."""
    found = view.rows('SELECT "check", item, site_id, load_id, count, total, detail FROM quality')
    return [Measured(*row) for row in found]


def _present(view: View, past: Iterable[tuple[Any, ...]]) -> list[Measured]:
    """Return what was counted, and for tables read again what the lake still holds of them."""
    tables = {(load, source) for _, load, source, _ in past}
    whole = {load for _, load, _, whole in past if whole}
    loads = {load for load, _ in tables}
    kept = [
        row
        for row in _stored(view)
        if (row.load, row.item) not in tables
        and not (row.check in _BY_LOAD and row.load in loads)
        and not (row.check == "identity conflicts" and row.load in whole)
    ]
    return [*kept, *_recounted(view)]


def _recounted(view: View) -> list[Measured]:
    """Count again what is left of loads whose files were read again."""
    from biolake.lake.measures import plausible_ranges

    ranges = [(code, *limits) for code, limits in plausible_ranges().items()]
    said = [f"{low:g} to {high:g} {unit}" for _, unit, low, high in ranges]
    found = view.rows(_LEFT_BY_LOAD, [*map(list, zip(*ranges, strict=True)), said])
    for *place, total, equal, early, late, orphan in view.rows(_LEFT):
        counts = zip(_BY_TABLE, (equal, early, late, orphan), strict=True)
        found += [(check, *place, count, total) for check, count in counts]
    return [Measured(*row) for row in found]


def _of_the_lake(view: View) -> list[Measured]:
    """Return what follows from the codes and units of all loads together."""
    unmapped = f"regexp_matches(code, '{_UNMAPPED}')"
    return [
        *_codes(view, unmapped, "unmapped codes", "events with unmapped codes"),
        *_codes(
            view, "c.description IS NULL", "codes without description", "events without description"
        ),
        *_units_between_loads(view),
    ]


def _codes(view: View, wrong: str, by_code: str, by_event: str) -> list[Measured]:
    rows: list[Measured] = []
    for site, load, source, codes, all_codes, events, all_events, most in view.rows(
        _BY_SOURCE.format(wrong=wrong)
    ):
        rows.append(Measured(by_code, source, site, load, codes, all_codes, most or ""))
        rows.append(Measured(by_event, source, site, load, events, all_events, most or ""))
    return rows


def _units_between_loads(view: View) -> list[Measured]:
    return [
        Measured("units disagree between loads", code, site, load, count, total, detail)
        for site, load, code, count, total, detail in view.rows(_UNITS_BY_LOAD)
    ]


def _by_check(rows: Iterable[Measured], limits: Mapping[str, Threshold]) -> tuple[Check, ...]:
    by_name: dict[str, list[Measured]] = {}
    for row in rows:
        by_name.setdefault(row.check, []).append(row)
    checks = [
        Check(
            name,
            _worst(row.verdict for row in mine),
            sum(row.count for row in mine),
            sum(row.total for row in mine),
            limits[name],
        )
        for name, mine in by_name.items()
    ]
    order = list(limits)
    return tuple(sorted(checks, key=lambda c: (-VERDICTS.index(c.verdict), order.index(c.check))))


def _worst(verdicts: Iterable[str]) -> str:
    return max(verdicts, key=VERDICTS.index, default="ok")
