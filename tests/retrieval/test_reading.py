"""However the past is read, the features are the same, and its values have their own units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.retrieval.build import DAY, EVERY, NOON, definition, features, labels, pretending
from tests.retrieval.test_features import EVENTS, SAMPLES, WIDE, lab

from biolake.lake.lake import Lake
from biolake.retrieval import reading
from biolake.retrieval.reading import read_past
from biolake.retrieval.samples import arrange, chunks

ALL = f"{WIDE}\n  pool: {{columns: one, codes: all, windows: [gapped], aggregations: {EVERY}}}"


@pytest.mark.parametrize(("name", "value"), [("RUN_EVENTS", 1), ("BATCH_ROWS", 7)])
def test_the_size_of_what_is_read_at_once_changes_nothing(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int
):
    with pretending(lake, EVENTS) as view:
        one = features(view, SAMPLES, definition(ALL), tmp_path / "one")
        monkeypatch.setattr(reading, name, value)
        two = features(view, SAMPLES, definition(ALL), tmp_path / "two")
    assert one.csr().data.tobytes() == two.csr().data.tobytes()
    assert one.vocabulary == two.vocabulary
    assert not list(tmp_path.rglob("*.arrow"))  # what was kept to work from is gone


def test_reading_by_code_or_by_subject_gives_the_same(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pretending(lake, EVENTS) as view:
        by_code = features(view, SAMPLES, definition(ALL), tmp_path / "code")
        monkeypatch.setattr(reading, "_FEW_CODES", 0)
        by_subject = features(view, SAMPLES, definition(ALL), tmp_path / "subject")
    assert by_code.csr().data.tobytes() == by_subject.csr().data.tobytes()


def test_several_loads_of_one_group_are_put_in_order(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "_FEW_CODES", 0)
    with pretending(lake, EVENTS) as view:
        one = features(view, SAMPLES, definition(ALL), tmp_path / "one")
        view.con.execute("CREATE OR REPLACE VIEW events AS FROM truth ORDER BY row_key % 3, time")
        two = features(view, SAMPLES, definition(ALL), tmp_path / "two")
    # Events of one code and moment may come in another order, which moves the last bits of a sum.
    np.testing.assert_allclose(two.dense(), one.dense(), rtol=1e-12, atol=1e-12)


def test_every_code_has_the_unit_of_its_own_values(lake: Lake, tmp_path: Path):
    units = {"A": "s", "B": "mmol/L", "C": None, "D": "g/dL", "E": "10*3/uL", "F": "mmol/L"}
    events = [lab(1, -n, 5, code, unit=units[code]) for n, code in enumerate("FDBAEC")]
    asked = definition("g: {codes: all, windows: [ever], aggregations: [mean]}")
    with pretending(lake, events) as view:
        built = features(view, labels((1, NOON)), asked, tmp_path / "out")
    assert {column.code: column.unit for column in built.columns} == units


def test_only_what_a_window_can_see_is_kept(lake: Lake, tmp_path: Path):
    events = [lab(1, hours, 1) for hours in (-99, -47, -30, -12, -1, 1)] + [lab(2, -1, 1)]
    asked = definition("g: {codes: [A], windows: [gapped], aggregations: [sum]}")
    with pretending(lake, events) as view:
        samples = arrange(view, labels((1, NOON - DAY), (1, NOON)), None)
        kept = read_past(view, samples, asked.groups, {"g": ["A"]}, tmp_path / "past", 1)
    past, subject = kept.past(chunks(samples, samples.events, 99, kept.run_of)[0])
    hours = (past.time - samples.time[-1]) / 3.6e9
    assert hours.tolist() == [-47, -30, -12]
    assert subject.tolist() == [0, 0]
    assert kept.surveys[asked.groups[0].cut].events.tolist() == [4]
