"""encode: vectors of assets from the command line, once a version; the list; what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.source import call, refused, told
from tests.learning.small_ecgs import hospital

from biolake.core.errors import DataRefused, SetupMissing


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("encode")
    hospital(home, subjects=3)
    return home / "lake"


def test_assets_are_encoded_once(lake: Path) -> None:
    first = told("--lake", lake, "encode", "ecg-kernels")
    (row,) = first["encoders"]
    assert (row["encoder"], row["encoded"], row["known"], row["failed"]) == (
        "ecg-kernels",
        6,
        0,
        {},
    )
    again = told("--lake", lake, "encode", "--modality", "ecg")
    (row,) = again["encoders"]
    assert (row["encoded"], row["known"]) == (0, 6)
    assert (again["committed"], again["commit"]) == (False, first["commit"])
    assert told("--lake", lake, "verify")["problems"] == []
    page = call("--lake", lake, "encode").stdout
    assert re.search(r"^ecg-kernels +1 +0 +6", page, re.MULTILINE)
    assert f"Nothing new to encode. The lake stays at commit {first['commit']}." in page


def test_an_asset_that_cannot_be_encoded_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DataRefused("too few leads")

    hospital(tmp_path, subjects=2)
    monkeypatch.setattr("biolake.learning.encoding.prepare", refuse)
    page = call("--lake", tmp_path / "lake", "encode").stdout
    assert re.search(r"ecg-kernels +too few leads +4\n", page)
    assert "The lake stays at commit 1." in page


def test_an_encoder_not_installed_stops_only_a_call_that_names_it(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise SetupMissing("numba is not installed.", next="pip install 'biolake[signals]'")

    monkeypatch.setattr("biolake.learning.encoding.encode", missing)
    page = call("--lake", lake, "encode").stdout
    said = "ecg-kernels did not run: numba is not installed. pip install 'biolake[signals]'"
    assert said in " ".join(page.split())
    code, error = refused("--lake", lake, "encode", "ecg-kernels")
    assert (code, error["message"]) == (3, "numba is not installed.")


def test_list_shows_what_each_encoder_reads() -> None:
    rows = {row["encoder"]: row for row in told("encode", "--list")["encoders"]}
    assert (rows["ecg-kernels"]["needs"], rows["ecg-kernels"]["dimension"]) == ("ecg", 1932)
    assert {"ct-slice-shape", "radiograph-shape", "slide-colour"} <= set(rows)
    page = call("encode", "ecg-kernels", "--list").stdout
    assert "Licence of its weights: none" in page
    assert "ct-slice-shape" not in page


def test_a_wrong_word_is_met_with_a_near_one(lake: Path) -> None:
    code, error = refused("--lake", lake, "encode", "ecg-kernel")
    assert code == 2
    assert "Did you mean 'ecg-kernels'" in error["message"]
    code, error = refused("--lake", lake, "encode", "ecg-kernels", "--modality", "ct")
    assert (code, error["message"]) == (2, "none of the encoders named reads 'ct'.")
    code, error = refused("--lake", lake, "encode", "--modality", "report")
    assert (code, "no encoder reads 'report'" in error["message"]) == (2, True)
