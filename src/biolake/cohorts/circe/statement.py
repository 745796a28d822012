"""One SQL statement grown step by step: named CTEs, what they read, and the sets they use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.expression import ConceptSet


@dataclass(frozen=True, order=True)
class Column:
    """A column of the OMOP view that the statement reads."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


# Columns whose absence changes an answer only in a way that can be said beside it.
OPTIONAL = {
    Column("drug_exposure", "days_supply"): (
        "a drug exposure without an end lasts one day, since the days of supply are not known"
    ),
    Column("drug_exposure", "drug_source_concept_id"): (
        "drug eras are built from standard concepts, since source concepts are not known"
    ),
}


@dataclass
class Statement:
    """The CTEs in order; names are unique, and every concept set that is used exists."""

    concept_sets: Mapping[int, ConceptSet]
    ctes: dict[str, str] = field(default_factory=dict)
    needs: set[Column] = field(default_factory=set)
    wishes: set[Column] = field(default_factory=set)  # read where they are known
    codesets: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)

    def add(self, name: str, *lines: str, keep: bool = False) -> str:
        """Add a step; `keep` computes it once, for what many steps read or what numbers rows."""
        if name in self.ctes:
            raise ValueError(f"two steps are named {name}")
        self.ctes[name] = joined(*lines)
        if keep:
            self.kept.add(name)
        return name

    def read(self, table: str, *columns: str) -> str:
        """Note that columns are read, and return the table as SQL names it."""
        self.needs.update(Column(table, column) for column in columns)
        return f"omop.{table}"

    def wish(self, table: str, column: str) -> None:
        """Note a column of `OPTIONAL` that is read only as a stand-in: empty will do."""
        self.wishes.add(Column(table, column))

    def codeset(self, number: int) -> int:
        if number not in self.concept_sets:
            raise CirceRefused(
                f"concept set {number} is used but not defined",
                where="$.ConceptSets",
                next="Export the definition again, with its concept sets.",
            )
        self.codesets.add(number)
        return number

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def sql(self, last: str) -> str:
        steps = [
            f"{name} AS {'MATERIALIZED ' if name in self.kept else ''}(\n{_in(body)}\n)"
            for name, body in self._all()
        ]
        return "WITH " + ",\n".join(steps) + f"\n{last}"

    def _all(self) -> list[tuple[str, str]]:
        # Concept sets are written first, though only the other steps say which of them are used.
        first = [(name, body) for name, body in self.ctes.items() if name == "concept_sets"]
        return first + [pair for pair in self.ctes.items() if pair[0] != "concept_sets"]


def joined(*lines: str) -> str:
    """Put SQL lines together, leaving out the empty ones."""
    return "\n".join(line for line in lines if line)


def days_after(day: str, days: int) -> str:
    """Return a day moved by a number of days, as SQL."""
    return f"{day} {'+' if days > 0 else '-'} {abs(days)}" if days else day


def _in(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
