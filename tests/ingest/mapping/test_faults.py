"""Broken files: each fault has one clear outcome, and no row is lost."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest
from tests.ingest.mapping.source import HEAD, HEADER, TABLE, read

from biolake.core.errors import MappingInvalid, SourceUnreadable

GOOD = b"%d,1,2020-01-01 00:00:00,x,1,ok\n"


def with_line(line: bytes) -> bytes:
    return HEADER.encode() + GOOD % 1 + line + GOOD % 3


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (b"2,1,2020-01-01\n", "what", "fewer values"),
        (b"2,1,2020-01-01,x,1,ok,more,more\n", "", "more values"),
        (b"2,1,2020-01-01,x,1,K\xf6ln\n", "txt", "a byte that is not UTF-8"),
        (b'2,1,2020-01-01,x,1,"a"b\n', "txt", "a quote is not closed"),
        (b"two,1,2020-01-01,x,1,ok\n", "id", "not a BIGINT"),
        (b"2,1,2020-01-01,x,1,%s\n" % (b"y" * 3_000_000), "", "longer than 2,000,000 bytes"),
    ],
)
def test_a_broken_row_is_quarantined_with_its_number(
    tmp_path: Path, line: bytes, column: str, reason: str
) -> None:
    outcome = read(tmp_path, {"t.csv": with_line(line)})
    assert outcome.tally.event_rows == 2
    [(row, found, why)] = outcome.rejects
    assert (row, found) == (3, column)
    assert why.startswith(reason)


@pytest.mark.parametrize(
    "line",
    [
        b'2,1,2020-01-01,x,1,"two\nlines, ""quoted"""\n',
        b"2,1,2020-01-01,x,1,nul\x00byte\n",
        b'2,1,2020-01-01,x,1,5" tall\n',
        b"\n\n2,1,2020-01-01,x,1,after blank lines\n",
        b"2,1,2020-01-01,x,1,one delimiter too many,\n",
        "2,1,2020-01-01,x,1,Köln\n".encode(),
    ],
)
def test_an_odd_but_sound_row_is_kept(tmp_path: Path, line: bytes) -> None:
    outcome = read(tmp_path, {"t.csv": with_line(line)})
    assert (outcome.tally.rows, outcome.tally.event_rows) == (3, 3)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + with_line(b'2,1,2020-01-01,x,1,"a\nb"\n').replace(b"\n", b"\r\n")
    outcome = read(tmp_path, {"t.csv": data})
    assert [event["text_value"] for event in outcome.table()] == ["ok", "a\r\nb", "ok"]


