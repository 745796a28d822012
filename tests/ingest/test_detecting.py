"""A mapping that lies beside its tables is found by the files it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.labs import MAPPING, make

from biolake.core.catalogue import Catalogue
from biolake.core.errors import BiolakeError, DataRefused, MappingInvalid, WrongUse
from biolake.core.reading import ReadContext, Reading
from biolake.ingest.pipeline import open_reading

OTHER = """\
mapping: other
subject: {column: PATIENT, system: o}
tables: {p: {file: patients.csv, part_of: {table: p}}}
"""


def opened(source: Path, mapping: str | None = None) -> Reading:
    return open_reading(source, Catalogue(), ReadContext("here", source.parent / "s"), mapping)


def test_a_mapping_in_the_source_is_used_and_the_notes_say_so(tmp_path: Path) -> None:
    reading = opened(make(tmp_path / "source"))
    assert reading.layout == "labs"
    assert reading.notes == ("read by the mapping labs.yaml of the source: its `detect` fits",)


def test_other_yaml_files_and_mappings_without_detect_are_no_candidates(tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    (source / "study.yaml").write_text("study: x\nmapping: [no\n")
    (source / "plain.yaml").write_text(OTHER)
    assert opened(source).layout == "labs"
    (source / "labs.yaml").unlink()
    with pytest.raises(DataRefused, match="no known layout fits"):
        opened(source)


def test_two_mappings_that_fit_are_refused_by_name(tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    (source / "more.yaml").write_text(MAPPING)
    with pytest.raises(WrongUse, match=r"labs\.yaml and more\.yaml"):
        opened(source)
    assert opened(source, str(source / "more.yaml")).layout == "labs"


def test_a_shipped_layout_does_not_win_in_silence(tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    for name in ("encounters", "careplans", "payers"):
        (source / f"{name}.csv").write_text("Id,PATIENT\n")
    with pytest.raises(WrongUse, match=r"synthea-csv and its own mapping labs\.yaml"):
        opened(source)
    assert opened(source, "synthea-csv").layout == "synthea-csv"


def test_a_mapping_with_a_mistake_is_not_passed_over(tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    (source / "labs.yaml").write_text(MAPPING.replace("clock: local", "clok: local"))
    with pytest.raises(MappingInvalid, match="Did you mean 'clock'"):
        opened(source)


def test_a_single_file_is_read_by_no_mapping_of_its_folder(tmp_path: Path) -> None:
    with pytest.raises(BiolakeError, match="no known layout fits"):
        opened(make(tmp_path / "source") / "labevents.csv")
