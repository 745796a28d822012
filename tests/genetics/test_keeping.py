"""Kept variants are timeless events: once, corrected, taken back, and usable in cohorts."""

from __future__ import annotations

import numpy as np
from tests.genetics.conftest import DOSAGES, ROWS, Cohorts
from tests.genetics.test_carriers import named

from biolake.cohorts.counts import count_subjects
from biolake.cohorts.speaking import parse_criterion
from biolake.genetics.keeping import keep
from biolake.lake.door import open_view
from biolake.lake.verifying import verify

EVENTS = """SELECT code, numeric_value, count(*) FROM events WHERE source = 'genotypes kept'
AND time IS NULL AND unit = '1' GROUP BY ALL ORDER BY ALL"""


def kept(cohorts: Cohorts, *names: str) -> list[tuple]:
    keep(cohorts.lake, cohorts.catalogue, lambda _: [named(cohorts, name) for name in names])
    with open_view(cohorts.lake) as view:
        return view.rows(EVENTS)


def test_every_linked_subject_with_a_call_has_its_copies(cohorts: Cohorts) -> None:
    cohorts.first()
    assert kept(cohorts, "rs7412", "1:2000") == [
        ("GENOTYPE//1:2001:T:-//-", 0.0, 3),
        ("GENOTYPE//1:2001:T:-//-", 1.0, 1),
        ("GENOTYPE//1:2001:T:-//-", 2.0, 1),
        ("GENOTYPE//rs7412//T", 0.0, 4),
        ("GENOTYPE//rs7412//T", 1.0, 1),
        ("GENOTYPE//rs7412//T", 2.0, 1),
    ]
    with open_view(cohorts.lake) as view:
        told = view.rows("SELECT description FROM codes WHERE code = 'GENOTYPE//rs7412//T'")
    assert told == [("Copies of T at 19:45412079 (GRCh37)",)]
    assert verify(cohorts.lake).problems == ()


def test_keeping_again_adds_nothing_and_makes_no_commit(cohorts: Cohorts) -> None:
    cohorts.first()
    first = kept(cohorts, "rs7412")
    number = cohorts.lake.commit().number
    assert kept(cohorts, "rs7412") == first
    assert cohorts.lake.commit().number == number


def test_more_genotypes_change_what_they_contradict_and_add_the_rest(cohorts: Cohorts) -> None:
    cohorts.bed(dosages=DOSAGES[:, :5], names=("P1", "P2", "P3", "P4", "P5"))
    kept(cohorts, "rs7412")
    other = DOSAGES.copy()
    other[1, 1] = 1  # P2 had none
    cohorts.vcf(dosages=other)
    assert kept(cohorts, "rs7412") == [
        ("GENOTYPE//rs7412//T", 0.0, 3),
        ("GENOTYPE//rs7412//T", 1.0, 1),
        ("GENOTYPE//rs7412//T", 2.0, 1),
    ]
    assert verify(cohorts.lake).problems == ()


def test_cohorts_count_by_copies(cohorts: Cohorts) -> None:
    cohorts.first()
    kept(cohorts, "rs429358")
    with open_view(cohorts.lake) as view:
        asked = [parse_criterion(view, text) for text in
                 ("GENOTYPE//rs429358//C >= 1", "GENOTYPE//rs429358//C >= 2")]  # fmt: skip
        found = count_subjects(view, *asked)
    assert [each.subjects for each in found] == [3, 1]


def test_variants_of_one_name_are_not_kept_as_one(cohorts: Cohorts) -> None:
    rows = [ROWS[1], ("2", 5, "rs7412", "C", "T")]
    cohorts.vcf(rows=rows, dosages=np.vstack([DOSAGES[1], DOSAGES[0]]))
    assert kept(cohorts, "19:45412079:C:T")[0][0] == "GENOTYPE//rs7412//T"
