"""Gene symbols that a spreadsheet has turned into dates: `1-Mar`, `2021-09-02`, `43891`.

Which gene such a name was cannot be told any more (`1-Mar` was MARCH1 or MARC1), so what stands
beside it is nobody's measurement. Ziemann, Eren, El-Osta: Gene name errors are widespread in the
scientific literature. Genome Biology 17:177 (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# English, German, French, Spanish, Italian and Portuguese, as spreadsheets shorten them.
_MONTH = (
    "(?:jan|janv|ene|gen|feb|febr|févr|fev|mar|march|mär|mrz|märz|mars|marzo|apr|april|avr|abr|"
    "may|mai|maj|mag|jun|june|juni|juin|giu|jul|july|juli|juil|lug|aug|août|ago|"
    "sep|sept|set|oct|okt|out|ott|nov|dec|dez|déc|dic)"
)
_FORMS = (
    rf"\d{{1,2}}[-. /]{{1,2}}{_MONTH}\.?(?:[-. /]\d{{2,4}})?",  # 1-Mar, 02. Sep 2021
    rf"{_MONTH}\.?[- /]\d{{1,4}}",  # Mar-01, Sep-2002
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T][\d:.]+Z?)?",  # 2021-03-01 00:00:00
    r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d{2}|\d{4})(?: [\d:.]+)?",  # 3/1/21
    # The genes were SEPT2 and MARCH1; these are neither, and date cells typed as text. SEP2 is an
    # alias of two genes besides. SEP15 was a gene (now SELENOF).
    r"(?:mar-?(?:1[01]|0?[1-9])|sep-?(?:1[0-4]|0?[1-9]))",
)
_DATE = f"(?i)^(?:{'|'.join(_FORMS)})$"
_NUMBER = r"^(\d+)(?:\.0)?$"
# Days as spreadsheets count them: 1 January 2000 to 31 December 2049.
_DAYS = (36_526, 54_788)


class DateLike(NamedTuple):
    """Which symbols read as dates, and what to say of them: empty where there are none."""

    mask: np.ndarray  # bool
    explanation: str


def is_date_like(symbols: Sequence[str] | np.ndarray | pa.Array | pa.ChunkedArray) -> DateLike:
    """Tell which gene symbols are dates now.

    MARCH1, SEPT2 and DEC1, the names of their genes until 2020, are intact and not among them. Bare
    numbers are the days of a spreadsheet only where most names are not numbers: else they are
    Entrez ids. The explanation names the first by its place, counted from 1.
    """
    names = pc.fill_null(_strings(symbols), "")
    mask = _matches(names, _DATE)
    numbers = _matches(names, _NUMBER)
    if 2 * int(numbers.sum()) < len(numbers):
        mask |= _days(names, numbers)
    return DateLike(mask, _explained(names, mask))


def _strings(symbols: Sequence[str] | np.ndarray | pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(symbols, pa.ChunkedArray):
        symbols = symbols.combine_chunks()
    if isinstance(symbols, pa.DictionaryArray):
        symbols = symbols.dictionary_decode()
    if isinstance(symbols, pa.Array):
        return symbols.cast(pa.string())
    return pa.array(np.asarray(symbols, dtype=object), pa.string())


def _matches(names: pa.Array, pattern: str) -> np.ndarray:
    trimmed = pc.utf8_trim_whitespace(names)
    found = pc.match_substring_regex(trimmed, pattern).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=bool)


def _days(names: pa.Array, numbers: np.ndarray) -> np.ndarray:
    found = numbers.copy()
    for place in np.flatnonzero(numbers):
        whole = names[int(place)].as_py().strip().partition(".")[0]
        found[place] = len(whole) == 5 and _DAYS[0] <= int(whole) <= _DAYS[1]
    return found


def _explained(names: pa.Array, mask: np.ndarray) -> str:
    places = np.flatnonzero(mask)
    if not len(places):
        return ""
    first = names[int(places[0])].as_py().strip()[:24]
    told = f"gene symbol {places[0] + 1:,} is a date ('{first}')"
    if len(places) > 1:
        more = len(places) - 1
        told += f", and so {'is' if more == 1 else 'are'} {more:,} more"
    return f"{told}: a spreadsheet has changed it, and which gene it was cannot be told"
