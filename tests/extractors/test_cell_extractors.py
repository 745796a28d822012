"""Findings of cells: per sample, with their n, and never of values that are no counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from tests.readers.cells_files import SHARED, counts, read

from biolake.core.assets import Measured
from biolake.core.media import Cells
from biolake.extractors.cell_pseudobulk import pseudobulk, spatial_pseudobulk
from biolake.extractors.cell_quality import cell_quality
from biolake.extractors.cell_shares import cell_shares
from biolake.readers.h5ad import h5ad

GENES = 600


def cells(matrix: np.ndarray | None = None, **changes: object) -> Cells:
    found = counts(80, GENES) if matrix is None else matrix
    features = np.array(["MT-ND1", *(f"G{n}" for n in range(found.shape[1] - 1))], dtype=object)
    types = np.array([["T cell", "B cell", ""][n % 3] for n in range(len(found))], dtype=object)
    made = Cells(
        sparse.csr_matrix(found), True, ("a", "b"), (np.arange(len(found)) % 2).astype(np.int32),
        features, np.full(found.shape[1], "", dtype=object), types,
    )  # fmt: skip
    return replace(made, **changes)


def rows(found: Measured) -> pd.DataFrame:
    assert found.findings is not None
    return found.findings.to_pandas()


def test_quality_is_told_of_each_sample() -> None:
    table = rows(cell_quality.call(cells()))
    told = table.pivot_table(index="sample", columns="code", values="value")
    matrix = counts(80, GENES)
    assert told["CELLS//cells"].tolist() == [40, 40]
    for number in (0, 1):
        part = matrix[number::2]
        assert told["CELLS//counts_per_cell"][number] == np.median(part.sum(axis=1))
        share = part[:, 0] / part.sum(axis=1)
        assert told["CELLS//mitochondrial_share"][number] == pytest.approx(np.median(share))
        assert told["CELLS//high_mitochondrial_share"][number] == 0.0


def test_cells_without_counts_are_only_counted() -> None:
    table = rows(cell_quality.call(cells(raw=False)))
    assert set(table["code"]) == {"CELLS//cells"}


@pytest.mark.parametrize("extractor", [cell_quality, pseudobulk])
def test_all_droplets_are_passed_over(extractor: object) -> None:
    matrix = counts(80, GENES)
    matrix[20:] = 0
    found = extractor.call(cells(matrix, cell_type=None))
    assert found.findings is None
    assert "before cells were called" in found.skipped[0]


def test_shares_are_of_all_cells_of_a_sample() -> None:
    table = rows(cell_shares.call(cells()))
    wanted = pd.Series([["T cell", "B cell", "unannotated"][n % 3] for n in range(80)])
    for number in (0, 1):
        shares = wanted[number::2].value_counts(normalize=True)
        mine = table[table["sample"] == number].set_index("code")["value"]
        assert mine.sum() == pytest.approx(1.0)
        assert mine["CELL_SHARE//T cell"] == pytest.approx(shares["T cell"])
    assert table["text"][0].endswith("of 40 cells")


def test_a_type_that_a_sample_lacks_is_zero_there() -> None:
    types = np.array(["T" if n % 2 else "B" for n in range(80)], dtype=object)
    table = rows(cell_shares.call(cells(cell_type=types)))
    told = table[table["sample"] == 0].set_index("code")["value"].to_dict()
    assert told == {"CELL_SHARE//B": 1.0, "CELL_SHARE//T": 0.0}


def test_without_annotation_no_shares_are_told() -> None:
    assert cell_shares.call(cells(cell_type=None)).skipped == {0: "the file names no cell type"}


def test_pseudobulk_is_the_log_of_summed_counts() -> None:
    given = cells()
    table = rows(pseudobulk.call(given)).set_index(["sample", "code"])
    frame = pd.DataFrame(counts(80, GENES).astype(np.float64), columns=given.features)
    sums = frame.groupby([given.sample, given.cell_type]).sum()
    sizes = frame.groupby([given.sample, given.cell_type]).size()
    for sample in (0, 1):
        for kind in ("T cell", "B cell"):
            row, n = sums.loc[(sample, kind)], sizes[(sample, kind)]
            wanted = np.log2(1 + 1e6 * row / row.sum())
            for gene in ("MT-ND1", "G5", "G598"):
                told = table.loc[(sample, f"PSEUDOBULK//{kind}//{gene}")]
                assert told["value"] == pytest.approx(wanted[gene], rel=1e-12)
                assert told["text"] == f"{row[gene]:.0f} counts in {n} cells"
                assert told["unit"] == "{log2(CPM+1)}"
    assert not any("////" in code for _, code in table.index)


def test_genes_of_few_cells_are_left_out() -> None:
    matrix = counts(80, GENES) + 1
    matrix[:, 7] = 0
    matrix[0, 7] = 50
    codes = set(rows(pseudobulk.call(cells(matrix, cell_type=None)))["code"])
    assert "PSEUDOBULK//all//G5" in codes
    assert "PSEUDOBULK//all//G6" not in codes


def test_normalised_values_are_never_summed() -> None:
    logs = np.log1p(counts(80, GENES))
    found = pseudobulk.call(cells(logs, raw=False))
    assert found.findings is None
    assert "the matrix holds no counts" in found.skipped[0]


def test_logs_give_means_under_another_code() -> None:
    logs = np.log1p(counts(80, GENES)).astype(np.float64)
    table = rows(pseudobulk.call(cells(logs, raw=False, log1p=True, cell_type=None)))
    told = table[(table["sample"] == 1) & (table["code"] == "PSEUDOBULK_LOG1P//all//G3")]
    assert told["value"].item() == pytest.approx(logs[1::2, 4].mean(), rel=1e-12)
    assert told["text"].item() == "40 cells"
    assert told["unit"].item() == "{mean ln(CPX+1)}"


def test_genes_of_one_name_stay_apart() -> None:
    given = cells(cell_type=None)
    features = given.features.copy()
    features[4] = features[3]
    codes = rows(pseudobulk.call(replace(given, features=features)))["code"]
    named = [code for code in codes if code.startswith("PSEUDOBULK//all//G2")]
    assert "PSEUDOBULK//all//G2" in named
    assert "PSEUDOBULK//all//G2-1" in named
    assert not codes[:GENES].duplicated().any()


def test_an_asset_of_one_subject_names_no_sample() -> None:
    nobody = np.full(80, -1, dtype=np.int32)
    for extractor in (cell_quality, cell_shares, spatial_pseudobulk):
        assert rows(extractor.call(cells(samples=(), sample=nobody)))["sample"].isna().all()


def test_kang_equals_pandas() -> None:
    path = SHARED / "kang_ifnb_2k" / "kang_ifnb_2k.h5ad"
    if not path.exists():
        pytest.skip("no shared data")
    given = read(h5ad, path)
    # The file names no donor: its condition stands for one here.
    condition = given.columns["condition"]
    names = tuple(sorted(set(condition)))
    sample = np.array([names.index(each) for each in condition], dtype=np.int32)
    table = rows(pseudobulk.call(replace(given, samples=names, sample=sample)))
    frame = pd.DataFrame(given.counts.toarray().astype(np.float64), columns=given.features)
    sums = frame.groupby(np.asarray(condition)).sum()
    for number, name in enumerate(names):
        mine = table[table["sample"] == number]
        genes = mine["code"].str.removeprefix("PSEUDOBULK//all//")
        wanted = np.log2(1 + 1e6 * sums.loc[name] / sums.loc[name].sum())
        assert np.allclose(mine["value"], wanted[genes], rtol=1e-12)
        assert len(mine) == ((frame > 0)[condition == name].mean() >= 0.1).sum()
    fold = table.pivot_table(index="code", columns="sample", values="value").diff(axis=1)[1]
    top = set(fold.abs().nlargest(10).index.str.removeprefix("PSEUDOBULK//all//"))
    assert {"ISG15", "ISG20", "IFI6"} <= top  # what interferon switches on
