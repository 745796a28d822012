"""A sample sheet says when its samples were taken, before or after the file that holds them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from biolake.core.catalogue import discover
from biolake.ingest.extraction import extract
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify
from biolake.testing.hospital import simulate

pytest.importorskip("h5py")
CATALOGUE = discover("biolake.readers", "biolake.extractors")
SHARES = "SELECT DISTINCT subject_id, time FROM events WHERE starts_with(code, 'CELL_SHARE//')"
SHEET = "SELECT subject_id, time FROM events WHERE code = 'SAMPLE//taken'"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples of one site, the sheet and the files in folders of their own."""
    folder = tmp_path_factory.mktemp("samples")
    simulate(folder / "made", subjects=24, seed=3, omics=1.0)
    made = folder / "made" / "site-1"
    for name, pattern in (("sheet", "samples.*"), ("files", "blood.h5ad")):
        (folder / name).mkdir()
        for path in (made / "omics").glob(pattern):
            shutil.copy(path, folder / name)
    shutil.copytree(made / "mimic", folder / "mimic")
    return folder


def load(lake: Lake, site: Path, *parts: str) -> None:
    for part in parts:
        ingest(lake, str(site / part), CATALOGUE, site="site-1", subject_system=None)
        extract(lake, CATALOGUE)


def rows(lake: Lake, sql: str) -> set:
    with open_view(lake) as view:
        return set(view.rows(sql))


@pytest.mark.parametrize("order", [("sheet", "files"), ("files", "sheet")], ids="->".join)
def test_findings_stand_when_the_sheet_says_the_sample_was_taken(site, tmp_path, order):
    lake = init(str(tmp_path / "lake"))
    load(lake, site, "mimic", *order)
    found = rows(lake, SHARES)
    assert len(found) == 12
    assert found < rows(lake, SHEET)
    assert verify(lake).problems == ()


def test_a_corrected_time_moves_what_was_found_and_the_same_sheet_adds_nothing(site, tmp_path):
    lake = init(str(tmp_path / "lake"))
    load(lake, site, "mimic", "sheet", "files")
    before, commit = rows(lake, SHARES), lake.commit().number
    load(lake, site, "sheet")
    assert lake.commit().number == commit
    moved = tmp_path / "moved" / "sheet"
    shutil.copytree(site / "sheet", moved)
    text = (moved / "samples.csv").read_text()
    header, first, *others = text.splitlines()
    sample, patient, taken, ldl = first.split(",")
    later = taken.replace(taken[:4], str(int(taken[:4]) + 1))
    lines = [header, ",".join((sample, patient, later, ldl)), *others]
    (moved / "samples.csv").write_text("\n".join(lines) + "\n")
    load(lake, moved.parent, "sheet")
    after = rows(lake, SHARES)
    assert len(after - before) == len(before - after) == 1
    ((who, when),) = after - before
    assert (who, when.isoformat()) == (next(iter(before - after))[0], later.replace(" ", "T"))
    assert verify(lake).problems == ()


def test_a_forgotten_subject_leaves_no_time_of_its_sample(site, tmp_path):
    lake = init(str(tmp_path / "lake"))
    load(lake, site, "mimic", "sheet")
    everyone = {subject for subject, _ in rows(lake, SHEET)}
    gone = min(everyone)
    assert forget(lake, gone).scan.hits == ()
    assert rows(lake, "SELECT subject_id FROM samples") == {(s,) for s in everyone - {gone}}
    load(lake, site, "sheet")
    assert len(rows(lake, "SELECT subject_id FROM samples")) == len(everyone) - 1
