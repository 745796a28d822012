"""Variants in one written form, so that files which write an indel differently still meet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from biolake.core.errors import WrongUse
from biolake.omics.genotypes.alleles import chromosome_name

NOTHING = "-"  # the empty allele: nothing there
_PLACE = re.compile(r"^([^:\s]+)[:_](\d+)(?:[:_]([ACGT-]+)[:_>/]([ACGT-]+))?$", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Variant:
    """A place and two alleles in shortest form; `alt` is the allele that is counted."""

    chromosome: str
    position: int
    ref: str
    alt: str

    def __str__(self) -> str:
        return f"{self.chromosome}:{self.position}:{self.ref}:{self.alt}"

    @property
    def turned(self) -> Variant:
        return Variant(self.chromosome, self.position, self.alt, self.ref)


def shortest(chromosome: str, position: int, ref: str, alt: str) -> Variant:
    """Return a variant without the bases its alleles share, its last ones first.

    `1:100:CAA:CA` and `1:100:CA:C` are both a deletion of A, at 101 (`A` to nothing). An indel
    within a repeat is as far left as its file had it: to move it further needs the reference.
    """
    ref, alt = ref.replace(NOTHING, ""), alt.replace(NOTHING, "")
    if len(ref) == len(alt) == 1:
        return Variant(chromosome, position, ref, alt)
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt, position = ref[1:], alt[1:], position + 1
    return Variant(chromosome, position, ref or NOTHING, alt or NOTHING)


@dataclass(frozen=True)
class Asked:
    """What a person names: rs7412, 19:45412079, or 19:45412079:C:T."""

    name: str = ""
    place: tuple[str, int] | None = None
    alleles: tuple[str, str] | None = None


def parse(text: str) -> Asked:
    """Understand a variant's name or place."""
    found = _PLACE.match(text.strip())
    if found is None:
        if not text.strip() or any(sign in text for sign in " \t:"):
            raise WrongUse(
                f"'{text}' names no variant",
                next="Say rs7412, 19:45412079, or 19:45412079:C:T (chromosome:position:ref:alt).",
            )
        return Asked(name=text.strip())
    chromosome, position, ref, alt = found.groups()
    place = (chromosome_name(chromosome), int(position))
    return Asked(place=place, alleles=(ref.upper(), alt.upper()) if ref else None)
