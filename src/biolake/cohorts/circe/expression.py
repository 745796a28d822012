"""A Circe cohort definition as values: what OHDSI's ATLAS writes as JSON, parsed once at the edge.

Names follow Circe (OHDSI circe-be), so that a definition can be read beside its JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Limit = Literal["First", "All", "Last"]
RangeOp = Literal["lt", "lte", "eq", "!eq", "gt", "gte", "bt", "!bt"]
TextOp = Literal["startsWith", "contains", "endsWith", "!startsWith", "!contains", "!endsWith"]


@dataclass(frozen=True)
class Concept:
    concept_id: int
    name: str = ""


@dataclass(frozen=True)
class ConceptSetItem:
    concept: Concept
    excluded: bool = False
    descendants: bool = False
    mapped: bool = False


@dataclass(frozen=True)
class ConceptSet:
    id: int
    name: str
    items: tuple[ConceptSetItem, ...]


@dataclass(frozen=True)
class NumberRange:
    op: RangeOp
    value: float
    extent: float | None = None


@dataclass(frozen=True)
class DateRange:
    op: RangeOp
    value: date
    extent: date | None = None


@dataclass(frozen=True)
class TextMatch:
    op: TextOp
    text: str


@dataclass(frozen=True)
class ConceptList:
    concepts: tuple[Concept, ...]
    exclude: bool = False


@dataclass(frozen=True)
class ConceptSetChoice:
    codeset: int
    exclude: bool = False


@dataclass(frozen=True)
class Flag:
    """A yes/no attribute that is asked for."""


Test = NumberRange | DateRange | TextMatch | ConceptList | ConceptSetChoice | Flag


@dataclass(frozen=True)
class Filter:
    """One attribute of a criterion, by Circe's name, and what it must be."""

    attribute: str
    test: Test


@dataclass(frozen=True)
class Period:
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class DateAdjustment:
    start_with: Literal["START_DATE", "END_DATE"] = "START_DATE"
    start_offset: int = 0
    end_with: Literal["START_DATE", "END_DATE"] = "END_DATE"
    end_offset: int = 0


@dataclass(frozen=True)
class Criterion:
    """Events of one domain (table) that meet every filter."""

    domain: str
    codeset: int | None = None
    source_codeset: int | None = None
    first: bool = False
    filters: tuple[Filter, ...] = ()
    period: Period | None = None
    adjustment: DateAdjustment | None = None
    correlated: Group | None = None


@dataclass(frozen=True)
class Endpoint:
    """`days` None: as far as the observation period goes. `coeff` -1 is before, 1 after."""

    days: int | None
    coeff: Literal[-1, 1]


@dataclass(frozen=True)
class Window:
    start: Endpoint
    end: Endpoint
    from_index_end: bool
    of_event_end: bool


@dataclass(frozen=True)
class Occurrence:
    type: Literal["exactly", "at most", "at least"]
    count: int
    distinct: bool = False
    count_column: str = "DOMAIN_CONCEPT"


@dataclass(frozen=True)
class CorrelatedCriterion:
    criterion: Criterion
    start_window: Window
    occurrence: Occurrence
    end_window: Window | None = None
    restrict_visit: bool = False
    ignore_observation_period: bool = False


@dataclass(frozen=True)
class Demographic:
    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class Group:
    type: Literal["ALL", "ANY", "AT_LEAST", "AT_MOST"]
    count: int = 0
    criteria: tuple[CorrelatedCriterion, ...] = ()
    demographics: tuple[Demographic, ...] = ()
    groups: tuple[Group, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.criteria or self.demographics or self.groups)


@dataclass(frozen=True)
class InclusionRule:
    name: str
    group: Group
    description: str = ""


@dataclass(frozen=True)
class PrimaryCriteria:
    criteria: tuple[Criterion, ...]
    prior_days: int = 0
    post_days: int = 0
    limit: Limit = "First"


@dataclass(frozen=True)
class DateOffset:
    """Leave a fixed number of days after the event's start or end, or when observation ends."""

    field: Literal["StartDate", "EndDate"]
    offset: int


@dataclass(frozen=True)
class CustomEra:
    """Leave when a continuous exposure to the drug ends."""

    codeset: int
    gap_days: int = 0
    offset: int = 0
    days_supply_override: int | None = None


@dataclass(frozen=True)
class CohortExpression:
    primary: PrimaryCriteria
    concept_sets: tuple[ConceptSet, ...] = ()
    additional: Group | None = None
    inclusion_rules: tuple[InclusionRule, ...] = ()
    qualified_limit: Limit = "First"
    expression_limit: Limit = "First"
    end_strategy: DateOffset | CustomEra | None = None
    censoring: tuple[Criterion, ...] = ()
    era_pad: int = 0
    censor_window: Period = field(default_factory=Period)
    title: str = ""
    cdm_version_range: str = ""
