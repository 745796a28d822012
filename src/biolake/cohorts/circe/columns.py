"""What the attributes of a criterion read, for every table alike.

`c` is the event (with its start_date and end_date), `p` its person, `v` its visit, `pr` its
provider and `cs` its care site.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "number", "date", "text", "concepts", "codeset", "flag"]
Beside = Literal["", "person", "visit_occurrence", "provider", "care_site"]


@dataclass(frozen=True)
class Attribute:
    """What one attribute reads: columns of the event's own table, or of a table beside it."""

    kind: Kind
    sql: str
    own: tuple[str, ...] = ()
    beside: Beside = ""
    column: str = ""  # of the table beside
    exclude: bool = False  # <name>Exclude turns the concept list round


def own(kind: Kind, column: str, *, exclude: bool = False) -> Attribute:
    return Attribute(kind, f"c.{column}", (column,), exclude=exclude)


START = Attribute("date", "c.start_date")
END = Attribute("date", "c.end_date")
LENGTH = Attribute("integer", "c.end_date - c.start_date")


def age(day: str) -> Attribute:
    # Age as Circe counts it: calendar years, whatever the birthday.
    sql = f"year(c.{day}) - p.year_of_birth"
    return Attribute("integer", sql, beside="person", column="year_of_birth")


GENDER = Attribute("concepts", "p.gender_concept_id", (), "person", "gender_concept_id")
SPECIALTY = Attribute(
    "concepts", "pr.specialty_concept_id", ("provider_id",), "provider", "specialty_concept_id"
)
VISIT = Attribute("concepts", "v.visit_concept_id", (), "visit_occurrence", "visit_concept_id")
PLACE = Attribute(
    "concepts",
    "cs.place_of_service_concept_id",
    ("care_site_id",),
    "care_site",
    "place_of_service_concept_id",
)
WHO = {"Age": age("start_date"), "Gender": GENDER}
WHERE = {"ProviderSpecialty": SPECIALTY, "VisitType": VISIT}
WHEN = {"OccurrenceStartDate": START, "OccurrenceEndDate": END}
ERA = {
    "EraStartDate": START,
    "EraEndDate": END,
    "EraLength": LENGTH,
    "AgeAtStart": age("start_date"),
    "AgeAtEnd": age("end_date"),
    "Gender": GENDER,
}
PERIOD = {
    "PeriodStartDate": START,
    "PeriodEndDate": END,
    "PeriodLength": LENGTH,
    "AgeAtStart": age("start_date"),
    "AgeAtEnd": age("end_date"),
}
NO_HISTORY = "it needs location_history, which CDM 5.3 and 5.4 do not have"

ABNORMAL = Attribute(
    "flag",
    # 4155142 and 4155143: abnormally low, abnormally high.
    "(c.value_as_number < c.range_low OR c.value_as_number > c.range_high"
    " OR c.value_as_concept_id IN (4155142, 4155143))",
    ("value_as_number", "range_low", "range_high", "value_as_concept_id"),
)


def ratio(bound: str) -> Attribute:
    sql = f"c.value_as_number / nullif(c.{bound}, 0)"
    return Attribute("number", sql, ("value_as_number", bound))


DEMOGRAPHICS: dict[str, Attribute] = {
    "Age": age("start_date"),
    "Gender": GENDER,
    "Race": Attribute("concepts", "p.race_concept_id", (), "person", "race_concept_id"),
    "Ethnicity": Attribute(
        "concepts", "p.ethnicity_concept_id", (), "person", "ethnicity_concept_id"
    ),
    "OccurrenceStartDate": START,
    "OccurrenceEndDate": END,
}
