"""Findings per sample: timeless, one a measure, left out where they cannot be told."""

from dataclasses import replace

import numpy as np
from tests.readers.genotype_files import cohort

from biolake.extractors.genotype_quality import genotype_quality


def measured(drawn) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for row in genotype_quality.call(drawn).findings.to_pylist():
        assert row["timeless"]
        found.setdefault(row["code"], {})[row["sample"]] = row["value"]
    return found


def test_every_sample_is_measured() -> None:
    found = measured(cohort(24, 600, on_x=100))
    names = ("call_rate", "heterozygosity_F", "x_F", "relatives", "closest_kinship")
    for code in (*(f"GENOTYPE_QC//{name}" for name in names), "GENOTYPE_PC//1", "GENOTYPE_PC//10"):
        assert sorted(found[code]) == list(range(24)), code
    assert set(found["GENOTYPE_QC//sex_mismatch"].values()) == {0.0}
    assert set(found["GENOTYPE_QC//relatives"].values()) <= {0.0, 1.0, 2.0}


def test_a_mixed_up_sex_and_a_sample_given_twice_are_seen() -> None:
    drawn = cohort(24, 2000, on_x=200)
    sexes, matrix = drawn.sexes.copy(), drawn.matrix.copy()
    sexes[5], matrix[:, 9] = 1, matrix[:, 3]
    spoilt = replace(drawn, sexes=sexes, matrix=matrix)
    found = measured(spoilt)
    mismatch = found["GENOTYPE_QC//sex_mismatch"]
    assert [sample for sample, value in mismatch.items() if value] == [5]
    assert found["GENOTYPE_QC//closest_kinship"][9] == 0.5
    texts = genotype_quality.call(spoilt).findings.to_pylist()
    twin = [row["text"] for row in texts if row["sample"] == 3 and row["text"]]
    assert twin == ["duplicate or twin"]


def test_what_few_samples_or_variants_cannot_tell_is_left_out() -> None:
    assert set(measured(cohort(9, 600))) == {"GENOTYPE_QC//call_rate"}
    few = set(measured(cohort(24, 90, on_x=10)))
    assert few == {"GENOTYPE_QC//call_rate"}


def test_without_told_sexes_nothing_contradicts_them() -> None:
    drawn = cohort(24, 600, on_x=100)
    found = measured(replace(drawn, sexes=np.zeros(24, np.int8)))
    assert "GENOTYPE_QC//sex_mismatch" not in found
    assert "GENOTYPE_QC//x_F" in found
