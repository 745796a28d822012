"""Alleles of variants: names of chromosomes, strands, and what cannot be told."""

from __future__ import annotations

from typing import Literal

import numpy as np

from biolake.core.media import VariantList

_SPECIAL = {"23": "X", "24": "Y", "25": "X", "26": "MT", "M": "MT", "XY": "X", "PAR1": "X",
            "PAR2": "X", "MITO": "MT", "CHRM": "MT"}  # fmt: skip
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_BASES = frozenset("ACGT")
NEAR_HALF = 0.4  # minor allele frequency from which a palindrome's strand cannot be told
AUTOSOMES = tuple(str(number) for number in range(1, 23))

Match = Literal["same", "swapped", "strand", "strand swapped", "palindrome", "other"]


def chromosome_name(name: str) -> str:
    """Return the plain name of a chromosome: 1 to 22, X, Y, MT; others stay, less `chr`.

    PLINK's 23 is X, 24 Y, 25 (XY, the pseudo-autosomal part) X, 26 MT.
    """
    plain = name[3:] if name[:3].lower() == "chr" else name
    return _SPECIAL.get(plain.upper(), plain.upper() if len(plain) < 3 else plain)


def chromosome_names(names: np.ndarray) -> np.ndarray:
    """Return the plain names of many chromosomes."""
    different, codes = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    plain = np.array([chromosome_name(name) for name in different.tolist()], dtype=object)
    return plain[codes] if len(plain) else np.empty(0, dtype=object)


def complement(allele: str) -> str:
    """Return the bases of the other strand, read from its own start."""
    return allele.translate(_COMPLEMENT)[::-1]


def is_palindrome(ref: str, alt: str) -> bool:
    """Say whether a variant looks alike on both strands (A/T, C/G)."""
    return complement(ref) == alt


def match(ref: str, alt: str, other_ref: str, other_alt: str) -> Match:
    """Say how the alleles of one variant stand to those of another at the same place.

    Palindromes are told apart by no letter: see `same_strand`.
    """
    mine, theirs = (ref, alt), (other_ref, other_alt)
    if is_palindrome(ref, alt):
        return "palindrome" if theirs in (mine, mine[::-1]) else "other"
    turned = (complement(other_ref), complement(other_alt))
    known: dict[tuple[str, str], Match] = {
        turned[::-1]: "strand swapped",
        turned: "strand",
        theirs[::-1]: "swapped",
        theirs: "same",
    }
    return known.get(mine, "other")


def palindrome_match(
    alt: str, other_alt: str, frequency: float | None, other_frequency: float | None
) -> Match:
    """Tell by frequencies how a palindrome's alleles stand; `palindrome` where they do not tell.

    Both alleles must be clearly rarer or clearly more common, and named alike or swapped so that
    the frequencies agree: then both files are on one strand.
    """
    if frequency is None or other_frequency is None:
        return "palindrome"
    if any(NEAR_HALF < each < 1 - NEAR_HALF for each in (frequency, other_frequency)):
        return "palindrome"
    alike = (frequency < 0.5) == (other_frequency < 0.5)
    if alt == other_alt:
        return "same" if alike else "palindrome"
    return "palindrome" if alike else "swapped"


def faults(variants: VariantList) -> dict[int, str]:
    """Return what keeps rows of a list from being told apart as variants: row → reason.

    Such rows keep their genotypes for measures over samples, but cannot be asked for.
    """
    found: dict[int, str] = {}
    alleles, codes = np.unique(
        np.concatenate([variants.ref, variants.alt]).astype(str), return_inverse=True
    )
    plain = np.array([bool(each) and _BASES.issuperset(each) for each in alleles.tolist()], bool)
    count = len(variants)
    ref, alt = codes[:count], codes[count:]
    for rows, reason in (
        (_repeated(variants, ref, alt), "the same variant as in an earlier row"),
        (ref == alt, "ref and alt are the same"),
        (~(plain[ref] & plain[alt]) if count else ref > 0, "an allele is not of A, C, G and T"),
        (variants.position < 1, "it has no position"),
    ):
        found.update(dict.fromkeys(np.flatnonzero(rows).tolist(), reason))
    return found


def _repeated(variants: VariantList, ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """Mark rows whose place and pair of alleles stood before, in whatever order."""
    _, place = np.unique(variants.chromosome.astype(str), return_inverse=True)
    low, high = np.minimum(ref, alt), np.maximum(ref, alt)
    order = np.lexsort((np.arange(len(ref)), high, low, variants.position, place))
    again = np.zeros(len(ref), dtype=bool)
    keys = [column[order] for column in (place, variants.position, low, high)]
    same = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    again[order[1:][same]] = True
    return again
