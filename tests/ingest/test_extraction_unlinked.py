"""What was found in an asset is nobody's any more once its subject proves not to be known."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.beep_extractors import hz, name, pitch, run
from tests.ingest.beeps import rows, take, write
from tests.lake.build import chunk, event, load

from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

FOUND = "SELECT source, numeric_value FROM events WHERE source IN ('pitch', 'name') ORDER BY 1, 2"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with an image of p1 that was measured, and then proved to be of the unknown p7."""
    made = init(str(tmp_path / "lake"))
    load(made, chunk([event("p1", 1), event("p2", 2)]))
    write(tmp_path / "a", "x.beep", key="x", kind="image", subject="p1", find=[hz(440), hz(441)])
    write(tmp_path / "a", "y.beep", key="y", kind="image", subject="p2", find=[hz(700)])
    take(made, tmp_path / "a")
    run(made, pitch, name)
    write(tmp_path / "b", "x.beep", key="x", kind="image", subject="p7", find=[hz(450)])
    take(made, tmp_path / "b")
    assert rows(made, "SELECT count(*) FROM assets WHERE subject_id IS NULL") == [(1,)]
    return made


def test_findings_leave_the_subject_that_an_asset_no_longer_has(lake: Lake) -> None:
    report = run(lake, pitch, name)
    assert rows(lake, FOUND) == [("name", None), ("pitch", 700.0)]
    assert report.loads["main"].outcome.removed == 3
    assert report.extractors["pitch"].waiting == {"waits for its subject": 1}
    assert verify(lake).problems == ()


def test_they_are_taken_back_once(lake: Lake) -> None:
    run(lake, pitch, name)
    before = lake.commit().number
    assert run(lake, pitch, name).loads == {}
    assert lake.commit().number == before


def test_one_extractor_takes_back_only_what_it_found_itself(lake: Lake) -> None:
    run(lake, name)
    assert rows(lake, FOUND) == [
        ("name", None),
        ("pitch", 440.0),
        ("pitch", 441.0),
        ("pitch", 700.0),
    ]


def test_the_asset_is_measured_again_for_the_subject_that_arrives(lake: Lake) -> None:
    run(lake, pitch, name)
    load(lake, chunk([event("p7", 3)]))
    run(lake, pitch, name)
    linked = (
        "SELECT count(*) FROM events e JOIN assets a USING (subject_id)"
        " WHERE a.source_key <> '' AND e.source = 'pitch' AND e.numeric_value = 450"
    )
    assert rows(lake, linked) == [(1,)]
    assert rows(lake, FOUND) == [
        ("name", None),
        ("name", None),
        ("pitch", 450.0),
        ("pitch", 700.0),
    ]
    assert verify(lake).problems == ()
