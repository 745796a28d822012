"""Small files of cells in every format, made by AnnData, h5py and plain text."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import Extension
from biolake.core.media import Cells
from biolake.core.reading import SourceFile

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SECRET = "SECRET77"
GENES = ("TP53", "EGFR", "MARCH1", "SEPT2", "MT-ND1", "CD3E", "MS4A1")


def counts(cells: int = 60, genes: int = len(GENES), seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).poisson(1.5, (cells, genes)).astype(np.float32)


def adata(matrix: object | None = None, **columns: object) -> anndata.AnnData:
    """Two donors and two cell types over small counts; columns of `obs` may be changed or added."""
    found = counts() if matrix is None else matrix
    cells, genes = found.shape
    told = {
        "donor_id": [f"{SECRET}-{n % 2}" for n in range(cells)],
        "cell_type": ["T cell" if n % 3 else "B cell" for n in range(cells)],
        "score": np.linspace(0.0, 1.0, cells),
        **columns,
    }
    obs = pd.DataFrame({n: v for n, v in told.items() if v is not None})
    obs.index = pd.Index([f"AAAC{n:04d}-1" for n in range(cells)])
    names = [*GENES, *(f"GENE{n}" for n in range(genes))][:genes]
    var = pd.DataFrame({"length": np.arange(genes)}, index=pd.Index(names))
    return anndata.AnnData(found, obs, var)


def write(path: Path, given: anndata.AnnData) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given.write_h5ad(path)
    return path


def h5ad_source(folder: Path) -> None:
    write(folder / "a.h5ad", adata(sparse.csr_matrix(counts())))


def mtx(matrix: np.ndarray, field: str = "integer") -> str:
    """Write features × cells as Matrix Market text, in the order of cells."""
    rows = [
        f"{gene + 1} {cell + 1} {matrix[cell, gene]:g}"
        for cell in range(matrix.shape[0])
        for gene in range(matrix.shape[1])
        if matrix[cell, gene]
    ]
    head = [f"%%MatrixMarket matrix coordinate {field} general", "%metadata_json: {}"]
    size = f"{matrix.shape[1]} {matrix.shape[0]} {len(rows)}"
    return "\n".join([*head, size, *rows, ""])


def barcodes(cells: int) -> str:
    return "".join(f"AAAC{n:04d}-1\n" for n in range(cells))


def features(genes: int) -> str:
    names = [*GENES, *(f"GENE{n}" for n in range(genes))][:genes]
    return "".join(f"ENSG{n:011d}\t{name}\tGene Expression\n" for n, name in enumerate(names))


def mtx_folder(folder: Path, matrix: np.ndarray | None = None, packed: bool = True) -> Path:
    found = counts() if matrix is None else matrix
    texts = {"matrix.mtx": mtx(found), "barcodes.tsv": barcodes(len(found)),
             "features.tsv": features(found.shape[1])}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            (folder / name).write_text(text)
    return folder


def tenx_h5(path: Path, matrix: np.ndarray | None = None, version: int = 3) -> Path:
    found = sparse.csr_matrix(counts() if matrix is None else matrix).astype(np.int32)
    cells, genes = found.shape
    names = np.array([*GENES, *(f"GENE{n}" for n in range(genes))][:genes], "S")
    ids = np.array([f"ENSG{n:011d}" for n in range(genes)], "S")
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "GRCh38")
        group["data"], group["indices"] = found.data, found.indices.astype(np.int64)
        group["indptr"], group["shape"] = found.indptr.astype(np.int64), np.array([genes, cells])
        group["barcodes"] = np.array([f"AAAC{n:04d}-1" for n in range(cells)], "S")
        if version == 2:
            group["genes"], group["gene_names"] = ids, names
        else:
            told = group.create_group("features")
            told["id"], told["name"] = ids, names
            told["feature_type"] = np.array(["Gene Expression"] * genes, "S")
            told["genome"] = np.array(["GRCh38"] * genes, "S")
    return path


def tenx_source(folder: Path) -> None:
    mtx_folder(folder / "mtx")
    tenx_h5(folder / "a_filtered_feature_bc_matrix.h5")


def visium(folder: Path, matrix: np.ndarray | None = None, heading: bool = True) -> Path:
    """Write a slide: a matrix, the place of each spot, and scale factors."""
    found = counts() if matrix is None else matrix
    tenx_h5(folder / "filtered_feature_bc_matrix.h5", found)
    (folder / "spatial").mkdir()
    rows = [f"AAAC{n:04d}-1,1,{n},{n},{10 * n},{1000 - n}" for n in range(len(found) + 5)]
    head = ["barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres"]
    name = "tissue_positions.csv" if heading else "tissue_positions_list.csv"
    lines = [*(head if heading else []), *rows, ""]
    (folder / "spatial" / name).write_text("\n".join(lines))
    (folder / "spatial" / "scalefactors_json.json").write_text('{"spot_diameter_fullres": 89.4}')
    return folder


def loom_file(path: Path, matrix: np.ndarray | None = None) -> Path:
    found = counts() if matrix is None else matrix
    cells, genes = found.shape
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=found.T, chunks=(1, min(cells, 64)), compression="gzip")
        rows, columns = file.create_group("row_attrs"), file.create_group("col_attrs")
        names = [*GENES, *(f"GENE{n}" for n in range(genes))][:genes]
        rows.create_dataset("Gene", data=names, dtype=text)
        columns.create_dataset("CellID", data=[f"AAAC{n}" for n in range(cells)], dtype=text)
        columns.create_dataset("donor", data=[f"{SECRET}{n % 2}" for n in range(cells)], dtype=text)
        file.create_group("layers")
        file.attrs["LOOM_SPEC_VERSION"] = "3.0.0"
    return path


def loom_source(folder: Path) -> None:
    loom_file(folder / "a.loom")


def spatial_source(folder: Path) -> None:
    """Write tables as those of osmFISH: genes × cells, without a name over the genes."""
    matrix = counts(40).astype(int)
    cells = [f"cell_{n}" for n in range(len(matrix))]
    rows = ["\t".join([gene, *map(str, matrix[:, n])]) for n, gene in enumerate(GENES)]
    (folder / "a_expression.txt").write_text("\n".join(["\t".join(cells), *rows, ""]))
    places = [f"{cell}\t{100 + n}.5\t{7 * n}" for n, cell in enumerate(cells[::-1])]
    extra = "cell_999\t1\t2"
    (folder / "a_cell_coordinates.txt").write_text("\n".join(["ID\tX\tY", *places, extra, ""]))
    told = [f"{cell}\t{'A' if n % 2 else 'B'}\t{SECRET}" for n, cell in enumerate(cells)]
    head = "CellID\tClusterName\tpatient"
    (folder / "a_cell_metadata.txt").write_text("\n".join([head, *told, ""]))


def found(reader: Extension, *paths: Path) -> FoundAsset | UnreadableFile:
    """Find the asset of the first path, all of its folder beside it."""
    root = paths[0].parent
    files = {
        p.relative_to(root).as_posix(): SourceFile(p, p.relative_to(root).as_posix())
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }
    assert reader.find is not None
    (result,) = reader.find([files[paths[0].name]], Surroundings(files))
    return result


def read(reader: Extension, *paths: Path) -> Cells:
    opened: Cells = reader.call(FileContent.of(*paths))
    return opened


def refusal(reader: Extension, path: Path) -> str:
    """Return why a file is refused; opening it is refused for the same reason."""
    result = found(reader, path)
    assert isinstance(result, UnreadableFile), "it was taken"
    return result.reason


def edited(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def examples() -> list[Cells]:
    """Opened cells of two donors, sparse and dense, and of none, with counts and with logs."""
    matrix = counts(60, 520)
    names = np.array([*GENES, *(f"GENE{n}" for n in range(520))][:520], dtype=object)
    sample = (np.arange(60) % 2).astype(np.int32)
    types = np.array(["T cell" if n % 3 else "B//cell" for n in range(60)], dtype=object)
    none = np.full(520, "", dtype=object)
    two = Cells(sparse.csr_matrix(matrix), True, ("a", "b"), sample, names, none, types)
    nobody = np.full(60, -1, dtype=np.int32)
    return [
        two,
        Cells(matrix, True, (), nobody, names, none),
        Cells(np.log1p(matrix), False, ("a", "b"), sample, names, none, types, log1p=True),
    ]
