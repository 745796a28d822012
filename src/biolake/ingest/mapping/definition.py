"""A mapping as values: which file holds which table, and how a row becomes events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from biolake.core.reading import Clock
from biolake.core.yaml_positions import Where


@dataclass(frozen=True)
class Expression:
    """One SQL scalar expression, and where its first character stands.

    `bound` are names that stand for a fixed text in this expression alone.
    """

    text: str
    where: Where
    bound: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Identity:
    """How a row names its subject or encounter, in which identifier system."""

    expression: Expression
    system: str
    integer: bool = False


@dataclass(frozen=True)
class Column:
    """A source column with its declared type; a value that does not fit is quarantined."""

    name: str
    type: str
    where: Where


@dataclass(frozen=True)
class Options:
    """How a delimited text file is written."""

    delimiter: str | None = None
    quote: str = '"'
    nulls: tuple[str, ...] = ("",)
    time_formats: tuple[str, ...] = ()
    long_records: bool = False  # a row may hold a whole note


@dataclass(frozen=True)
class Lookup:
    """A small table joined on the left; `on` pairs a column of the row with one of the look-up."""

    name: str
    file: str
    on: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    options: Options
    where: Where


@dataclass(frozen=True)
class Skip:
    """Rows left out on purpose, counted under `why`."""

    when: Expression
    why: str


@dataclass(frozen=True)
class Retract:
    """Rows that take back what earlier rows with their key gave, counted under `why`."""

    when: Expression
    why: str


@dataclass(frozen=True)
class EventRule:
    """One event that a row may give."""

    name: str
    code: Expression
    where: Where
    time: Expression | None = None
    static: bool = False
    when: Expression | None = None
    end_time: Expression | None = None
    numeric_value: Expression | None = None
    text_value: Expression | None = None
    unit: Expression | None = None


@dataclass(frozen=True)
class AssetRule:
    """One file that a row names: it belongs to the row's subject and encounter.

    `modality` is what a picture shows, one of `core.assets.MODALITIES`.
    """

    name: str
    file: Expression
    where: Where
    time: Expression | None = None
    when: Expression | None = None
    modality: str | None = None


@dataclass(frozen=True)
class NoteRule:
    """One note that a row may give: its text, or the text file that it names."""

    name: str
    where: Where
    text: Expression | None = None
    file: Expression | None = None
    id: Expression | None = None
    time: Expression | None = None
    when: Expression | None = None
    kind: Expression | None = None
    title: Expression | None = None
    language: Expression | None = None


@dataclass(frozen=True)
class EncounterRule:
    """One encounter that a row may give."""

    id: Expression
    start: Expression | None = None
    end: Expression | None = None
    kind: Expression | None = None


@dataclass(frozen=True)
class Identifier:
    """One more identifier of the person, for linkage; of a sample, when it was taken."""

    system: str
    value: Expression
    scope: str
    time: Expression | None = None


@dataclass(frozen=True)
class PartOf:
    """The table whose events these rows belong to."""

    table: str
    why: str


@dataclass(frozen=True)
class TableRule:
    """One source table and all that is made of its rows."""

    name: str
    file: str
    where: Where
    file_where: Where
    key: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    options: Options = Options()
    lookups: tuple[Lookup, ...] = ()
    let: tuple[tuple[str, Expression], ...] = ()
    subject: Expression | None = None
    encounter: Expression | None = None
    skip: tuple[Skip, ...] = ()
    retract: Retract | None = None
    part_of: PartOf | None = None
    events: tuple[EventRule, ...] = ()
    encounters: EncounterRule | None = None
    people: tuple[Identifier, ...] = ()
    assets: tuple[AssetRule, ...] = ()
    notes: tuple[NoteRule, ...] = ()

    @property
    def introduces_subjects(self) -> bool:
        """Say whether its rows tell who the subjects are, so that it must be read first."""
        codes = " ".join(rule.code.text for rule in self.events)
        return bool(self.people) or "MEDS_BIRTH" in codes or "MEDS_DEATH" in codes


@dataclass(frozen=True)
class CodeRule:
    """A file that describes codes."""

    file: str
    code: Expression
    where: Where
    file_where: Where
    description: Expression | None = None
    parents: tuple[Expression, ...] = ()
    columns: tuple[Column, ...] = ()
    options: Options = Options()


@dataclass(frozen=True)
class Conversion:
    """Values of the codes named, given in one unit, as another: value x scale + offset."""

    codes: str
    from_unit: str
    to_unit: str
    scale: float
    offset: float
    where: Where


@dataclass(frozen=True)
class Ignored:
    """A file of the layout that is not read on purpose."""

    file: str
    why: str


@dataclass(frozen=True)
class Mapping:
    """One source layout and its rules."""

    name: str
    version: str
    description: str
    path: Path
    content_hash: str
    clock: Clock
    subject: Identity
    detect: tuple[str, ...] = ()
    encounter: Identity | None = None
    epoch: datetime | None = None
    units: tuple[tuple[str, str], ...] = ()
    conversions: tuple[Conversion, ...] = ()
    tables: tuple[TableRule, ...] = ()
    codes: tuple[CodeRule, ...] = ()
    ignore: tuple[Ignored, ...] = field(default=())
