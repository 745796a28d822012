"""Names, strands, builds, and rows that cannot be told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.readers.genotype_files import variant_list

from biolake.omics.genotypes.alleles import (
    chromosome_name,
    chromosome_names,
    complement,
    faults,
    match,
    palindrome_match,
)
from biolake.omics.genotypes.builds import (
    BUILDS,
    LENGTHS,
    beyond_end,
    build_by_lengths,
    build_by_positions,
    build_in_words,
)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("chr1", "1"), ("Chr22", "22"), ("23", "X"), ("chrX", "X"), ("x", "X"), ("24", "Y"),
        ("25", "X"), ("XY", "X"), ("26", "MT"), ("M", "MT"), ("chrM", "MT"), ("MT", "MT"),
        ("GL000192.1", "GL000192.1"), ("chrUn_KI270742v1", "Un_KI270742v1"), ("7", "7"),
    ],
)  # fmt: skip
def test_chromosomes_have_one_name(name: str, plain: str) -> None:
    assert chromosome_name(name) == plain
    assert chromosome_names(np.array([name, name])).tolist() == [plain, plain]


@pytest.mark.parametrize(
    ("other", "how"),
    [
        (("A", "G"), "same"), (("G", "A"), "swapped"), (("T", "C"), "strand"),
        (("C", "T"), "strand swapped"), (("A", "C"), "other"), (("A", "T"), "other"),
    ],
)  # fmt: skip
def test_alleles_stand_to_each_other_in_one_way(other: tuple[str, str], how: str) -> None:
    assert match("A", "G", *other) == how


@pytest.mark.parametrize("other", [("A", "T"), ("T", "A")])
def test_letters_do_not_tell_a_palindrome(other: tuple[str, str]) -> None:
    assert match("A", "T", *other) == "palindrome"


@given(st.text("ACGT", min_size=1, max_size=6))
def test_the_other_strand_of_the_other_strand_is_the_first(allele: str) -> None:
    assert complement(complement(allele)) == allele


@pytest.mark.parametrize(
    ("alt", "mine", "theirs", "how"),
    [
        ("T", 0.1, 0.2, "same"), ("A", 0.1, 0.9, "swapped"), ("T", 0.1, 0.9, "palindrome"),
        ("A", 0.1, 0.2, "palindrome"), ("T", 0.45, 0.2, "palindrome"),
        ("T", 0.1, 0.55, "palindrome"), ("T", None, 0.1, "palindrome"), ("T", 0.4, 0.4, "same"),
    ],
)  # fmt: skip
def test_frequencies_tell_a_palindrome_only_when_clear(alt, mine, theirs, how) -> None:
    assert palindrome_match("T", alt, mine, theirs) == how


def test_the_second_of_two_alike_is_the_faulty_one_whatever_their_order() -> None:
    rows = [("1", 5, "", "A", "G"), ("1", 5, "", "A", "C"), ("1", 5, "", "G", "A"),
            ("2", 5, "", "A", "G")]  # fmt: skip
    assert faults(variant_list(rows)) == {2: "the same variant as in an earlier row"}


@pytest.mark.parametrize("build", BUILDS)
def test_lengths_of_one_chromosome_tell_the_build(build: str) -> None:
    for name, length in LENGTHS[build].items():
        assert build_by_lengths([(f"chr{name}", length)]) == build
    assert build_by_lengths([*LENGTHS[build].items(), ("MT", 16_569)]) == build
    assert build_by_lengths([("1", 5)]) == build_by_lengths([]) == ""


@pytest.mark.parametrize(
    ("words", "build"),
    [
        ("##reference=file:///refs/Homo_sapiens_assembly38.fasta", "GRCh38"),
        ("ftp://x/technical/reference/phase2_reference_assembly_sequence/hs37d5.fa.gz", "GRCh37"),
        ("GRCh37.p13", "GRCh37"), ("hg18.fa", "NCBI36"), ("hg19 lifted to hg38", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_reference_s_name_tells_the_build(words: str, build: str) -> None:
    assert build_in_words(words) == build


def test_known_variants_tell_the_build_when_all_agree() -> None:
    old, new = ("19", 45411941, "rs429358", "T", "C"), ("19", 44908684, "rs429358", "T", "C")
    other = ("9", 22125504, "rs1333049", "G", "C")
    assert build_by_positions(variant_list([old])) == "GRCh37"
    assert build_by_positions(variant_list([new, other])) == "GRCh38"
    assert build_by_positions(variant_list([old, other])) == ""
    assert build_by_positions(variant_list([("1", 5, "rs429358", "T", "C")])) == ""
    assert build_by_positions(variant_list([("1", 5, "rs5", "T", "C")])) == ""


def test_a_variant_behind_the_end_is_found() -> None:
    rows = [("22", 50_818_468, "", "A", "C"), ("22", 50_818_469, "", "A", "C")]
    assert beyond_end(variant_list(rows), "GRCh38") == 1
    assert beyond_end(variant_list(rows), "GRCh37") is None
    assert beyond_end(variant_list(rows), "") is None
