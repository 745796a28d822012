"""Cells through the lake: the same bytes come back, and every export opens to the same numbers."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from pathlib import Path

import anndata
import numpy as np
import pytest
from scipy.io import mmread
from scipy.sparse import csr_matrix
from tests.cli.source import refused, told
from tests.readers import cells_files
from tests.readers.cells_files import SHARED

from biolake.core.assets import FileContent
from biolake.readers.h5ad import h5ad
from biolake.readers.tenx import tenx

REAL = {
    "kang.h5ad": "kang_ifnb_2k/kang_ifnb_2k.h5ad",
    "reduced.h5ad": "scanpy_tests/10x_pbmc68k_reduced.h5ad",
    "filtered_feature_bc_matrix.h5": "scanpy_tests/filtered_feature_bc_matrix.h5",
    "visium.h5ad": "squidpy_spatial/test_data.h5ad",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a lake of every kind of file, made-up ones and, where there are any, real ones."""
    root = tmp_path_factory.mktemp("cells")
    source = root / "source"
    for name in ("h5ad", "tenx", "loom", "spatial"):
        (source / name).mkdir(parents=True)
        getattr(cells_files, f"{name}_source")(source / name)
    for name, path in REAL.items():
        if (SHARED / path).exists():
            shutil.copy(SHARED / path, source / name)
    if (SHARED / "spatial_osmfish").is_dir():
        shutil.copytree(SHARED / "spatial_osmfish", source / "osmfish")
    broken = cells_files.adata(cells_files.counts() - 1)
    cells_files.write(source / "broken.h5ad", broken)
    told("--lake", root / "lake", "init")
    told("--lake", root / "lake", "ingest", source)
    return root


@pytest.fixture(scope="module")
def listed(lake: Path) -> dict[str, dict]:
    """Return the assets of the lake by the name of their first file."""
    found = told("--lake", lake / "lake", "assets", "list", "--limit", 0)["assets"]
    shown = [told("--lake", lake / "lake", "assets", "show", row["asset_id"]) for row in found]
    return {row["contents"][0]["name"].rpartition("/")[2]: row for row in shown}


def test_every_file_comes_back_byte_for_byte(
    lake: Path, listed: dict[str, dict], tmp_path: Path
) -> None:
    names = listed
    assert len(names) >= 6
    for number, row in enumerate(names.values()):
        out = tmp_path / str(number)
        files = told("--lake", lake / "lake", "assets", "get", row["asset_id"], "--out", out)[
            "files"
        ]
        sums = {hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files}
        assert sums == {each["sha256"] for each in row["contents"]}
        sources = {
            hashlib.sha256(p.read_bytes()).hexdigest()
            for p in (lake / "source").rglob("*") if p.is_file()
        }  # fmt: skip
        assert sums <= sources


def test_what_cannot_be_read_is_told_with_its_place(lake: Path, listed: dict[str, dict]) -> None:
    found = told("--lake", lake / "lake", "ingest", lake / "source")
    assert "broken.h5ad" not in listed
    assert found["assets"]["added"] == 0


def test_the_index_tells_the_figures_of_each_sample(lake: Path, listed: dict[str, dict]) -> None:
    row = listed["a.h5ad"]
    assert row["attributes"]["per_sample"]["cells"] == [30, 30]
    assert cells_files.SECRET not in str({**row, "contents": ""})


def by_anndata(path: Path) -> anndata.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the legacy layout
        return anndata.read_h5ad(path)


def same(one: anndata.AnnData, other: anndata.AnnData) -> None:
    matrices = [each.X.toarray() if hasattr(each.X, "toarray") else each.X for each in (one, other)]
    assert matrices[0].dtype == matrices[1].dtype
    assert np.array_equal(*matrices)
    for mine, theirs in ((one.obs, other.obs), (one.var, other.var)):
        assert mine.index.tolist() == theirs.index.tolist()
        assert mine.columns.tolist() == theirs.columns.tolist()
        for name in theirs.columns:
            assert mine[name].dtype == theirs[name].dtype, name
            assert mine[name].equals(theirs[name]), name


H5AD = ("a.h5ad", "kang.h5ad", "reduced.h5ad", "visium.h5ad")


