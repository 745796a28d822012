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

from biolake.text.characters import NO_LETTER_AFTER, NO_LETTER_BEFORE
from biolake.text.measurements_about import said_of, said_of_pressure
from biolake.text.measurements_cues import cues
from biolake.text.measurements_free import Found, by_glued_unit, by_unit, staged, with_han
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
_HAN_MORE = "[大小][于於]|[高低][于於]|不?超[过過]|不低[于於]|不足|至少|至多"
_SIGNS = {
    "<": "< \uff1c less than under below menor inferior menos 小于 小於 低于 低於 不足",
    ">": "> \uff1e more than greater than above over mayor superior más mas 大于 大於"
    " 高于 高於 超过 超過",
    "<=": "<= =< ≤ ⩽ up to hasta 不超过 不超過 至多",
    ">=": ">= => ≥ ⩾ at least 不低于 不低於 至少",
}
# In Chinese these stand between a cue and its value without a space.
_HAN_LINKS = "[为為约約是示在达達]|[测測]得|[测測]定|[结結]果|[评評]分|水平|升至|降至"
_HAN_LINKS += "|升高至|下降至|最高|最低"
_FILL = rf"(?:[ \t\u00a0]*(?:[:=：]|{_HAN_LINKS}|\b(?:{_LINKS})(?![\w]))){{0,5}}[ \t\u00a0]*"
_COMPARED = rf"(?P<sign><=|>=|=<|=>|[<>\uff1c\uff1e≤≥⩽⩾]|{_HAN_MORE}|\b(?:{_MORE}|{_MAS})\b)?\s?"
_AFTER = re.compile(
    rf"\s?(?:[(\[（](?P<before>[^()\[\]（）\d]{{1,12}})[)\]）])?{_FILL}[(（]?{_COMPARED}(?P<number>{NUMBER})"
    rf"(?:(?P<range>\s?(?:-|–|~|\uff5e|至|to|a)\s?)(?P<high>{NUMBER})(?![\d/-]))?"
    rf"(?:\s?/\s?(?P<of>\d{{1,3}})(?![\d/]|[.,]\d))?"
    rf"(?P<gap>\s?)(?P<unit>{UNIT})?",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"\s?{_FILL}[(（]?(?P<high>\d{{2,3}})\s?(?:/|over|sobre)\s?(?P<low>\d{{2,3}})(?![\d/]|[.,]\d)"
    rf"(?P<unit>\s?mm\s?(?:de\s)?Hg{NO_LETTER_AFTER}|\s?毫米(?:汞|水[银銀])柱)?",
    re.IGNORECASE,
)
_GLEASON = re.compile(r"[ :=]*(?:score|of|de|grado)?[ (]*(\d)\s?\+\s?(\d)(?![\d+])", re.IGNORECASE)
# Longer names that end in a cue, cut before it.
_LONGER = (
    ("前", "白蛋白"), ("糖化", "白蛋白"), ("微量", "白蛋白"), ("转", "铁蛋白"), ("间接", "胆红素"),
    ("極", "低密度"), ("极", "低密度"), ("胎", "心率"), ("胎儿", "体重"), ("胎兒", "體重"),
)  # fmt: skip
_GLUED = re.compile(
    rf"{NO_LETTER_BEFORE}(BP(?=\d)|HR(?=\d)|T(?=\d\d(?:\.\d)?\s?[℃°]))", re.IGNORECASE
)
_GLUED_TO = {"BP": "blood_pressure", "HR": "heart_rate", "T": "temperature"}
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
    found = [*_by_cue(run), *_glued(run)]
    taken = {(one.item, place) for one in found for place in range(one.start, one.end)}
    free = [
        one
        for one in (*by_unit(run), *staged(run), *by_glued_unit(run))
        if (one.item, one.number) not in taken
    ]
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


def _glued(run: TextRun) -> Iterator[Found]:
    """Yield values that Chinese notes write on to their cue: `T36.5℃，BP140/90mmHg`."""
    known = {one.name: one for one in cues().measures}
    for item in with_han(run):
        text = run.texts[item]
        for match in _GLUED.finditer(text):
            measure = known[_GLUED_TO[match[1].upper()]]
            yield from _valued(measure, item, text, match.start(), match.end(1))


def _within_a_word(text: str, start: int) -> bool:
    """Tell a cue that ends another word: no HDL in `non-HDL`."""
    if text[start] >= "\u4e00":
        return any(
            text.startswith(cue, start) and text.endswith(before, 0, start)
            for before, cue in _LONGER
        )
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
    said = said_of_pressure(text, start, match.end())
    for name, value in (("systolic", high), ("diastolic", low)):
        yield Found(item, start, match.end(), f"{name}_blood_pressure", value, "mm[Hg]", dict(said))


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
    elif sign := compared(match["sign"]) or _bound(text, end):
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


def _bound(text: str, end: int) -> str:
    """Return what `以上` (and more) or `以下` (and less) after a value makes of it."""
    after = text[end : end + 2]
    return ">=" if after == "以上" else "<=" if after in ("以下", "以内", "以內") else ""


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
