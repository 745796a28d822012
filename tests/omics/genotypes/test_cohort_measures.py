"""Measures of a drawn cohort against plain NumPy, and what sexes and relatives must show."""

from dataclasses import replace

import numpy as np
import pytest
from tests.readers.genotype_files import Matrix, cohort

from biolake.omics.genotypes.components import principal_components
from biolake.omics.genotypes.kinship import bit_planes, degree, kinship_with_later, relatives
from biolake.omics.genotypes.pruning import pruned
from biolake.omics.genotypes.sample_quality import sample_quality
from biolake.omics.genotypes.variants import autosomal, summarise


@pytest.fixture(scope="module")
def drawn() -> Matrix:
    return cohort(60, 900, on_x=200)


def normal_rows(drawn: Matrix) -> np.ndarray:
    return np.flatnonzero(autosomal(drawn.variants))


def test_frequency_on_x_counts_one_allele_in_men(drawn: Matrix) -> None:
    row = len(drawn.variants) - 1
    calls, men = drawn.matrix[row], drawn.sexes == 1
    alt = calls[~men][calls[~men] >= 0].sum() + (calls[men] == 2).sum()
    alleles = 2 * (calls[~men] >= 0).sum() + (calls[men] >= 0).sum()
    found = summarise(drawn)
    assert found.alt_frequency[row] == pytest.approx(alt / alleles)
    women = summarise(replace(drawn, matrix=np.where(men, -1, drawn.matrix).astype(np.int8)))
    assert found.hwe_p[row] == women.hwe_p[row]


def test_x_is_not_tested_when_nobody_told_the_sexes(drawn: Matrix) -> None:
    found = summarise(replace(drawn, sexes=np.zeros_like(drawn.sexes)))
    assert np.isnan(found.hwe_p[-200:]).all()
    assert np.isfinite(found.hwe_p[:-200]).all()


def test_the_ends_of_x_have_two_copies_in_men(drawn: Matrix) -> None:
    position = drawn.variants.position.copy()
    position[-1] = 2_000_000  # pseudo-autosomal in GRCh37
    moved = replace(drawn, variants=replace(drawn.variants, position=position))
    calls = drawn.matrix[-1]
    called = calls[calls >= 0]
    assert summarise(moved).alt_frequency[-1] == pytest.approx(called.mean() / 2)


def test_a_variant_that_nobody_has_a_call_of_has_no_frequency(drawn: Matrix) -> None:
    matrix = drawn.matrix.copy()
    matrix[3] = -1
    found = summarise(replace(drawn, matrix=matrix))
    assert np.isnan(found.alt_frequency[3])
    assert found.call_rate[3] == 0


def test_heterozygosity_is_one_less_observed_over_expected(drawn: Matrix) -> None:
    found = sample_quality(drawn, summarise(drawn))
    rows = drawn.matrix[normal_rows(drawn)].astype(float)
    rows[rows < 0] = np.nan
    share = np.nanmean(rows, axis=1) / 2
    expected = np.where(np.isnan(rows), 0, (2 * share * (1 - share))[:, None]).sum(axis=0)
    assert np.allclose(found.heterozygosity_f, 1 - (rows == 1).sum(axis=0) / expected)


def test_x_tells_men_from_women_and_who_was_mixed_up(drawn: Matrix) -> None:
    sexes = drawn.sexes.copy()
    sexes[[4, 7]] = [2, 1]
    found = sample_quality(replace(drawn, sexes=sexes), summarise(replace(drawn, sexes=sexes)))
    assert np.array_equal(found.sex, drawn.sexes)
    assert (found.x_f[drawn.sexes == 1] > 0.99).all()


def test_a_sex_is_not_told_from_few_variants() -> None:
    few = cohort(40, 100, on_x=20)
    assert np.isnan(sample_quality(few, summarise(few)).x_f).all()


def children(drawn: Matrix) -> Matrix:
    """Let sample 0 be sample 2 once more, and sample 1 a child of 3 and 5."""
    matrix, draw = drawn.matrix.copy(), np.random.default_rng(3)
    matrix[:, 0] = matrix[:, 2]
    parents = np.where(matrix[:, [3, 5]] < 0, 0, matrix[:, [3, 5]])
    matrix[:, 1] = draw.binomial(1, parents / 2).sum(axis=1)
    return replace(drawn, matrix=matrix)


