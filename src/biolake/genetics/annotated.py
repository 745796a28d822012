"""Annotations meet variants: which allele an annotation is about, and which rows it cannot be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from biolake.genetics.agreeing import Agreement, agree
from biolake.genetics.listing import Annotation, Row, rows_at
from biolake.genetics.shortest import Variant
from biolake.lake.door import View
from biolake.omics.genotypes.alleles import is_palindrome, match

MATCHED, TURNED = "same alleles", "alleles the other way round: the annotated one is counted"
NO_VARIANT = "no variant at its place"
OTHER_ALLELES = "other alleles at its place (another reference base, or another change)"
OTHER_STRAND = "alleles of the other strand: not taken"
UNTOLD = "A/T or C/G the other way round: its strand cannot be told, not taken"
OTHER_BUILD = "the variants at its place are of another, or of an unknown, reference build"


@dataclass
class Met:
    """Annotations that meet a variant of the lake, and how many do not, by reason."""

    pairs: list[tuple[Annotation, list[Row]]] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)


def fate(annotation: Annotation, rows: Sequence[Row]) -> tuple[str, list[Row]]:
    """Return how an annotation stands to the rows at its place, and the rows that are its own."""
    place = [row for row in rows if row.shortest.position == annotation.variant.position]
    if not place:
        return NO_VARIANT, []
    built = [row for row in place if row.build == annotation.build]
    if not built:
        return OTHER_BUILD, []
    ways = defaultdict(list)
    for row in built:
        ways[_way(annotation.variant, row.shortest)].append(row)
    for way in (MATCHED, TURNED, UNTOLD, OTHER_STRAND):
        if way in ways:
            mine = ways[MATCHED] + ways[TURNED] if way in (MATCHED, TURNED) else []
            return way, mine
    return OTHER_ALLELES, []


def _way(told: Variant, held: Variant) -> str:
    if told == held:
        return MATCHED
    if told.turned == held:
        return UNTOLD if is_palindrome(told.ref, told.alt) else TURNED
    how = match(told.ref, told.alt, held.ref, held.alt)
    return OTHER_STRAND if how in ("strand", "strand swapped") else OTHER_ALLELES


def meet(view: View, found: Iterable[Annotation]) -> Met:
    """Find the rows of each annotation; several annotations of one variant count once each."""
    listed = list(found)
    places = sorted({(each.variant.chromosome, each.variant.position) for each in listed})
    at: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows_at(view, places):
        at[row.chromosome, row.shortest.position].append(row)
    met = Met()
    for each in listed:
        way, rows = fate(each, at[each.variant.chromosome, each.variant.position])
        met.fates[way] += 1
        if rows:
            met.pairs.append((each, rows))
    return met


def agreements(met: Met) -> list[Agreement]:
    """Return each annotated variant once, counting the allele that the annotation is about."""
    rows: dict[Variant, list[Row]] = {}
    for annotation, mine in met.pairs:
        rows.setdefault(annotation.variant, mine)
    return [agree(mine, variant) for variant, mine in sorted(rows.items())]
