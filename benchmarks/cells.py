"""Cells against scanpy: CPU time and memory for quality per cell and pseudobulk, in one run.

A made-up matrix of counts is written as .h5ad (CSR, as AnnData writes it); each side is a child
process of its own, one thread, that reads it, counts molecules and genes of every cell, and sums
counts by donor and cell type. The sums are compared. The peer needs its own Python:

    python benchmarks/cells.py --folder SCRATCH --peer-python /path/to/venv/with/scanpy/bin/python
    python benchmarks/cells.py --folder SCRATCH --cells 20000 --genes 20000 --findings
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SOURCE = Path(__file__).resolve().parent.parent / "src"
DONORS, TYPES = 40, 8
_BLOCK = 5_000


def write(path: Path, cells: int, genes: int, density: float, form: str) -> None:
    """Write counts of so many donors and cell types, some rows at a time."""
    import h5py
    import numpy as np

    draw = np.random.default_rng(1)
    each = max(1, int(genes * density))
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        if form == "csr":
            sparse(file, draw, cells, genes, each)
        else:
            matrix = file.create_dataset("X", (cells, genes), "f4", chunks=(100, genes))
            matrix.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
            for start in range(0, cells, _BLOCK):
                size = (min(_BLOCK, cells - start), genes)
                matrix[start : start + size[0]] = draw.poisson(density, size)
        columns = {
            "donor": [f"D{n % DONORS:03d}" for n in range(cells)],
            "cell_type": [f"type {n * 7 // 11 % TYPES}" for n in range(cells)],
        }
        frame(file.create_group("obs"), [f"C{n:07d}" for n in range(cells)], columns)
        frame(file.create_group("var"), [f"MT-{n}" if n < 13 else f"G{n}" for n in range(genes)])


def sparse(file, draw, cells: int, genes: int, each: int) -> None:
    import numpy as np

    group = file.create_group("X")
    shape = np.array([cells, genes])
    group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})
    data = group.create_dataset("data", (cells * each,), "f4", chunks=(1 << 16,))
    indices = group.create_dataset("indices", (cells * each,), "i4", chunks=(1 << 16,))
    group["indptr"] = np.arange(cells + 1, dtype=np.int32) * each
    for start in range(0, cells, _BLOCK):
        rows = min(_BLOCK, cells - start)
        # Distinct genes of each cell: every k-th of a rotated list.
        step = genes // each
        first = draw.integers(0, genes, (rows, 1))
        places = np.sort((first + np.arange(each) * step) % genes, axis=1)
        part = slice(start * each, (start + rows) * each)
        indices[part] = places.ravel()
        data[part] = draw.geometric(0.5, rows * each)


def frame(group, names: list[str], columns: dict[str, list[str]] | None = None) -> None:
    import h5py
    import numpy as np

    text = h5py.string_dtype()
    order = np.array(list(columns or {}), dtype=object)
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0"})
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", order, dtype=text)
    tables = {"_index": names, **(columns or {})}
    for name, values in tables.items():
        made = group.create_dataset(name, data=values, dtype=text)
        made.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def ours(path: Path, findings: bool) -> dict:
    """Find, open and measure with Biolake, as ingest and extract do."""
    import numpy as np

    from biolake.core.assets import FileContent, Surroundings
    from biolake.core.reading import SourceFile
    from biolake.extractors.cell_pseudobulk import pseudobulk
    from biolake.extractors.cell_quality import cell_quality
    from biolake.omics.cells.pseudobulk import summed
    from biolake.omics.cells.quality import cell_quality as quality_of
    from biolake.readers.h5ad import h5ad

    content = FileContent.of(path)
    figures: dict = {}
    for _ in range(2):  # the first pass compiles
        start = time.process_time()
        cells = h5ad.call(content)
        figures["open"] = time.process_time() - start
        start = time.process_time()
        quality = quality_of(cells)
        figures["quality"] = time.process_time() - start
        start = time.process_time()
        sums = {(cells.samples[s.group.sample], s.group.type): s.sums for s in summed(cells)}
        figures["pseudobulk"] = time.process_time() - start
    figures["check"] = checked(quality.molecules, quality.genes, sums)
    start = time.process_time()
    list(h5ad.find([SourceFile(path, path.name)], Surroundings({})))
    figures["find"] = time.process_time() - start
    if findings:
        start = time.process_time()
        cell_quality.call(cells)
        rows = len(pseudobulk.call(cells).findings)
        figures["findings"] = [rows, time.process_time() - start]
    figures["rows"] = int(np.size(quality.genes))
    return figures


def peer(path: Path, findings: bool) -> dict:
    """Read, count and sum with scanpy."""
    import anndata
    import scanpy

    figures: dict = {}
    for _ in range(2):
        start = time.process_time()
        cells = anndata.read_h5ad(path)
        figures["open"] = time.process_time() - start
        start = time.process_time()
        scanpy.pp.calculate_qc_metrics(cells, inplace=True, percent_top=None, log1p=False)
        figures["quality"] = time.process_time() - start
        start = time.process_time()
        found = scanpy.get.aggregate(cells, by=["donor", "cell_type"], func="sum")
        figures["pseudobulk"] = time.process_time() - start
    names = zip(found.obs["donor"], found.obs["cell_type"], strict=True)
    sums = dict(zip(names, found.layers["sum"], strict=True))
    told = cells.obs
    figures["check"] = checked(
        told["total_counts"].to_numpy(), told["n_genes_by_counts"].to_numpy(), sums
    )
    return figures


def checked(molecules, genes, sums: dict) -> list[float]:
    """Return figures that both sides must share: sums that tell cells, groups and genes apart."""
    import numpy as np

    weights = np.arange(1, len(molecules) + 1, dtype=np.float64)
    values = [float(molecules.astype("f8") @ weights), float(genes.astype("f8") @ weights)]
    for number, key in enumerate(sorted(sums), start=1):
        row = np.asarray(sums[key], dtype=np.float64).ravel()
        values.append(number * float(row @ np.arange(1, len(row) + 1)))
    return [len(sums), values[0], values[1], sum(values[2:])]


def child(python: str, side: str, path: Path, findings: bool, runs: int) -> dict:
    """Run one side in fresh processes; return the one of median time."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(SOURCE)}
    command = [python, "-W", "ignore", __file__, "--child", side, "--file", str(path)]
    command += ["--findings"] if findings else []
    found = [
        json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        for _ in range(runs)
    ]
    middle = median(total(run) for run in found)
    return min(found, key=lambda run: abs(total(run) - middle))


