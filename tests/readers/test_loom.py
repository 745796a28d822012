"""Loom files: genes × cells in the file, cells × genes when opened."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.readers.cells_files import GENES, SECRET, counts, edited, found, loom_file, read, refusal

from biolake.omics.cells.blocks import whole
from biolake.readers._cells import matrices
from biolake.readers.loom import loom


@pytest.mark.parametrize("by_rows", [False, True], ids=["in memory", "by rows"])
def test_a_file_is_turned_to_cells(
    by_rows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_rows:
        monkeypatch.setattr(matrices, "IN_MEMORY", 0)
        monkeypatch.setattr(matrices, "_BLOCK", 100)
    cells = read(loom, loom_file(tmp_path / "a.loom"))
    assert np.array_equal(whole(cells.counts), counts())
    assert cells.features.tolist() == list(GENES)
    assert cells.obs["CellID"].to_pylist()[:2] == ["AAAC0", "AAAC1"]
    assert cells.samples == (f"{SECRET}0", f"{SECRET}1")


def test_counts_are_found_in_a_layer(tmp_path: Path) -> None:
    path = loom_file(tmp_path / "a.loom", counts() / 3)

    def layer(file: h5py.File) -> None:
        file["layers"].create_dataset("counts", data=counts().T)

    asset = found(loom, edited(path, layer))
    assert asset.facts.attributes["taken_from"] == "layers['counts']"
    assert read(loom, path).raw


def test_attributes_of_another_length_are_refused(tmp_path: Path) -> None:
    def fewer(file: h5py.File) -> None:
        names = file["col_attrs/CellID"][:-1]
        del file["col_attrs/CellID"]
        file["col_attrs/CellID"] = names

    told = refusal(loom, edited(loom_file(tmp_path / "a.loom"), fewer))
    assert "the attribute 'CellID' has 59 values, the matrix 60 cells" in told


@pytest.mark.parametrize("name", ["matrix", "row_attrs", "col_attrs"])
def test_a_file_that_lacks_a_part_is_refused(name: str, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file[name]

    told = refusal(loom, edited(loom_file(tmp_path / "a.loom"), change))
    assert f"it has no {name}" in told


def test_cells_without_names_are_numbered(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file["col_attrs/CellID"]

    path = edited(loom_file(tmp_path / "a.loom"), change)
    assert read(loom, path).obs["index"].to_pylist()[0] == "cell_1"


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = loom_file(tmp_path / "a.loom")
    path.write_bytes(path.read_bytes()[:1500])
    assert refusal(loom, path) == "the HDF5 file is damaged or cut short"


def test_a_part_that_is_missing_is_never_read_as_zeros(tmp_path: Path) -> None:
    path = tmp_path / "a.loom"
    loom_file(path)

    def hole(file: h5py.File) -> None:
        del file["matrix"]
        made = file.create_dataset("matrix", (len(GENES), 60), "f4", chunks=(1, 60))
        made[1:] = counts().T[1:]

    assert "parts of 'matrix' are missing" in refusal(loom, edited(path, hole))
