"""Numbers and units as notes write them, read only where they can be read in one way.

`9,8` and `9.8` are one number; `1.234` and `12 200` may be thousands or decimals, and are taken
only where one reading is plausible. A unit must be one that the measurement has; without a unit
the value is taken only where a single unit makes it plausible. Nothing else is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from biolake.core.units import to_ucum
from biolake.text.characters import IDEOGRAPHS, NO_LETTER_AFTER
from biolake.text.dictionary_terms import data_rows

_GROUPED = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?=\s?[/A-Za-zµμ])"
NUMBER = rf"(?:{_GROUPED}|\d{{1,9}}(?:[.,]\d{{1,9}}){{0,3}})"
_POWER = r"(?:[x×*]\s?)?10\s?[\^*eE]?\s?[3-9⁹³⁶]\s?/\s?(?:[LlμµuU][Ll]?|mm[3³]|mcL)"
# No ideographs: a word of Chinese may follow at once (120 mmol/L左右).
_NAME = rf"[A-Za-zµμªº°%'](?:[^\W{IDEOGRAPHS}]|[%°ºªµμ²³*^'\-])*"
_HAN = (
    r"次\s?[/每]\s?(?:分[钟鐘]?|min)|毫米(?:汞|水[银銀])柱|℃|[摄攝]氏度|度|千克|公斤|[厘毫]米|公分|米(?!粒)"
    r"|克\s?/\s?升|[毫微]摩[尔爾]\s?/\s?升|克|秒|次|分(?![钟鐘])"
)
UNIT = (
    rf"(?:{_POWER}|{_HAN}|mm\s?(?:de\s)?[Hh][Gg]{NO_LETTER_AFTER}|[°º]\s?[CcFf]\b|(?:degrees|grados)\s[A-Za-zí]+"
    r"|m[lL]/min\s?/\s?1[.,]73\s?m[2²]?|beats per minute|breaths per minute|latidos por minuto"
    rf"|pack[ -]years?|x\s?'|/\s?(?:{_NAME})|{_NAME}(?:\s?/\s?(?:\d\s?)?{_NAME})?)"
)


@dataclass(frozen=True)
class Range:
    """A unit, and between what values the measurement is plausible in it."""

    unit: str
    low: float
    high: float

    def has(self, value: float) -> bool:
        """Tell whether a value is plausible; cells in a microlitre come whole."""
        return self.low <= value <= self.high and (self.unit != "/uL" or value.is_integer())


@dataclass(frozen=True)
class Quantity:
    """A value with its unit; None where the text leaves open which it is."""

    value: float | None
    unit: str | None


UNKNOWN = Quantity(None, None)


@cache
def _units() -> dict[str, str]:
    return {row["spelling"]: row["ucum"] for row in data_rows("measurement_units.csv")}


@lru_cache(4096)
def unit_of(written: str) -> str | None:
    """Return the UCUM code of a unit as written; None where nobody knows it as a unit."""
    plain = unicodedata.normalize("NFKC", written).replace("μ", "u").replace("µ", "u")
    bare = re.sub(r"\s", "", plain).rstrip(".").lower().replace("×", "x")
    bare = re.sub(r"^\*(?=10)", "x", bare)
    known = _units().get(bare)
    if known is None:
        known = to_ucum(plain.strip().rstrip("."))
        known = known if known != plain.strip().rstrip(".") or _listed(known) else None
    return known


@cache
def _ucum_codes() -> frozenset[str]:
    from biolake.core.units import spellings

    return frozenset(spellings().values())


def _listed(code: str) -> bool:
    return code in _ucum_codes()


@lru_cache(4096)
def readings(number: str) -> tuple[float, ...]:
    """Return what a number may mean: one value, or two where a mark may be decimal or thousands."""
    plain = re.sub(r"[ \u00a0\u202f]", "", number)
    if plain != number:
        return (float(plain),) if plain.isdigit() else ()
    marks = re.findall(r"[.,]", plain)
    groups = re.split(r"[.,]", plain)
    if not marks:
        return (float(plain),)
    thousands = _grouped(groups) and len(set(marks)) == 1
    if len(marks) == 1:
        decimal = float(plain.replace(",", "."))
        return (decimal, float("".join(groups))) if thousands else (decimal,)
    if thousands:
        return (float("".join(groups)),)
    if len(set(marks[:-1])) == 1 and marks[-1] != marks[0] and _grouped(groups[:-1]):
        return (float("".join(groups[:-1]) + "." + groups[-1]),)
    return ()


def _grouped(groups: Sequence[str]) -> bool:
    """Tell whether digits between marks can be thousands: 1 to 3, then 3 each, no leading zero."""
    return 1 <= len(groups[0]) <= 3 and groups[0][0] != "0" and all(len(g) == 3 for g in groups[1:])


def quantity(number: str, written: str | None, ranges: Sequence[Range]) -> Quantity | None:
    """Read a number with its unit as a measurement of these ranges.

    None where it cannot be one: another unit, or a value nobody has. `UNKNOWN` where it may be one
    and the text does not say which.
    """
    fitting = ranges
    if written is not None and (unit := unit_of(written)) is not None:
        fitting = [one for one in ranges if one.unit == unit]
    found = {(v, one.unit) for v in readings(number) for one in fitting if one.has(v)}
    if not found:
        return None
    if len(found) > 1 and not _same(found, ranges):
        return UNKNOWN
    order = [one.unit for one in ranges]
    value, unit = min(found, key=lambda one: (-one[0], order.index(one[1])))
    return Quantity(value, unit)


def _same(found: set[tuple[float, str]], ranges: Sequence[Range]) -> bool:
    """Tell whether all that was read is one value: 250,000 /uL and 250.000 · 10³, meq and mmol."""
    if {unit for _, unit in found} == {"/uL", "10*3/uL"}:
        return len({value if unit == "/uL" else 1000 * value for value, unit in found}) == 1
    spans = {(one.low, one.high) for one in ranges if one.unit in {unit for _, unit in found}}
    return len({value for value, _ in found}) == 1 == len(spans)


def other_scale(read: Quantity) -> dict[str, float]:
    """Return a temperature in the other scale too."""
    if read.value is not None and read.unit == "[degF]":
        return {"celsius": round((read.value - 32) / 1.8, 2)}
    if read.value is not None and read.unit == "Cel":
        return {"fahrenheit": round(read.value * 1.8 + 32, 2)}
    return {}
