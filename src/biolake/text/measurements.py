"""Measurements in notes: vital signs, laboratory values, scores, sizes and stages, with units.

    found = measurements(TextRun.of(["BP 120/80, EF 30-35 %, K < 3,5 mmol/L"]))
    found.name[0], found.value[0], found.unit[0]      # systolic_blood_pressure, 120, mm[Hg]

A cue (`EF`, `creatinina`) with a value after it, a value before a telling unit (`38.5 °C`, `120/80
mmHg`), a size (`3.2 x 2.1 cm`) and a TNM stage are found. Cues, units and signs are found for all
texts at once by the compiled matcher; only where one stands is a pattern tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from biolake.text.measurements_cues import cues
from biolake.text.measurements_free import Found, by_unit, staged
from biolake.text.measurements_table import Measure
from biolake.text.measurements_values import (
    NUMBER,
    UNIT,
    UNKNOWN,
    Quantity,
    other_scale,
    quantity,
    unit_of,
)
from biolake.text.run import TextRun

_LINKS = (
    "of|is|was|were|are|at|the|level|levels|value|reading|today|now|in|on|measured|reported|shows?"
    "|came back|back|around|about|approximately|estimated|serum|elevated|low|high|stable|noted|as"
    "|has been|being|improved|decreased|increased|reduced|to|with|a|an|and|room air|score|=|≈|~"
    "|de|del|es|fue|era|son|en|con|la|el|un|una|s[eé]ric[ao]|plasm[aá]tic[ao]|basal|valor|valores"
    "|nivel|niveles|cifras?|alrededor|aproximadamente|aprox|actual|arterial|rectal|axilar|y"
)
_MORE = "less than|more than|greater than|under|below|above|over|up to|at least"
_MAS = "menor (?:de|que|a)|mayor (?:de|que|a)|inferior a|superior a|m[aá]s de|menos de|hasta"
_SIGNS = {
    "<": "< less than under below menor inferior menos",
    ">": "> more than greater than above over mayor superior más mas",
    "<=": "<= =< ≤ ⩽ up to hasta",
    ">=": ">= => ≥ ⩾ at least",
}
_FILL = rf"(?:[ \t\u00a0]*(?:[:=]|\b(?:{_LINKS})(?![\w]))){{0,5}}[ \t\u00a0]*"
_COMPARED = rf"(?P<sign><=|>=|=<|=>|[<>≤≥⩽⩾]|\b(?:{_MORE}|{_MAS})\b)?\s?"
_AFTER = re.compile(
    rf"\s?(?:[(\[](?P<before>[^()\[\]\d]{{1,12}})[)\]])?{_FILL}[(]?{_COMPARED}(?P<number>{NUMBER})"
    rf"(?:(?P<range>\s?(?:-|–|to|a)\s?)(?P<high>{NUMBER})(?![\d/-]))?"
    rf"(?:\s?/\s?(?P<of>\d{{1,3}})(?![\d/]|[.,]\d))?"
    rf"(?P<gap>\s?)(?P<unit>{UNIT})?",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"\s?{_FILL}[(]?(?P<high>\d{{2,3}})\s?(?:/|over|sobre)\s?(?P<low>\d{{2,3}})(?![\d/]|[.,]\d)"
    r"(?P<unit>\s?mm\s?(?:de\s)?Hg\b)?",
    re.IGNORECASE,
)
_GLEASON = re.compile(r"[ :=]*(?:score|of|de|grado)?[ (]*(\d)\s?\+\s?(\d)(?![\d+])", re.IGNORECASE)
_GOAL = re.compile(
    r"\b(?:goal|target|keep|maintain|if|expected|ideal|objetivo|mantener|si|esperado)\b"
    r"[^.;,\n]{0,18}$",
    re.IGNORECASE,
)
_ELSEWHERE = (
    r"urin\w*|urine|orina|lcr|csf|cerebrospinal|cefalorraqu\w*|pleural|ascit\w*|periton\w*|synovial"
    r"|sinovial|paracentesis|toracocentesis|thoracentesis"
    r"|lumbar|sweat|sudor|stool|heces|sediment\w*|drain\w*|drenaje"
)
_OF_ANOTHER_FLUID = re.compile(rf"\b(?:{_ELSEWHERE})\b[^.;\n]{{0,50}}$", re.IGNORECASE)
_IN_ANOTHER_FLUID = re.compile(
    rf"[ ,(]*(?:in|en|of|de)\s(?:the\s|la\s|el\s|l[ií]quido\s)?(?:{_ELSEWHERE})\b", re.IGNORECASE
)
_DATED_BEFORE = re.compile(
    r"\b(?:(?:in|en|since|desde|on|from|of|de)\s(?:[^\W\d]+\s(?:de\s|of\s)?)?(?:19|20)\d\d"
    r"|last (?:week|month|year|visit)|previous(?:ly)?|prior|ago|earlier|hace \d+"
    r"|(?:a[nñ]o|mes) pasado"
    r"|previ[oa]s?|previamente|anterior(?:es)?)\b[^.;\n]{0,60}$",
    re.IGNORECASE,
)
_DATED_AFTER = re.compile(
    r"[ ,(]*(?:(?:in|on|en|from|de)\s(?:[^\W\d]+\s(?:de\s|of\s)?)?(?:19|20)\d\d\b"
    r"|(?:on\s|el\s)?\d{1,2}/\d{1,2}(?:/\d{2,4})?\b"
    r"|(?:\w+\s){1,2}(?:ago|before|antes)\b)",
    re.IGNORECASE,
)
_REACH = 90  # characters after a cue that are looked at


@dataclass(frozen=True)
class Measurements:
    """What was found, one row a value; lists of one length, in order of text and place."""

    item: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    unit: list[str | None] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.item)


def measurements(run: TextRun) -> Measurements:
    """Find the measurements of all texts of a run."""
    found = list(_by_cue(run))
    taken = {(one.item, place) for one in found for place in range(one.start, one.end)}
    free = [one for one in (*by_unit(run), *staged(run)) if (one.item, one.number) not in taken]
    near = zip(free, [*free[1:], free[0]], strict=True) if free else ()
    found += [one for one, after in near if not _inside(one, after)]
    found.sort(key=lambda one: (one.item, one.start, one.name != "systolic_blood_pressure"))
    columns = zip(*(_columns(one) for one in found), strict=True)
    return Measurements(*map(list, columns)) if found else Measurements()


def _inside(one: Found, other: Found) -> bool:
    """Tell `4 cm` in `4 cm x 3 cm`."""
    same = one.item == other.item and other.start <= one.start and one.end <= other.end
    return same and one.end - one.start < other.end - other.start


def _columns(one: Found) -> tuple[Any, ...]:
    return one.item, one.start, one.end, one.name, one.value, one.unit, one.attributes


def _by_cue(run: TextRun) -> Iterator[Found]:
    known = cues()
    reached = 0, 0
    for item, start, end, number in known.find(run):
        text = run.texts[item]
        if (item, start) < reached or _within_a_word(text, start):
            continue
        measure = known.measures[number]
        for one in _valued(measure, item, text, start, end):
            reached = item, one.end
            yield one


def _within_a_word(text: str, start: int) -> bool:
    """Tell a cue that ends another word: no HDL in `non-HDL`."""
    return start > 1 and text[start - 1] in "-_/" and text[start - 2].isalnum()


def _valued(measure: Measure, item: int, text: str, start: int, end: int) -> Iterator[Found]:
    """Yield what a cue's value says: two rows of a blood pressure, else one or none."""
    if measure.name == "blood_pressure":
        yield from _pressures(item, text, start, end)
    elif measure.name == "gleason" and (sum_of := _GLEASON.match(text, end)):
        one, two = int(sum_of[1]), int(sum_of[2])
        if 1 <= one <= 5 and 1 <= two <= 5:
            parts = {"primary": one, "secondary": two}
            yield Found(item, start, sum_of.end(), "gleason", one + two, "{score}", parts)
    elif measure.name != "pack_years" and (match := _AFTER.match(text, end, end + _REACH)):
        yield from _single(measure, item, text, start, match)


