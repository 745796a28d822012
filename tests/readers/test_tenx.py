"""10x matrices: equal to what SciPy and h5py read, or refused by line."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.io import mmread
from tests.readers.cells_files import (
    GENES,
    SHARED,
    counts,
    edited,
    found,
    mtx,
    mtx_folder,
    read,
    refusal,
    tenx_h5,
    visium,
)

from biolake.core.assets import FoundAsset, UnreadableFile
from biolake.readers.tenx import claims, tenx

FILES = [
    "scanpy_tests/filtered_feature_bc_matrix.h5",
    "scanpy_tests/raw_probe_bc_matrix.h5",
    "squidpy_spatial/filtered_feature_bc_matrix.h5",
]


def paths(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*"), key=lambda p: (p.suffix != ".h5" and "mtx" not in p.name, p))
    return [path for path in files if path.is_file()]


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_equals_what_it_holds(name: str) -> None:
    path = SHARED / name
    if not path.exists():
        pytest.skip("no shared data")
    cells = read(tenx, path)
    with h5py.File(path) as file:
        group = file["matrix"]
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(cells.counts, part), group[part][()])
        assert cells.counts.data.dtype == group["data"].dtype
        assert cells.counts.shape == tuple(group["shape"][()][::-1])
        assert cells.obs["barcode"].to_pylist() == group["barcodes"].asstr()[:].tolist()
        assert cells.features.tolist() == group["features/name"].asstr()[:].tolist()
        assert cells.var["genome"].to_pylist() == group["features/genome"].asstr()[:].tolist()


def test_a_matrix_before_cells_were_called_is_told() -> None:
    path = SHARED / FILES[1]
    if not path.exists():
        pytest.skip("no shared data")
    asset = found(tenx, path)
    assert asset.facts.attributes["empty_droplets"] is True


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_equals_what_scipy_reads(packed: bool, tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=packed)
    files = paths(folder)
    cells = read(tenx, *files)
    assert np.array_equal(cells.counts.toarray(), mmread(files[0]).toarray().T)
    assert cells.features.tolist() == list(GENES)
    assert cells.feature_ids.tolist() == [f"ENSG{n:011d}" for n in range(len(GENES))]
    asset = found(tenx, *files)
    assert isinstance(asset, FoundAsset)
    assert [file.name.split(".")[0] for file in asset.files] == ["matrix", "barcodes", "features"]


def test_files_of_one_folder_belong_together_by_how_they_begin(tmp_path: Path) -> None:
    for start in ("GSM1_", "GSM2_"):
        for file in paths(mtx_folder(tmp_path / start, counts(20 if start == "GSM1_" else 30))):
            file.rename(tmp_path / f"{start}{file.name}")
    for start, cells in (("GSM1_", 20), ("GSM2_", 30)):
        assert found(tenx, tmp_path / f"{start}matrix.mtx.gz").facts.shape == (cells, len(GENES))


def test_genes_tsv_of_version_2_is_read(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    rows = [line.split("\t")[:2] for line in (folder / "features.tsv").read_text().splitlines()]
    (folder / "genes.tsv").write_text("\n".join("\t".join(row) for row in rows))
    (folder / "features.tsv").unlink()
    assert read(tenx, *paths(folder)).features.tolist() == list(GENES)


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_of_hdf5_are_read_alike(version: int, tmp_path: Path) -> None:
    cells = read(tenx, tenx_h5(tmp_path / "a.h5", version=version))
    assert np.array_equal(cells.counts.toarray(), counts())
    assert cells.features.tolist() == list(GENES)
    assert found(tenx, tmp_path / "a.h5").facts.attributes["genome"] == "GRCh38"


@pytest.mark.parametrize("heading", [True, False])
def test_a_visium_slide_has_the_place_of_each_spot(heading: bool, tmp_path: Path) -> None:
    folder = visium(tmp_path, heading=heading)
    asset = found(tenx, folder / "filtered_feature_bc_matrix.h5")
    assert asset.modality == "spatial"
    assert asset.facts.attributes["scale_factors"] == {"spot_diameter_fullres": 89.4}
    cells = read(tenx, *paths(folder))
    assert cells.coordinates.tolist() == [[1000 - n, 10 * n] for n in range(60)]


def test_the_places_of_a_matrix_in_a_folder_lie_beside_that_folder(tmp_path: Path) -> None:
    folder = visium(tmp_path)
    (folder / "filtered_feature_bc_matrix.h5").unlink()
    mtx_folder(folder / "filtered_feature_bc_matrix")
    from biolake.testing.asset_readers import found as all_found

    (asset,) = all_found(tenx, folder)
    assert asset.modality == "spatial"


def test_a_spot_without_a_place_is_refused(tmp_path: Path) -> None:
    folder = visium(tmp_path)
    place = folder / "spatial" / "tissue_positions.csv"
    lines = place.read_text().splitlines()
    place.write_text("\n".join([*lines[:5], *lines[6:]]))
    assert "spot 5 has no place" in refusal(tenx, folder / "filtered_feature_bc_matrix.h5")
    place.write_text("\n".join([*lines[:5], lines[5].replace("40", "nan"), *lines[6:]]))
    assert "line 6: no place" in refusal(tenx, folder / "filtered_feature_bc_matrix.h5")


def test_antibodies_are_not_counted_as_genes(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    lines = (folder / "features.tsv").read_text().splitlines()
    lines[0] = lines[0].replace("Gene Expression", "Antibody Capture")
    (folder / "features.tsv").write_text("\n".join(lines))
    told = found(tenx, folder / "matrix.mtx").facts.attributes["per_sample"]
    assert told["counts_per_cell"] == [float(np.median(counts()[:, 1:].sum(axis=1)))]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([0, 0, 1, 2, 7, 250]), min_size=3, max_size=3),
        min_size=1, max_size=9,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_the_order_of_entries_does_not_matter(rows: list, draw: object) -> None:
    import tempfile

    matrix = np.array(rows)
    head, size, *entries = (
        mtx(matrix).rstrip("\n").split("\n")[0:1] + mtx(matrix).rstrip("\n").split("\n")[2:]
    )
    draw.shuffle(entries)
    with tempfile.TemporaryDirectory() as home:
        folder = mtx_folder(Path(home) / "a", matrix, packed=False)
        (folder / "matrix.mtx").write_text("\n".join([head, size, *entries, ""]))
        assert np.array_equal(read(tenx, *paths(folder)).counts.toarray(), matrix)


def test_blanks_may_be_many_and_the_last_line_unended(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    text = (folder / "matrix.mtx").read_text()
    head, _, entries = text.partition("{}\n")
    loose = f"{head}{{}}\n{entries}".rstrip("\n").replace("1 ", "1   ")
    (folder / "matrix.mtx").write_text(loose)
    assert np.array_equal(read(tenx, *paths(folder)).counts.toarray(), counts())


def broken(folder: Path, change: object) -> Path:
    path = mtx_folder(folder, packed=False) / "matrix.mtx"
    lines = path.read_text().split("\n")
    change(lines)
    path.write_text("\n".join(lines))
    return path


def set_line(number: int, text: str) -> object:
    def change(lines: list[str]) -> None:
        lines[number - 1] = text

    return change


BROKEN = {
    "a feature beyond the heading": (set_line(7, "8 1 1"), "line 7: there is no such feature"),
    "a feature zero": (set_line(7, "0 1 1"), "line 7: there is no such feature"),
    "a cell beyond the heading": (set_line(9, "1 61 1"), "line 9: there is no such cell"),
    "text for a count": (set_line(8, "1 1 many"), "line 8 is not three numbers"),
    "two fields": (set_line(8, "1 1"), "line 8 is not three numbers"),
    "an entry too few": (lambda lines: lines.pop(10), "its heading says"),
    "an entry too many": (lambda lines: lines.insert(5, "7 60 1"), "more entries"),
    "an entry twice": (
        lambda lines: lines.__setitem__(4, lines[3]),
        "has two values of one feature",
    ),
    "a count below zero": (set_line(4, "1 1 -1"), "a count is below zero"),
    "no banner": (set_line(1, "%matrix"), "its first line is not that"),
    "a dense matrix": (set_line(1, "%%MatrixMarket matrix array real general"), "no sparse"),
    "complex numbers": (
        set_line(1, "%%MatrixMarket matrix coordinate complex general"),
        "of kind 'complex'",
    ),
    "no size": (set_line(3, "7 60"), "line 3: it should say rows, columns and entries"),
    "too large a size": (set_line(3, "7 60 999999999999"), "more than the file can hold"),
    "more features than names": (set_line(3, "8 60 300"), ""),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_matrix_is_refused_by_line(fault: str, tmp_path: Path) -> None:
    change, reason = BROKEN[fault]
    assert reason in refusal(tenx, broken(tmp_path / "a", change))


@pytest.mark.parametrize(
    ("name", "cut", "reason"),
    [
        ("features.tsv", 1, "the matrix has 7 features, the file of features 6"),
        ("barcodes.tsv", 1, "the matrix has 60 cells, the file of barcodes 59"),
    ],
)
def test_fewer_names_than_rows_are_refused(
    name: str, cut: int, reason: str, tmp_path: Path
) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    lines = (folder / name).read_text().splitlines()
    (folder / name).write_text("\n".join(lines[:-cut]))
    assert reason in refusal(tenx, folder / "matrix.mtx")


@pytest.mark.parametrize("name", ["features.tsv", "barcodes.tsv"])
def test_a_matrix_alone_is_refused(name: str, tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    (folder / name).unlink()
    assert "beside the matrix" in refusal(tenx, folder / "matrix.mtx")


@pytest.mark.parametrize("name", ["matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz"])
def test_gzip_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a")
    path = folder / name
    path.write_bytes(path.read_bytes()[:-12])
    assert "cut short" in refusal(tenx, folder / "matrix.mtx.gz")


def test_names_in_another_encoding_are_refused_by_line(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    lines = (folder / "features.tsv").read_bytes().split(b"\n")
    lines[3] = b"ENSG\xe9\tX\tY"
    (folder / "features.tsv").write_bytes(b"\n".join(lines))
    assert "the file of features, line 4: it is not UTF-8" in refusal(tenx, folder / "matrix.mtx")


def test_a_date_among_symbols_is_named_by_its_id(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a", packed=False)
    text = (folder / "features.tsv").read_text().replace("SEPT2", "2-Sep")
    (folder / "features.tsv").write_text(text)
    cells = read(tenx, *paths(folder))
    assert cells.features[3] == "ENSG00000000003"


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ((), "an HDF5 file of another kind"),
        (("X", "obs", "var"), "it is an AnnData file"),
        (("matrix", "row_attrs", "col_attrs"), "it is a loom file"),
        (("barcode_idx",), "it holds molecules"),
    ],
)
def test_another_hdf5_file_is_refused_by_what_it_is(
    groups: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for group in groups:
            file.create_group(group)
    assert reason in refusal(tenx, path)


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    def fewer(file: h5py.File) -> None:
        names = file["matrix/barcodes"][:-1]
        del file["matrix/barcodes"]
        file["matrix/barcodes"] = names

    path = edited(tenx_h5(tmp_path / "a.h5"), fewer)
    assert "has 60 cells, the table of cells 59" in refusal(tenx, path)

    def beyond(file: h5py.File) -> None:
        file["matrix/indices"][0] = 7

    path = edited(tenx_h5(tmp_path / "b.h5"), beyond)
    assert "a feature there is not" in refusal(tenx, path)


def test_two_genomes_in_one_file_are_refused(tmp_path: Path) -> None:
    path = tenx_h5(tmp_path / "a.h5", version=2)
    edited(path, lambda file: file.copy("GRCh38", "mm10"))
    assert "2 genomes" in refusal(tenx, path)


def test_only_matrices_are_claimed() -> None:
    magic = b"\x89HDF\r\n\x1a\n"
    assert claims("x/matrix.mtx.gz", b"\x1f\x8b")
    assert claims("GSM1_matrix.mtx", b"")
    assert claims("bus.mtx", b"%%MatrixMarket matrix")
    assert claims("a.h5", magic)
    assert not claims("a.h5", b"text")
    assert not claims("bus.mtx", b"text")
    assert not claims("features.tsv", b"")


def test_a_folder_gunzips_like_it_was(tmp_path: Path) -> None:
    plain, packed = (mtx_folder(tmp_path / n, packed=n == "b") for n in ("a", "b"))
    assert (
        gzip.decompress((packed / "matrix.mtx.gz").read_bytes())
        == (plain / "matrix.mtx").read_bytes()
    )
    one, other = (read(tenx, *paths(folder)).counts for folder in (plain, packed))
    assert (sparse.csr_matrix(one) != sparse.csr_matrix(other)).nnz == 0


def test_a_refused_matrix_is_one_account(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a")
    (folder / "barcodes.tsv.gz").write_bytes(b"")
    assert isinstance(found(tenx, folder / "matrix.mtx.gz"), UnreadableFile)


def test_a_bomb_of_one_line_is_refused(tmp_path: Path) -> None:
    folder = mtx_folder(tmp_path / "a")
    head = b"%%MatrixMarket matrix coordinate integer general\n7 60 300\n"
    bomb = gzip.compress(head + b"1" * (80 << 20))
    (folder / "matrix.mtx.gz").write_bytes(bomb)
    assert "a line after line 3 is too long" in refusal(tenx, folder / "matrix.mtx.gz")


def test_a_column_of_cases_and_controls_names_no_person(tmp_path: Path) -> None:
    from tests.readers.cells_files import adata, write

    from biolake.readers.h5ad import h5ad

    states = [["case", "control"][n % 2] for n in range(60)]
    asset = found(h5ad, write(tmp_path / "a.h5ad", adata(donor_id=None, case=states)))
    assert (asset.subject, asset.samples) == (None, ())


def test_lines_are_counted_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from biolake.readers._cells import mtx as matrix_market

    monkeypatch.setattr(matrix_market, "_BLOCK", 37)
    folder = mtx_folder(tmp_path / "a", packed=False)
    assert np.array_equal(read(tenx, *paths(folder)).counts.toarray(), counts())
    path = broken(tmp_path / "b", set_line(200, "9 1 1"))
    assert "line 200: there is no such feature" in refusal(tenx, path)
    path = broken(tmp_path / "c", set_line(150, "1 x 1"))
    assert "line 150 is not three numbers" in refusal(tenx, path)
