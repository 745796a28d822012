"""What every reader must keep: subclass `ReaderTests`, name a reader, write a small source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.types as pt
import pytest

from biolake.core import schema
from biolake.core.catalogue import Extension
from biolake.core.errors import BiolakeError
from biolake.core.reading import Chunk, ReadContext, Reading, Tally
from biolake.testing.damage import damaged as damaged_copies

_DAMAGES = 60


class ReaderTests:
    """The contract of a reader, as tests.

    `secrets` are values of subjects in the source written by `write_source`: they must come out
    in no error, reject or note.
    """

    reader: Extension
    secrets: tuple[str, ...] = ()

    def write_source(self, folder: Path) -> Path:
        """Write a small valid source below `folder` and return what the reader is given."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        (tmp_path / "source").mkdir()
        return self.write_source(tmp_path / "source")

    def test_it_knows_its_own_source(self, source: Path) -> None:
        assert self.reader.detect is not None
        assert self.reader.detect(source)

    def test_it_does_not_claim_an_empty_folder(self, tmp_path: Path) -> None:
        assert self.reader.detect is not None
        assert not self.reader.detect(tmp_path)

    def test_every_row_has_one_fate(self, source: Path) -> None:
        tally = Tally()
        for chunk in read(self.reader, source):
            assert chunk.tally.unexplained == 0
            tally.add(chunk.tally)
        assert tally.rows > 0
        assert tally.event_rows > 0

    def test_its_columns_are_those_of_the_schema(self, source: Path) -> None:
        for chunk in read(self.reader, source):
            for table, kind in _tables(chunk):
                assert table.column_names == kind.names
                for field in kind:
                    column = table[field.name]
                    assert _fits(column.type, field), f"{chunk.table}.{field.name}: {column.type}"
                    assert field.nullable or column.null_count == 0, f"null {field.name}"

    def test_reading_again_gives_the_same(self, source: Path) -> None:
        first, second = list(read(self.reader, source)), list(read(self.reader, source))
        assert [chunk.table for chunk in first] == [chunk.table for chunk in second]
        for one, other in zip(first, second, strict=True):
            assert one.tally == other.tally
            assert [table for table, _ in _tables(one)] == [table for table, _ in _tables(other)]
            assert _keys(one.retracted) == _keys(other.retracted)

    def test_keys_of_a_keyed_chunk_are_its_own(self, source: Path) -> None:
        for chunk in read(self.reader, source):
            if chunk.events is None or not chunk.keyed:
                continue
            keys = chunk.events["row_key"].to_pylist()
            assert len(set(keys)) == len(keys)
            assert not set(keys) & set(_keys(chunk.retracted))

    def test_what_is_taken_back_is_not_given_by_a_later_chunk(self, source: Path) -> None:
        gone: set[int] = set()
        for chunk in read(self.reader, source):
            given = set(chunk.events["row_key"].to_pylist()) if chunk.events else set()
            assert not given & gone, "a load removes what any of its chunks takes back"
            gone |= set(_keys(chunk.retracted))

    def test_people_come_no_later_than_their_events(self, source: Path) -> None:
        early: set[object] = set()  # subjects with events
        known: set[object] = set()  # subjects with people rows
        for chunk in read(self.reader, source):
            people = set(chunk.people["subject"].to_pylist()) if chunk.people else set()
            assert not (people - known) & early, "a person comes after its events"
            known |= people
            early |= set(chunk.events["subject"].to_pylist()) if chunk.events else set()

    def test_a_damaged_source_is_refused_or_rejected(self, source: Path, tmp_path: Path) -> None:
        for damaged in damaged_copies(source, tmp_path / "damaged", _DAMAGES):
            try:
                told = [word for chunk in read(self.reader, damaged) for word in _words(chunk)]
            except BiolakeError as error:
                told = [str(error)]
            for secret in self.secrets:
                assert not any(secret in word for word in told), "a subject's value is told"


def opened(reader: Extension, source: Path) -> Reading:
    """Open a source as the engine would."""
    reading: Reading = reader.call(source, ReadContext("site", source.parent))
    return reading


def read(reader: Extension, source: Path) -> Iterator[Chunk]:
    """Yield all chunks of a source."""
    reading = opened(reader, source)
    yield from reading.chunks(reading.files)


def _tables(chunk: Chunk) -> list[tuple[pa.Table, pa.Schema]]:
    pairs = (
        (chunk.events, schema.MAPPED),
        (chunk.encounters, schema.MAPPED_ENCOUNTERS),
        (chunk.people, schema.MAPPED_PEOPLE),
        (chunk.codes, schema.MAPPED_CODES),
    )
    return [(table, kind) for table, kind in pairs if table is not None]


def _fits(kind: pa.DataType, field: pa.Field) -> bool:
    """Say whether a column's type may stand for the schema's."""
    if field.name in ("subject", "encounter") and pt.is_int64(kind):
        return True
    if pt.is_string(field.type):
        plain = kind.value_type if pt.is_dictionary(kind) else kind
        return bool(pt.is_string(plain) or pt.is_large_string(plain))
    return bool(kind == field.type)


def _keys(retracted: object) -> list[int]:
    return [] if retracted is None else [int(key) for key in retracted]  # type: ignore[attr-defined]


def _words(chunk: Chunk) -> list[str]:
    rejects = chunk.tally.rejects
    return [*chunk.tally.skipped, *(f"{each.column} {each.reason}" for each in rejects)]
