"""Turn what analyses give back into the sections of result.json; small counts are not shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from biolake.core.result import Result

Section = dict[str, Any]


def add_section(result: dict[str, Any], name: str, title: str, found: Result, least: int) -> None:
    """Add an analysis' answer to the result, in the form the report knows or as estimates."""
    if name in _KNOWN:
        key, make = _KNOWN[name]
        made = make(found, least)
        if key == "table_one":
            result[key] = made
        else:
            result.setdefault(key, []).extend(made)
    else:
        rows = found.estimates.to_pylist()
        result.setdefault("others", []).append({"name": name, "title": title, "estimates": rows})
    result["notes"].extend(f"{name}: {note}" for note in found.notes)


def _table_one(found: Result, least: int) -> Section:
    rows = found.tables["table_one"].to_pylist()
    groups = list(dict.fromkeys(row["group"] for row in rows))
    lines: dict[tuple[str, str | None], dict[str, Any]] = {}
    for row in rows:
        line = lines.setdefault((row["variable"], row["level"]), dict.fromkeys(groups))
        line[row["group"]] = row
    totals = _totals(rows, groups)
    made = [{"variable": "n", "values": [_count(totals[group], least) for group in groups]}]
    for (variable, level), by_group in lines.items():
        first = next(row for row in by_group.values() if row is not None)
        line = {"variable": variable, "values": _cells(list(by_group.values()), least)}
        line |= {"level": level} if level is not None else {}
        line |= {"smd": first["smd"]} if first["smd"] is not None else {}
        missing = by_group.get("all")
        if missing is not None and missing["missing"]:
            line["missing"] = _count(missing["missing"], least)
        made.append(line)
    return {"groups": groups, "rows": made}


def _totals(rows: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> dict[str, int]:
    return {group: next(row["n"] for row in rows if row["group"] == group) for group in groups}


def _cells(rows: Sequence[Mapping[str, Any] | None], least: int) -> list[str]:
    """Write one line's cells; if just one is too small, hide the next, or it can be worked out."""
    hidden = [_too_small(row, least) for row in rows]
    if sum(hidden) == 1 and len(rows) > 2:
        others = [n for n, row in enumerate(rows) if n and row is not None and not hidden[n]]
        if others:
            smallest = min(others, key=lambda n: (_size(rows[n]), n))
            hidden[smallest] = True
    return [
        f"<{least}" if hide and row is not None and row["count"] is not None else _cell(row, hide)
        for row, hide in zip(rows, hidden, strict=True)
    ]


def _too_small(row: Mapping[str, Any] | None, least: int) -> bool:
    return row is not None and 0 < _size(row) < least


def _size(row: Mapping[str, Any] | None) -> int:
    if row is None:
        return 0
    return int(row["count"] if row["count"] is not None else row["n"] - row["missing"])


def _cell(row: Mapping[str, Any] | None, hide: bool) -> str:
    if row is None or hide:
        return "" if row is None else "too few"
    if row["count"] is not None:
        share = "" if row["share"] is None else f" ({100 * row['share']:.1f}%)"
        return f"{row['count']}{share}"
    if row["mean"] is None:
        return ""
    sd = "" if row["sd"] is None else f" ± {row['sd']:.3g}"
    return f"{row['mean']:.4g}{sd}; {row['median']:.4g} [{row['q1']:.4g}, {row['q3']:.4g}]"


def _count(count: int, least: int) -> str:
    return f"<{least}" if 0 < count < least else str(count)


def _survival(found: Result, least: int) -> list[Section]:
    estimates = found.estimates.to_pylist()
    p = next((row["estimate"] for row in estimates if row["name"] == "logrank_p"), None)
    made = []
    for group in [name for name in found.tables if not name.endswith(" at risk")]:
        points, risk = found.tables[group], found.tables[f"{group} at risk"].to_pylist()
        if risk[0]["n"] < least:
            made.append({"name": "survival", "group": group, "suppressed": True})
            continue
        median = next(r for r in estimates if r["name"] == "median" and r["group"] == group)
        section: Section = {
            "name": "survival",
            "group": group,
            **_shown_points(points, risk, least),
            "at_risk": [[r["time"], r["n"] if r["n"] >= least else None] for r in risk],
            "median": {name: median[name] for name in ("estimate", "low", "high")},
        }
        made.append(section | ({"logrank_p": p} if p is not None else {}))
    return made


def _shown_points(
    points: pa.Table, risk: Sequence[Mapping[str, Any]], least: int
) -> dict[str, list[Any]]:
    """Cut a curve where fewer than `least` are left: its steps would be single people."""
    last = max((r["time"] for r in risk if r["n"] >= least), default=0.0)
    kept = [row for row in points.to_pylist() if row["time"] <= last]
    columns = {"times": "time", "survival": "survival", "low": "low", "high": "high"}
    return {name: [row[column] for row in kept] for name, column in columns.items()}


def _incidence(found: Result, least: int) -> list[Section]:
    rows = found.tables["incidence"].to_pylist()
    return [
        {"group": row["group"], "suppressed": True} if 0 < row["events"] < least else row
        for row in rows
    ]


def _cox(found: Result, least: int) -> list[Section]:
    totals = found.tables["totals"].to_pylist()[0]
    return [
        {
            "name": found.title,
            "coefficients": found.tables["coefficients"].to_pylist(),
            "ph_test": found.tables["ph_test"].to_pylist(),
            **totals,
        }
    ]


def _nothing(found: Result, least: int) -> list[Section]:
    return []  # what these tell is in the models' own section


_KNOWN: dict[str, tuple[str, Callable[[Result, int], Any]]] = {
    "table_one": ("table_one", _table_one),
    "kaplan_meier": ("survival", _survival),
    "incidence": ("incidence", _incidence),
    "cox": ("cox", _cox),
    "predict": ("models", _nothing),
    "discrete_survival": ("models", _nothing),
    "ridge_cox": ("models", _nothing),
}
