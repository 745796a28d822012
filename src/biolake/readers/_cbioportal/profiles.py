"""Wide profiles: genes (or gene sets, probes, compounds) × samples, streamed and melted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.reading import Chunk, Reject, Tally
from biolake.readers._cbioportal.alterations import CNA_VALUES, NOT_DISCRETE
from biolake.readers._cbioportal.people import UNKNOWN_PATIENT, UNKNOWN_SAMPLE
from biolake.readers._cbioportal.taking import REPEATED, Taking, worded
from biolake.readers._matrix.genes import CONFLICT, DATE_LIKE, NO_GENE, date_like, symbol_of
from biolake.readers._matrix.melting import (
    BEYOND,
    NOT_A_NUMBER,
    Labels,
    labels,
    melt,
    numbers,
    rejects,
    unstorable,
)
from biolake.readers._matrix.origin import ORIGIN
from biolake.readers._matrix.text_table import Rows as Lines
from biolake.readers._matrix.text_table import open_table
from biolake.statistics.columns import Flags, Floats

# Columns that name or describe a line, and hold no sample.
_NAMING = (
    "HUGO_SYMBOL", "ENTREZ_GENE_ID", "GENESET_ID", "ENTITY_STABLE_ID", "COMPOSITE.ELEMENT.REF",
    "CYTOBAND", "ID", "PROBE",
)  # fmt: skip
NAMED_TWICE = "a sample is named by two columns"
_BOUND = r"^\s*([<>]=?)\s*([-+]?\d+\.?\d*(?:[eE][-+]?\d+)?)\s*$"


@dataclass
class Profile:
    """One file: which columns are whose, and what its lines have been so far."""

    taking: Taking
    names: tuple[str, ...]
    prefix: str  # of its codes
    suffix: str
    places: list[int]
    people: Labels
    genes: bool
    entities: set[str] = field(default_factory=set)

    @property
    def discrete(self) -> bool:
        return self.prefix == "CNA"


def profile(
    taking: Taking, prefix: str, suffix: str = "", *, genes: bool = True
) -> Iterator[Chunk]:
    """Read one wide file. A line is a record; so is a column whose sample nobody knows."""
    opened = open_table(taking.table.file, "\t")
    found, unknown = _columns(taking, opened.header.names, prefix, suffix, genes)
    name = prefix.partition("//")[0].lower()
    tally = Tally(rows=len(unknown), rejects=unknown)
    yield Chunk(taking.table.file, name, tally)
    for block in opened.blocks():
        yield _block(found, block, name)
    if opened.ragged:
        rejected = Tally(rows=len(opened.ragged), rejects=opened.ragged)
        yield Chunk(taking.table.file, name, rejected)


def _columns(
    taking: Taking, names: tuple[str, ...], prefix: str, suffix: str, genes: bool
) -> tuple[Profile, list[Reject]]:
    about = taking.table.said.get("generic_entity_meta_properties", "")
    said = {name.strip().upper() for name in about.split(",")}
    places: list[int] = []
    owners: dict[str, str] = {}  # sample (or patient) → patient
    unknown: list[Reject] = []
    by_patient = taking.table.flag("patient_level")
    for place, name in enumerate(names):
        if name.upper() in (*_NAMING, *said):
            continue
        owner = name if by_patient else taking.owners.owner(name)
        if by_patient and name not in taking.owners.patients:
            unknown.append(Reject(1, f"column {place + 1}", UNKNOWN_PATIENT))
        elif owner is None:
            unknown.append(Reject(1, f"column {place + 1}", UNKNOWN_SAMPLE))
        elif name in owners:
            unknown.append(Reject(1, f"column {place + 1}", NAMED_TWICE))
        else:
            places.append(place)
            owners[name] = owner
    stem = ("cbioportal", taking.study.identifier, taking.table.stable_id)
    people = labels([*owners.values()], ["\0".join((*stem, name)) for name in owners])
    return Profile(taking, names, prefix, suffix, places, people, genes), unknown


def _block(found: Profile, lines: Lines, name: str) -> Chunk:
    """Melt one run of lines."""
    tally = Tally(rows=len(lines.numbers))
    entities, wrong = _entities(found, lines)
    texts: dict[int, str] = {}
    columns = [lines.columns[place] for place in found.places]
    if found.taking.table.datatype == "LIMIT-VALUE":
        columns, texts = _bounds(columns)
    values, bad = (
        numbers(columns, len(entities)) if columns else (np.empty((len(entities), 0)), None)
    )
    for mask, reason in _faults(found, values, bad):
        for reject in rejects(mask, lines.numbers, found.places, reason):
            wrong.setdefault(reject.row, reject)
    tally.rejects = [wrong[row] for row in sorted(wrong)]
    good = ~np.isin(lines.numbers, list(wrong))
    valued = good & ~np.isnan(values).all(axis=1) if values.size else good & False
    tally.event_rows = int(valued.sum())
    if empty := int((good & ~valued).sum()):
        tally.skipped["no sample has a value"] = empty
    kept = np.flatnonzero(valued)
    codes = labels([_code(found, entities[row]) for row in kept])
    table = melt(values[kept], codes, found.people, subjects="columns", time=ORIGIN)
    if texts:
        table = _with_texts(table, values, kept, texts)
    return Chunk(found.taking.table.file, name, tally, events=table)


def _faults(found: Profile, values: Floats, bad: Flags | None) -> Iterator[tuple[Flags, str]]:
    if bad is not None:
        yield bad, NOT_A_NUMBER
        yield unstorable(values), BEYOND
        if found.discrete:
            yield ~(np.isnan(values) | np.isin(values, CNA_VALUES)), NOT_DISCRETE


def _code(found: Profile, entity: str) -> str:
    return "//".join(word for word in (found.prefix, entity, found.suffix) if word)


def _entities(found: Profile, lines: Lines) -> tuple[list[str], dict[int, Reject]]:
    """Return what each line is about, and the lines of which that cannot be told."""
    wrong: dict[int, Reject] = {}
    if found.genes:
        named = _genes(found, lines, wrong)
    else:
        named = [worded(text or "") for text in lines.columns[0].to_pylist()]
    for line, entity in zip(lines.numbers.tolist(), named, strict=True):
        if not entity:
            wrong.setdefault(line, Reject(line, found.names[0], NO_GENE))
        elif entity in found.entities and line not in wrong:
            wrong[line] = Reject(line, found.names[0], REPEATED)
        elif line not in wrong:
            found.entities.add(entity)
    return named, wrong


def _genes(found: Profile, lines: Lines, wrong: dict[int, Reject]) -> list[str]:
    upper = [name.upper() for name in found.names]

    def column(*names: str) -> list[str]:
        place = next((upper.index(name) for name in names if name in upper), None)
        held = [None] * len(lines.numbers) if place is None else lines.columns[place].to_pylist()
        return [(text or "").strip() for text in held]

    symbols = [symbol_of(s) for s in column("HUGO_SYMBOL", "COMPOSITE.ELEMENT.REF", "PROBE", "ID")]
    entrez = column("ENTREZ_GENE_ID")
    dates = date_like(symbols)
    for place, line in enumerate(lines.numbers.tolist()):
        if dates[place]:
            wrong[line] = Reject(line, "Hugo_Symbol", DATE_LIKE)
        elif not found.taking.genes.agrees(symbols[place], entrez[place]):
            wrong[line] = Reject(line, "Entrez_Gene_Id", CONFLICT)
    return [
        worded(symbol) or (f"ENTREZ:{number}" if number else "")
        for symbol, number in zip(symbols, entrez, strict=True)
    ]


def _bounds(columns: Sequence[pa.Array]) -> tuple[list[pa.Array], dict[int, str]]:
    """Turn `>8` into 8, and keep what was said as text, by row × columns + column."""
    texts: dict[int, str] = {}
    plain = []
    for place, column in enumerate(columns):
        bound = pc.match_substring_regex(column, _BOUND).fill_null(False)
        for row in np.flatnonzero(np.asarray(bound)).tolist():
            texts[row * len(columns) + place] = column[row].as_py().replace(" ", "")
        plain.append(pc.replace_substring_regex(column, _BOUND, r"\2"))
    return plain, texts


def _with_texts(
    table: pa.Table, values: Floats, kept: np.ndarray, texts: dict[int, str]
) -> pa.Table:
    row, column = np.nonzero(~np.isnan(values[kept]))
    cells = (kept[row] * values.shape[1] + column).tolist()
    said = pa.array([texts.get(cell) for cell in cells], pa.string())
    return table.set_column(table.schema.get_field_index("text_value"), "text_value", said)
