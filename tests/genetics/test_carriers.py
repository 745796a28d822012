"""Who carries what, over files that agree, differ in orientation, strand or build."""

from __future__ import annotations

import numpy as np
import pytest
from tests.genetics.conftest import DOSAGES, NAMES, ROWS, Cohorts

from biolake.core.errors import DataRefused, WrongUse
from biolake.genetics.agreeing import (
    NO_BUILD,
    PALINDROME,
    STRAND,
    Agreement,
    counted,
    only,
    variants_among,
)
from biolake.genetics.carriers import Dosages, read_dosages
from biolake.genetics.listing import rows_named
from biolake.genetics.shortest import parse
from biolake.lake.assets import PackReader
from biolake.lake.door import open_view
from biolake.lake.verifying import verify

TURNED = tuple((c, p, n, alt, ref) for c, p, n, ref, alt in ROWS)


def named(cohorts: Cohorts, text: str, allele: str | None = None) -> Agreement:
    asked = parse(text)
    with open_view(cohorts.lake) as view:
        return counted(only(variants_among(rows_named(view, asked), asked), text), allele)


def dosages(cohorts: Cohorts, text: str, allele: str | None = None) -> Dosages:
    agreement = named(cohorts, text, allele)
    with open_view(cohorts.lake) as view:
        return read_dosages(view, cohorts.catalogue, [agreement])[0]


def reasons(cohorts: Cohorts, text: str) -> list[str]:
    return [each.reason for each in named(cohorts, text).refused]


def test_carriers_have_a_copy_and_missing_calls_are_none(cohorts: Cohorts) -> None:
    cohorts.first()
    found = dosages(cohorts, "rs429358")
    assert len(found.carriers()) == 3
    assert len(found.carriers(2)) == 1
    assert found.counts() == {
        "subjects": 6, "none": 2, "one": 2, "two": 1, "missing": 1, "contradictory": 0,
        "unlinked_samples": 0,
    }  # fmt: skip
    assert verify(cohorts.lake).problems == ()


@pytest.mark.parametrize("text", ["19:45412079", "chr19:45412079:C:T", "19:45412079:C:T"])
def test_a_place_finds_what_the_name_does(cohorts: Cohorts, text: str) -> None:
    cohorts.first()
    assert dosages(cohorts, text).dosage == dosages(cohorts, "rs7412").dosage


def test_the_other_allele_can_be_counted(cohorts: Cohorts) -> None:
    cohorts.first()
    other = dosages(cohorts, "rs7412", "C").dosage
    assert other == {s: 2 - copies for s, copies in dosages(cohorts, "rs7412").dosage.items()}
    assert dosages(cohorts, "19:45412079:T:C").dosage == other
    with pytest.raises(WrongUse, match="has no allele G"):
        named(cohorts, "rs7412", "G")


def test_a_file_with_swapped_alleles_is_turned(cohorts: Cohorts) -> None:
    cohorts.vcf(rows=ROWS[:2], dosages=DOSAGES[:2])
    flipped = np.where(DOSAGES[:2] < 0, DOSAGES[:2], 2 - DOSAGES[:2])
    cohorts.bed(rows=TURNED[:2], dosages=flipped)
    agreement = named(cohorts, "rs7412")
    assert [source.turned for source in agreement.sources] == [False, True]
    found = dosages(cohorts, "rs7412")
    assert sorted(found.dosage.values()) == [0, 0, 0, 0, 1, 2]
    assert not found.contradictory


def test_files_that_contradict_each_other_say_nothing_of_that_subject(cohorts: Cohorts) -> None:
    cohorts.vcf()
    other = DOSAGES.copy()
    other[1, 2], other[0, 3] = 2, 1
    cohorts.bed(dosages=other)
    found = dosages(cohorts, "rs7412")
    assert len(found.contradictory) == 1
    assert found.contradictory.isdisjoint(found.dosage)
    assert dosages(cohorts, "rs429358").counts()["missing"] == 0


def test_the_other_strand_is_not_taken_and_told(cohorts: Cohorts) -> None:
    cohorts.vcf(rows=ROWS[:2], dosages=DOSAGES[:2])
    cohorts.bed(rows=[ROWS[0], ("19", 45412079, "rs7412", "G", "A")], dosages=DOSAGES[:2])
    assert reasons(cohorts, "rs7412") == [STRAND]
    assert len(named(cohorts, "rs7412").sources) == 1


def palindromes(share: float) -> np.ndarray:
    draw = np.random.default_rng(1)
    return draw.binomial(2, share, (1, 6)).astype(np.int8)


def test_palindromes_are_taken_when_their_frequencies_tell(cohorts: Cohorts) -> None:
    rare = np.array([[0, 1, 0, 0, 0, 0]], np.int8)
    cohorts.vcf(rows=ROWS[2:3], dosages=rare)
    cohorts.bed("again", rows=TURNED[2:3], dosages=2 - rare, names=[f"Q{n}" for n in range(6)])
    cohorts.bed("same", rows=ROWS[2:3], dosages=rare, names=[f"R{n}" for n in range(6)])
    agreement = named(cohorts, "rs10")
    assert sorted(source.turned for source in agreement.sources) == [False, False, True]
    assert len(dosages(cohorts, "rs10").carriers()) == 3