def _pressures(item: int, text: str, start: int, end: int) -> Iterator[Found]:
    match = _PAIR.match(text, end, end + _REACH)
    if match is None:
        return
    high, low = float(match["high"]), float(match["low"])
    if not (40 <= high <= 320 and 10 <= low <= 200 and low < high):
        return
    said = said_of(text, start, match.end())
    for name, value in (("systolic", high), ("diastolic", low)):
        yield Found(item, start, match.end(), f"{name}_blood_pressure", value, "mm[Hg]", dict(said))


def said_of(text: str, start: int, end: int) -> dict[str, Any]:
    """Return what makes a value no measurement of the patient's blood or body now.

    `goal`: it is to be reached, or feared. `specimen`: it is of urine or another fluid. `dated`: it
    is of another day than the note.
    """
    said: dict[str, Any] = {}
    if _GOAL.search(text, max(0, start - 30), start):
        said["goal"] = True
    before = _OF_ANOTHER_FLUID.search(text, max(0, start - 70), start)
    if before or _IN_ANOTHER_FLUID.match(text, end, end + 40):
        said["specimen"] = "other"
    dated = _DATED_BEFORE.search(text, max(0, start - 80), start)
    if dated or _DATED_AFTER.match(text, end, end + 40):
        said["dated"] = True
    return said


