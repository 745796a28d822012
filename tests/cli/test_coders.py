"""Coders on the command line: trained, judged, applied, and what is refused by row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.source import call, refused, told

_WORDS = {"R50.9": "fiebre", "R05": "tos", "R52": "dolor"}


def _write(path: Path, numbers: range) -> Path:
    lines = []
    for number in numbers:
        has = sorted(_WORDS)[number % 3 :][:2]
        text = " y ".join(_WORDS[code] for code in has)
        marked = [{"code": code, "mention": _WORDS[code]} for code in (*has, "PROCEDURE")
                  if code in _WORDS]  # fmt: skip
        lines.append({"id": f"n{number}", "text": f"Con {text}.", "codes": has, "mentions": marked})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coders")
    _write(folder / "cases.jsonl", range(60))
    _write(folder / "new.jsonl", range(60, 66))
    told("coder", "train", folder / "cases.jsonl", "--to", folder / "coder.npz")
    return folder


def test_a_trained_coder_codes_new_texts(folder: Path) -> None:
    found = told("coder", "apply", folder / "new.jsonl", "--coder", folder / "coder.npz")
    assert found["texts"] == 6
    assert {(row["id"], row["code"]) for row in found["codes"]} == {
        (f"n{number}", code)
        for number in range(60, 66)
        for code in sorted(_WORDS)[number % 3 :][:2]
    }
    assert (
        "codes of 6 texts"
        in call(
            "coder", "apply", folder / "new.jsonl", "--coder", folder / "coder.npz", "--certain"
        ).stdout
    )


def test_a_coder_is_judged_on_others_or_by_folds(folder: Path) -> None:
    cases = folder / "cases.jsonl"
    others = told("coder", "evaluate", folder / "new.jsonl", "--coder", folder / "coder.npz")
    assert others["all"]["f1"] == 1.0
    folds = told("coder", "evaluate", cases, "--folds", "3")
    assert (folds["folds"], folds["all"]["coded"]) == (3, 100)
    assert refused("coder", "evaluate", cases)[0] == 2


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"text": 5, "codes": []}', "is not a text"),
        ('{"text": "a", "codes": "R05"}', "not a list of codes"),
        ('{"text": "a", "codes": ["R05"], "mentions": [{"code": "R05"}]}', "a mention has no"),
    ],
)
def test_a_line_that_is_no_case_is_refused_with_its_row(
    tmp_path: Path, line: str, why: str
) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"text": "ok", "codes": []}\n' + line + "\n", encoding="utf-8")
    exit_code, error = refused("coder", "train", path, "--to", tmp_path / "c.npz")
    assert exit_code == 4
    assert why in error["message"]
    assert error["where"] == "cases.jsonl, row 2"


def test_a_file_that_is_no_coder_is_refused(folder: Path) -> None:
    cases = folder / "cases.jsonl"
    _, error = refused("coder", "apply", cases, "--coder", cases)
    assert "cannot be used as a coder" in error["message"]