@pytest.mark.parametrize(
    ("rows", "calls"),
    [
        (ROWS[2:3], [[1, 1, 1, 1, 1, 1]]),  # near one half
        (TURNED[2:3], [[1, 1, 1, 1, 1, 0]]),
        (ROWS[2:3], [[2, 2, 2, 1, 2, 2]]),  # the same letters, but the other one is rare
        (TURNED[2:3], [[0, 0, 0, 1, 0, 0]]),  # the other letters, and they are rare too
        (ROWS[2:3], [[-1] * 6]),  # no frequency at all
    ],
)
def test_palindromes_that_frequencies_do_not_tell_are_refused(
    cohorts: Cohorts, rows, calls
) -> None:
    cohorts.vcf(rows=ROWS[2:3], dosages=np.array([[0, 1, 0, 0, 0, 0]], np.int8))
    names = [f"Q{n}" for n in range(6)]
    cohorts.bed("again", rows=rows, dosages=np.array(calls, np.int8), names=names)
    assert reasons(cohorts, "rs10") == [PALINDROME]


def test_indels_written_differently_meet(cohorts: Cohorts) -> None:
    cohorts.vcf(rows=ROWS[3:], dosages=DOSAGES[3:])
    other = [("1", 2000, "", "GT", "G")]
    names = [f"Q{n}" for n in range(6)]
    cohorts.bed("short", rows=other, dosages=DOSAGES[3:], names=names)
    found = dosages(cohorts, "1:2000:GT:G")
    assert len(found.agreement.sources) == 2
    assert len(found.carriers()) == 4


def test_two_changes_at_one_place_are_told_apart(cohorts: Cohorts) -> None:
    rows = [ROWS[1], ("19", 45412079, "rs7412", "C", "G")]
    cohorts.vcf(rows=rows, dosages=DOSAGES[:2])
    with pytest.raises(WrongUse, match="'rs7412' is 2 variants") as refused:
        named(cohorts, "rs7412")
    assert "19:45412079:C:G" in refused.value.next
    assert len(dosages(cohorts, "19:45412079:C:G").carriers()) == 2


def test_genotypes_of_another_build_are_refused_with_the_reason(cohorts: Cohorts) -> None:
    cohorts.bed(rows=ROWS[2:], dosages=DOSAGES[2:])
    cohorts.bed("newer", rows=ROWS[2:], dosages=DOSAGES[2:, ::-1], build="GRCh38")
    with open_view(cohorts.lake) as view:
        told = view.rows("SELECT DISTINCT file, reason FROM quarantine ORDER BY file")
        assert view.rows("SELECT count(*) FROM assets") == [(1,)]
    assert "newer.bed" in [file for file, _ in told]
    assert {reason for _, reason in told} == {
        "its variants are in GRCh38, and the lake's genotypes in GRCh37: lift it over to GRCh37,"
        " or keep it in a lake of its own"
    }


def test_a_corrected_declaration_of_the_build_is_taken(cohorts: Cohorts) -> None:
    cohorts.bed(rows=ROWS[2:], dosages=DOSAGES[2:])
    cohorts.bed(rows=ROWS[2:], dosages=DOSAGES[2:], build="GRCh38")
    with open_view(cohorts.lake) as view:
        assert ("GRCh38",) in view.rows("SELECT DISTINCT attributes ->> '$.build' FROM assets")


def test_an_unknown_build_meets_others_by_name_alone(cohorts: Cohorts) -> None:
    rows = [("1", 1000, "rs10", "A", "C"), ("1", 3000, "", "A", "C")]
    cohorts.bed(rows=rows, dosages=DOSAGES[:2])
    names = [f"Q{n}" for n in range(6)]
    cohorts.bed("unknown", rows=rows, dosages=DOSAGES[:2], names=names, build="")
    assert len(named(cohorts, "rs10").sources) == 2
    assert reasons(cohorts, "1:3000") == [NO_BUILD]


def test_names_that_match_nobody_are_counted_and_left_out(cohorts: Cohorts) -> None:
    folder = cohorts.folder("first")
    cohorts.first()
    names = (*NAMES[:3], "X7", "X8", "X9")
    from tests.readers.genotype_files import variant_list

    from biolake.omics.genotypes.writing import write_bed

    folder = cohorts.folder("third")
    write_bed(folder / "third", DOSAGES, variant_list(ROWS), names)
    cohorts.take(folder, new_subjects=False)
    found = dosages(cohorts, "rs7412")
    assert found.unlinked == 3
    assert len(found.dosage) + len(found.missing) + len(found.contradictory) == 6


def test_only_the_bytes_of_the_variant_are_read(cohorts: Cohorts, monkeypatch) -> None:
    cohorts.bed(rows=[("1", n + 1, f"rs{n}", "A", "G") for n in range(4000)],
                dosages=np.tile(DOSAGES, (1000, 1)))  # fmt: skip
    read: list[int] = []
    before = PackReader.read

    def watched(self: PackReader, pack: str, offset: int, length: int) -> bytes:
        read.append(length)
        return before(self, pack, offset, length)

    monkeypatch.setattr(PackReader, "read", watched)
    assert len(dosages(cohorts, "rs2001").carriers()) == 2
    # The head, one row of two bytes, the list of samples, and the declaration.
    assert sum(read) < 300


def test_an_unknown_name_is_refused_with_a_near_one(cohorts: Cohorts) -> None:
    with pytest.raises(WrongUse, match="the lake holds no variants"):
        named(cohorts, "rs7412")
    cohorts.first()
    with pytest.raises(WrongUse, match="Did you mean 'rs7412'"):
        named(cohorts, "rs7413")
    with pytest.raises(WrongUse, match="no file holds 19:45412079:A:G"):
        named(cohorts, "19:45412079:A:G")


def test_nothing_can_be_taken_when_every_file_contradicts_the_alleles_asked(
    cohorts: Cohorts,
) -> None:
    cohorts.bed(rows=ROWS[2:3], dosages=DOSAGES[2:3])
    with pytest.raises(DataRefused, match="A/T and C/G look alike"):
        named(cohorts, "1:1000:T:A")
