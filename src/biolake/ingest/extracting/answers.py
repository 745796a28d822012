"""What extractors say, in one form: columns of findings and rows of derived tables, an item each.

An answer that is no answer (a column that lacks, an item that was not asked about) is the
extractor's fault, and told as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.assets import Finding, Measured
from biolake.core.errors import SetupMissing
from biolake.core.schema import DERIVED, FINDINGS

UNDECLARED = "the extractor gave a code that it does not declare"
WRONG_KIND = "the extractor gave a value of the wrong kind"
NO_TABLE = "the extractor gave rows of a table that the lake does not have"
# What the engine knows of an asset, and the extractor need not say.
ENGINE = ("asset_id", "annotator", "version", "subject_id")


@dataclass(frozen=True)
class Answer:
    """What one extractor said of a run of assets; items are places in `places`.

    `places` are the places in the run of the assets it was asked about.
    """

    places: tuple[int, ...]
    findings: pa.Table = field(default_factory=FINDINGS.empty_table)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    skipped: Mapping[int, str] = field(default_factory=dict)
    faults: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # column and reason
    missing: Mapping[int, SetupMissing] = field(
        default_factory=dict
    )  # not looked at: not installed
    seconds: float = 0.0
    listed: tuple[tuple[object, ...], ...] = ()  # findings of one asset, until they are joined

    @staticmethod
    def failed(places: Sequence[int], reason: str, column: str = "") -> Answer:
        """Return the answer of an extractor that could not measure any of some assets."""
        return Answer(tuple(places), faults=dict.fromkeys(range(len(places)), (column, reason)))

    @staticmethod
    def lacking(places: Sequence[int], missing: SetupMissing) -> Answer:
        """Return the answer of an extractor that cannot look at some assets yet."""
        return Answer(tuple(places), missing=dict.fromkeys(range(len(places)), missing))


def rows_schema(name: str) -> pa.Schema:
    """Return the columns in which an extractor gives rows of a derived table."""
    item = pa.field("item", pa.int32(), nullable=False)
    return pa.schema([item, *(each for each in DERIVED[name] if each.name not in ENGINE)])


def told_by(given: object, places: Sequence[int]) -> Answer:
    """Return in one form what an extractor gave for assets at these places of a run."""
    if not isinstance(given, Measured):
        return _listed(given, places)
    try:
        findings = _as(given.findings, FINDINGS)
        tables = {name: _as(rows, rows_schema(name)) for name, rows in given.tables.items()}
        items = [*given.skipped, *given.faults]
        _refuse_other_items([findings, *tables.values()], items, len(places))
    except KeyError:
        return Answer.failed(places, NO_TABLE)
    except (TypeError, ValueError, AttributeError):  # ArrowInvalid is a ValueError
        return Answer.failed(places, WRONG_KIND)
    faults = {int(item): ("", str(why)) for item, why in given.faults.items()}
    skipped = {int(item): str(why) for item, why in given.skipped.items()}
    return without(Answer(tuple(places), findings, tables, skipped, faults), [*faults, *skipped])


def _as(rows: pa.Table | None, schema: pa.Schema) -> pa.Table:
    if rows is None:
        return schema.empty_table()
    if set(rows.column_names) != set(schema.names):
        raise ValueError
    rows = rows.select(schema.names).cast(schema)
    if any(rows[each.name].null_count for each in schema if not each.nullable):
        raise ValueError
    return rows


def _refuse_other_items(tables: Sequence[pa.Table], items: Sequence[int], count: int) -> None:
    for table in tables:
        if len(table):
            ends = pc.min_max(table["item"]).as_py()
            items = [*items, ends["min"], ends["max"]]
    if not all(0 <= item < count for item in items):
        raise ValueError


def _listed(given: object, places: Sequence[int]) -> Answer:
    """Return a list of findings of one asset in columns; the first that can be none spoils it."""
    rows: list[tuple[object, ...]] = []
    try:
        findings = list(given)  # type: ignore[call-overload]
    except TypeError:
        findings = [None]
    if len(places) != 1 or findings == [None]:
        return Answer.failed(places, WRONG_KIND)
    for finding in findings:
        if not isinstance(finding, Finding) or not isinstance(finding.code, str):
            return Answer.failed(places, UNDECLARED)
        try:
            rows.append(_values(finding))
        except (TypeError, ValueError, OverflowError, AttributeError):
            return Answer.failed(places, WRONG_KIND, finding.code)
    return Answer(tuple(places), listed=tuple(rows))


def _values(finding: Finding) -> tuple[object, ...]:
    value, lasts = finding.value, finding.lasts
    if finding.text is not None:
        finding.text.encode()
    finding.unit.encode()
    return (
        None,
        finding.code,
        None if value is None else float(value),
        finding.unit,
        finding.text,
        float(finding.at),
        None if lasts is None else float(lasts),
        False,
    )


def without(answer: Answer, items: Sequence[int]) -> Answer:
    """Return an answer less the findings and the rows of some items."""
    if not items:
        return answer
    gone = pa.array(sorted(set(items)), pa.int32())

    def kept(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.invert(pc.is_in(rows["item"], value_set=gone)))

    tables = {name: kept(rows) for name, rows in answer.tables.items()}
    return replace(answer, findings=kept(answer.findings), tables=tables)


def joined(answers: Sequence[Answer]) -> Answer:
    """Return answers of one extractor about some assets each as one about all."""
    if len(answers) == 1 and not answers[0].listed:
        return answers[0]
    findings, tables = [_in_columns(answers)], dict[str, list[pa.Table]]()
    skipped: dict[int, str] = {}
    faults: dict[int, tuple[str, str]] = {}
    missing: dict[int, SetupMissing] = {}
    first = 0
    for answer in answers:
        if len(answer.findings):
            findings.append(_moved(answer.findings, first))
        for name, rows in answer.tables.items():
            tables.setdefault(name, []).append(_moved(rows, first))
        skipped |= {first + item: why for item, why in answer.skipped.items()}
        faults |= {first + item: why for item, why in answer.faults.items()}
        missing |= {first + item: why for item, why in answer.missing.items()}
        first += len(answer.places)
    return Answer(
        tuple(place for answer in answers for place in answer.places),
        pa.concat_tables(findings),
        {name: pa.concat_tables(parts) for name, parts in tables.items()},
        skipped,
        faults,
        missing,
        sum(answer.seconds for answer in answers),
    )


def _in_columns(answers: Sequence[Answer]) -> pa.Table:
    """Return all that was listed, each asset's under its place among the answers."""
    rows, first = [], 0
    for answer in answers:
        rows += [(first, *row) for row in answer.listed]
        first += len(answer.places)
    if not rows:
        return FINDINGS.empty_table()
    columns = zip(FINDINGS.names, zip(*rows, strict=True), strict=True)
    return pa.table({name: list(column) for name, column in columns}, schema=FINDINGS)


def _moved(rows: pa.Table, by: int) -> pa.Table:
    if not by or not len(rows):
        return rows
    place = rows.column_names.index("item")
    moved = pc.add(rows["item"], pa.scalar(by, pa.int32()))
    return rows.set_column(place, rows.schema.field("item"), moved)
