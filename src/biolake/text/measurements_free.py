"""Values that name themselves: by a telling unit, as a size, or as a TNM stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from biolake.text._tokens import HAS_DIGIT, IS_HAN, IS_WORD
from biolake.text.characters import NO_LETTER_AFTER, NO_LETTER_BEFORE
from biolake.text.matching import Matcher
from biolake.text.measurements_about import said_of, said_of_pressure
from biolake.text.measurements_table import measures
from biolake.text.measurements_values import NUMBER, other_scale, quantity, readings
from biolake.text.run import TextRun


@dataclass(frozen=True)
class Found:
    """One value as it stands in a text; `number` is where its digits begin."""

    item: int
    start: int
    end: int
    name: str
    value: float | None
    unit: str | None
    attributes: dict[str, Any]
    number: int = -1


_PRESSURE = re.compile(r"(?<![\d/.,])(?<!\d[-–~\uff5e至])(\d{2,3})\s?/\s?(\d{2,3})\s?$")
_BEFORE = re.compile(rf"(?<![/.,-])(?<!\d[~\uff5e至]){NO_LETTER_BEFORE}({NUMBER})[\s-]?$")
_INITIAL = re.compile(rf"{NO_LETTER_BEFORE}([PR])[\s:：]*(\d{{2,3}})\s?$")
_GLUED = re.compile(rf"(?<=\d)(?:cm|mmHg|mm){NO_LETTER_AFTER}", re.IGNORECASE)
_DIMENSIONS = re.compile(
    rf"(?<![/.,]){NO_LETTER_BEFORE}({NUMBER})\s?(?:[cm]m)?\s?[x×X]\s?({NUMBER})\s?(?:[cm]m)?"
    rf"(?:\s?[x×X]\s?({NUMBER}))?\s?$"
)
_THINGS = (
    "tumou?rs?|mass|masses|nodules?|lesions?|cysts?|polyps?|stones?|calcul[ui]s?|aneurysms?"
    "|lymph nodes?|nodes?|adenomas?|abscess|abscesses|fibroids?|tumoraci[oó]n(?:es)?|tumor(?:es)?"
    "|masas?|n[oó]dulos?|lesi[oó]n(?:es)?|quistes?|p[oó]lipos?|litiasis|c[aá]lculos?|aneurismas?"
    "|adenopat[ií]as?|formaci[oó]n|abscesos?|miomas?"
)
_HAN_THINGS = (
    "[结結][节節]|[肿腫][块塊物瘤]|包[块塊]|[占佔]位|囊[肿腫]|息肉|[结結]石|病[灶变變]|腺瘤"
    "|[动動][脉脈]瘤|肌瘤|[脓膿][肿腫]|淋巴[结結]"
)
_THING_BEFORE = re.compile(
    rf"\b(?:{_THINGS})\b[^.;:\n\d]{{0,40}}$"
    rf"|(?:{_HAN_THINGS}|直[径徑])[^。；，;:：\n\d]{{0,16}}$",
    re.IGNORECASE,
)
_THING_AFTER = re.compile(
    rf"[ .-]?\s?(?:(?:in|de|en)\s(?:diameter|di[aá]metro|tama[nñ]o|size)|\w*\s?(?:{_THINGS})\b"
    rf"|\s?(?:大小)?的?(?:{_HAN_THINGS}))",
    re.IGNORECASE,
)
_TNM = re.compile(
    r"(?P<prefix>[ymra]?[cp]?)T(?P<t>is|[0-4][a-d]?|x)(?P<multiple>\(m\))?"
    r"(?:[ ,]{0,2}[cp]?N(?P<n>[0-3][a-c]?|x))?(?:[ ,]{0,2}[cp]?M(?P<m>[01][a-c]?|x))?"
    r"(?![A-Za-z\d])",
    re.IGNORECASE,
)
_DEGREES, _RATE, _MMHG, _LENGTH, _PACKS = "temperature", "heart_rate", "mmhg", "length", "packs"
_TIMES = "times"
_TELLING = {
    "° c": _DEGREES, "º c": _DEGREES, "°c": _DEGREES, "ºc": _DEGREES, "° f": _DEGREES,
    "º f": _DEGREES, "°f": _DEGREES, "ºf": _DEGREES, "bpm": _RATE, "lpm": _RATE,
    "beats per minute": _RATE, "latidos por minuto": _RATE, "mmhg": _MMHG, "mm hg": _MMHG,
    "mm de hg": _MMHG, "cm": _LENGTH, "mm": _LENGTH, "cms": _LENGTH, "pack year": _PACKS,
    "pack years": _PACKS, "paquetes/año": _PACKS, "paquetes año": _PACKS, "paquete año": _PACKS,
    "paquetes-año": _PACKS, "℃": _DEGREES, "摄氏度": _DEGREES, "攝氏度": _DEGREES,
    "毫米汞柱": _MMHG, "厘米": _LENGTH, "毫米": _LENGTH, "次/分": _TIMES,
}  # fmt: skip


@cache
def _telling() -> tuple[Matcher, tuple[str, ...]]:
    return Matcher(list(_TELLING)), tuple(_TELLING.values())


def by_unit(run: TextRun) -> Iterator[Found]:
    """Yield values before a unit that tells what they are, and sizes."""
    matcher, kinds = _telling()
    hits = matcher.find(run)
    columns = (hits.item, hits.start, hits.end, hits.phrase)
    for item, start, end, phrase in zip(*(column.tolist() for column in columns), strict=True):
        text = run.texts[item]
        yield from _READ[kinds[phrase]](item, text, start, end)


def _pressure(item: int, text: str, start: int, end: int) -> Iterator[Found]:
    match = _PRESSURE.search(text, max(0, start - 10), start)
    if match is None:
        return
    high, low = float(match[1]), float(match[2])
    if 40 <= high <= 320 and 10 <= low <= 200 and low < high:
        at = match.start()
        for name, value in (("systolic", high), ("diastolic", low)):
            said = said_of_pressure(text, at, end)
            yield Found(item, at, end, f"{name}_blood_pressure", value, "mm[Hg]", said, at)


def _plain(name: str) -> Callable[[int, str, int, int], Iterator[Found]]:
    """Read one number before its unit as this measure."""

    def read(item: int, text: str, start: int, end: int) -> Iterator[Found]:
        match = _BEFORE.search(text, max(0, start - 14), start)
        measure = next(one for one in measures() if one.name == name)
        if match is None:
            return
        written = text[start:end] if name != "pack_years" else "packyears"
        if (found := quantity(match[1], written, measure.ranges)) is not None:
            at = match.start(1)
            said = said_of(text, at, end) | other_scale(found)
            yield Found(item, at, end, name, found.value, found.unit, said, at)

    return read


def _initialled(item: int, text: str, start: int, end: int) -> Iterator[Found]:
    """Read the pulse or breathing rate that one letter names: `P 80次/分，R 20次/分`."""
    if match := _INITIAL.search(text, max(0, start - 8), start):
        name = "heart_rate" if match[1] == "P" else "respiratory_rate"
        measure = next(one for one in measures() if one.name == name)
        if (found := quantity(match[2], "次/分", measure.ranges)) is not None:
            at, said = match.start(), said_of(text, match.start(), end)
            yield Found(item, at, end, name, found.value, found.unit, said, match.start(2))


def _size(item: int, text: str, start: int, end: int) -> Iterator[Found]:
    """Read dimensions before cm or mm; of one alone only where it says what is that large."""
    if re.match(r"\s?[/%\d²³]|\s?[Hh][Gg]\b|\s?(?:de\s)?(?:H2O|agua)", text[end : end + 8]):
        return
    unit = "cm" if text[start] in "cC厘" else "mm"
    match = _DIMENSIONS.search(text, max(0, start - 40), start)
    if match is None:
        match = _BEFORE.search(text, max(0, start - 14), start)
        if match is None or not _of_a_thing(text, match.start(1), end):
            return
    sizes = [readings(part) for part in match.groups() if part]
    values = [one[0] for one in sizes if len(one) == 1]
    if len(values) == len(sizes) and 0 < max(values) <= (60 if unit == "cm" else 600):
        at = match.start(1)
        said = {"dimensions": values} if len(values) > 1 else {}
        yield Found(item, at, end, "size", max(values), unit, said, at)


def _of_a_thing(text: str, start: int, end: int) -> bool:
    return bool(
        _THING_AFTER.match(text, end, end + 40)
        or _THING_BEFORE.search(text, max(0, start - 60), start)
    )


_READ: dict[str, Callable[[int, str, int, int], Iterator[Found]]] = {
    _DEGREES: _plain("temperature"),
    _RATE: _plain("heart_rate"),
    _PACKS: _plain("pack_years"),
    _TIMES: _initialled,
    _MMHG: _pressure,
    _LENGTH: _size,
}


def with_han(run: TextRun) -> list[int]:
    """Return the texts that have ideographs in them."""
    tokens = run.tokens
    return np.unique(run.item_of(tokens.start[tokens.kind == IS_HAN])).tolist()  # type: ignore[no-any-return]


def by_glued_unit(run: TextRun) -> Iterator[Found]:
    """Yield values with no space before their unit: sizes and blood pressures of Chinese notes."""
    for item in with_han(run):
        text = run.texts[item]
        for match in _GLUED.finditer(text):
            yield from _READ[_TELLING[match[0].lower()]](item, text, match.start(), match.end())


def staged(run: TextRun) -> Iterator[Found]:
    """Yield TNM stages: a T with an N, or a T with a prefix; a T alone may be a vertebra."""
    tokens = run.tokens
    codes = run.codes[np.minimum(tokens.start, len(run.codes) - 1)] | 0x20
    may = np.isin(codes, [ord(c) for c in "tcpyram"]) & (tokens.kind == IS_WORD)
    may &= ((tokens.flags & HAS_DIGIT) > 0) | (tokens.end - tokens.start <= 5)
    starts = tokens.start[may]
    items = run.item_of(starts)
    for item, start in zip(items.tolist(), run.within(items, starts).tolist(), strict=True):
        match = _TNM.match(run.texts[item], start)
        if match is None or not (match["n"] or match["prefix"]):
            continue
        if match[0][len(match["prefix"])] != "T" or (not match["n"] and match["t"] in "xX"):
            continue
        said = {k: v.lower() if k != "prefix" else v for k, v in match.groupdict().items() if v}
        yield Found(item, start, match.end(), "tnm", None, None, said, start)