@pytest.mark.parametrize("name", H5AD)
def test_an_exported_file_opens_to_the_same_matrix_and_tables(
    name: str, lake: Path, listed: dict[str, dict], tmp_path: Path
) -> None:
    row = listed.get(name)
    if row is None:
        pytest.skip("no shared data")
    whole = ("--lake", lake / "lake", "cells", "export", row["asset_id"], "--to")
    told(*whole, tmp_path / "a.h5ad")
    source = next((lake / "source").rglob(name))
    original, exported = by_anndata(source), by_anndata(tmp_path / "a.h5ad")
    same(exported, original)
    if "spatial" in original.obsm:
        assert np.array_equal(exported.obsm["spatial"], original.obsm["spatial"])


@pytest.mark.parametrize("name", H5AD)
def test_h5ad_to_mtx_to_h5ad_is_exact(
    name: str, lake: Path, listed: dict[str, dict], tmp_path: Path
) -> None:
    row = listed.get(name)
    if row is None:
        pytest.skip("no shared data")
    told("--lake", lake / "lake", "cells", "export", row["asset_id"], "--to", tmp_path / "mtx")
    source = next((lake / "source").rglob(name))
    original = by_anndata(source)
    by_scipy = mmread(tmp_path / "mtx" / "matrix.mtx.gz").T
    assert (csr_matrix(by_scipy) != csr_matrix(original.X)).nnz == 0
    told("--lake", tmp_path / "second", "init")
    told("--lake", tmp_path / "second", "ingest", tmp_path / "mtx")
    (again,) = told("--lake", tmp_path / "second", "assets", "list")["assets"]
    assert again["format"] == "tenx"
    assert again["modality"] == row["modality"]
    to = ("cells", "export", again["asset_id"], "--to", tmp_path / "b.h5ad")
    told("--lake", tmp_path / "second", *to)
    same(by_anndata(tmp_path / "b.h5ad"), original)


@pytest.mark.parametrize(
    "name", ["matrix.mtx.gz", "a_filtered_feature_bc_matrix.h5", "a.loom",
             "filtered_feature_bc_matrix.h5", "a_cell_coordinates.txt",
             "osmFISH_prep_cell_coordinates.txt"],
)  # fmt: skip
def test_other_formats_open_alike_after_export(
    name: str, lake: Path, listed: dict[str, dict], tmp_path: Path
) -> None:
    from biolake.core.catalogue import discover

    row = listed.get(name)
    if row is None:
        pytest.skip("no shared data")
    home = next((lake / "source").rglob(name)).parent
    names = [each["name"].rpartition("/")[2] for each in row["contents"]]
    reader = discover("biolake.readers").get("asset-reader", row["format"])
    first = reader.call(FileContent.of(*(home / each for each in names)))
    whole = ("--lake", lake / "lake", "cells", "export", row["asset_id"], "--to")
    told(*whole, tmp_path / "a.h5ad")
    told(*whole, tmp_path / "mtx")
    files = [p for p in sorted((tmp_path / "mtx").rglob("*")) if p.is_file()]
    files.sort(key=lambda p: "matrix" not in p.name)
    for again in (h5ad.call(FileContent.of(tmp_path / "a.h5ad")),
                  tenx.call(FileContent.of(*files))):  # fmt: skip
        assert (csr_matrix(again.counts) != csr_matrix(first.counts)).nnz == 0
        assert again.counts.dtype == first.counts.dtype
        assert again.features.tolist() == first.features.tolist()
        assert again.obs.to_pydict() == first.obs.to_pydict()
        assert again.samples == first.samples
        if first.coordinates is not None:
            assert np.array_equal(again.coordinates, first.coordinates)


def test_nothing_is_written_over_and_cells_have_no_picture(
    lake: Path, listed: dict[str, dict], tmp_path: Path
) -> None:
    row = listed["a.h5ad"]
    (tmp_path / "a.h5ad").write_text("mine")
    call = ("--lake", lake / "lake", "cells", "export", row["asset_id"], "--to")
    code, error = refused(*call, tmp_path / "a.h5ad")
    assert (code, error["message"]) == (2, "there is a file of this name")
    assert (tmp_path / "a.h5ad").read_text() == "mine"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("mine")
    code, error = refused(*call, tmp_path / "folder")
    assert (code, error["message"]) == (2, "the folder is not empty")
    code, error = refused("--lake", lake / "lake", "assets", "show", row["asset_id"], "--png",
                          tmp_path / "a.png")  # fmt: skip
    assert (code, error["message"]) == (2, "this kind of asset has no picture")
