"""Findings become events: checked, keyed, timed; what an earlier version found is taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.assets import FoundCode
from biolake.core.catalogue import Extension
from biolake.core.reading import Chunk, SourceFile, Tally
from biolake.core.schema import MAPPED, MAPPED_CODES, MICROSECONDS
from biolake.ingest.extracting.answers import Answer, without
from biolake.ingest.extracting.checking import FindingChecks
from biolake.ingest.extracting.due import WAITS, DueAsset, UnlinkedAsset
from biolake.ingest.extracting.fates import fates
from biolake.ingest.extracting.keys import FindingKeys, ordinals
from biolake.ingest.extracting.owners import NO_TIME, Owned
from biolake.ingest.extracting.tables import derived
from biolake.lake.door import View
from biolake.lake.ordering import among

GONE = "assets that are gone"  # the ledger line of what is taken back of them


class FindingEvents:
    """Makes the ledger lines and events of one extractor's answers."""

    def __init__(self, view: View, extractor: Extension, site: str) -> None:
        self._name, self._version = extractor.name, extractor.version
        self._checks = FindingChecks(extractor.codes)
        self._codes: pa.Table | None = _described(extractor.codes)
        self._view, self._site = view, site

    @cached_property
    def _keys(self) -> FindingKeys:
        return FindingKeys(self._view, self._name, self._site)

    def chunk(
        self, assets: Sequence[DueAsset], answer: Answer, lengths: Mapping[int, int]
    ) -> Chunk | None:
        """Return the chunk of an answer about assets of a run: exactly one row each.

        What cannot be believed is a fault of its asset. Assets not looked at have no row.
        """
        mine = [assets[place] for place in answer.places]
        owned = Owned(mine, answer.findings)
        long = np.array([lengths.get(place, 0) for place in answer.places], dtype=np.int64)
        faults = self._checks.faults(answer, owned, long)
        if faults:
            answer = without(answer, list(faults))
            owned = Owned(mine, answer.findings)
        answer = replace(answer, faults={**answer.faults, **faults})
        looked = [n for n in range(len(mine)) if n not in answer.missing]
        if not looked:
            return None
        return self._chunk(mine, looked, answer, owned)

    def _chunk(
        self, mine: Sequence[DueAsset], looked: Sequence[int], answer: Answer, owned: Owned
    ) -> Chunk:
        bases = np.array([self._keys.base(asset.identity) for asset in mine], dtype=np.uint64)
        events = self._events(mine, bases, answer.findings, owned)
        told = fates(len(mine), answer, owned)
        parts = tuple((self._source(mine[n]), told[n]) for n in looked)
        if len(looked) < len(mine):
            places = np.full(len(mine), -1, dtype=np.int32)
            places[looked] = np.arange(len(looked))
            moved = pa.array(places[events["part"].to_numpy()])
            events = events.set_column(events.column_names.index("part"), "part", moved)
        codes, self._codes = self._codes, None
        return Chunk(
            parts[0][0],
            self._name,
            Tally(),
            events=events if len(events) else None,
            codes=codes,
            retracted=self._left_over([(bases[n], len(mine[n].samples)) for n in looked], events),
            parts=parts,
            derived=derived(self._name, self._version, mine, answer.tables),
        )

    def _source(self, asset: DueAsset) -> SourceFile:
        # Named so, no other file has this hash: an asset of one file has the hash of that file.
        how = asset.hows[asset.extractors.index(self._name)]
        return SourceFile("", asset.asset_id, f"{asset.asset_id}/{self._name}", how)

    def taken_back(self, asset: UnlinkedAsset) -> Chunk | None:
        """Take back what was found when an asset had a subject: it may be another's."""
        gone = self._keys.stored(self._keys.base(asset.source_key), asset.samples)
        if not len(gone):
            return None
        tally, name = Tally(rows=1), f"{asset.asset_id}/{self._name}"
        tally.skipped[WAITS] = 1
        source = SourceFile(Path(), asset.asset_id, name, asset.how)
        return Chunk(source, self._name, tally, retracted=gone)

    def orphaned(self, identities: Sequence[tuple[str, int]]) -> Chunk | None:
        """Take back what was found in assets that the lake no longer has."""
        gone = self._keys.orphans(identities)
        if not len(gone):
            return None
        return Chunk(SourceFile("", GONE, GONE, GONE), self._name, Tally(), retracted=gone)

    def _events(
        self, mine: Sequence[DueAsset], bases: np.ndarray, findings: pa.Table, owned: Owned
    ) -> pa.Table:
        """Return the events of findings that have a subject, and a time where they need one."""
        kept = np.flatnonzero(owned.kept)
        if not len(kept):
            return _EVENTS.empty_table()
        keys = self._made(bases, findings, owned)[kept]
        whole = len(kept) == len(findings)
        findings = findings if whole else findings.take(pa.array(kept))
        unit = findings["unit"]
        stays = [asset.encounter_id for asset in mine]
        encounters = pa.array(stays, pa.int64()).take(findings["item"].combine_chunks())
        columns = {
            "subject": pa.array(owned.subject[kept]),
            "time": _times(owned.begin[kept]),
            "end_time": _times(owned.end[kept]),
            "code": findings["code"],
            "numeric_value": findings["value"],
            "text_value": findings["text"],
            "unit": pc.if_else(pc.equal(unit, ""), pa.scalar(None, pa.string()), unit),
            "encounter": pc.if_else(
                pa.array(owned.timeless[kept]), pa.scalar(None, pa.int64()), encounters
            ),
            "row_key": pa.array(keys),
            "part": findings["item"],
        }
        return pa.table(columns).select(_EVENTS.names).cast(_EVENTS)

    def _made(self, bases: np.ndarray, findings: pa.Table, owned: Owned) -> np.ndarray:
        encoded = findings["code"].combine_chunks().dictionary_encode().indices.to_numpy()
        nth = ordinals(encoded, owned.sample, owned.item)
        return self._keys.make(bases[owned.item], owned.sample, findings["code"], nth)

    def _left_over(
        self, looked: Sequence[tuple[np.uint64, int]], events: pa.Table
    ) -> np.ndarray | None:
        """Return the keys of what was found in these assets before and is not found again."""
        before = np.concatenate([self._keys.stored(*asset) for asset in looked])
        found = np.sort(events["row_key"].to_numpy()) if len(before) else before
        gone = before[~among(before, found)]
        return gone if len(gone) else None


# Subjects and encounters are the lake's own ids.
_EVENTS = pa.schema(
    [
        *(
            pa.field(f.name, pa.int64() if f.name in ("subject", "encounter") else f.type)
            for f in MAPPED
        ),
        pa.field("part", pa.int32()),
    ]
)


def _times(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.int64(), mask=values == NO_TIME).cast(MICROSECONDS)


def _described(codes: Sequence[FoundCode]) -> pa.Table:
    rows = [
        {"code": c.code, "description": c.description, "parent_codes": list(c.parents)}
        for c in codes
    ]
    return pa.Table.from_pylist(rows, MAPPED_CODES)
