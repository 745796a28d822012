"""Events that a row's rules should give and do not, for want of a time or a code: counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from biolake.ingest.mapping.definition import EventRule

_REASONS = {"1": "no time", "2": "no code"}


def lost_events(rules: tuple[EventRule, ...]) -> str:
    """Return the SQL of a text with one digit a rule, or of null where no rule loses its event."""
    times = {n: _no_time(rule, n) for n, rule in enumerate(rules) if not rule.static}
    codes = {n: _no_code(rule, n) for n, rule in enumerate(rules)}
    digits = ", ".join(
        f"CASE WHEN {times[n]} THEN '1' WHEN {no_code} THEN '2' ELSE '0' END"
        if n in times
        else f"CASE WHEN {no_code} THEN '2' ELSE '0' END"
        for n, no_code in codes.items()
    )
    return f"CASE WHEN {' OR '.join([*times.values(), *codes.values()])} THEN concat({digits}) END"


def count_lost(rules: tuple[str, ...], batch: pa.RecordBatch, fate: np.ndarray) -> Counter[str]:
    """Count lost events by rule and reason; a row that gives no event is counted as a row."""
    found: Counter[str] = Counter()
    lost = batch.column("lost")
    if lost.null_count == len(lost):
        return found
    for entry in lost.filter(pa.array(fate == 0)).value_counts().to_pylist():
        for name, digit in zip(rules, entry["values"] or "", strict=False):
            if digit in _REASONS:
                found[f"{name}: {_REASONS[digit]}"] += entry["counts"]
    return found


def _no_time(rule: EventRule, number: int) -> str:
    return f"({_when(rule, number)}time{number} IS NULL)"


def _no_code(rule: EventRule, number: int) -> str:
    return f"({_when(rule, number)}coalesce(code{number} = '', true))"


def _when(rule: EventRule, number: int) -> str:
    return f"when{number} AND " if rule.when else ""
