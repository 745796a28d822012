"""What is found in a recording is seen when it is known, and days are those of the place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.ingest.beeps import NOON, READER, micros, rows, take, write
from tests.lake.build import NUMBERED, chunk, event, load
from tests.retrieval.build import features, labels
from tests.retrieval.build import rows as told

from biolake.core.assets import Content, Facts, Finding, FoundAsset, FoundCode
from biolake.core.catalogue import Catalogue, extractor
from biolake.core.media import Opened, Recording, Signal
from biolake.extractors.wearable import wearable
from biolake.ingest.extracting.measuring import local_start
from biolake.ingest.extraction import extract
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.retrieval.loading import parse_definition

DAYS = """
features: worn
windows: {fortnight: {lookback: 14d}}
groups:
  days: {codes: {prefix: [WEARABLE//]}, windows: [fortnight], aggregations: [last]}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = init(str(tmp_path / "lake"), subject_ids="source")
    load(made, chunk([event("1", 1)]), subjects=NUMBERED)
    return made


def worn(content: Content) -> Recording:
    """Open two days of heart rate and steps, one a minute: 60 on the first, then 80."""
    rate = np.repeat([60.0, 80.0], 1440)
    samples = np.array([rate, np.full(2880, 5.0)], np.float32)
    return Recording((Signal(samples, 1 / 60, ("heart_rate", "steps"), ("/min", "1")),))


def seen(lake: Lake, at: datetime, out: Path) -> dict[str, float]:
    with open_view(lake) as view:
        built = features(view, labels((1, at)), parse_definition(DAYS), out)
    return {name.rpartition("//")[2]: value for (_, _, name), value in told(built).items()}


def test_within_a_day_nothing_is_known_of_what_sums_it_up(lake: Lake, tmp_path: Path) -> None:
    pytest.importorskip("numba")
    midnight = NOON - timedelta(hours=12)
    write(tmp_path / "s", "x.beep", subject="1", modality="wearable", start=micros(midnight))
    reader = replace(READER, call=worn)
    take(lake, tmp_path / "s", reader=Catalogue((reader,)))
    extract(lake, Catalogue((reader, wearable)))
    assert not seen(lake, midnight + timedelta(hours=23), tmp_path / "a")
    for hours, rate in ((24, 60.0), (47, 60.0), (48, 80.0)):
        found = seen(lake, midnight + timedelta(hours=hours), tmp_path / str(hours))
        assert (found["heart_rate"], found["steps"]) == (rate, 7200.0)


@extractor("Start", needs="ecg", version="1", codes=[FoundCode("S//hour", "Hour", "h")])
def hour(opened: Opened) -> list[Finding]:
    assert isinstance(opened, Recording)
    if opened.started is None:
        return []
    return [Finding("S//hour", opened.started / 3.6e9 % 24, "h")]


@pytest.mark.parametrize(
    ("offset", "zone", "local"),
    [(None, None, [(12.0,)]), (0, None, []), (0, "Asia/Kolkata", [(17.5,)]),
     (None, "Europe/Berlin", [(12.0,)])],
)  # fmt: skip
def test_an_extractor_is_told_the_local_time_where_it_is_known(
    tmp_path: Path, offset: int | None, zone: str | None, local: list[tuple[float]]
) -> None:
    made = init(str(tmp_path / "lake"), subject_ids="source")
    clock = "local" if offset is zone is None else "utc"
    load(made, chunk([event("1", 1)]), subjects=NUMBERED, clock=clock)
    write(tmp_path / "s", "x.beep", subject="1", offset=offset)
    take(made, tmp_path / "s", zone=zone)
    extract(made, Catalogue((READER, hour)))
    assert rows(made, "SELECT numeric_value FROM events WHERE source = 'hour'") == local


def test_a_zone_named_later_has_recordings_looked_at_again(tmp_path: Path) -> None:
    made = init(str(tmp_path / "lake"), subject_ids="source")
    load(made, chunk([event("1", 1)]), subjects=NUMBERED, clock="utc")
    write(tmp_path / "s", "x.beep", subject="1", offset=0)
    take(made, tmp_path / "s")
    assert extract(made, Catalogue((READER, hour))).added == 0
    write(tmp_path / "s", "y.beep", subject="1", offset=0, n=1)
    take(made, tmp_path / "s", zone="Asia/Tokyo")
    assert extract(made, Catalogue((READER, hour))).added == 2


def test_local_time_is_that_of_the_season() -> None:
    for month, hours in ((1, 1), (7, 2)):
        start = micros(datetime(2024, month, 1, 12))  # noqa: DTZ001 - lake times are naive
        assert local_start(start, "utc", "Europe/Berlin") == start + hours * 3_600_000_000
    assert local_start(5, "local", None) == 5
    assert local_start(5, "utc", None) is None


def test_a_pulse_within_a_wearables_recording_is_read(lake: Lake, tmp_path: Path) -> None:
    def find(files, around):
        for file in files:
            facts = Facts(attributes={"leads": ["steps", "ppg green"]})
            yield FoundAsset("wearable", (file,), facts, subject="1", start=micros(NOON))

    write(tmp_path / "s", "x.beep")
    reader = replace(READER, find=find)
    take(lake, tmp_path / "s", reader=Catalogue((reader,)))
    kinds = [replace(hour, name=kind, needs=kind) for kind in ("ecg", "ppg", "wearable")]
    report = extract(lake, Catalogue((reader, *kinds)), modality="wearable")
    assert {n: one.assets for n, one in report.extractors.items()} == {
        "ecg": 0,
        "ppg": 1,
        "wearable": 1,
    }
