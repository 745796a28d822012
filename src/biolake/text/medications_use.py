"""How a medication is taken: dose, route, frequency, form, duration, as the words after it say."""

from __future__ import annotations

import re
from typing import Any

from biolake.text.measurements_values import readings

_NUMBER = r"\d{1,6}(?:[.,]\d{1,4})?"
_UNIT = (
    r"mg|mgr|mcg|[µμu]g|gr?|m[lL]|cc|units?|unidades|u\.?i\.?|iu|U|meq|mmol|%"
    r"|puffs?|inhalaciones|drops?|gotas|tablets?|tabs?|comprimidos?|comp|capsules?|caps"
    r"|c[aá]psulas?|milligrams?|micrograms?|grams?|miligramos|gramos"
)
_PER = r"kg|m2|m²|m[lL]|hr?|hour|hora|min|day|d[ií]a|d|semana|week|dose|dosis|24\s?h"
_DOSE = (
    rf"(?P<low>{_NUMBER})(?:\s?(?:-|–|to|a)\s?(?P<high>{_NUMBER}))?\s?(?P<unit>{_UNIT})"
    rf"(?P<per>(?:\s?/\s?(?:{_PER})(?![a-z]))*)"
)
_DOSE += r"(?![\w²]|[.·]\s?(?:kg|h|min)-)"
DOSE = re.compile(_DOSE, re.IGNORECASE)
_CHANGED = re.compile(
    rf"\b(?:from|de)\s{_NUMBER}\s?(?:{_UNIT})?\s(?:to|a)\s(?={_NUMBER})", re.IGNORECASE
)
_BEFORE = re.compile(rf"(?<![\w.,/]){_DOSE}\s*(?P<of>of|de|d[e']l?\s?a?)?\s*$", re.IGNORECASE)
_NEAR = 30  # characters between a name and its dose
_NEW = re.compile(r"[,;+]|\b(?:and|with|plus|or|y|e|con|más|o)\b", re.IGNORECASE)
_UNITS = {
    "mgr": "mg", "milligram": "mg", "milligrams": "mg", "miligramos": "mg", "mcg": "ug",
    "µg": "ug", "μg": "ug", "microgram": "ug", "micrograms": "ug", "gr": "g", "gram": "g",
    "grams": "g", "gramos": "g", "ml": "mL", "cc": "mL", "unit": "[IU]", "units": "[IU]",
    "unidades": "[IU]", "ui": "[IU]", "u.i.": "[IU]", "u.i": "[IU]", "iu": "[IU]", "u": "[IU]",
    "puff": "{puff}", "puffs": "{puff}", "inhalaciones": "{puff}", "drop": "[drp]",
    "drops": "[drp]", "gotas": "[drp]", "meq": "meq", "mmol": "mmol",
}  # fmt: skip
_PIECES = re.compile(r"tab|comp|cap|c[aá]p", re.IGNORECASE)
_PERS = {"h": "h", "hr": "h", "hour": "h", "hora": "h", "m2": "m2", "m²": "m2", "kg": "kg",
         "min": "min", "day": "d", "dia": "d", "día": "d", "d": "d", "24h": "d", "ml": "mL",
         "semana": "wk", "week": "wk"}  # fmt: skip


def _choice(words: dict[str, str]) -> re.Pattern[str]:
    """Compile one alternative a meaning, in named groups."""
    return re.compile(
        "|".join(rf"(?P<{name}>(?<!\w)(?:{said})(?!\w))" for name, said in words.items()),
        re.IGNORECASE,
    )


_ROUTE = _choice({
    "oral": r"p\.?o\.?|by mouth|oral(?:ly|es)?|v\.?o\.?|per os",
    "intravenous": r"i\.?v\.?|intraven\w+|e\.?v\.?|endoven\w+",
    "intramuscular": r"i\.?m\.?|intramuscular\w*",
    "subcutaneous": r"s\.?c\.?|sub-?q|sq|subcut\w*",
    "sublingual": r"s\.?l\.?|sublingual\w*",
    "inhaled": r"inhal(?:ed|ation|er|ado|ada|ador)|nebuli\w+",
    "topical": r"topical(?:ly)?|t[oó]pic[oa]s?",
    "transdermal": r"transderm\w+|patch|parche",
    "rectal": r"p\.?r\.?|rectal(?:ly)?|per rectum",
    "intranasal": r"intranasal\w*|nasal spray",
    "ophthalmic": r"ophthalmic|oft[aá]lmic\w+|eye drops|colirio",
    "intrathecal": r"intrathecal\w*|intratecal\w*",
})  # fmt: skip
_FORM = _choice({
    "tablet": r"tablets?|tabs?|comprimidos?|comp|pills?|pastillas?",
    "capsule": r"capsules?|caps|c[aá]psulas?",
    "solution": r"solution|soluci[oó]n", "suspension": r"suspension|suspensi[oó]n",
    "syrup": r"syrup|jarabe", "inhaler": r"inhaler|inhalador", "patch": r"patch(?:es)?|parches?",
    "cream": r"cream|crema", "ointment": r"ointment|pomada|ung[uü]ento",
    "drops": r"drops|gotas|colirio", "injection": r"injections?|inyecci[oó]n(?:es)?|ampollas?|vial",
    "suppository": r"suppositor(?:y|ies)|supositorios?",
})  # fmt: skip
_OFTEN = {"once": 1, "one": 1, "una": 1, "twice": 2, "two": 2, "dos": 2, "three": 3, "thrice": 3,
          "tres": 3, "four": 4, "cuatro": 4}  # fmt: skip