def test_a_last_line_cut_inside_a_quote_is_quarantined(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": with_line(b"") + b'4,1,2020-01-01,x,1,"cut'})
    assert [reject[0] for reject in outcome.rejects] == [4]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfei\x00d\x00", "UTF-16"),
        (b"id,sid,at,what,num,txt,ID\n", "two columns are named"),
        (with_line(b'2,1,2020-01-01,x,1,"open\n'), "never closed"),
        (with_line(b"2,1,2020-01-01,x,1,ok\r\n"), "more than one way"),
        (with_line(b"2,1,2020-01-01,x,1,%s\n" % (b"y" * 20_000_000)), "longer than 8 MB"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_by_name(
    tmp_path: Path, data: bytes, message: str
) -> None:
    with pytest.raises(SourceUnreadable, match=message) as caught:
        read(tmp_path, {"t.csv": data})
    assert "t.csv" in caught.value.where


def test_a_header_alone_gives_no_rows_and_one_chunk(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": HEADER})
    assert (len(outcome.chunks), outcome.tally.rows) == (1, 0)


def test_a_missing_column_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(MappingInvalid, match=r"no column 'num'\. Did you mean 'nums'"):
        read(tmp_path, {"t.csv": HEADER.replace("num", "nums")})


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_gzip_cut_short_is_refused(tmp_path: Path, keep: float) -> None:
    lines = b"".join(GOOD % n for n in range(2_000))
    packed = gzip.compress(HEADER.encode() + lines)
    with pytest.raises(SourceUnreadable, match=r"gzip|Parquet"):
        read(tmp_path, {"t.csv.gz": packed[: int(len(packed) * keep)]})


def test_a_gzip_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(with_line(b"")))
    packed[-6] ^= 1
    with pytest.raises(SourceUnreadable, match="damaged"):
        read(tmp_path, {"t.csv.gz": bytes(packed)})


def test_a_gzip_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    packed = gzip.compress(with_line(b"")) + gzip.compress(GOOD % 4)
    assert read(tmp_path, {"t.csv.gz": packed}).tally.event_rows == 3


def test_a_table_that_lies_there_twice_is_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"t.csv": HEADER, "t.csv.gz": gzip.compress(b"x")}
    with pytest.raises(SourceUnreadable, match="there twice"):
        read(tmp_path, files)


def test_a_name_with_pattern_characters_is_that_file_only(tmp_path: Path) -> None:
    tables = TABLE.replace("file: t.csv", "file: t*.csv")
    files: dict[str, str | bytes] = {
        "t[1].csv": with_line(b""),
        "t1.csv": with_line(b"").replace(b"ok", b"no"),
    }
    outcome = read(tmp_path, files, tables)
    assert sorted(str(event["text_value"]) for event in outcome.table()) == ["no"] * 2 + ["ok"] * 2


def test_row_numbers_hold_in_a_large_file_with_every_fault(tmp_path: Path) -> None:
    draw = random.Random(5)
    faults = [
        (b"%d,short\n", "fewer"),
        (b"%d,1,2020-01-01,a,,b,c,d\n", "more"),
        (b"%d,1,2020-01-01,a,,\xff\n", "a byte"),
        (b"%d,,2020-01-01,a,,b\n", "empty"),
        (b"%d,1,,a,,b\n", "no time"),
        (b"%d,x,2020-01-01,a,,b\n", "not a B"),
    ]
    lines, expected = [HEADER.encode()], []
    for number in range(120_000):
        if draw.random() < 0.001:
            line, reason = draw.choice(faults)
            expected.append((number + 2, reason))
            lines.append(line % number)
        elif draw.random() < 0.01:
            lines.append(b'\n%d,1,2020-01-01,a,,"%s\n""b"""\n' % (number, b"y" * 400))
        else:
            lines.append(b"%d,1,2020-01-01,a,,%s\n" % (number, b"z" * 300))
    outcome = read(tmp_path, {"t.csv": b"".join(lines)})
    assert outcome.tally.rows == 120_000
    found = [(row, reason[:7]) for row, _, reason in outcome.rejects]
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert all(a[1].startswith(b[1][:7]) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("number", ["1e39", "-3.5e38", "1e-50", "-1e-300"])
def test_a_number_that_float32_cannot_hold_is_quarantined(tmp_path: Path, number: str) -> None:
    line = f"2,1,2020-01-01,x,{number},ok\n".encode()
    outcome = read(tmp_path, {"t.csv": with_line(line)})
    assert outcome.rejects == [(3, "num", "a number beyond what float32 holds")]


@pytest.mark.parametrize("time", ["0000-01-01", "0000-12-31 23:59:59"])
def test_a_time_before_the_year_one_is_quarantined(tmp_path: Path, time: str) -> None:
    outcome = read(tmp_path, {"t.csv": with_line(f"2,1,{time},x,1,ok\n".encode())})
    assert outcome.rejects == [(3, "at", "a time outside the years 1 to 9999")]


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("9999-12-31T23:59:59-14:00", "a time outside the years 1 to 9999"),
        ("0001-01-01T00:00:00+01:00", "a time outside the years 1 to 9999"),
        ("2020-01-01T10:00:00+25:00", "not a TIMESTAMP"),
    ],
)
def test_an_offset_that_leads_astray_is_quarantined(tmp_path: Path, time: str, reason: str) -> None:
    files = {"t.csv": with_line(f"2,1,{time},x,1,ok\n".encode())}
    outcome = read(tmp_path, files, head=HEAD + "clock: utc\n")
    assert outcome.rejects == [(3, "at", reason)]


def test_a_value_of_one_rule_that_cannot_be_stored_is_not_lost_beside_a_good_one(
    tmp_path: Path,
) -> None:
    rules = """
      - {name: other, code: "'B//' || what", time: at}
"""
    line = b"2,1,2020-01-01,x,1e39,ok\n"
    table = TABLE.rstrip().replace("{code", "{name: one, code") + rules
    outcome = read(tmp_path, {"t.csv": with_line(line)}, table)
    assert [row for row, _, _ in outcome.rejects] == [3]
    assert len(outcome.table()) == 4


def test_identifiers_lose_the_padding_of_a_fixed_width(tmp_path: Path) -> None:
    rows = b"1,7  ,2020-01-01,x,1,a\n2,   7,2020-01-01,x,1,b\n3,007,2020-01-01,x,1,c\n"
    blank = b"4,    ,2020-01-01,x,1,d\n"
    head = HEAD.replace("type: integer", "type: text")
    outcome = read(tmp_path, {"t.csv": HEADER.encode() + rows + blank}, head=head)
    assert [row["subject"] for row in outcome.table()] == ["7", "7", "007"]
    assert outcome.rejects == [(5, "subject", "empty")]


def test_a_name_that_is_not_utf8_is_read_and_shown_by_its_bytes(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "source")
    os.makedirs(folder)
    with open(os.path.join(folder, b"K\xf6ln-t.csv"), "wb") as stream:
        stream.write(HEADER.encode() + GOOD % 1)
    outcome = read(tmp_path, {}, TABLE.replace("file: t.csv", "file: '*t.csv'"))
    assert (outcome.tally.event_rows, [*outcome.tallies]) == (1, ["K\\xf6ln-t.csv"])