def test_twins_and_children_are_found() -> None:
    family = children(cohort(60, 6000, on_x=0))
    found = relatives(family, np.arange(6000))
    assert degree(found.closest[0]) == degree(found.closest[2]) == "duplicate or twin"
    assert found.closest[0] == 0.5
    assert [degree(found.closest[n]) for n in (1, 3, 5)] == ["first degree"] * 3
    assert found.count[[0, 2, 3, 5]].tolist() == [1, 1, 1, 1]
    assert found.count[1] == 2
    assert degree(float(np.nanmedian(found.closest))) == "unrelated"


def test_kinship_is_its_formula_pair_by_pair(drawn: Matrix) -> None:
    rows = normal_rows(drawn)
    planes = bit_planes(drawn, rows)
    dosages = drawn.matrix[rows].astype(int)
    for one, other in ((0, 1), (3, 40), (17, 59)):
        both = (dosages[:, one] >= 0) & (dosages[:, other] >= 0)
        a, b = dosages[both, one], dosages[both, other]
        wanted = 0.5 - ((a - b) ** 2).sum() / (4 * min((a == 1).sum(), (b == 1).sum()))
        found = kinship_with_later(planes, one)[other - one - 1]
        assert found == pytest.approx(wanted, abs=1e-12)


def test_components_are_those_of_a_singular_value_decomposition(drawn: Matrix) -> None:
    share = np.where(drawn.matrix < 0, np.nan, drawn.matrix)
    frequency = np.nanmean(share, axis=1) / 2
    rows = normal_rows(drawn)
    rows = rows[(frequency[rows] > 0.05) & (frequency[rows] < 0.95)]
    found = principal_components(drawn, rows, frequency[rows], 5)
    p = frequency[rows][:, None]
    z = np.nan_to_num((share[rows] - 2 * p) / np.sqrt(2 * p * (1 - p)))
    _, lengths, axes = np.linalg.svd(z, full_matrices=False)
    assert np.allclose(found.values, lengths[:5] ** 2 / len(rows), rtol=1e-10)
    assert np.allclose(np.abs(found.vectors), np.abs(axes[:5].T), atol=1e-9)
    assert (found.vectors[np.abs(found.vectors).argmax(axis=0), range(5)] > 0).all()
    again = principal_components(drawn, rows, frequency[rows], 5, exact_up_to=0)
    assert np.allclose(again.vectors[:, 0], found.vectors[:, 0], atol=1e-6)


def test_the_first_component_parts_the_two_ancestries(drawn: Matrix) -> None:
    frequency = summarise(drawn).alt_frequency
    rows = normal_rows(drawn)
    rows = rows[(frequency[rows] > 0.05) & (frequency[rows] < 0.95)]
    first = principal_components(drawn, rows, frequency[rows], 1).vectors[:, 0]
    assert (np.sign(first[:30]) == np.sign(first[0])).all()
    assert (np.sign(first[30:]) == -np.sign(first[0])).all()


def test_no_two_near_variants_that_stay_tell_the_same(drawn: Matrix) -> None:
    copied = drawn.matrix.copy()
    copied[1::3] = copied[0::3][: len(copied[1::3])]
    copied[2::3] = np.where(copied[0::3] < 0, -1, 2 - copied[0::3])[: len(copied[2::3])]
    linked = replace(drawn, matrix=copied, variants=replace(
        drawn.variants, chromosome=np.array(["1"] * len(copied), dtype=object)))  # fmt: skip
    summary = summarise(linked)
    rows = np.flatnonzero((summary.alt_frequency > 0.05) & (summary.alt_frequency < 0.95))
    kept = pruned(linked, rows, summary.alt_frequency[rows], window=20, most=0.5)
    values = np.where(copied[kept] < 0, np.nan, copied[kept])
    values = np.where(np.isnan(values), np.nanmean(values, axis=1, keepdims=True), values)
    r2 = np.corrcoef(values) ** 2
    near = np.abs(np.subtract.outer(np.arange(len(kept)), np.arange(len(kept))))
    assert r2[(near > 0) & (near <= 20)].max() <= 0.5 + 1e-6
    assert 200 < len(kept) <= 300
