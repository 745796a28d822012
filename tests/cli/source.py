"""A tiny laboratory: six results of three people, one of them broken, and its mapping."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click.testing

from biolake.cli import main

MAPPING = """
mapping: labs
version: "1"
description: One laboratory table
detect: [labs.csv]
subject: {column: patient, system: labs, type: integer}
clock: local
tables:
  labs:
    file: labs.csv
    key: [row]
    columns: {row: BIGINT, patient: BIGINT, taken: TIMESTAMP, value: DOUBLE}
    skip:
      - {when: "test = 'comment'", why: "a comment, not a result"}
    events:
      - name: result
        code: "'LAB//' || test"
        time: taken
        numeric_value: value
        unit: unit
codes:
  - {file: tests.csv, code: "'LAB//' || test", description: title}
"""

LABS = """row,patient,taken,test,value,unit
1,1,2024-01-02 08:00:00,sodium,140,mmol/L
2,1,2024-01-03 08:00:00,sodium,141.5,mmol/L
3,2,2024-01-02 09:00:00,potassium,4.1,mmol/L
4,2,yesterday-secret,potassium,4.2,mmol/L
5,3,2024-01-05 09:00:00,potassium,7.1,mmol/L
6,3,2024-01-05 09:30:00,comment,,
"""

TESTS = """test,title
sodium,Sodium in serum
potassium,Potassium in serum
"""


def write(folder: Path) -> Path:
    """Write the source and its mapping; return the source's folder."""
    source = folder / "hospital"
    source.mkdir(parents=True)
    (source / "labs.csv").write_text(LABS)
    (source / "tests.csv").write_text(TESTS)
    (folder / "labs.yaml").write_text(MAPPING)
    return source


def call(*words: object) -> click.testing.Result:
    """Run the command line in this process."""
    return click.testing.CliRunner().invoke(main, [str(word) for word in words])


def told(*words: object) -> Any:
    """Run a command that must succeed with --json; return its data."""
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["ok"] is True
    return answer["data"]


def refused(*words: object) -> tuple[int, dict[str, str]]:
    """Run a command that must not succeed with --json; return exit code and error."""
    result = call(*words, "--json")
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert set(answer["error"]) == {"code", "message", "where", "next"}
    return result.exit_code, answer["error"]


def loaded(folder: Path) -> Path:
    """Make a lake with the laboratory loaded once; return its root."""
    source = write(folder)
    lake = folder / "lake"
    told("--lake", lake, "init", "--subject-ids", "source")
    told("--lake", lake, "ingest", source, "--mapping", folder / "labs.yaml")
    return lake


PYTHON = sys.executable
