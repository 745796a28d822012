"""Who is in: the task's cohort, the sites asked for, exclusions one by one, each step counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from biolake.cohorts.building import build
from biolake.core.errors import DataRefused
from biolake.core.schema import MICROSECONDS
from biolake.lake.door import View
from biolake.studies.definition import Exclusion, Has, Rule, Study
from biolake.studies.naming import named_codes

YEAR = 365.25 * 86_400_000_000

_SITES = """
SELECT m.number, arg_max(e.site_id, ROW(e.time, e.site_id)) AS site
FROM members m JOIN events e ON e.subject_id = m.subject_id AND e.time <= m.index_time
GROUP BY m.number ORDER BY m.number
"""
_AGES = """
SELECT m.number, epoch_us(m.index_time) - epoch_us(s.birth) AS age
FROM members m JOIN subjects s USING (subject_id) ORDER BY m.number
"""
_HISTORY = """
SELECT m.number, epoch_us(m.index_time) - epoch_us(min(e.time)) AS known
FROM members m JOIN events e ON e.subject_id = m.subject_id AND e.time <= m.index_time
WHERE e.code <> 'MEDS_BIRTH' GROUP BY m.number ORDER BY m.number
"""
_HAVING = """
SELECT DISTINCT m.number FROM members m
JOIN events_by_code e ON e.subject_id = m.subject_id AND e.time <= m.index_time
WHERE e.code IN (SELECT unnest(?::VARCHAR[]))
  AND (?::BIGINT IS NULL OR e.time > m.index_time - to_microseconds(?::BIGINT))
