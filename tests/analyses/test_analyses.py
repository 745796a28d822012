"""Each analysis on samples whose answer is known, and in a catalogue that finds it."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.catalogue import discover
from biolake.core.context import Samples, Split
from biolake.core.errors import DataRefused, WrongUse
from biolake.core.result import ESTIMATES, Result

CATALOGUE = discover("biolake.analyses")
NAMES = ("table_one", "incidence", "kaplan_meier", "cox", "predict", "discrete_survival")


class Given:
    """A context that hands out made-up samples."""

    seed, threads = 0, 1

    def __init__(self, *, timed: bool = True, competing: bool = False) -> None:
        rng = np.random.default_rng(4)
        rows = 800
        age, sex = rng.normal(60, 10, rows), np.where(rng.random(rows) < 0.5, "F", "M")
        time = rng.exponential(300 / np.exp(0.04 * (age - 60)))
        end = rng.uniform(100, 900, rows)
        other = rng.exponential(600, rows) if competing else np.full(rows, np.inf)
        observed = np.where(time <= np.minimum(other, end), 1, np.where(other <= end, 2, 0))
        self._samples = Samples(
            subject_id=np.arange(rows),
            index_time=np.zeros(rows, dtype=np.int64),
            columns=("x",),
            values=rng.normal(size=(rows, 1)),
            outcome=(observed == 1).astype(float),
            duration=np.minimum(np.minimum(time, other), end) if timed else None,
            observed=observed if timed else None,
            split=np.full(rows, "train", dtype=object),
            groups={"sex": sex.astype(object)},
            variables={"age": age, "sex": sex.astype(object)},
        )

    def samples(self, *splits: Split) -> Samples:
        return self._samples

    def progress(self, what: str, done: int, total: int) -> None: ...


def _run(name: str, context: Given, **options: object) -> Result:
    found: Result = CATALOGUE.get("analysis", name).call(context, **options)
    assert found.estimates.schema == ESTIMATES
    return found


@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_with_a_title_and_a_page(name: str) -> None:
    extension = CATALOGUE.get("analysis", name)
    assert extension.title
    assert len(extension.doc.splitlines()) > 1


def test_table_one_describes_all_and_each_group() -> None:
    rows = _run("table_one", Given(), by="sex").tables["table_one"].to_pylist()
    ages = {row["group"]: row for row in rows if row["variable"] == "age"}
    assert set(ages) == {"all", "F", "M"}
    assert ages["all"]["n"] == ages["F"]["n"] + ages["M"]["n"] == 800


def test_the_rate_is_events_per_person_years() -> None:
    context = Given()
    (row, *_) = _run("incidence", context, per=1000.0).tables["incidence"].to_pylist()
    samples = context.samples()
    assert samples.duration is not None
    years = samples.duration.sum() / 365.25
    assert row["rate"] == pytest.approx(1000 * row["events"] / years)
    assert row["low"] < row["rate"] < row["high"]


def test_survival_falls_and_the_groups_are_compared() -> None:
    found = _run("kaplan_meier", Given(), by="sex")
    curve = found.tables["F"]["survival"].to_numpy()
    assert curve[0] == 1.0
    assert (np.diff(curve) <= 1e-12).all()
    assert "logrank_p" in found.estimates["name"].to_pylist()


def test_competing_events_raise_the_curve_above_kaplan_meiers() -> None:
    found = _run("kaplan_meier", Given(competing=True))
    beside = found.tables["all"]["survival"].to_numpy()[100]
    context = Given(competing=True)
    context._samples.observed[context._samples.observed > 1] = 0  # type: ignore[index]
    alone = _run("kaplan_meier", context).tables["all"]["survival"].to_numpy()[100]
    assert beside > alone


def test_cox_finds_the_hazard_ratio() -> None:
    found = _run("cox", Given())
    age, sex = found.tables["coefficients"].to_pylist()
    assert age["term"] == "age"
    assert age["low"] < np.exp(0.04) < age["high"]
    assert sex["term"].startswith("sex: ")
    assert any("compared with" in note for note in found.notes)


def test_an_outcome_without_durations_is_refused() -> None:
    for name in ("incidence", "kaplan_meier", "cox"):
        with pytest.raises(DataRefused, match="needs durations"):
            _run(name, Given(timed=False))


def test_a_variable_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(WrongUse, match="Did you mean 'age'"):
        _run("cox", Given(), terms=("agee",))
