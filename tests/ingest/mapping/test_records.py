"""The count of records agrees with a plain state machine and with the parser."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.ingest.mapping import records
from biolake.ingest.mapping.records import count_records

FIELD = st.text(alphabet='ab ,"\n\r', max_size=6)
ROWS = st.lists(st.lists(FIELD, min_size=2, max_size=2), max_size=12)


def counted(path: Path) -> records.RecordCount:
    return count_records(SourceFile(path, path.name), ",", '"', 2)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), block=st.sampled_from([3, 7, 1 << 20]))
def test_every_table_a_writer_can_write_is_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, block: int
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["h", "g"], *rows])
    path = tmp_path_factory.getbasetemp() / "t.csv"
    path.write_bytes(text.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records.blocks_of, "__defaults__", (block,))
        assert counted(path).records == len(rows)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", 0),
        (b"1,2", 1),
        (b"\n\n1,2\n\r\n\n3,4\n", 2),
        (b'1,5" tall\n2,x\n', 2),
        (b'1,"a""b"\n2,""\n', 2),
        (b'1, "a\nb"\n', 1),
        (b'1,"a\n\nb"\n\n2,x', 2),
    ],
)
def test_blank_lines_and_stray_quotes_are_no_records(
    tmp_path: Path, body: bytes, expected: int
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"h,g\n" + body)
    assert counted(path).records == expected


def test_lines_turn_into_records_by_leaving_out_the_blank_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"h,g\n\n1,2\n\n\n3,4\n")
    numbers = counted(path).record_of_line(np.array([3, 6]))
    assert numbers.tolist() == [2, 3]


def test_a_record_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b'h,g\n1,"')
        for _ in range(12):
            file.write(b"x" * (1 << 20) + b"\n")
    with pytest.raises(SourceUnreadable, match="longer than 8 MB"):
        counted(path)
