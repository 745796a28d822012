"""Sums per sample and cell type equal those of a plain pandas groupby."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from biolake.core.media import Cells
from biolake.omics.cells import pseudobulk
from biolake.omics.cells.names import as_code, told_apart
from biolake.omics.cells.pseudobulk import groups_of, log_cpm, summed

FORMS = {"dense": np.asarray, "csr": sparse.csr_matrix}


def made(
    matrix: np.ndarray,
    sample: list[int],
    types: list[str] | None,
    form: str = "csr",
    names: tuple[str, ...] = ("a", "b", "c"),
) -> Cells:
    features = np.array([f"G{n}" for n in range(matrix.shape[1])], dtype=object)
    none = np.full(matrix.shape[1], "", dtype=object)
    told = None if types is None else np.array(types, dtype=object)
    of_cell = np.array(sample, dtype=np.int32)
    return Cells(FORMS[form](matrix), True, names, of_cell, features, none, told)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(sorted(FORMS)), st.sampled_from(["f4", "f8", "i4", "u2", "i8"]))
def test_sums_equal_those_of_pandas(data: st.DataObject, form: str, kind: str) -> None:
    cells = data.draw(st.integers(0, 30))
    genes = data.draw(st.integers(1, 6))
    draw = np.random.default_rng(data.draw(st.integers(0, 1000)))
    matrix = draw.poisson(0.8, (cells, genes)).astype(kind)
    sample = draw.integers(-1, 3, cells).tolist()
    types = draw.choice(["T", "B", ""], cells).tolist()
    found = list(summed(made(matrix, sample, types, form), least_cells=1))
    frame = pd.DataFrame(matrix.astype(np.float64))
    kept = np.array([s >= 0 and t != "" for s, t in zip(sample, types, strict=True)], dtype=bool)
    frame, keys = frame[kept], pd.DataFrame({"s": sample, "t": types})[kept]
    groups = frame.groupby([keys["s"], keys["t"]])
    wanted, above = groups.sum(), (frame > 0).groupby([keys["s"], keys["t"]]).sum()
    assert [(each.group.sample, each.group.type) for each in found] == list(wanted.index)
    for each, (key, row) in zip(found, wanted.iterrows(), strict=True):
        assert np.array_equal(each.sums, row.to_numpy())
        assert np.array_equal(each.expressing, above.loc[key].to_numpy())
        assert each.group.cells == groups.size()[key]


def test_many_groups_are_summed_in_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(2).poisson(1.0, (90, 5))
    cells = made(matrix, [n % 3 for n in range(90)], [f"t{n % 5}" for n in range(90)])
    whole = [each.sums for each in summed(cells, 1)]
    monkeypatch.setattr(pseudobulk, "_SUMS", 12)
    assert np.array_equal([each.sums for each in summed(cells, 1)], whole)


def test_small_groups_are_left_out() -> None:
    matrix = np.ones((12, 2))
    cells = made(matrix, [0] * 12, ["T"] * 10 + ["B"] * 2)
    assert [(each.group.type, each.group.cells) for each in summed(cells)] == [("T", 10)]


def test_without_types_or_samples_all_cells_are_one_group() -> None:
    cells = made(np.ones((5, 2)), [-1] * 5, None, names=())
    groups, of_cell = groups_of(cells)
    assert [(g.sample, g.type, g.cells) for g in groups] == [(-1, "all", 5)]
    assert of_cell.tolist() == [0] * 5


def test_a_million_is_of_all_genes_and_not_of_antibodies() -> None:
    sums = np.array([10.0, 30.0, 60.0])
    genes = np.array([True, True, False])
    wanted = np.log2(1 + 1e6 * np.array([0.25, 0.75, 1.5]))
    assert np.allclose(log_cpm(sums, genes), wanted, rtol=1e-12)
    assert log_cpm(np.zeros(3), genes).tolist() == [0.0] * 3


def test_large_counts_are_summed_exactly() -> None:
    matrix = np.full((1000, 1), 16_777_217, dtype=np.int64)  # beyond what a float32 tells apart
    (found,) = summed(made(matrix, [0] * 1000, None))
    assert found.sums[0] == 16_777_217_000


@given(st.lists(st.sampled_from(["A", "B", "A-1", "A-2", "", "C"]), max_size=12))
def test_names_are_told_apart_and_only_repeats_change(names: list[str]) -> None:
    found = told_apart(np.array(names, dtype=object))
    assert len(set(found)) == len(names)
    for place, (before, after) in enumerate(zip(names, found, strict=True)):
        if before not in names[:place]:
            assert before == after
        else:
            assert after.startswith(f"{before}-")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CD4+/CD25 T Reg", "CD4+/CD25 T Reg"),
        ("B//cell", "B/cell"),
        (" T  cell\n", "T cell"),
        ("///", ""),
        ("NK/", "NK"),
    ],
)
def test_a_name_becomes_one_part_of_a_code(name: str, code: str) -> None:
    assert as_code(name) == code
