"""Findings become events: checked, keyed, timed; what an earlier version found is taken back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.assets import Finding, FoundCode
from biolake.core.bounds import is_sayable
from biolake.core.catalogue import Extension
from biolake.core.keys import row_key
from biolake.core.reading import Chunk, Reject, SourceFile, Tally
from biolake.core.schema import MAPPED, MAPPED_CODES
from biolake.ingest.extracting.due import WAITS, DueAsset, UnlinkedAsset
from biolake.ingest.extracting.measuring import Answer
from biolake.lake.door import View

NOTHING = "nothing was found"
_LARGEST = float(np.finfo(np.float32).max)
_LONGEST = 1e12  # seconds: beyond all years that can be said


class FindingEvents:
    """Makes one ledger line of each answer of one extractor."""

    def __init__(self, view: View, extractor: Extension, site: str) -> None:
        self._name = extractor.name
        self._declared = {code.code: code for code in extractor.codes}
        self._codes: pa.Table | None = _described(extractor.codes)
        self._stored, self._old_codes = _stored_keys(view, extractor.name, site)

    def chunk(self, asset: DueAsset, answer: Answer, how: str) -> Chunk:
        """Return an answer as a chunk; exactly one row, whatever the answer."""
        column, fault = ("", answer.fault) if answer.fault else self._fault(asset, answer.findings)
        tally, events, keys = Tally(rows=1), None, set[int]()
        if fault:
            tally.rejects.append(Reject(1, column, fault))
        elif answer.findings:
            tally.event_rows = 1
            events = self._events(asset, answer.findings)
            keys = set(events["row_key"].to_pylist())
        else:
            tally.skipped[answer.skipped or NOTHING] = 1
        codes, self._codes = self._codes, None
        return Chunk(
            # Named so, no other file has this hash: an asset of one file has the hash of that file.
            SourceFile(Path(), asset.asset_id, f"{asset.asset_id}/{self._name}", how),
            self._name,
            tally,
            events=events,
            codes=codes,
            retracted=self._left_over(_identity(asset), keys),
        )

    def taken_back(self, asset: UnlinkedAsset) -> Chunk | None:
        """Take back what was found when an asset had a subject: it may be another's."""
        gone = self._left_over(asset.source_key, set())
        if gone is None:
            return None
        tally, name = Tally(rows=1), f"{asset.asset_id}/{self._name}"
        tally.skipped[WAITS] = 1
        source = SourceFile(Path(), asset.asset_id, name, asset.how)
        return Chunk(source, self._name, tally, retracted=gone)

    def _fault(self, asset: DueAsset, findings: Sequence[Finding]) -> tuple[str, str]:
        """Return at which code and why findings cannot be believed: one fault spoils them all."""
        for finding in findings:
            if not isinstance(finding, Finding) or finding.code not in self._declared:
                return "", "the extractor gave a code that it does not declare"
            try:
                fault = _fault(finding, self._declared[finding.code], asset.start or 0)
            except (TypeError, ValueError, OverflowError):
                fault = "the extractor gave a value of the wrong kind"
            if fault:
                return finding.code, fault
        return "", ""

    def _events(self, asset: DueAsset, findings: Sequence[Finding]) -> pa.Table:
        start, seen = asset.start or 0, Counter[str]()
        columns: dict[str, list[object]] = {name: [] for name in MAPPED.names}
        for finding in findings:
            begin = start + round(float(finding.at) * 1e6)
            lasts = None if finding.lasts is None else round(float(finding.lasts) * 1e6)
            values = (
                begin,
                None if lasts is None else begin + lasts,
                finding.code,
                None if finding.value is None else float(finding.value),
                finding.text,
                finding.unit or None,
                row_key(self._name, _identity(asset), finding.code, seen[finding.code]),
            )
            seen[finding.code] += 1
            for name, value in zip(_GIVEN, values, strict=True):
                columns[name].append(value)
        columns["subject"] = [asset.subject_id] * len(findings)
        columns["encounter"] = [asset.encounter_id] * len(findings)
        return pa.table(columns, schema=_EVENTS)

    def _left_over(self, identity: str, keys: set[int]) -> np.ndarray | None:
        """Return the keys of what was found in this asset before and is not found again.

        Findings of one code are numbered without a gap, so the first number not stored ends them.
        """
        if not len(self._stored):
            return None
        gone = []
        for code in self._old_codes:
            ordinal = 0
            while self._holds(key := row_key(self._name, identity, code, ordinal)):
                ordinal += 1
                if key not in keys:
                    gone.append(key)
        return np.array(gone, dtype=np.int64) if gone else None

    def _holds(self, key: int) -> bool:
        place = int(np.searchsorted(self._stored, key))
        return place < len(self._stored) and int(self._stored[place]) == key


_GIVEN = ("time", "end_time", "code", "numeric_value", "text_value", "unit", "row_key")
# Subjects and encounters are the lake's own ids.
_EVENTS = pa.schema(
    [pa.field(f.name, pa.int64() if f.name in ("subject", "encounter") else f.type) for f in MAPPED]
)


def _identity(asset: DueAsset) -> str:
    """Return what stays the same when an asset grows: its source's key, else its content."""
    return asset.source_key or asset.asset_id


def _fault(finding: Finding, declared: FoundCode, start: int) -> str:
    if finding.value is not None:
        if not math.isfinite(finding.value):
            return "not a number"
        if abs(finding.value) > _LARGEST:
            return "beyond what a 32-bit number holds"
        if declared.unit and finding.unit != declared.unit:
            return "the unit is not the one that the extractor declares"
    spans = [finding.at, 0.0 if finding.lasts is None else finding.lasts]
    if not all(math.isfinite(span) and abs(span) < _LONGEST for span in spans) or spans[1] < 0:
        return "the extractor gave an impossible time"
    begin = start + round(finding.at * 1e6)
    if not (is_sayable(begin) and is_sayable(begin + round(spans[1] * 1e6))):
        return "its time lies outside the years 1 to 9999"
    if finding.text is not None:
        finding.text.encode()
    return ""


def _described(codes: Sequence[FoundCode]) -> pa.Table:
    rows = [
        {"code": c.code, "description": c.description, "parent_codes": list(c.parents)}
        for c in codes
    ]
    return pa.Table.from_pylist(rows, MAPPED_CODES)


def _stored_keys(view: View, name: str, site: str) -> tuple[np.ndarray, list[str]]:
    """Return the row keys, ascending, and the codes of all an extractor found before at a site."""
    keys = view.table(
        "SELECT row_key FROM events WHERE site_id = ? AND source = ? ORDER BY row_key",
        [site, name],
    )
    codes = view.rows(
        "SELECT DISTINCT code FROM events WHERE site_id = ? AND source = ? ORDER BY code",
        [site, name],
    )
    return keys["row_key"].to_numpy(), [code for (code,) in codes]
