"""Assets as files again: safe names, whole folders, arrays as they were opened."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biolake.core.assets import Content, FileContent
from biolake.core.errors import DataRefused, SourceUnreadable, WrongUse
from biolake.core.media import Annotation, Image, Opened, Recording, Signal, Volume
from biolake.export.assets import Asset, arrays_of, export, safe_names, save_arrays, write_original

SIGNAL = Signal(np.ones((2, 5), np.float32), 100.0, ("I", "II"), ("mV", "mV"), 0.5)


def asset(folder: Path, name: str, opener: Callable[[Content], Opened], **row: Any) -> Asset:
    path = folder / f"{name}.dat"
    path.write_bytes(name.encode())
    columns = {"asset_id": name, "subject_id": 7, "modality": "ecg", "bytes": 3, **row}
    return Asset(columns, FileContent.of(path), opener)


def opened(_: Content) -> Opened:
    return Recording((SIGNAL,))


def damaged(_: Content) -> Opened:
    raise SourceUnreadable("the header is cut short", where="x.dat")


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["00001.hea", "a-b_c+1.dat"], ["00001.hea", "a-b_c+1.dat"]),
        (["../../etc/passwd"], ["etc/passwd"]),
        (["/srv/x"], ["srv/x"]),
        (["C:\\Müller, Eva.dcm"], ["C_/M_ller_Eva.dcm"]),
        ([".hidden"], ["hidden"]),
        (["..", ""], ["file", "file-2"]),
        (["A.dcm", "a.dcm"], ["A.dcm", "a-2.dcm"]),
        (["é.dcm", "ü.dcm"], ["_.dcm", "_-2.dcm"]),
        (["CON", "nul.txt"], ["_CON", "_nul.txt"]),
        (["x" * 300 + ".nii.gz"], ["x" * 117 + ".gz"]),
    ],
)
def test_names_are_made_safe_and_told_apart(names: list[str], safe: list[str]) -> None:
    assert list(safe_names(names).values()) == safe


def test_an_export_holds_the_bytes_and_says_whose_they_are(tmp_path: Path) -> None:
    done = export([asset(tmp_path, "one", opened, time="2020-01-02")], 1, tmp_path / "out")
    assert done.rows == 1
    (row,) = rows_of(tmp_path / "out")
    assert (row["asset_id"], row["subject_id"], row["time"]) == ("one", "7", "2020-01-02")
    assert (tmp_path / "out" / row["path"]).read_bytes() == b"one"


def test_arrays_are_those_of_the_opened_asset(tmp_path: Path) -> None:
    export([asset(tmp_path, "one", opened)], 1, tmp_path / "out", "npz")
    with np.load(tmp_path / "out" / "one.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["samples_0"], SIGNAL.samples)
        assert arrays["channels_0"].tolist() == ["I", "II"]
        assert (float(arrays["rate_0"]), float(arrays["start_0"])) == (100.0, 0.5)


def test_an_asset_that_cannot_be_opened_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    assets = [asset(tmp_path, "bad", damaged), asset(tmp_path, "good", opened)]
    done = export(assets, 2, tmp_path / "out", "npz")
    assert done.rows == 1
    assert done.notes == ("not written: 1 asset: the header is cut short",)
    problems = {row["asset_id"]: (row["path"], row["problem"]) for row in rows_of(tmp_path / "out")}
    assert problems == {"bad": ("", "the header is cut short"), "good": ("good.npz", "")}


def test_an_export_of_nothing_but_problems_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="cut short"):
        export([asset(tmp_path, "bad", damaged)], 1, tmp_path / "out", "npz")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(WrongUse, match="not empty"):
        export([asset(tmp_path, "one", opened)], 1, tmp_path / "out")


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    content = asset(tmp_path, "one", opened).content
    for large in (False, True):
        folder = tmp_path / f"large-{large}"
        (written,) = write_original(content, folder, large=large)
        assert written.read_bytes() == b"one"
        with pytest.raises(DataRefused, match="already"):
            write_original(content, folder, large=large)


def test_every_kind_of_asset_is_arrays_but_a_slide(tmp_path: Path) -> None:
    marks = {"atr": (Annotation(1.5, "N"),)}
    kinds = [
        Recording((SIGNAL, SIGNAL), marks),
        Recording(()),
        Volume(np.zeros((2, 3, 4), np.int16), (1.0, 1.0, 1.0), "HU", notes=("tilt removed",)),
        Image(np.zeros((3, 4), np.uint8)),
    ]
    for number, media in enumerate(kinds):
        path = tmp_path / f"{number}.npz"
        save_arrays(arrays_of(media), path)
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays)