ORDER BY m.number
"""


@dataclass(frozen=True)
class Members:
    """The samples of a study: one row a (subject, index time), ordered by both.

    `outcome` is 0/1, NaN where only a duration is known; `observed` as in `core.context.Samples`.
    """

    subject_id: np.ndarray
    index_time: np.ndarray
    outcome: np.ndarray
    site: np.ndarray
    duration: np.ndarray | None = None
    observed: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.subject_id)

    def take(self, rows: np.ndarray) -> Members:
        """Return the rows a mask or an index chooses."""
        return Members(
            self.subject_id[rows],
            self.index_time[rows],
            self.outcome[rows],
            self.site[rows],
            None if self.duration is None else self.duration[rows],
            None if self.observed is None else self.observed[rows],
        )

    def table(self) -> pa.Table:
        """Return what identifies the samples, as the engines below take them."""
        return pa.table(
            {
                "number": np.arange(len(self)),
                "subject_id": self.subject_id,
                "index_time": pa.array(self.index_time).cast(MICROSECONDS),
            }
        )


@dataclass(frozen=True)
class Step:
    """What one criterion left, and what it cost."""

    step: str
    subjects: int
    samples: int
    lost_subjects: int
    lost_samples: int
    reason: str = ""


@dataclass(frozen=True)
class Enrolled:
    """The members, how they came to be, and what a reader should know."""

    members: Members
    attrition: tuple[Step, ...]
    notes: tuple[str, ...] = ()


def enrol(view: View, study: Study) -> Enrolled:
    """Build the population. Raises DataRefused saying at which step nobody was left."""
    cohort = build(view, study.population.task)
    steps: list[Step] = []
    for one in cohort.attrition:
        people = steps[-1].subjects if steps else one.subjects
        steps.append(Step(one.name, one.subjects, one.rows, people - one.subjects, one.lost))
    _refuse_empty(steps)
    flow = _Flow(view, _members(cohort.labels), steps)
    flow.keep("one row a subject and prediction time", "", _distinct)
    flow.members = replace(flow.members, site=_sites(view, flow.members))
    if study.sites:
        _known_sites(view, study.sites)
        flow.keep("sites of the study", "", lambda m: np.isin(m.site, study.sites))
    for exclusion in study.population.exclusions:
        flow.keep(f"exclude {exclusion.name}", exclusion.why, _excluded(view, exclusion))
    if study.population.first_only:
        flow.keep("first sample of each subject", "", _first)
    return Enrolled(flow.members, tuple(flow.steps), cohort.notes)


@dataclass
class _Flow:
    """The population while criteria are applied to it."""

    view: View
    members: Members
    steps: list[Step]

    def keep(self, name: str, why: str, choose: Callable[[Members], np.ndarray]) -> None:
        """Keep the rows chosen; a technical step that costs nothing is not listed."""
        kept = self.members.take(choose(self.members))
        lost = len(self.members) - len(kept)
        people = len(np.unique(kept.subject_id))
        if lost or name != "one row a subject and prediction time":
            before = len(np.unique(self.members.subject_id))
            self.steps.append(Step(name, people, len(kept), before - people, lost, why))
        self.members = kept
        _refuse_empty(self.steps)


def _refuse_empty(steps: list[Step]) -> None:
    empty = next((step for step in steps if not step.samples), None)
    if empty is not None:
        raise DataRefused(
            f"the cohort is empty: nobody is left after step '{empty.step}'",
            next="See the counts of each step: biolake study check",
        )


def _members(labels: pa.Table) -> Members:
    index = labels["prediction_time"].cast(pa.int64()).to_numpy()
    outcome = labels["boolean_value"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    subjects = labels["subject_id"].to_numpy()
    timed: dict[str, np.ndarray] = {}
    if "duration_days" in labels.column_names:
        timed["duration"] = labels["duration_days"].to_numpy()
        timed["observed"] = labels["observed"].to_numpy().astype(np.int64)
    return Members(subjects, index, outcome, np.full(len(subjects), ""), **timed)


def _distinct(members: Members) -> np.ndarray:
    same = (members.subject_id[1:] == members.subject_id[:-1]) & (
        members.index_time[1:] == members.index_time[:-1]
    )
    return np.concatenate([[True], ~same])


def _first(members: Members) -> np.ndarray:
    return np.concatenate([[True], members.subject_id[1:] != members.subject_id[:-1]])


def _sites(view: View, members: Members) -> np.ndarray:
    """Return where each subject was last seen at the index time."""
    known = [site for (site,) in view.rows("SELECT DISTINCT site_id FROM sites ORDER BY site_id")]
    if len(known) == 1:
        return np.full(len(members), known[0], dtype=object)
    return _answers(view, members, _SITES, "site", np.full(len(members), "", dtype=object))


def _known_sites(view: View, wanted: tuple[str, ...]) -> None:
    known = {site for (site,) in view.rows("SELECT DISTINCT site_id FROM sites")}
    for site in wanted:
        if site not in known:
            raise DataRefused(
                f"the lake has no site '{site}'", next=f"Known: {', '.join(sorted(known))}."
            )


def _answers(view: View, members: Members, sql: str, column: str, start: np.ndarray) -> np.ndarray:
    """Run one of the queries above and lay its answers beside the members."""
    view.con.register("members", members.table())
    found = view.table(sql)
    view.con.unregister("members")
    start[found["number"].to_numpy()] = found[column].to_numpy(zero_copy_only=False)
    return start


def ages(view: View, members: Members) -> np.ndarray:
    """Return each sample's age in years, NaN where the birth is not known."""
    found = _answers(view, members, _AGES, "age", np.full(len(members), np.nan))
    return np.asarray(found / YEAR)


def _excluded(view: View, exclusion: Exclusion) -> Callable[[Members], np.ndarray]:
    def kept(members: Members) -> np.ndarray:
        return ~_meets(view, exclusion.rule, members)

    return kept


def _meets(view: View, rule: Rule, members: Members) -> np.ndarray:
    """Say for each sample whether it is what the rule describes; an unknown age never is."""
    if rule.age_below is not None:
        return np.asarray(ages(view, members) < rule.age_below)
    if rule.age_above is not None:
        return np.asarray(ages(view, members) > rule.age_above)
    if rule.history_below is not None:
        known = _answers(view, members, _HISTORY, "known", np.zeros(len(members)))
        return np.asarray(known < rule.history_below)
    if rule.has is not None:
        return _having(view, rule.has, members)
    assert rule.lacks is not None  # noqa: S101 - the parser sets exactly one
    return ~_having(view, rule.lacks, members)


def _having(view: View, has: Has, members: Members) -> np.ndarray:
    codes = named_codes(view, has.codes, "an exclusion")
    view.con.register("members", members.table())
    rows = view.rows(_HAVING, [codes, has.within, has.within])
    view.con.unregister("members")
    found = np.zeros(len(members), dtype=bool)
    found[[number for (number,) in rows]] = True
    return found
