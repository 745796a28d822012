"""A hospital's own language packs join ours, and are refused by name where they are not right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACK = """
name: French
source: made up
licence: CC0
common_words: le la les des une est patient
abbreviations: dr mme
sections:
  family_history: ["antécédents familiaux"]
"""
TRIGGERS = "pas de\tnegated\tforward\nmère\tfamily\tforward\nmais\tstop\n"
SCRIPT = """
import numpy as np
from biolake.text.context import contexts
from biolake.text.packs import LANGUAGES
from biolake.text.run import TextRun
run = TextRun.of(["Le patient est venu, pas de toux. Une toux"])
found = contexts(run, np.array([0, 0]), np.array([28, 38]), np.array([32, 42]))
print(LANGUAGES, found.words("assertion").to_pylist())
"""


def said(home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"BIOLAKE_LANGUAGES": str(home)}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def written(home: Path, pack: str = PACK, triggers: str = TRIGGERS) -> Path:
    (home / "fr").mkdir()
    (home / "fr/pack.yaml").write_text(pack, encoding="utf-8")
    (home / "fr/triggers.tsv").write_text(triggers, encoding="utf-8")
    return home


def test_a_language_of_the_hospitals_own_is_told_and_read(tmp_path):
    done = said(written(tmp_path))
    assert done.stdout.strip() == "('en', 'es', 'zh', 'fr') ['negated', 'affirmed']", done.stderr


@pytest.mark.parametrize(
    ("pack", "triggers", "reason"),
    [
        (PACK.replace("licence: CC0", ""), TRIGGERS, "licence"),
        ("just words", TRIGGERS, "not written as a pack"),
        (PACK, "pas de\tnegatif\tforward\n", "negatif"),
    ],
)
def test_a_pack_that_is_not_right_is_refused_by_file(tmp_path, pack, triggers, reason):
    done = said(written(tmp_path, pack, triggers))
    assert done.returncode == 1
    assert "DataRefused" in done.stderr
    assert reason in done.stderr


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert "no such folder of language packs" in said(tmp_path / "gone").stderr
