"""Quality of each cell against NumPy's own sums, and what values a matrix holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from biolake.core.media import Cells
from biolake.omics.cells.blocks import blocks, whole
from biolake.omics.cells.quality import before_calling, cell_quality, sample_quality
from biolake.omics.cells.values import values_of

FORMS = {"dense": np.asarray, "csr": sparse.csr_matrix}


def made(matrix: np.ndarray, form: str = "csr", var: pa.Table | None = None) -> Cells:
    features = np.array(["MT-ND1", "mt-Co1", *(f"G{n}" for n in range(matrix.shape[1]))])
    features = features[: matrix.shape[1]].astype(object)
    none = np.full(matrix.shape[1], "", dtype=object)
    sample = (np.arange(len(matrix)) % 2).astype(np.int32)
    return Cells(FORMS[form](matrix), True, ("a", "b"), sample, features, none, var=var)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.integers(2, 7), st.integers(0, 99), st.sampled_from(sorted(FORMS)))
def test_figures_of_a_cell_are_its_sums(rows: int, columns: int, seed: int, form: str) -> None:
    matrix = np.random.default_rng(seed).poisson(0.7, (rows, columns)).astype(np.float32)
    found = cell_quality(made(matrix, form))
    total = matrix.sum(axis=1, dtype=np.float64)
    assert np.array_equal(found.molecules, total)
    assert np.array_equal(found.genes, (matrix > 0).sum(axis=1))
    shares = np.divide(
        matrix[:, :2].sum(axis=1, dtype=np.float64), total,
        out=np.full(rows, np.nan), where=total > 0,
    )  # fmt: skip
    assert np.array_equal(found.mitochondrial, shares, equal_nan=True)
    assert found.nonzero == np.count_nonzero(matrix)


def test_figures_of_a_sample_are_medians_of_its_cells() -> None:
    matrix = np.random.default_rng(4).poisson(1.0, (41, 600))
    cells = made(matrix)
    first, second = sample_quality(cells, cell_quality(cells))
    assert (first.cells, second.cells) == (21, 20)
    assert first.molecules == np.median(matrix[::2].sum(axis=1))
    assert second.genes == np.median((matrix[1::2] > 0).sum(axis=1))
    assert first.few_genes == 0.0
    few = sample_quality(made(matrix[:, :500]), cell_quality(made(matrix[:, :500] * 0)))
    assert few[0].few_genes == 1.0
    assert (
        sample_quality(made(matrix[:, :20]), cell_quality(made(matrix[:, :20])))[0].few_genes
        is None
    )


def test_antibodies_are_no_genes() -> None:
    matrix = np.array([[1, 2, 4], [0, 3, 5]])
    kinds = ["Gene Expression", "Antibody Capture", "Gene Expression"]
    var = pa.table({"name": ["A", "B", "C"], "feature_types": pa.array(kinds).dictionary_encode()})
    found = cell_quality(made(matrix, var=var))
    assert found.molecules.tolist() == [5, 5]
    assert found.genes.tolist() == [2, 1]


def test_a_matrix_of_all_droplets_is_known_by_its_median() -> None:
    matrix = np.zeros((100, 600))
    matrix[:20] = np.random.default_rng(1).poisson(2.0, (20, 600))
    cells = made(matrix)
    assert before_calling(cells, cell_quality(cells))
    called = made(matrix[:20])
    assert not before_calling(called, cell_quality(called))


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_what_values_occur_and_where(form: str, kind: str) -> None:
    matrix = np.array([[0, 2, 0], [1, 0, 3]], dtype=kind)
    assert values_of(FORMS[form](matrix)).counts
    for value, place in (
        (1e30, "beyond"),
        (0.5, "fraction"),
        (-2, "negative"),
        (np.nan, "endless"),
        (np.inf, "endless"),
    ):
        spoilt = matrix.copy()
        spoilt[1, 2] = value
        found = values_of(FORMS[form](spoilt))
        assert not found.counts
        assert getattr(found, place) == (1, 2)
        assert bool(found.spoilt) == (value != 0.5)
    assert values_of(FORMS[form](matrix.astype("i4"))).counts
    assert not values_of(FORMS[form](-matrix.astype("i4"))).counts


def test_scaled_values_are_not_called_spoilt_counts() -> None:
    matrix = np.array([[-0.5, 1.25], [2.0, np.nan]])
    found = values_of(matrix)
    assert not found.counts
    assert found.spoilt == ""


def test_blocks_put_together_are_the_matrix() -> None:
    class Rows:
        shape, dtype, step = (7, 3), np.dtype("i8"), 2
        matrix = sparse.csr_matrix(np.arange(21).reshape(7, 3))

        def rows(self, start: int, stop: int) -> object:
            return self.matrix[start:stop]

    assert [start for start, _ in blocks(Rows())] == [0, 2, 4, 6]
    assert (whole(Rows()) != Rows.matrix).nnz == 0
