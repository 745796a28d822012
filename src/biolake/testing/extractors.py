"""What every extractor must keep: subclass `ExtractorTests`, name it, give it something to find."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pyarrow as pa
import pytest

from biolake.core.assets import MODALITIES, Finding, Measured
from biolake.core.catalogue import Extension
from biolake.core.errors import BiolakeError
from biolake.core.keys import FAMILY, families_of
from biolake.core.media import Cells, Genotypes, Note, Opened, Recording
from biolake.core.schema import DERIVED, FINDINGS
from biolake.testing.media import same
from biolake.testing.spoilt import OTHERS, spoilt_forms

_RESERVED = ("MEDS_", "ASSET//")
_ENGINE = ("asset_id", "annotator", "version", "subject_id")  # columns that the engine fills
_SAMPLED = (Genotypes, Cells)


class ExtractorTests:
    """The contract of an extractor, as tests; `media` gives one or more that it measures.

    Extractors of one asset and of a run of them, answers as a list of findings and as columns.
    """

    extractor: Extension

    def media(self) -> Sequence[Opened]:
        """Return opened media of the modality the extractor needs, with something to find."""
        raise NotImplementedError

    @pytest.fixture
    def examples(self) -> Sequence[Opened]:
        return self.media()

    def test_it_says_what_it_needs_and_may_find(self) -> None:
        assert self.extractor.needs in MODALITIES
        assert self.extractor.version
        codes = [code.code for code in self.extractor.codes]
        assert codes
        assert len(set(codes)) == len(codes)
        for code in self.extractor.codes:
            assert not code.code.startswith(_RESERVED)
            vocabulary, separator, value = code.code.partition("//")
            assert vocabulary
            assert separator
            assert value
            assert "*" not in code.code.removesuffix(FAMILY)
            assert code.description

    def test_it_finds_something(self, examples: Sequence[Opened]) -> None:
        assert any(found_by(self.extractor, media) for media in examples)

    def test_it_finds_only_what_it_declares(self, examples: Sequence[Opened]) -> None:
        for media in examples:
            self._believable(media, asked(self.extractor, media))

    def test_it_finds_the_same_again_and_changes_nothing(self, examples: Sequence[Opened]) -> None:
        for media in examples:
            before = media if isinstance(media, _SAMPLED) else deepcopy(media)
            first = found_by(self.extractor, media)
            assert same(before, media), "an extractor changed what it was given"
            assert found_by(self.extractor, media) == first
            assert found_by(self.extractor, before) == first

    def test_a_run_gives_each_what_it_has_alone(self, examples: Sequence[Opened]) -> None:
        if self.extractor.many:
            run = [*OTHERS, *examples, *reversed(examples)]
            found = answers(self.extractor, run)
            for media, mine in zip(run, found, strict=True):
                assert mine == found_by(self.extractor, media)
            assert answers(self.extractor, []) == []

    def test_empty_flat_short_and_broken_media_do_not_stop_it(
        self, examples: Sequence[Opened]
    ) -> None:
        for media in examples:
            for spoilt in (*spoilt_forms(media), *OTHERS):
                try:
                    found = asked(self.extractor, spoilt)
                except BiolakeError:
                    continue
                self._believable(spoilt, found)

    def test_it_passes_over_media_of_another_kind(self, examples: Sequence[Opened]) -> None:
        kinds = tuple(type(media) for media in examples)
        sampled = any(isinstance(media, Genotypes) for media in examples)
        for other in OTHERS:
            if not isinstance(other, (*kinds, Genotypes) if sampled else kinds):
                assert found_by(self.extractor, other) == []

    def _believable(self, media: Opened, given: Sequence[Finding] | Measured) -> None:
        """Check that the engine would take every finding."""
        codes = {code.code: code.unit for code in self.extractor.codes}
        longest = media.seconds + 1.0 if isinstance(media, Recording) else 0.0
        samples = len(media.samples) if isinstance(media, _SAMPLED) else 0
        for finding in _findings(given):
            code, unit = finding["code"], declared_unit(codes, finding["code"])
            value, lasts = finding["value"], finding["lasts"]
            assert unit is not None, f"{code} is not declared"
            assert value is None or math.isfinite(value), code
            assert value is None or not unit or (finding["unit"] or "") == unit, code
            assert 0.0 <= (finding["at"] or 0.0) <= longest, code
            assert lasts is None or 0.0 <= lasts <= longest, code
            assert finding["sample"] is None or 0 <= finding["sample"] < samples, code
        if isinstance(given, Measured):
            _fits_tables(media, given.tables)


def declared_unit(codes: Mapping[str, str], code: str) -> str | None:
    """Return the unit with which a code, or a family it is of, is declared; None: it is not."""
    return next((codes[name] for name in (code, *families_of(code)) if name in codes), None)


def asked(extractor: Extension, media: Opened) -> Sequence[Finding] | Measured:
    """Return what an extractor answers of one asset."""
    found = extractor.call([media]) if extractor.many else extractor.call(media)
    return found if isinstance(found, Measured) else list(found)


def found_by(extractor: Extension, media: Opened) -> list[dict[str, Any]]:
    """Return all that an extractor finds in one asset: findings, then rows of derived tables."""
    return _rows_of(asked(extractor, media), 0)


def answers(extractor: Extension, run: Sequence[Opened]) -> list[list[dict[str, Any]]]:
    """Return what an extractor of many finds in each asset of a run."""
    given: Measured = extractor.call(run)
    return [_rows_of(given, number) for number in range(len(run))]


def _rows_of(given: Sequence[Finding] | Measured, item: int) -> list[dict[str, Any]]:
    rows = [row for row in _findings(given) if row["item"] == item]
    if isinstance(given, Measured):
        for name, table in sorted(given.tables.items()):
            rows += [{"": name, **row} for row in table.to_pylist() if row["item"] == item]
        fates = (given.skipped.get(item), given.faults.get(item))
        assert not (rows and any(fates)), "what was found in an asset that was passed over"
    return [{**row, "item": 0} for row in rows]


def _findings(given: Sequence[Finding] | Measured) -> list[dict[str, Any]]:
    if isinstance(given, Measured):
        if given.findings is None:
            return []
        rows: list[dict[str, Any]] = (
            given.findings.select(FINDINGS.names).cast(FINDINGS).to_pylist()
        )
        return rows
    names = ("code", "value", "unit", "text", "at", "lasts")
    return [
        {"item": 0, "sample": None, "timeless": False} | {n: getattr(each, n) for n in names}
        for each in given
    ]


def _fits_tables(media: Opened, tables: Mapping[str, pa.Table]) -> None:
    """Check that rows of derived tables are such as the lake stores."""
    for name, table in tables.items():
        schema = DERIVED[name]
        names = [field.name for field in schema if field.name not in _ENGINE]
        assert set(table.column_names) == {"item", *names}, name
        wanted = pa.schema(
            [pa.field("item", pa.int32(), nullable=False), *map(schema.field, names)]
        )
        rows = table.select(wanted.names).cast(wanted)
        if name == "spans":
            longest = len(media.text) if isinstance(media, Note) else 0
            for row in rows.to_pylist():
                assert 0 <= row["start"] < row["end"] <= longest, row["label"]
                assert 0.0 <= row["confidence"] <= 1.0, row["label"]
