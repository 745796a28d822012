"""One matrix, streamed: a run of lines is checked, melted into events, and let go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, Reject, SourceFile, Tally
from biolake.readers._matrix.genes import DATE_LIKE, NO_GENE, date_like, symbol_of
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
from biolake.readers._matrix.origin import ORIGIN, ORIGIN_CODE, at_day, event
from biolake.readers._matrix.specification import Matrix
from biolake.readers._matrix.subjects import UNKNOWN, Book, place_of, rejected
from biolake.readers._matrix.text_table import Rows as Lines
from biolake.readers._matrix.text_table import TextTable, open_table
from biolake.readers._rows import Rows
from biolake.statistics.columns import Flags, Floats

NO_SHEET = "no time: this sample is not in the sample sheet"
TWICE = "it stands here twice"
_ALLOWED = {"cna": (-2.0, -1.0, 0.0, 1.0, 2.0), "mutation": (0.0, 1.0)}
# Genes that hardly any human matrix lacks.
_KNOWN_GENES = {
    "ACTB", "ALK", "APC", "AR", "ATM", "B2M", "BRAF", "BRCA1", "BRCA2", "CCND1", "CDH1", "CDK4",
    "CDKN2A", "CTNNB1", "EGFR", "ERBB2", "ESR1", "FGFR1", "FLT3", "GAPDH", "GATA3", "IDH1", "JAK2",
    "KIT", "KRAS", "MDM2", "MET", "MLH1", "MTOR", "MYC", "NF1", "NOTCH1", "NPM1", "NRAS", "PDGFRA",
    "PGR", "PIK3CA", "PTEN", "RB1", "RET", "SMAD4", "STK11", "TERT", "TP53", "VEGFA", "VHL",
}  # fmt: skip
_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{11}(\.\d+)?$")


@dataclass
class Wide:
    """A matrix being read: which places hold values, what the other side stands for."""

    file: SourceFile
    said: Matrix
    book: Book
    opened: TextTable
    id_place: int
    places: list[int]
    across: Labels  # of the columns read: codes where samples are rows, else samples
    samples_down: bool
    seen: set[str] = field(default_factory=set)

    @property
    def table(self) -> str:
        return self.said.kind


def matrix_chunks(file: SourceFile, said: Matrix, id_column: str, book: Book) -> Iterator[Chunk]:
    """Read one matrix. A line is a record; so is a column that cannot be read."""
    opened = open_table(file)
    id_place = place_of(opened, id_column) if id_column in opened.header.names else 0
    down = _samples_down(opened, said, id_place, book)
    wide, wrong = _wide(file, said, book, opened, id_place, down)
    yield Chunk(file, wide.table, Tally(rows=len(wrong), rejects=wrong))
    if not down:
        yield from _origins(wide, list(wide.across.texts))
    for block in opened.blocks():
        yield from _block(wide, block)
    if opened.ragged:
        yield rejected(opened, wide.table)


def _wide(
    file: SourceFile, said: Matrix, book: Book, opened: TextTable, id_place: int, down: bool
) -> tuple[Wide, list[Reject]]:
    names = [symbol_of(name) if down else name for name in opened.header.names]
    dates = date_like(names) if down else np.zeros(len(names), dtype=bool)
    places: list[int] = []
    wrong: list[Reject] = []
    seen: set[str] = set()
    for place, name in enumerate(names):
        if place == id_place or opened.header.names[place] in said.ignore:
            continue
        if reason := _fault(name, bool(dates[place]), down, book, seen):
            wrong.append(Reject(1, f"column {place + 1}", reason))
            continue
        seen.add(name)
        places.append(place)
    across = [names[place] for place in places]
    sides = _codes(said, book, across) if down else _samples(said, book, across)
    return Wide(file, said, book, opened, id_place, places, sides, down), wrong


def _fault(name: str, date: bool, gene: bool, book: Book, seen: set[str]) -> str:
    """Return what is wrong with one name of a side, or nothing."""
    if not name:
        return NO_GENE if gene else "no sample"
    if date:
        return DATE_LIKE
    if name in seen:
        return TWICE
    if gene or book.known is None or name in book.known:
        return ""
    return UNKNOWN if book.times is None else NO_SHEET


def _codes(said: Matrix, book: Book, genes: Sequence[str]) -> Labels:
    texts = [said.code(gene.replace("//", "/")) for gene in genes]
    return labels(texts, [f"{book.name}\0{text}" for text in texts])


def _samples(said: Matrix, book: Book, names: Sequence[str]) -> Labels:
    return labels(names, [f"molecular\0{book.name}\0{name}" for name in names])


def _block(wide: Wide, lines: Lines) -> Iterator[Chunk]:
    """Melt one run of lines."""
    given = [(text or "").strip() for text in lines.columns[wide.id_place].to_pylist()]
    names = given if wide.samples_down else [symbol_of(name) for name in given]
    wrong = _names_at_fault(wide, lines, names)
    values, bad = numbers([lines.columns[place] for place in wide.places], len(names))
    for mask, reason in _faults(wide, values, bad):
        for reject in rejects(mask, lines.numbers, wide.places, reason):
            wrong.setdefault(reject.row, reject)
    good = ~np.isin(lines.numbers, list(wrong))
    valued = good & ~np.isnan(values).all(axis=1)
    tally = Tally(rows=len(names), event_rows=int(valued.sum()))
    tally.rejects = [wrong[line] for line in sorted(wrong)]
    if empty := int((good & ~valued).sum()):
        tally.skipped["no value in the whole line"] = empty
    kept = np.flatnonzero(valued)
    mine = [names[row] for row in kept]
    if wide.samples_down:
        yield from _origins(wide, mine)
        down = _samples(wide.said, wide.book, mine)
    else:
        down = _codes(wide.said, wide.book, mine)
    subjects = "rows" if wide.samples_down else "columns"
    time = _times(wide.book, mine if wide.samples_down else wide.across.texts)
    events = melt(values[kept], down, wide.across, subjects=subjects, time=time)
    yield Chunk(wide.file, wide.table, tally, events=events)


def _names_at_fault(wide: Wide, lines: Lines, names: Sequence[str]) -> dict[int, Reject]:
    dates = np.zeros(len(names), dtype=bool) if wide.samples_down else date_like(names)
    column = wide.opened.header.names[wide.id_place]
    wrong = {}
    for place, (line, name) in enumerate(zip(lines.numbers.tolist(), names, strict=True)):
        gene = not wide.samples_down
        if reason := _fault(name, bool(dates[place]), gene, wide.book, wide.seen):
            wrong[line] = Reject(line, column, reason)
        else:
            wide.seen.add(name)
    return wrong


def _faults(wide: Wide, values: Floats, bad: Flags) -> Iterator[tuple[Flags, str]]:
    yield bad, NOT_A_NUMBER
    yield unstorable(values), BEYOND
    allowed = _ALLOWED.get(wide.said.kind)
    if allowed:
        words = ", ".join(f"{value:g}" for value in allowed)
        yield ~(np.isnan(values) | np.isin(values, allowed)), f"not one of {words}"


def _times(book: Book, samples: Sequence[str]) -> int | np.ndarray:
    """Return when samples were taken: as their sheet says, or the made-up day 0."""
    times = book.times
    return ORIGIN if times is None else np.array([times[s] for s in samples], dtype=np.int64)


def _origins(wide: Wide, names: Sequence[str]) -> Iterator[Chunk]:
    """Give samples a day 0 where no table of subjects does."""
    if wide.book.known is None:
        rows = Rows()
        for name in names:
            key = wide.book.key(name, "origin")
            rows.give(event(name, ORIGIN_CODE, at_day(0), key=key))
        yield rows.chunk(wide.file, "origin")


def _samples_down(opened: TextTable, said: Matrix, id_place: int, book: Book) -> bool:
    """Say whether samples are the lines: as told, or by the side that holds known names."""
    if said.samples != "detect":
        return said.samples == "rows"
    first = next(opened.blocks(), None)
    down = first.columns[id_place].to_pylist() if first else []
    opened.ragged.clear()
    across = [name for place, name in enumerate(opened.header.names) if place != id_place]
    sides = (_share([n or "" for n in down], book), _share(across, book))
    if sides[0] == sides[1]:
        raise SourceUnreadable(
            "neither the lines nor the columns can be told to be the samples",
            where=opened.file.name,
            next="Say `samples: rows` or `samples: columns` in molecular.yaml.",
        )
    return sides[0] > sides[1]


def _share(names: Sequence[str], book: Book) -> float:
    """Return how far names are samples' (towards 1) or genes' (towards −1)."""
    if not names:
        return 0.0
    if book.known is not None:
        return sum(name in book.known for name in names) / len(names)
    genes = sum(symbol_of(n) in _KNOWN_GENES or bool(_ENSEMBL.match(n)) for n in names)
    return -genes / len(names)
