"""One variant in several files: which allele each counts, and which cannot be taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biolake.core.errors import DataRefused, WrongUse
from biolake.genetics.listing import Row
from biolake.genetics.shortest import Asked, Variant, shortest
from biolake.omics.genotypes.alleles import match, palindrome_match

STRAND = "its alleles are those of the other strand"
PALINDROME = (
    "A/T and C/G look alike on both strands, and its allele frequency does not tell which it is on"
)
NO_BUILD = "its reference build is not known (declare it in a genotypes.yaml beside the file)"
OTHER_BUILD = "it is of another reference build"
# Files that say which allele is the reference lead; a .bed may have turned its alleles.
_LEADING = {"vcf": 0, "pgen": 1}


@dataclass(frozen=True)
class Source:
    """A file's row of a variant; `turned`: its dosages count the other allele."""

    row: Row
    turned: bool


@dataclass(frozen=True)
class Refused:
    """A file's row of a variant that is not taken, and why."""

    row: Row
    reason: str


@dataclass(frozen=True)
class Agreement:
    """One variant with all rows of it that count the same allele, after turning."""

    variant: Variant
    name: str | None
    build: str | None
    sources: tuple[Source, ...]
    refused: tuple[Refused, ...] = ()

    @property
    def label(self) -> str:
        return self.name or str(self.variant)

    @property
    def code(self) -> str:
        return f"GENOTYPE//{self.label}//{self.variant.alt}"


def agree(rows: Iterable[Row], target: Variant | None = None) -> Agreement:
    """Bring the rows of one place to one counted allele: the target's alt, or the first row's.

    The first row is of a file that says which allele is the reference, if there is one. Raises
    DataRefused where no row can be taken.
    """
    ordered = sorted(rows, key=lambda row: (_LEADING.get(row.format, 2), row.asset_id, row.number))
    if not ordered:
        raise DataRefused("no file holds this variant")
    lead = ordered[0] if target is None else _lead(ordered, target)
    variant = lead.shortest if target is None else target
    sources, refused = [], []
    for row in ordered:
        reason, turned = _judge(row, lead, variant)
        if reason:
            refused.append(Refused(row, reason))
        elif turned is not None:
            sources.append(Source(row, turned))
    name = next((s.row.variant for s in sources if s.row.variant), None)
    if not sources:
        raise DataRefused(
            f"no file's alleles can be taken for {variant}: "
            + "; ".join(dict.fromkeys(each.reason for each in refused))
        )
    return Agreement(variant, name, lead.build, tuple(sources), tuple(refused))


def _lead(rows: Sequence[Row], target: Variant) -> Row:
    exact = [row for row in rows if row.shortest == target]
    turned = [row for row in rows if row.shortest == target.turned]
    return (exact or turned or list(rows))[0]


def _judge(row: Row, lead: Row, variant: Variant) -> tuple[str, bool | None]:
    """Return why a row is refused, or whether it must be turned; None: it is another variant."""
    if (row.build or "") != (lead.build or "") and not (
        row.variant and row.variant == lead.variant
    ):
        return (OTHER_BUILD if row.build and lead.build else NO_BUILD), None
    if row.build and lead.build and row.build != lead.build:
        return OTHER_BUILD, None
    mine = row.shortest
    if mine.position != variant.position:
        return "", None
    how: str = match(variant.ref, variant.alt, mine.ref, mine.alt)
    if how == "palindrome":
        how = _palindrome(row, lead, variant)
    if how in ("strand", "strand swapped"):
        return STRAND, None
    if how == "palindrome":
        return PALINDROME, None
    return "", {"same": False, "swapped": True}.get(how)


def _palindrome(row: Row, lead: Row, variant: Variant) -> str:
    """Judge a palindrome by frequencies; the row that leads is taken as it stands."""
    if row is lead:
        return "same" if row.shortest == variant else "palindrome"
    mine, theirs = lead.shortest, row.shortest
    how = palindrome_match(mine.alt, theirs.alt, lead.alt_frequency, row.alt_frequency)
    return how if mine == variant else "palindrome"


def variants_among(rows: Sequence[Row], asked: Asked) -> list[Agreement]:
    """Return each variant at the places of the rows; those asked for by allele, if any were."""
    left, found = list(rows), []
    if asked.alleles:
        assert asked.place is not None  # noqa: S101 - alleles come with a place
        return [agree(left, _target(asked, left))]
    while left:
        made = agree(left)
        taken = {id(each.row) for each in made.sources} | {id(each.row) for each in made.refused}
        left = [row for row in left if id(row) not in taken]
        if not asked.name or made.name == asked.name:
            found.append(made)
    return found


def _target(asked: Asked, rows: Sequence[Row]) -> Variant:
    assert asked.place is not None  # noqa: S101 - see above
    assert asked.alleles is not None  # noqa: S101 - see above
    target = shortest(*asked.place, *asked.alleles)
    if not any(row.shortest in (target, target.turned) for row in rows):
        there = sorted({str(row.shortest) for row in rows})
        known = f" Known there: {', '.join(there[:5])}." if there else ""
        raise WrongUse(f"no file holds {target}.{known}", next="biolake variants list")
    return target


def only(found: Sequence[Agreement], text: str) -> Agreement:
    """Return the one variant found; raises WrongUse where several fit."""
    if len(found) != 1:
        listed = ", ".join(str(each.variant) for each in found[:5])
        raise WrongUse(
            f"'{text}' is {len(found)} variants", next=f"Name one of them: {listed or 'none'}."
        )
    return found[0]


def counted(agreement: Agreement, allele: str | None) -> Agreement:
    """Return the agreement counting this allele: alt, or ref with everything turned."""
    variant = agreement.variant
    if allele is None or allele.upper() == variant.alt:
        return agreement
    if allele.upper() != variant.ref:
        raise WrongUse(
            f"{variant} has no allele {allele}", next=f"Say {variant.ref} or {variant.alt}."
        )
    sources = tuple(Source(each.row, not each.turned) for each in agreement.sources)
    turned = variant.turned
    return Agreement(turned, agreement.name, agreement.build, sources, agreement.refused)
