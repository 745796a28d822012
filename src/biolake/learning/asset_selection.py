"""Choose a model's assets and tell their labels, folds and groups from the events around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.lake.assets import AssetRow, find_assets
from biolake.lake.door import View
from biolake.learning.specification import AssetChoice, CodesNear, Grouping, ModelSpec
from biolake.statistics.columns import Flags, Indices

AGE_CUTS = (18.0, 40.0, 60.0, 75.0)
_YEAR = 365.2425 * 86400.0


@dataclass(frozen=True)
class Selection:
    """Assets in a fixed order, whose they are, and what is known of each."""

    rows: tuple[AssetRow, ...]
    subjects: Indices  # int64 subject ids
    left_out: dict[str, int]  # reason → assets
    told: Flags | None = None  # rows × labels, where a cohort's rows tell them

    def keep(self, mask: np.ndarray, reason: str = "") -> Selection:
        """Return the assets marked; the others are counted under the reason."""
        lost = int((~mask).sum())
        out = dict(self.left_out)
        if lost and reason:
            out[reason] = out.get(reason, 0) + lost
        rows = tuple(row for row, kept in zip(self.rows, mask, strict=True) if kept)
        told = None if self.told is None else self.told[mask]
        return replace(self, rows=rows, subjects=self.subjects[mask], left_out=out, told=told)


def select_assets(view: View, choice: AssetChoice) -> Selection:
    """Return the linked assets that fit, with a time, by subject and time."""
    found = [row for row in find_assets(view, modality=choice.modality) if _fits(row, choice)]
    linked = [row for row in found if row.subject_id is not None]
    timed = [row for row in linked if row.time is not None]
    left_out = {
        "its subject is not known": len(found) - len(linked),
        "it has no time": len(linked) - len(timed),
    }
    subjects = np.array([row.subject_id for row in timed], dtype=np.int64)
    return Selection(tuple(timed), subjects, {k: v for k, v in left_out.items() if v})


def _fits(row: AssetRow, choice: AssetChoice) -> bool:
    if choice.kind and row.kind != choice.kind:
        return False
    if choice.sites and row.site_id not in choice.sites:
        return False
    if choice.rate is not None:
        return row.rate is not None and choice.rate[0] <= row.rate <= choice.rate[1]
    return True


def only_judged(view: View, spec: ModelSpec, chosen: Selection) -> Selection:
    """Keep assets near one of the codes that say somebody looked (`among`)."""
    if spec.among is None:
        return chosen
    return chosen.keep(near(view, chosen, spec.among), "nobody judged it (`among`)")


def label_table(view: View, spec: ModelSpec, chosen: Selection) -> Flags:
    """Return rows × labels: what the cohort's rows tell, or is a label's code near the asset?"""
    if chosen.told is not None:
        return chosen.told
    if spec.cohort is not None:
        raise DataRefused(
            f"label '{spec.cohort.name}' was told by a cohort's file, whose rows are of the lake"
            " the model was trained on: no code tells it for other assets",
            next="Its figures on subjects it had not seen: biolake model show NAME",
        )
    columns = [near(view, chosen, rule) for rule in spec.labels.values()]
    return np.column_stack(columns) if columns else np.zeros((len(chosen.rows), 0), np.bool_)


def near(view: View, chosen: Selection, rule: CodesNear) -> Flags:
    """Tell for each asset whether an event fits the rule."""
    return np.array([found is not None for found in events_near(view, chosen, rule)], dtype=bool)


def events_near(
    view: View, chosen: Selection, rule: CodesNear
) -> list[tuple[str, float | None] | None]:
    """Return code and value of the event nearest in time to each asset, or None.

    A tie goes to the code first in the alphabet, so that the answer is always the same.
    """
    import pyarrow as pa

    found: list[tuple[str, float | None] | None] = [None] * len(chosen.rows)
    asked = pa.table(
        {
            "n": pa.array(range(len(chosen.rows)), pa.int64()),
            "subject_id": pa.array(chosen.subjects, pa.int64()),
            "at": pa.array([row.time for row in chosen.rows], pa.timestamp("us")),
        }
    )
    view.con.register("asked", asked)
    try:
        for n, code, value in view.rows(*_statement(rule)):
            found[n] = code, value
    finally:
        view.con.unregister("asked")
    return found


def _statement(rule: CodesNear) -> tuple[str, list[Any]]:
    whole = [code for code in rule.codes if not code.endswith("*")]
    begins = [code[:-1] for code in rule.codes if code.endswith("*")]
    values: list[Any] = [whole, begins, rule.before, rule.after]
    bounds = ""
    for limit, sign in ((rule.least, ">="), (rule.most, "<=")):
        if limit is not None:
            bounds += f" AND e.numeric_value {sign} ?"
            values.append(limit)
    sql = f"""
        SELECT n, first(e.code ORDER BY abs(epoch_us(e.time) - epoch_us(a.at)), e.code),
               first(e.numeric_value ORDER BY abs(epoch_us(e.time) - epoch_us(a.at)), e.code)
        FROM asked AS a JOIN events_by_code AS e ON e.subject_id = a.subject_id
        WHERE (list_contains(?, e.code)
               OR len(list_filter(?, lambda p: starts_with(e.code, p))) > 0)
          AND epoch_us(e.time) BETWEEN epoch_us(a.at) - ? AND epoch_us(a.at) + ?{bounds}
        GROUP BY n
    """  # noqa: S608 - the bounds are ours
    return sql, values


def group_values(view: View, groupings: Sequence[Grouping], chosen: Selection) -> dict[str, Any]:
    """Return for each grouping a text a row; "unknown" where nothing tells."""
    return {one.name: np.array(_texts(view, one, chosen), dtype=object) for one in groupings}


def _texts(view: View, grouping: Grouping, chosen: Selection) -> list[str]:
    if grouping.near is not None:
        found = events_near(view, chosen, grouping.near)
        if grouping.cuts:
            return [_band(None if f is None else f[1], grouping.cuts) for f in found]
        return ["unknown" if f is None else f[0].rsplit("//", 1)[-1] for f in found]
    if grouping.what == "sex":
        return _sexes(view, chosen)
    if grouping.what == "age":
        return [_band(age, AGE_CUTS) for age in ages(view, chosen)]
    if grouping.what == "site":
        return [row.site_id for row in chosen.rows]
    if grouping.what == "device":
        return [row.device or "unknown" for row in chosen.rows]
    return [str(row.time.year) if row.time else "unknown" for row in chosen.rows]


def ages(view: View, chosen: Selection) -> list[float | None]:
    """Return the age in years at each asset, where the birth is known."""
    births = dict(view.rows("SELECT subject_id, birth FROM subjects WHERE birth IS NOT NULL"))
    found: list[float | None] = []
    for row in chosen.rows:
        birth = births.get(row.subject_id)
        known = birth is not None and row.time is not None
        found.append((row.time - birth).total_seconds() / _YEAR if known else None)  # type: ignore[operator]
    return found


def _sexes(view: View, chosen: Selection) -> list[str]:
    said: dict[int, str] = {}
    for subject, code in view.rows(
        "SELECT subject_id, min(code) FROM events_by_code"
        " WHERE starts_with(code, 'GENDER//') OR starts_with(code, 'SEX//')"
        " GROUP BY subject_id HAVING count(DISTINCT code) = 1"
    ):
        said[subject] = code.rsplit("//", 1)[-1]
    return [said.get(int(subject), "unknown") for subject in chosen.subjects]


def _band(value: float | None, cuts: Sequence[float]) -> str:
    if value is None or not np.isfinite(value):
        return "unknown"
    place = int(np.searchsorted(cuts, value, side="right"))
    if place == 0:
        return f"under {cuts[0]:g}"
    if place == len(cuts):
        return f"{cuts[-1]:g} and over"
    return f"{cuts[place - 1]:g} to under {cuts[place]:g}"


def fold_numbers(view: View, spec: ModelSpec, chosen: Selection) -> Indices | None:
    """Return the fold an event gives each asset, or None where the split is drawn by seed."""
    if spec.fold_code is None:
        return None
    found = events_near(view, chosen, spec.fold_code)
    values = [np.nan if f is None or f[1] is None else f[1] for f in found]
    missing = int(np.isnan(values).sum())
    if missing:
        raise DataRefused(
            f"{missing} assets have no fold: no event of the split's column is near them",
            next="Widen its window (`within`), or split by a number of folds.",
        )
    return np.asarray(values).astype(np.intp)


def file_facts(chosen: Selection) -> dict[str, np.ndarray]:
    """Return facts of the files alone, a value a row: what the shortcut audit may look at."""
    rows = chosen.rows
    longest = max((len(row.shape) for row in rows), default=0)
    numbers: dict[str, list[float]] = {
        "bytes": [float(row.bytes) for row in rows],
        "files": [float(row.files) for row in rows],
        "year": [float(row.time.year) if row.time else np.nan for row in rows],
        "rate": [row.rate if row.rate is not None else np.nan for row in rows],
        "seconds": [row.seconds if row.seconds is not None else np.nan for row in rows],
        "aspect": [_aspect(row.shape) for row in rows],
    }
    for axis in range(longest):
        numbers[f"shape {axis + 1}"] = [
            float(row.shape[axis]) if axis < len(row.shape) else np.nan for row in rows
        ]
    texts = {
        "site": [row.site_id for row in rows],
        "device": [row.device or "" for row in rows],
        "format": [row.format for row in rows],
        "units": [row.units or "" for row in rows],
        **_attributes(rows),
    }
    found = {name: np.array(values, dtype=np.float64) for name, values in numbers.items()}
    return found | {name: np.array(values, dtype=str) for name, values in texts.items()}


def _aspect(shape: tuple[int, ...]) -> float:
    """Return columns over rows of a picture (the last two numbers); NaN where there is none."""
    return shape[-1] / shape[-2] if len(shape) >= 2 and shape[-2] > 0 else np.nan


def _attributes(rows: Sequence[AssetRow]) -> dict[str, list[str]]:
    names = sorted({name for row in rows for name in row.attributes})
    return {
        f"attribute {name}": [str(row.attributes.get(name, "")) for row in rows] for name in names
    }