def _single(
    measure: Measure, item: int, text: str, start: int, match: re.Match[str]
) -> Iterator[Found]:
    written, end = _unit(measure, match)
    if not _whole(text, measure, match, end):
        return
    if match["of"] and match["of"] == measure.out_of:
        written = None
    read = quantity(match["number"], written, measure.ranges)
    if read is None:
        return
    said = said_of(text, start, end)
    if match["range"]:
        high = quantity(match["high"], written, measure.ranges)
        if high is None or not _rising(read, high):
            return
        said |= {"low": read.value, "high": high.value}
        read = Quantity(None, high.unit)
    elif sign := compared(match["sign"]):
        said |= {"comparator": sign, "limit": read.value}
        read = Quantity(None, read.unit)
    said |= other_scale(read)
    yield Found(item, start, end, measure.name, read.value, read.unit, said)


def _unit(measure: Measure, match: re.Match[str]) -> tuple[str | None, int]:
    """Return the unit as written, and where the expression ends: a strange word is no unit."""
    written, gap = match["unit"], match["gap"]
    if written is None:
        before = match["before"]
        told = before if before and unit_of(before) else None
        return told, match.end("gap") - len(gap)
    unit = unit_of(written)
    # A word after a space: "temperature 38 in the morning" has no inches.
    word = written.lower() in ("in", "a") and unit not in {one.unit for one in measure.ranges}
    if gap and (word or (unit is None and not set("/%") & set(written))):
        return None, match.start("gap")
    return written, match.end("unit")


def _whole(text: str, measure: Measure, match: re.Match[str], end: int) -> bool:
    """Tell whether a number stands for itself: no part of a date, a code or another number."""
    if match["of"] and match["of"] != measure.out_of:
        return False
    written, _ = _unit(measure, match)
    if written is not None:
        return unit_of(written) is not None
    return not re.match(r"[\w/%+]|[.,:-]\d", text[end : end + 2])


def compared(sign: str | None) -> str:
    """Return < > <= >= for a comparison in signs or words."""
    if not sign:
        return ""
    first = sign.lower().split()[0]
    whole = " ".join(sign.lower().split())
    for name, words in _SIGNS.items():
        if whole in words.split() or (whole in words and first in words.split()):
            return name
    return next(name for name, words in _SIGNS.items() if first in words.split())


def _rising(low: Quantity, high: Quantity) -> bool:
    if low is UNKNOWN or high is UNKNOWN or low.value is None or high.value is None:
        return False
    return low.value < high.value and low.unit == high.unit
