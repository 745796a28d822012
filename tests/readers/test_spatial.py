"""Tables of counts and coordinates: joined by the cell, in the order of the counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.readers.cells_files import GENES, SECRET, SHARED, counts, found, read, spatial_source

from biolake.core.assets import UnreadableFile
from biolake.readers.spatial import claims, spatial

OSMFISH = SHARED / "spatial_osmfish"
NAMES = ("a_cell_coordinates.txt", "a_expression.txt", "a_cell_metadata.txt")


def source(folder: Path) -> list[Path]:
    spatial_source(folder)
    return [folder / name for name in NAMES]


def test_osmfish_equals_what_pandas_reads() -> None:
    if not OSMFISH.is_dir():
        pytest.skip("no shared data")
    paths = [OSMFISH / f"osmFISH_prep_{n.removeprefix('a_')}" for n in NAMES]
    cells = read(spatial, *paths)
    places, values, told = (pd.read_csv(path, sep="\t", index_col=0) for path in paths)
    assert cells.counts.dtype == np.int64
    assert np.array_equal(cells.counts.toarray(), values.to_numpy().T)
    assert cells.features.tolist() == values.index.tolist()
    names = cells.obs["cell"].to_pylist()
    assert names == values.columns.tolist()
    assert np.array_equal(cells.coordinates, places.loc[names, ["X", "Y"]].to_numpy())
    assert cells.cell_type.tolist() == told.loc[names, "ClusterName"].tolist()


def test_cells_are_joined_by_name_and_not_by_place(tmp_path: Path) -> None:
    cells = read(spatial, *source(tmp_path))
    assert np.array_equal(cells.counts.toarray(), counts(40))
    assert cells.features.tolist() == list(GENES)
    assert cells.coordinates.tolist() == [[139.5 - n, 7 * (39 - n)] for n in range(40)]
    asset = found(spatial, *source(tmp_path))
    assert asset.modality == "spatial"
    assert [sample.name for sample in asset.samples] == [SECRET]
    assert "1 cells have a place and no counts: left out" in asset.notes


def test_counts_may_stand_by_cells(tmp_path: Path) -> None:
    paths = source(tmp_path)
    table = pd.read_csv(paths[1], sep="\t", index_col=0)
    table.T.to_csv(paths[1], sep="\t", index_label="cell")
    assert np.array_equal(read(spatial, *paths).counts.toarray(), counts(40))


def changed(path: Path, line: int, old: str, new: str) -> None:
    lines = path.read_text().split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines))


BROKEN = {
    "text for a count": (1, 3, "\t2", "\ttwo", "the counts, line 3, field"),
    "a missing field": (1, 4, "\t", "", "the counts, line 4: 40 fields, not 41"),
    "a gene twice": (1, 3, "EGFR", "TP53", "the counts, row 2"),
    "a date": (1, 3, "EGFR", "1-Mar", "gene symbol 2 is a date"),
    "a cell twice": (1, 1, "cell_1\t", "cell_0\t", "the counts, column 2"),
    "a cell without a place": (1, 1, "cell_3\t", "cell_x\t", "cell 4 of the counts has no place"),
    "no number for a place": (0, 5, ".5", ".x", "the coordinates, line 5: the place"),
    "a place twice": (0, 6, "cell_35", "cell_36", "the coordinates, line 6"),
    "no column x": (0, 1, "X", "Q", "no columns x and y"),
    "a short row": (2, 3, "\tA", "", "the metadata, line 3: 2 fields, not 3"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_table_is_refused_by_line(fault: str, tmp_path: Path) -> None:
    paths = source(tmp_path)
    number, line, old, new, reason = BROKEN[fault]
    changed(paths[number], line, old, new)
    result = found(spatial, *paths)
    assert isinstance(result, UnreadableFile)
    assert reason in result.reason
    assert SECRET not in result.reason


def test_coordinates_alone_are_refused(tmp_path: Path) -> None:
    paths = source(tmp_path)
    paths[1].unlink()
    assert "no table of counts" in found(spatial, *paths).reason


def test_only_tables_of_coordinates_are_claimed() -> None:
    assert claims("x/a_cell_coordinates.txt", b"ID\tX\tY\n1\t2\t3")
    assert claims("cell_locations.csv.gz", b"\x1f\x8b")
    assert not claims("cell_coordinates.txt", b"Dear colleague,\n")
    assert not claims("expression.txt", b"a\tb")
