"""Circe JSON → a cohort expression. Every key must be known; nothing is silently left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast, get_args

from biolake.cohorts.circe.attributes import parse_concept, parse_filters
from biolake.cohorts.circe.columns import DEMOGRAPHICS
from biolake.cohorts.circe.documents import Node, read_document
from biolake.cohorts.circe.domains import DOMAINS, REFUSED_DOMAINS
from biolake.cohorts.circe.expression import (
    CohortExpression,
    ConceptSet,
    ConceptSetItem,
    CorrelatedCriterion,
    Criterion,
    CustomEra,
    DateAdjustment,
    DateOffset,
    Demographic,
    Endpoint,
    Group,
    InclusionRule,
    Limit,
    Occurrence,
    Period,
    PrimaryCriteria,
    Window,
)
from biolake.core.errors import did_you_mean

_T = TypeVar("_T")

_NOT_DAYS = "only windows in days are read"
# What ATLAS stores beside a concept set; none of it changes the cohort.
_ABOUT = ("createdBy", "createdDate", "modifiedBy", "modifiedDate", "description", "tags")
_OCCURRENCES = {0: "exactly", 1: "at most", 2: "at least"}
COUNT_COLUMNS = (
    *("DAYS_SUPPLY", "DOMAIN_CONCEPT", "DOMAIN_SOURCE_CONCEPT", "DURATION", "END_DATE"),
    *("ERA_OCCURRENCES", "GAP_DAYS", "QUANTITY", "RANGE_HIGH", "RANGE_LOW", "REFILLS"),
    *("START_DATE", "UNIT", "VALUE_AS_NUMBER", "VISIT_ID", "VISIT_DETAIL_ID"),
)


def parse_circe(text: str) -> CohortExpression:
    """Read a cohort definition as ATLAS exports it; an unknown key is an error with its path."""
    node = read_document(text)
    got = node.fields(
        *("ConceptSets", "PrimaryCriteria", "AdditionalCriteria", "InclusionRules"),
        *("QualifiedLimit", "ExpressionLimit", "EndStrategy", "CensoringCriteria"),
        *("CollapseSettings", "CensorWindow", "cdmVersionRange", "Title"),
    )
    if "PrimaryCriteria" not in got:
        node.refuse("PrimaryCriteria is missing: nothing says who enters the cohort")
    return CohortExpression(
        primary=_primary(got["PrimaryCriteria"]),
        concept_sets=_concept_sets(got.get("ConceptSets")),
        additional=_group(got["AdditionalCriteria"]) if "AdditionalCriteria" in got else None,
        inclusion_rules=_each(got.get("InclusionRules"), _inclusion_rule),
        qualified_limit=_limit(got.get("QualifiedLimit")),
        expression_limit=_limit(got.get("ExpressionLimit")),
        end_strategy=_end_strategy(got.get("EndStrategy")),
        censoring=_each(got.get("CensoringCriteria"), _criterion),
        era_pad=_era_pad(got.get("CollapseSettings")),
        censor_window=_period(got.get("CensorWindow")),
        title=got["Title"].text() if "Title" in got else "",
        cdm_version_range=got["cdmVersionRange"].text() if "cdmVersionRange" in got else "",
    )


def _each(node: Node | None, parse: Callable[[Node], _T]) -> tuple[_T, ...]:
    return () if node is None else tuple(parse(item) for item in node.items())


def _concept_sets(node: Node | None) -> tuple[ConceptSet, ...]:
    sets = _each(node, _concept_set)
    numbers = [concept_set.id for concept_set in sets]
    if node is not None and len(set(numbers)) < len(numbers):
        node.refuse("two concept sets have the same id")
    return sets


def _concept_set(node: Node) -> ConceptSet:
    got = node.fields("id", "name", "expression", *_ABOUT)
    if "id" not in got or "expression" not in got:
        node.refuse("a concept set needs an id and an expression")
    items = got["expression"].fields("items").get("items")
    name = got["name"].text() if "name" in got else f"concept set {got['id'].integer()}"
    return ConceptSet(got["id"].integer(), name, _each(items, _concept_set_item))


def _concept_set_item(node: Node) -> ConceptSetItem:
    got = node.fields("concept", "isExcluded", "includeDescendants", "includeMapped")
    if "concept" not in got:
        node.refuse("the concept is missing")
    return ConceptSetItem(
        parse_concept(got["concept"]),
        excluded=_yes(got.get("isExcluded")),
        descendants=_yes(got.get("includeDescendants")),
        mapped=_yes(got.get("includeMapped")),
    )


def _primary(node: Node) -> PrimaryCriteria:
    got = node.fields("CriteriaList", "ObservationWindow", "PrimaryCriteriaLimit")
    window = (
        got["ObservationWindow"].fields("PriorDays", "PostDays")
        if "ObservationWindow" in got
        else {}
    )
    return PrimaryCriteria(
        _each(got.get("CriteriaList"), _criterion),
        _whole(window.get("PriorDays")),
        _whole(window.get("PostDays")),
        _limit(got.get("PrimaryCriteriaLimit")),
    )


def _limit(node: Node | None) -> Limit:
    kind = None if node is None else node.fields("Type").get("Type")
    # A limit that is not given is Circe's own default.
    return "First" if kind is None else cast(Limit, kind.one_of(*get_args(Limit)))


def _inclusion_rule(node: Node) -> InclusionRule:
    got = node.fields("name", "description", "expression")
    if "expression" not in got:
        node.refuse("the rule's expression is missing")
    name = got["name"].text() if "name" in got else "unnamed rule"
    description = got["description"].text() if "description" in got else ""
    return InclusionRule(name, _group(got["expression"]), description)


def _group(node: Node) -> Group:
    got = node.fields("Type", "Count", "CriteriaList", "DemographicCriteriaList", "Groups")
    if "Type" not in got:
        node.refuse("Type is missing: ALL, ANY, AT_LEAST or AT_MOST")
    kind = got["Type"].one_of("ALL", "ANY", "AT_LEAST", "AT_MOST")
    if kind in ("AT_LEAST", "AT_MOST") and "Count" not in got:
        node.refuse(f"{kind} needs a Count")
    return Group(
        kind,  # type: ignore[arg-type]  # one of the four words above
        _whole(got.get("Count")),
        _each(got.get("CriteriaList"), _correlated),
        _each(got.get("DemographicCriteriaList"), _demographic),
        _each(got.get("Groups"), _group),
    )


def _correlated(node: Node) -> CorrelatedCriterion:
    got = node.fields(
        *("Criteria", "StartWindow", "EndWindow", "Occurrence"),
        *("RestrictVisit", "IgnoreObservationPeriod"),
    )
    for name in ("Criteria", "StartWindow", "Occurrence"):
        if name not in got:
            node.refuse(f"{name} is missing")
    return CorrelatedCriterion(
        _criterion(got["Criteria"]),
        _window(got["StartWindow"], event_end=False),
        _occurrence(got["Occurrence"]),
        # Circe: an end window looks at the event's end unless it says otherwise.
        _window(got["EndWindow"], event_end=True) if "EndWindow" in got else None,
        _yes(got.get("RestrictVisit")),
        _yes(got.get("IgnoreObservationPeriod")),
    )


def _window(node: Node, *, event_end: bool) -> Window:
    got = node.fields("Start", "End", "UseIndexEnd", "UseEventEnd")
    if "Start" not in got or "End" not in got:
        node.refuse("a window needs a Start and an End")
    return Window(
        _endpoint(got["Start"]),
        _endpoint(got["End"]),
        from_index_end=_yes(got.get("UseIndexEnd")),
        of_event_end=got["UseEventEnd"].boolean() if "UseEventEnd" in got else event_end,
    )


def _endpoint(node: Node) -> Endpoint:
    got = node.fields("Days", "Coeff", refused={"TimeUnit": _NOT_DAYS, "TimeUnitValue": _NOT_DAYS})
    if "Coeff" not in got or got["Coeff"].integer() not in (-1, 1):
        node.refuse("Coeff must be -1 (before) or 1 (after)")
    days = got["Days"].integer() if "Days" in got else None
    return Endpoint(days, -1 if got["Coeff"].integer() == -1 else 1)


def _occurrence(node: Node) -> Occurrence:
    got = node.fields("Type", "Count", "IsDistinct", "CountColumn")
    if "Type" not in got or got["Type"].integer() not in _OCCURRENCES:
        node.refuse("Type must be 0 (exactly), 1 (at most) or 2 (at least)")
    if "Count" not in got or got["Count"].integer() < 0:
        node.refuse("Count must be a number of events: 0, 1, 2 …")
    column = got["CountColumn"].one_of(*COUNT_COLUMNS) if "CountColumn" in got else "DOMAIN_CONCEPT"
    return Occurrence(
        _OCCURRENCES[got["Type"].integer()],  # type: ignore[arg-type]  # one of its three words
        got["Count"].integer(),
        _yes(got.get("IsDistinct")),
        column,
    )


def _demographic(node: Node) -> Demographic:
    return Demographic(parse_filters(node, DEMOGRAPHICS)[0])


def _criterion(node: Node) -> Criterion:
    got = node.fields(*DOMAINS, refused=REFUSED_DOMAINS)
    if len(got) != 1:
        node.refuse(
            "a criterion is one domain, such as {'ConditionOccurrence': {…}}",
            next=did_you_mean("", DOMAINS),
        )
    name, body = next(iter(got.items()))
    domain = DOMAINS[name]
    structural = ["CorrelatedCriteria", "DateAdjustment"]
    structural += ["CodesetId"] if domain.concept else []
    structural += [domain.source_concept[0]] if domain.source_concept else []
    structural += ["First"] if domain.first else []
    structural += ["UserDefinedPeriod"] if domain.periodic else []
    filters, rest = parse_filters(body, domain.attributes, *structural, refused=domain.refused)
    source = rest.get(domain.source_concept[0]) if domain.source_concept else None
    return Criterion(
        name,
        codeset=rest["CodesetId"].integer() if "CodesetId" in rest else None,
        source_codeset=None if source is None else source.integer(),
        first=_yes(rest.get("First")),
        filters=filters,
        period=_period(rest["UserDefinedPeriod"]) if "UserDefinedPeriod" in rest else None,
        adjustment=_adjustment(rest["DateAdjustment"]) if "DateAdjustment" in rest else None,
        correlated=_group(rest["CorrelatedCriteria"]) if "CorrelatedCriteria" in rest else None,
    )


def _adjustment(node: Node) -> DateAdjustment:
    got = node.fields("StartWith", "StartOffset", "EndWith", "EndOffset")
    sides = ("START_DATE", "END_DATE")
    start = got["StartWith"].one_of(*sides) if "StartWith" in got else "START_DATE"
    end = got["EndWith"].one_of(*sides) if "EndWith" in got else "END_DATE"
    return DateAdjustment(
        "START_DATE" if start == "START_DATE" else "END_DATE",
        _whole(got.get("StartOffset")),
        "START_DATE" if end == "START_DATE" else "END_DATE",
        _whole(got.get("EndOffset")),
    )


def _period(node: Node | None) -> Period:
    got = {} if node is None else node.fields("StartDate", "EndDate")
    start, end = got.get("StartDate"), got.get("EndDate")
    return Period(start.day() if start else None, end.day() if end else None)


def _end_strategy(node: Node | None) -> DateOffset | CustomEra | None:
    if node is None:
        return None
    got = node.fields("DateOffset", "CustomEra")
    if len(got) != 1:
        node.refuse("an end strategy is either DateOffset or CustomEra")
    return _date_offset(got["DateOffset"]) if "DateOffset" in got else _era(got["CustomEra"])


def _date_offset(node: Node) -> DateOffset:
    units = {"OffsetUnit": _NOT_DAYS, "OffsetUnitValue": _NOT_DAYS}
    got = node.fields("DateField", "Offset", refused=units)
    field = got["DateField"].one_of("StartDate", "EndDate") if "DateField" in got else "StartDate"
    return DateOffset("EndDate" if field == "EndDate" else "StartDate", _whole(got.get("Offset")))


def _era(node: Node) -> CustomEra:
    units = ("GapUnit", "GapUnitValue", "OffsetUnit", "OffsetUnitValue")
    got = node.fields(
        *("DrugCodesetId", "GapDays", "Offset", "DaysSupplyOverride"),
        refused=dict.fromkeys(units, _NOT_DAYS),
    )
    if "DrugCodesetId" not in got:
        node.refuse("DrugCodesetId is missing: the era of which drug?")
    supply = got.get("DaysSupplyOverride")
    return CustomEra(
        got["DrugCodesetId"].integer(),
        _whole(got.get("GapDays")),
        _whole(got.get("Offset")),
        None if supply is None else supply.integer(),
    )


def _era_pad(node: Node | None) -> int:
    units = {"EraPadUnit": _NOT_DAYS, "EraPadUnitValue": _NOT_DAYS}
    got = {} if node is None else node.fields("CollapseType", "EraPad", refused=units)
    if "CollapseType" in got:
        got["CollapseType"].one_of("ERA")
    return _whole(got.get("EraPad"))


def _yes(node: Node | None) -> bool:
    return node is not None and node.boolean()


def _whole(node: Node | None) -> int:
    return 0 if node is None else node.integer()
