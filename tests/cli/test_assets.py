"""assets list, show, get, export and what ingest says: a folder of ECGs and a list of them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.source import call, refused, told

MAPPING = """
mapping: ecgs
detect: [list.csv]
subject: {column: patient, system: clinic}
tables:
  list:
    file: list.csv
    key: [row]
    columns: {row: BIGINT, taken: TIMESTAMP}
    assets: [{file: path, time: taken}]
"""
LIST = """row,patient,taken,path
1,p1,2024-01-02 08:00:00,a/one
2,p2,2024-01-03 08:00:00,a/two.hea
3,p2,2024-01-04 08:00:00,a/three
"""
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def record(folder: Path, name: str, seed: int) -> None:
    """Write a record of twelve leads and five seconds in format 16."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-500, 500, (500, 12)).astype("<i2")
    lines = [f"{name}.dat 16 1000(0)/mV 16 0 0 0 0 {lead}" for lead in LEADS]
    header = "\n".join([f"{name} 12 100 500", *lines]) + "\n"
    (folder / f"{name}.hea").write_text(header)
    (folder / f"{name}.dat").write_bytes(samples.tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a source of three listed records (one is missing) and one that nobody lists."""
    root = tmp_path_factory.mktemp("assets")
    source = root / "hospital"
    for seed, name in enumerate(("one", "two", "stray")):
        record(source / "a", name, seed)
    (source / "a" / "broken.hea").write_bytes(b"")
    (source / "list.csv").write_text(LIST)
    (source / "ecgs.yaml").write_text(MAPPING)
    told("--lake", root / "lake", "init")
    return root


@pytest.fixture(scope="module")
def loaded(folder: Path) -> dict[str, object]:
    answer: dict[str, object] = told("--lake", folder / "lake", "ingest", folder / "hospital")
    return answer


@pytest.fixture(scope="module")
def lake(folder: Path, loaded: dict[str, object]) -> Path:
    assert loaded["committed"]
    return folder / "lake"


def listed(lake: Path, *words: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = told("--lake", lake, "assets", "list", *words)["assets"]
    return found


def test_ingest_tells_what_it_did_with_the_assets(loaded: dict[str, object]) -> None:
    found = loaded["assets"]
    assert isinstance(found, dict)
    told_of = ("added", "linked", "unlinked", "waiting", "packs", "modalities")
    assert [found[name] for name in told_of] == [3, 2, 1, 0, 1, {"ecg": 3}]
    assert loaded["totals"]["unexplained"] == 0  # type: ignore[index]
    assert any("list/path: the file is not in the source (1)" in n for n in loaded["notes"])  # type: ignore[attr-defined]


def test_the_page_of_an_ingest_says_it_in_words(folder: Path, tmp_path: Path) -> None:
    told("--lake", tmp_path / "lake", "init")
    page = call("--lake", tmp_path / "lake", "ingest", folder / "hospital").stdout
    assert re.search(r"assets added +3 \(3 ecg\)", page)
    assert re.search(r"linked to their subject +2\n", page)
    assert re.search(r"without an identifier +1\n", page)
    again = call("--lake", tmp_path / "lake", "ingest", folder / "hospital").stdout
    assert again.startswith("Nothing new: ")


def test_a_source_of_records_alone_says_nothing_of_assets(tmp_path: Path) -> None:
    from tests.cli.source import write

    source = write(tmp_path)
    told("--lake", tmp_path / "lake", "init")
    words = ("--lake", tmp_path / "lake", "ingest", source, "--mapping", tmp_path / "labs.yaml")
    assert "asset" not in call(*words).stdout


def test_list_counts_by_kind_and_filters(lake: Path) -> None:
    data = told("--lake", lake, "assets", "list", "--limit", 1)
    assert (data["found"], len(data["assets"])) == (3, 1)
    assert data["modalities"][0]["modality"] == "ecg"
    (stray,) = listed(lake, "--unlinked")
    assert stray["subject_id"] is None
    one = listed(lake)[0]
    assert [row["asset_id"] for row in listed(lake, "--subject", one["subject_id"])] == [
        one["asset_id"]
    ]
    assert listed(lake, "--modality", "ct") == []
    assert (
        "There is no such asset"
        in call("--lake", lake, "assets", "list", "--modality", "ct").stdout
    )
    assert "(none named)" in call("--lake", lake, "assets", "list").stdout


def test_a_misspelt_modality_is_met_with_a_near_one(lake: Path) -> None:
    code, error = refused("--lake", lake, "assets", "list", "--modality", "ecgs")
    assert code == 2
    assert "Did you mean 'ecg'?" in error["message"]


def test_an_asset_is_shown_by_the_start_of_its_id(lake: Path) -> None:
    whole = listed(lake)[0]
    data = told("--lake", lake, "assets", "show", str(whole["asset_id"])[:8])
    assert data["asset_id"] == whole["asset_id"]
    assert data["time"] == "2024-01-02T08:00:00"
    assert [file["name"] for file in data["contents"]] == ["a/one.hea", "a/one.dat"]
    page = call("--lake", lake, "assets", "show", whole["asset_id"]).stdout
    assert "electrocardiogram (12-lead)" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda name: name[:5], "at least 6 characters"),
        (lambda name: name[:11] + ("0" if name[11] != "0" else "1"), "Did you mean"),
        (lambda _: "zzzzzzzz", "there is no asset 'zzzzzzzz'"),
        (lambda _: "%' OR 1=1", "there is no asset"),
    ],
)
def test_an_id_that_names_no_one_asset_is_refused(lake: Path, change, message: str) -> None:
    code, error = refused("--lake", lake, "assets", "show", change(listed(lake)[0]["asset_id"]))
    assert code == 2
    assert message in error["message"]


def test_an_asset_is_drawn(lake: Path, tmp_path: Path) -> None:
    asset = listed(lake)[0]["asset_id"]
    data = told("--lake", lake, "assets", "show", asset, "--png", tmp_path / "ecg.png")
    assert data["png"] == str(tmp_path / "ecg.png")
    width, height = Image.open(io.BytesIO((tmp_path / "ecg.png").read_bytes())).size
    assert (width, height) == (1620, 852)
    code, _ = refused("--lake", lake, "assets", "show", asset, "--png", tmp_path / "no" / "x.png")
    assert code == 2


def test_the_original_files_come_back(lake: Path, folder: Path, tmp_path: Path) -> None:
    asset = listed(lake)[0]["asset_id"]
    data = told("--lake", lake, "assets", "get", asset, "--out", tmp_path / "out")
    assert len(data["files"]) == 2
    for name in ("one.hea", "one.dat"):
        original = (folder / "hospital" / "a" / name).read_bytes()
        assert (tmp_path / "out" / name).read_bytes() == original
    assert refused("--lake", lake, "assets", "get", asset, "--out", tmp_path / "out")[0] == 4


@pytest.mark.parametrize("form", ["original", "npz"])
def test_an_export_has_a_manifest(lake: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    words = ("--modality", "ecg", "--out", out, "--format", form)
    data = told("--lake", lake, "assets", "export", *words)
    assert data["assets"] == 3
    lines = (out / "manifest.csv").read_text().splitlines()
    assert lines[0].startswith("asset_id,subject_id,encounter_id,time,modality")
    assert len(lines) == 1 + (6 if form == "original" else 3)
    assert refused("--lake", lake, "assets", "export", *words)[0] == 2


def test_an_export_of_none_is_refused(lake: Path, tmp_path: Path) -> None:
    words = ("--modality", "mr", "--out", tmp_path / "out")
    assert refused("--lake", lake, "assets", "export", *words)[0] == 2
    assert not (tmp_path / "out").exists()


def test_an_unknown_subject_is_refused(lake: Path) -> None:
    assert refused("--lake", lake, "assets", "list", "--subject", 5)[0] == 2


@pytest.mark.parametrize("words", [[], ["list"], ["show"], ["get"], ["export"]])
def test_help_shows_an_example(words: list[str]) -> None:
    answer = call("assets", *words, "--help")
    assert answer.exit_code == 0
    assert "Example" in answer.stdout