def total(figures: dict) -> float:
    return figures["open"] + figures["quality"] + figures["pseudobulk"]


def compare(path: Path, findings: bool, peer_python: str | None, runs: int) -> None:
    sides = {"Biolake": child(sys.executable, "ours", path, findings, runs)}
    if peer_python:
        sides["scanpy"] = child(peer_python, "peer", path, findings, runs)
    for name, run in sides.items():
        parts = ", ".join(f"{what} {run[what]:.2f}" for what in ("open", "quality", "pseudobulk"))
        print(f"{name}: {parts}: {total(run):.2f} CPU-s, peak {run['peak_mb']:.0f} MB")
    mine = sides["Biolake"]
    print(f"find (all checks and per-sample figures): {mine['find']:.2f} CPU-s")
    if findings:
        rows, seconds = mine["findings"]
        print(f"findings: {rows:,} in {seconds:.2f} CPU-s")
    if peer_python:
        pairs = zip(mine["check"], sides["scanpy"]["check"], strict=True)
        assert all(abs(a - b) <= 1e-6 * max(1.0, abs(b)) for a, b in pairs), (
            mine["check"],
            sides["scanpy"]["check"],
        )
        print("molecules, genes and sums are the same")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the made-up file is written")
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--genes", type=int, default=2_000)
    parser.add_argument("--density", type=float, default=0.1)
    parser.add_argument("--form", choices=("csr", "dense"), default="csr")
    parser.add_argument("--findings", action="store_true", help="also make the extractors' rows")
    parser.add_argument("--peer-python", help="a Python that has scanpy")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", choices=("ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.child:
        name = f"cells-{asked.cells}-{asked.genes}-{asked.density}-{asked.form}.h5ad"
        path = asked.folder / name
        if not path.exists():
            write(path, asked.cells, asked.genes, asked.density, asked.form)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
        compare(path, asked.findings, asked.peer_python, asked.runs)
        return
    side = {"ours": ours, "peer": peer}[asked.child]
    figures = side(asked.file, asked.findings)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
