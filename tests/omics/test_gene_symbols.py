"""Symbols that became dates are found, and those that only look like it are not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolake.omics.gene_symbols import is_date_like

INTACT = [
    "TP53", "MARCH1", "MARCHF1", "MARC1", "MTARC1", "SEPT2", "Sept7", "SEPTIN2", "DEC1", "DELEC1",
    "OCT4", "NOV", "MAY", "HLA-DRA", "RP11-34P13.7", "7SK", "Y_RNA", "5S_rRNA", "AC009948.5", "MAR",
    "MARS", "MARS2", "MARK1", "MARCO", "SEP15", "SEPP1", "SEPW1", "1-8U",
    "ENSG00000131018.3", "6-10", "",
]  # fmt: skip
DATES = [
    "1-Mar", "01-Mar", "2-Sep", "15-Sep", "Mar-01", "Sep-2", "1-Dec", "SEP2", "Sep2", "MAR1",
    "Mar-1", "1. Mrz", "1-Mar-21", "2021-03-01", "2021-09-02 00:00:00", "3/1/2021", "43891",
    "44075.0", " 2-Sep ", "2-sept.", "01.03.2021",
]  # fmt: skip


@pytest.mark.parametrize("symbol", INTACT)
def test_a_gene_is_no_date(symbol: str) -> None:
    assert not is_date_like(["TP53", "EGFR", "KRAS", symbol]).mask.any()


@pytest.mark.parametrize("symbol", DATES)
def test_a_date_is_found_and_named_by_its_place(symbol: str) -> None:
    found = is_date_like(["TP53", "EGFR", "KRAS", symbol])
    assert found.mask.tolist() == [False, False, False, True]
    assert f"gene symbol 4 is a date ('{symbol.strip()}')" in found.explanation


def test_entrez_ids_are_no_days_of_a_spreadsheet() -> None:
    found = is_date_like(["43891", "7157", "1956", "40000"])
    assert not found.mask.any()
    assert found.explanation == ""


@given(st.dates(date(2000, 1, 1), date(2049, 12, 31)))
def test_every_day_from_2000_to_2049_is_found_as_a_serial_number(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    assert is_date_like(["TP53", "EGFR", str(serial)]).mask.tolist() == [False, False, True]


@given(
    st.dates(date(1990, 1, 1), date(2060, 12, 31)), st.sampled_from(["%d-%b", "%b-%d", "%Y-%m-%d"])
)
def test_every_day_is_found_as_spreadsheets_write_it(day: date, form: str) -> None:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    text = day.strftime(form.replace("%b", months[day.month - 1]))
    assert is_date_like([text]).mask.all()


def test_the_days_beside_are_numbers() -> None:
    first, last = date(2000, 1, 1), date(2049, 12, 31)
    for day in (first - timedelta(1), last + timedelta(1)):
        assert not is_date_like(["TP53", "A", str((day - date(1899, 12, 30)).days)]).mask.any()


def test_any_array_of_strings_will_do() -> None:
    names = ["TP53", "1-Mar", None, "2-Sep"]
    for given_as in (
        np.array(names, dtype=object),
        pa.array(names),
        pa.chunked_array([names[:2], names[2:]]),
        pa.array(names).dictionary_encode(),
    ):
        found = is_date_like(given_as)
        assert found.mask.tolist() == [False, True, False, True]
        assert "and so is 1 more" in found.explanation
    assert is_date_like([]).explanation == ""