_TIMES = re.compile(
    r"(?:(?<!\w)|(?=/))(?:(?P<word>once|twice|thrice|(?:one|two|three|four|\d)(?=\stimes?)"
    r"|(?:una|dos|tres|cuatro|\d)(?=\sve(?:z|ces)))(?:\stimes?|\sve(?:z|ces))?"
    r"\s(?:a\s|per\s|each\s|al\s)?(?P<span>day|daily|d[ií]a|week(?:ly)?|semana)"
    r"|(?P<every>(?:every|each|q\.?|cada|/)\s?(?P<from>\d{1,2})(?:\s?(?:-|–|to|a)\s?(?P<to>\d{1,2}))?"
    r"\s?(?:hours?|hrs?|horas?|h))"
    r"|(?P<tid>t\.?i\.?d\.?)|(?P<bid>b\.?i\.?d\.?)|(?P<qid>q\.?i\.?d\.?)"
    r"|(?P<qod>q\.?o\.?d\.?|every other day|d[ií]as alternos)"
    r"|(?P<weekly>weekly|every week|q\.?week|semanal(?:es|mente)?|cada semana|/\s?semana)"
    r"|(?P<daily>daily|q\.?d\.?|q\.?day|every day|each day|nightly|at bedtime|q\.?h\.?s\.?|qam|qpm"
    r"|every (?:morning|evening|night)|in the (?:morning|evening)|diari[oa]s?|diariamente|al d[ií]a"
    r"|cada d[ií]a|por la (?:noche|mañana)|cada 24|/\s?d(?:[ií]a|ay)|/\s?24\s?h))(?!\w)"
    r"|(?<![\d-])(?P<slots>[0-3](?:-[0-3]){2,3})(?![\d-])",
    re.IGNORECASE,
)
_PRN = re.compile(
    r"(?<!\w)(?:p\.?r\.?n\.?|as needed|if needed|when needed|si precisa|a demanda|si dolor"
    r"|seg[uú]n necesidad)(?!\w)",
    re.IGNORECASE,
)
_LASTS = re.compile(
    r"(?<!\w)(?:for|x|×|durante|por)\s(?:the next\s|another\s)?(?P<count>\d{1,3})"
    r"(?:\s?(?:more|additional))?[\s-]?(?P<unit>days?|d[ií]as?|weeks?|semanas?|months?|meses|mes)"
    r"(?!\w)",
    re.IGNORECASE,
)


def dose_at(match: re.Match[str]) -> dict[str, Any]:
    """Return what a matched dose says: `dose` or a range, `unit` in UCUM, `per`."""
    low, high = readings(match["low"])[0], match["high"]
    said: dict[str, Any] = {"dose": low}
    if high:
        said = {"dose_low": low, "dose_high": readings(high)[0]}
    written = match["unit"].lower()
    said["unit"] = "{piece}" if _PIECES.match(written) else _UNITS.get(written, written)
    pers = [re.sub(r"\s", "", one).lower() for one in match["per"].split("/") if one.strip()]
    if pers:
        said["per"] = "/".join(_PERS.get(one, one) for one in pers)
    return said


def dose_after(text: str, start: int, stop: int, following: int) -> re.Match[str] | None:
    """Return the dose between a name and `stop`; not one that is of the name at `following`."""
    changed = _CHANGED.search(text, start, stop)
    match = DOSE.search(text, changed.end() if changed else start, stop)
    if match is None or match.start() - start > _NEAR + len(changed[0] if changed else ""):
        return None
    between = text[match.end() : following] if following >= 0 else "…"
    if re.fullmatch(r"\s*(?:of|de)\s+(?:la\s|el\s)?", between, re.IGNORECASE):
        return None
    if not between.strip() and _NEW.search(text, start, match.start()):
        return None
    return match


def dose_before(text: str, start: int, begin: int, *, of: bool) -> re.Match[str] | None:
    """Return the dose right before a name (`40 mg of …`); with `of` only where that word stands."""
    match = _BEFORE.search(text, max(begin, start - 30), start)
    return match if match is None or match["of"] or not of else None


def use_of(text: str, start: int, stop: int) -> tuple[dict[str, Any], int]:
    """Return route, form, frequency, duration and PRN in a stretch of text, and where they end."""
    said: dict[str, Any] = {}
    end = start
    for name, pattern in (("route", _ROUTE), ("form", _FORM)):
        if match := pattern.search(text, start, stop):
            said[name], end = match.lastgroup, max(end, match.end())
    if match := _TIMES.search(text, start, stop):
        said |= _frequency(match)
        end = max(end, match.end())
    if match := _PRN.search(text, start, stop):
        said["prn"], end = True, max(end, match.end())
    if match := _LASTS.search(text, start, stop):
        unit = {"d": "d", "w": "wk", "s": "wk", "m": "mo"}[match["unit"][0].lower()]
        said["duration"] = {"value": int(match["count"]), "unit": unit}
        end = max(end, match.end())
    return said, end


def _frequency(match: re.Match[str]) -> dict[str, Any]:
    """Return how often a day; a range of hours gives the fewest and the most times."""
    if word := match["word"]:
        times = float(_OFTEN.get(word.lower(), 0) or word)
        weekly = match["span"][0].lower() in "ws"
        return {"frequency": round(times / 7, 4) if weekly else times}
    if match["every"]:
        hours, most = int(match["from"]), match["to"]
        if not 1 <= hours <= 72 or (most and int(most) <= hours):
            return {}
        if most:
            return {
                "frequency_low": round(24 / int(most), 4),
                "frequency_high": round(24 / hours, 4),
            }
        return {"frequency": round(24 / hours, 4)}
    if match["slots"]:
        return {"frequency": float(sum(part != "0" for part in match["slots"].split("-")))}
    often = {"bid": 2.0, "tid": 3.0, "qid": 4.0, "qod": 0.5, "weekly": 0.1429, "daily": 1.0}
    return {"frequency": next(times for name, times in often.items() if match[name])}
