"""The commands of diagnosis models, from a specification to answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.source import call as ask
from tests.learning.small_ecgs import SPEC, hospital


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("models")
    hospital(home, subjects=40)
    (home / "model.yaml").write_text(SPEC)
    return home


def call(folder: Path, *words: str) -> tuple[int, str]:
    found = ask("--lake", folder / "lake", *words)
    return found.exit_code, found.output


def test_a_model_is_trained_listed_shown_judged_and_applied(folder: Path) -> None:
    code, said = call(folder, "model", "train", str(folder / "model.yaml"))
    assert code == 0, said
    assert "macro AUROC" in said
    assert "AUROC of the files' facts alone" in said

    code, said = call(folder, "model", "list", "--json")
    listed = json.loads(said)["data"]
    assert [(one["model"], one["version"]) for one in listed] == [("wide-beats", 1)]

    page = folder / "card.html"
    code, said = call(folder, "model", "show", "wide-beats", "--html", str(page))
    assert code == 0, said
    html = page.read_text()
    assert "Shortcut audit" in html
    assert "http" not in html.split("Specification")[0]

    code, said = call(folder, "model", "evaluate", "wide-beats")
    assert "too good" in said
    code, said = call(folder, "model", "apply", "wide-beats")
    assert "80 assets answered" in said
    code, said = call(folder, "model", "apply", "wide-beats")
    assert "0 assets answered, 80 had been before" in said


def test_an_empty_shelf_says_how_to_fill_it(tmp_path: Path) -> None:
    call(tmp_path, "init")
    code, said = call(tmp_path, "model", "list")
    assert code == 0
    assert "biolake model train SPEC" in said
    code, said = call(tmp_path, "model", "show", "any")
    assert code == 2
    assert "no model 'any'" in said


def test_a_word_that_is_not_known_is_refused_with_its_line(folder: Path) -> None:
    wrong = folder / "wrong.yaml"
    wrong.write_text(SPEC.replace("labels:", "lables:"))
    code, said = call(folder, "model", "train", str(wrong))
    assert code == 4
    assert "wrong.yaml:6:1" in said
    assert "Did you mean 'labels'" in said
