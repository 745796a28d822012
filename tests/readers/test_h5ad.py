"""AnnData files: equal to what AnnData reads, to the last bit, or refused by name."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.readers.cells_files import (
    GENES,
    SECRET,
    SHARED,
    adata,
    counts,
    edited,
    found,
    read,
    refusal,
    write,
)

from biolake.core.assets import FoundAsset, UnreadableFile
from biolake.core.errors import SourceUnreadable
from biolake.omics.cells.blocks import whole
from biolake.readers._cells import matrices
from biolake.readers.h5ad import claims, h5ad

FILES = [
    "kang_ifnb_2k/kang_ifnb_2k.h5ad",
    "scanpy_tests/10x_pbmc68k_reduced.h5ad",
    "squidpy_spatial/test_data.h5ad",
    "squidpy_spatial/ligrec_pvalues_reference.h5ad",
]


def by_anndata(path: Path) -> anndata.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the legacy layout
        return anndata.read_h5ad(path)


def same_bits(mine: object, theirs: object) -> bool:
    if isinstance(mine, np.ndarray):
        return mine.dtype == theirs.dtype and mine.tobytes() == np.asarray(theirs).tobytes()
    parts = ("data", "indices", "indptr")
    return mine.dtype == theirs.dtype and all(
        np.array_equal(getattr(mine, p), getattr(theirs, p)) for p in parts
    )


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_equals_what_anndata_reads(name: str) -> None:
    path = SHARED / name
    if not path.exists():
        pytest.skip("no shared data")
    mine, theirs = read(h5ad, path), by_anndata(path)
    assert same_bits(mine.counts, theirs.X)
    assert mine.obs[0].to_pylist() == theirs.obs_names.tolist()
    assert mine.features.tolist() == theirs.var_names.tolist()
    for frame, told in ((mine.obs, theirs.obs), (mine.var, theirs.var)):
        assert frame.column_names[1:] == told.columns.tolist()
        for column in told.columns:
            wanted = told[column].astype(object).where(told[column].notna(), None)
            assert frame[column].to_pylist() == wanted.tolist(), column
    if "spatial" in theirs.obsm:
        assert np.array_equal(mine.coordinates, theirs.obsm["spatial"])


FORMS = {
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "dense": np.asarray,
    "float64": lambda m: sparse.csr_matrix(m.astype(np.float64)),
    "int64": lambda m: m.astype(np.int64),
    "uint16": lambda m: m.astype(np.uint16),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by_rows", [False, True], ids=["in memory", "by rows"])
def test_every_form_of_matrix_is_read_alike(
    form: str, by_rows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_rows:
        monkeypatch.setattr(matrices, "IN_MEMORY", 0)
        monkeypatch.setattr(matrices, "_BLOCK", 500)
    path = write(tmp_path / "a.h5ad", adata(FORMS[form](counts())))
    cells = read(h5ad, path)
    assert cells.raw
    theirs = by_anndata(path).X
    mine = whole(cells.counts)
    assert mine.dtype == theirs.dtype
    plain = [m if isinstance(m, np.ndarray) else m.toarray() for m in (mine, theirs)]
    assert np.array_equal(*plain)
    assert by_rows == (not hasattr(cells.counts, "data")) or form == "csc"


def test_samples_types_and_figures_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad", adata())
    asset = found(h5ad, path)
    assert isinstance(asset, FoundAsset)
    assert asset.modality == "cells"
    assert asset.facts.shape == (60, len(GENES))
    assert [sample.name for sample in asset.samples] == [f"{SECRET}-0", f"{SECRET}-1"]
    told = asset.facts.attributes
    matrix = counts()
    assert told["cell_types"] == {"T cell": 40, "B cell": 20}
    assert told["per_sample"]["cells"] == [30, 30]
    medians = [float(np.median(matrix[n::2].sum(axis=1))) for n in (0, 1)]
    assert told["per_sample"]["counts_per_cell"] == medians
    assert told["mitochondrial_genes"] == 1
    assert SECRET not in repr(asset.facts)
    cells = read(h5ad, path)
    assert cells.sample.tolist() == [n % 2 for n in range(60)]
    assert cells.cell_type.tolist()[:3] == ["B cell", "T cell", "T cell"]


def normalised(matrix: np.ndarray) -> np.ndarray:
    return np.log1p(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1) * 1e4)


def test_normalised_values_are_never_taken_for_counts(tmp_path: Path) -> None:
    cells = read(h5ad, write(tmp_path / "a.h5ad", adata(normalised(counts()))))
    assert not cells.raw
    assert not cells.log1p


def test_the_file_says_that_values_are_logs(tmp_path: Path) -> None:
    given = adata(normalised(counts()))
    given.uns["log1p"] = {"base": None}
    cells = read(h5ad, write(tmp_path / "a.h5ad", given))
    assert not cells.raw
    assert cells.log1p


@pytest.mark.parametrize("where", ["layers['counts']", "raw.X"])
def test_counts_are_found_beside_normalised_values(where: str, tmp_path: Path) -> None:
    given = adata(counts())
    if where == "raw.X":
        given.raw = given.copy()
    else:
        given.layers["counts"] = sparse.csr_matrix(given.X)
    given.X = normalised(given.X)
    path = write(tmp_path / "a.h5ad", given)
    asset = found(h5ad, path)
    assert asset.facts.attributes["taken_from"] == where
    cells = read(h5ad, path)
    plain = cells.counts if isinstance(cells.counts, np.ndarray) else cells.counts.toarray()
    assert np.array_equal(plain, counts())


def test_raw_may_have_more_genes_than_x(tmp_path: Path) -> None:
    given = adata(counts())
    full = given.copy()
    given = given[:, :3].copy()
    given.raw = full
    given.X = normalised(given.X)
    cells = read(h5ad, write(tmp_path / "a.h5ad", given))
    assert cells.raw
    assert cells.features.tolist() == list(GENES)


def test_log_values_are_taken_from_raw_where_x_is_scaled(tmp_path: Path) -> None:
    given = adata(normalised(counts()))
    given.raw = given.copy()
    given.uns["log1p"] = {}
    given.X = given.X - given.X.mean(axis=0)
    path = write(tmp_path / "a.h5ad", given)
    assert found(h5ad, path).facts.attributes["taken_from"] == "raw.X"
    assert read(h5ad, path).log1p


def test_a_file_of_one_donor_has_one_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad", adata(donor_id=["P1"] * 60))
    asset = found(h5ad, path)
    assert asset.subject is None
    assert [sample.name for sample in asset.samples] == ["P1"]
    assert read(h5ad, path).samples == ("P1",)


def test_a_sample_column_parts_the_cells_of_a_donor(tmp_path: Path) -> None:
    donors = [f"P{n % 2}" for n in range(60)]
    visits = [f"P{n % 2}-{'after' if n >= 30 else 'before'}" for n in range(60)]
    asset = found(h5ad, write(tmp_path / "a.h5ad", adata(donor_id=donors, sample_id=visits)))
    assert [sample.name for sample in asset.samples] == ["P0", "P1", "P0", "P1"]
    assert asset.facts.attributes["per_sample"]["cells"] == [15, 15, 15, 15]


def test_columns_that_disagree_tell_no_sample(tmp_path: Path) -> None:
    others = [f"X{n % 3}" for n in range(60)]
    asset = found(h5ad, write(tmp_path / "a.h5ad", adata(patient=others)))
    assert asset.samples == ()
    assert asset.subject is None
    assert any("do not agree on whose the cells are" in note for note in asset.notes)


@pytest.mark.parametrize("column", [["SeuratProject"] * 60, [f"c{n}" for n in range(60)]])
def test_a_column_that_names_no_sample_is_none(column: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad", adata(donor_id=None, **{"orig.ident": column}))
    asset = found(h5ad, path)
    assert (asset.subject, asset.samples) == (None, ())


def test_cells_without_a_donor_are_of_no_sample(tmp_path: Path) -> None:
    donors = [["P1", "P2", None][n % 3] for n in range(60)]
    cells = read(h5ad, write(tmp_path / "a.h5ad", adata(donor_id=donors)))
    assert cells.samples == ("P1", "P2")
    assert cells.sample.tolist() == [[0, 1, -1][n % 3] for n in range(60)]


def test_a_date_of_collection_is_the_time_of_its_sample(tmp_path: Path) -> None:
    dates = [["2021-03-01", "2021-04-02 08:30:00"][n % 2] for n in range(60)]
    asset = found(h5ad, write(tmp_path / "a.h5ad", adata(collection_date=dates)))
    wanted = [pd.Timestamp(each).value // 1000 for each in dates[:2]]
    assert [sample.time for sample in asset.samples] == wanted
    assert asset.start == min(wanted)


def test_symbols_are_found_beside_ensembl_ids(tmp_path: Path) -> None:
    given = adata()
    given.var["feature_name"] = list(GENES)
    given.var_names = [f"ENSG{n:011d}" for n in range(len(GENES))]
    cells = read(h5ad, write(tmp_path / "a.h5ad", given))
    assert cells.features.tolist() == list(GENES)
    assert cells.feature_ids.tolist() == given.var_names.tolist()


def test_repeated_symbols_stay_apart_and_are_counted(tmp_path: Path) -> None:
    given = adata()
    given.var_names = ["TP53", "TP53", "EGFR", "TP53", "A", "B", "C"]
    asset = found(h5ad, write(tmp_path / "a.h5ad", given))
    assert asset.facts.attributes["repeated_symbols"] == 2
    assert asset.facts.shape == (60, 7)


# What must be refused: a change, and what the reason says.


def with_value(value: float) -> np.ndarray:
    matrix = counts()
    matrix[4, 2] = value
    return matrix


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize(
    ("value", "reason"), [(np.nan, "NaN or infinite"), (np.inf, "NaN or infinite"), (-1, "below")]
)
def test_a_count_that_cannot_be_is_refused_with_its_place(
    form: type, value: float, reason: str, tmp_path: Path
) -> None:
    told = refusal(h5ad, write(tmp_path / "a.h5ad", adata(form(with_value(value)))))
    assert reason in told
    assert "cell 5, feature 3" in told


def test_text_where_counts_should_be_is_refused(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        texts = file["X"][()].astype(int).astype(str).astype(object)
        del file["X"]
        file.create_dataset("X", data=texts, dtype=h5py.string_dtype())

    told = refusal(h5ad, edited(write(tmp_path / "a.h5ad", adata()), change))
    assert "X holds text where counts should be, from cell 1, feature 1 on" in told


def test_equal_barcodes_are_refused_unless_of_two_samples(tmp_path: Path) -> None:
    given = adata()
    names = given.obs_names.tolist()
    names[7] = names[3]
    given.obs_names = names
    told = refusal(h5ad, write(tmp_path / "a.h5ad", given))
    assert "cells 4 and 8 have the same barcode" in told
    given.obs_names = [f"AAAC{n // 2}" for n in range(60)]
    assert isinstance(found(h5ad, write(tmp_path / "b.h5ad", given)), FoundAsset)


@pytest.mark.parametrize("symbol", ["1-Mar", "SEP2", "43891"])
def test_a_symbol_that_became_a_date_is_refused(symbol: str, tmp_path: Path) -> None:
    given = adata()
    given.var_names = [*GENES[:6], symbol]
    told = refusal(h5ad, write(tmp_path / "a.h5ad", given))
    assert f"gene symbol 7 is a date ('{symbol}')" in told


def test_a_date_with_an_id_beside_it_is_named_by_the_id(tmp_path: Path) -> None:
    given = adata()
    given.var["gene_ids"] = [f"ENSG{n:011d}" for n in range(len(GENES))]
    given.var_names = [*GENES[:6], "2-Sep"]
    cells = read(h5ad, write(tmp_path / "a.h5ad", given))
    assert cells.features[6] == "ENSG00000000006"
    assert any("1 gene symbols are dates" in note for note in cells.notes)


def shortened(name: str) -> object:
    def change(file: h5py.File) -> None:
        found, attributes = file[name][()], dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, data=found[:-1])
        file[name].attrs.update(attributes)

    return change


@pytest.mark.parametrize("name", ["obs/_index", "obs/score", "var/_index", "X/indptr", "X/data"])
def test_tables_and_matrix_that_do_not_fit_are_refused(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad", adata(sparse.csr_matrix(counts())))
    assert refusal(h5ad, edited(path, shortened(name)))


def test_an_index_beyond_the_features_is_refused(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["X/indices"][5] = 900

    path = write(tmp_path / "a.h5ad", adata(sparse.csr_matrix(counts())))
    assert "cell 2 has a value of a feature there is not" in refusal(h5ad, edited(path, change))


def test_two_values_of_one_feature_are_refused(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["X/indices"][1] = file["X/indices"][0]

    path = write(tmp_path / "a.h5ad", adata(sparse.csr_matrix(counts())))
    assert "cell 1 has two values of one feature" in refusal(h5ad, edited(path, change))


@pytest.mark.parametrize("part", [0, 100, 2000, -100])
def test_a_file_cut_short_is_refused(part: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad", adata())
    path.write_bytes(path.read_bytes()[:part])
    reason = refusal(h5ad, path)
    assert reason in (
        "the file is empty",
        "the HDF5 file is damaged or cut short",
        "its name says HDF5, but it is none",
    )
    with pytest.raises(SourceUnreadable):
        read(h5ad, path)


def test_other_files_are_told_what_they_are(tmp_path: Path) -> None:
    for name, content in (("mod", "MuData"), ("letters", "it has no X, obs, var")):
        path = tmp_path / f"{name}.h5ad"
        with h5py.File(path, "w") as file:
            file.create_group(name)
        assert content in refusal(h5ad, path)


def test_a_zarr_store_is_claimed_to_be_told_of(tmp_path: Path) -> None:
    assert claims("x/cells.zarr/X/0.0", b"")
    assert not claims("cells.zarr", b"")
    store = tmp_path / "cells.zarr" / "X"
    store.mkdir(parents=True)
    (store / "0.0").write_bytes(b"x")
    from biolake.testing.asset_readers import found as all_found

    (result,) = all_found(h5ad, tmp_path)
    assert isinstance(result, UnreadableFile)
    assert "write it as one .h5ad" in result.reason


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 5) | st.sampled_from([0, 0, 0]), min_size=4, max_size=4),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(sorted(FORMS)),
)
def test_any_counts_come_back_as_they_were(rows: list, form: str) -> None:
    import tempfile

    matrix = np.array(rows, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.h5ad", adata(FORMS[form](matrix), donor_id=None))
        cells = read(h5ad, path)
    plain = cells.counts if isinstance(cells.counts, np.ndarray) else cells.counts.toarray()
    assert np.array_equal(plain, matrix)
    assert cells.raw
