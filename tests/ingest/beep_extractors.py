"""Extractors of beeps, for tests: they find what the file itself says should be found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tests.ingest.beeps import READER

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import Catalogue, Extension, extractor
from biolake.core.errors import DataRefused, SetupMissing
from biolake.core.media import Opened, Recording
from biolake.ingest.extracting.report import ExtractionReport
from biolake.ingest.extraction import extract
from biolake.lake.lake import Lake

CODES = (
    FoundCode("BEEP//pitch", "How high it is", "Hz", ("LOINC//pitch",)),
    FoundCode("BEEP//echo", "Whether it comes back"),
)
FAILURES = {
    "refused": DataRefused("too short to measure"),
    "died": ZeroDivisionError("of subject p1"),
    "missing": SetupMissing("numba is not installed.", next="pip install 'biolake[signals]'"),
}


def said(opened: Opened) -> dict[str, Any]:
    """Return what the file of a beep says."""
    assert isinstance(opened, Recording)
    found: dict[str, Any] = json.loads(opened.signals[0].samples.astype(np.uint8).tobytes())
    return found


@extractor("Pitch of beeps", needs="ecg", version="1", codes=CODES)
def pitch(opened: Opened) -> Sequence[Finding]:
    """Give the findings listed in the file under `find`, or fail as `fails` says."""
    words = said(opened)
    if "fails" in words:
        raise FAILURES[words["fails"]]
    return [Finding(**each) for each in words.get("find", [])]


@extractor("Names of beeps", needs="ecg", version="1", codes=[FoundCode("NAME//n", "Its name")])
def name(opened: Opened) -> Sequence[Finding]:
    """Give the file's name as text."""
    return [Finding("NAME//n", text=said(opened)["name"])]


def catalogue(*extractors: Extension) -> Catalogue:
    return Catalogue((READER, *(extractors or (pitch,))))


def hz(value: float, **more: object) -> dict[str, object]:
    return {"code": "BEEP//pitch", "value": value, "unit": "Hz", **more}


def newer(version: str = "2", **changed: object) -> Extension:
    """Return the extractor in another version."""
    return replace(pitch, version=version, **changed)  # type: ignore[arg-type]


def run(lake: Lake, *extractors: Extension, **how: object) -> ExtractionReport:
    return extract(lake, catalogue(*extractors), **how)  # type: ignore[arg-type]
