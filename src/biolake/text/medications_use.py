"""How a medication is taken: dose, route, frequency, form, duration, as the words after it say."""

from __future__ import annotations

import re
from typing import Any

from biolake.text.characters import NO_LETTER_AFTER, NO_LETTER_BEFORE
from biolake.text.measurements_values import readings

_NUMBER = r"\d{1,6}(?:[.,]\d{1,4})?"
_UNIT = (
    r"mg|mgr|mcg|[µμu]g|gr?|m[lL]|cc|units?|unidades|u\.?i\.?|iu|U|meq|mmol|%"
    r"|puffs?|inhalaciones|drops?|gotas|tablets?|tabs?|comprimidos?|comp|capsules?|caps"
    r"|c[aá]psulas?|milligrams?|micrograms?|grams?|miligramos|gramos"
    r"|毫克|微克|克|毫升|(?:国际|國際)?[单單]位|[片粒枚丸支袋包瓶滴喷噴吸揿]"
)
_PER = r"kg|m2|m²|m[lL]|hr?|hour|hora|min|day|d[ií]a|d|semana|week|dose|dosis|24\s?h"
_PER += r"|小[时時]|分[钟鐘]?|[日天次晚周]"
_DOSE = (
    rf"(?P<low>{_NUMBER})(?:\s?(?:-|–|to|a)\s?(?P<high>{_NUMBER}))?\s?(?P<unit>{_UNIT})"
    rf"(?P<per>(?:\s?/\s?(?:{_PER})(?![a-z]))*)"
)
_DOSE += rf"(?!²|[.·]\s?(?:kg|h|min)-|\s?/\s?d?[lL](?![a-z])){NO_LETTER_AFTER}"
DOSE = re.compile(_DOSE, re.IGNORECASE)
_CHANGED = re.compile(
    rf"(?:\b(?:from|de)\s|[由从從]\s?){_NUMBER}\s?(?:{_UNIT})?(?:\s(?:to|a)\s|\D{{0,4}}[至为為到]\s?)"
    rf"(?={_NUMBER})",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"(?<![.,/]){NO_LETTER_BEFORE}{_DOSE}\s*(?P<of>of|de|d[e']l?\s?a?|的)?\s*$", re.IGNORECASE
)
_NEAR = 30  # characters between a name and its dose
_NEW = re.compile(r"[,;+、，；及和]|\b(?:and|with|plus|or|y|e|con|más|o)\b", re.IGNORECASE)
# Words after a comma are of something else: 胰岛素，空腹血糖7-8mmol.
_OTHER_CLAUSE = re.compile("[，,][^，,]*[\u4e00-\u9fff]{3}")
_UNITS = {
    "mgr": "mg", "milligram": "mg", "milligrams": "mg", "miligramos": "mg", "mcg": "ug",
    "µg": "ug", "μg": "ug", "microgram": "ug", "micrograms": "ug", "gr": "g", "gram": "g",
    "grams": "g", "gramos": "g", "ml": "mL", "cc": "mL", "unit": "[IU]", "units": "[IU]",
    "unidades": "[IU]", "ui": "[IU]", "u.i.": "[IU]", "u.i": "[IU]", "iu": "[IU]", "u": "[IU]",
    "puff": "{puff}", "puffs": "{puff}", "inhalaciones": "{puff}", "drop": "[drp]",
    "drops": "[drp]", "gotas": "[drp]", "meq": "meq", "mmol": "mmol", "毫克": "mg", "微克": "ug",
    "克": "g", "毫升": "mL", "单位": "[IU]", "單位": "[IU]", "国际单位": "[IU]", "國際單位": "[IU]",
    "滴": "[drp]", **dict.fromkeys("喷噴吸揿", "{puff}"),
}  # fmt: skip
_PIECES = re.compile(r"tab|comp|cap|c[aá]p|[片粒枚丸支袋包瓶]", re.IGNORECASE)
_PERS = {"h": "h", "hr": "h", "hour": "h", "hora": "h", "m2": "m2", "m²": "m2", "kg": "kg",
         "min": "min", "day": "d", "dia": "d", "día": "d", "d": "d", "24h": "d", "ml": "mL",
         "semana": "wk", "week": "wk", "小时": "h", "小時": "h", "分": "min", "分钟": "min",
         "分鐘": "min", "日": "d", "天": "d", "晚": "d", "周": "wk", "次": "dose"}  # fmt: skip


def _choice(words: dict[str, str], han: dict[str, str] | None = None) -> re.Pattern[str]:
    """Compile one alternative a meaning, in named groups; `han` needs no space around it."""
    more = han or {}
    return re.compile(
        "|".join(
            rf"(?P<{name}>{NO_LETTER_BEFORE}(?:{said}){NO_LETTER_AFTER}"
            + (f"|{more[name]})" if name in more else ")")
            for name, said in words.items()
        ),
        re.IGNORECASE,
    )


_ROUTE = _choice({
    "oral": r"p\.?o\.?|by mouth|oral(?:ly|es)?|v\.?o\.?|per os",
    "intravenous": r"i\.?v\.?|intraven\w+|e\.?v\.?|endoven\w+|iv-?gtt",
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
}, {
    "oral": r"口服",
    "intravenous": r"[静靜][脉脈]?(?:注射|推注|滴注|泵入|泵注|输注|輸注|[注滴推点點])",
    "intramuscular": r"肌注|肌[肉内內]注射",
    "subcutaneous": r"皮下",
    "sublingual": r"舌下",
    "inhaled": r"吸入|[雾霧]化",
    "topical": r"外用|外[涂塗]",
    "rectal": r"直[肠腸]|[纳納]肛|灌[肠腸]",
    "intranasal": r"鼻[喷噴]|滴鼻",
    "ophthalmic": r"滴眼",
    "intrathecal": r"鞘[内內]",
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
# In Chinese the form is the end of the name: 二甲双胍缓释片.
_FORM_OF_NAME = re.compile(
    r"[钠鈉钾鉀钙鈣]?(?:[肠腸]溶|[缓緩][释釋]|控[释釋]|分散|咀嚼|泡[腾騰])?"
    r"(?:(?P<tablet>片)|(?P<capsule>[胶膠]囊)|(?P<solution>口服溶?液|溶液)|(?P<suspension>混[悬懸]液)"
    r"|(?P<syrup>糖[浆漿])|(?P<inhaler>(?:吸入)?(?:[气氣粉][雾霧]|粉?吸入)[剂劑])|(?P<patch>[贴貼][片剂劑]?)"
    r"|(?P<cream>乳膏)|(?P<ointment>[软軟眼]膏)|(?P<drops>滴[眼耳鼻]液|滴[剂劑])"
    r"|(?P<injection>注射[液剂劑]|[针針][剂劑]?)|(?P<suppository>栓))"
)
_OFTEN = {"once": 1, "one": 1, "una": 1, "twice": 2, "two": 2, "dos": 2, "three": 3, "thrice": 3,
          "tres": 3, "four": 4, "cuatro": 4, "一": 1, "二": 2, "两": 2, "兩": 2,
          "三": 3, "四": 4}  # fmt: skip
_TIMES = re.compile(
    r"(?:(?<![^\W\u3400-\u9fff])|(?=/))(?:(?P<word>once|twice|thrice|(?:one|two|three|four|\d)(?=\stimes?)"
    r"|(?:una|dos|tres|cuatro|\d)(?=\sve(?:z|ces)))(?:\stimes?|\sve(?:z|ces))?"
    r"\s(?:a\s|per\s|each\s|al\s)?(?P<span>day|daily|d[ií]a|week(?:ly)?|semana)"
    r"|(?P<every>(?:every|each|q\.?|cada|/)\s?(?P<from>\d{1,2})(?:\s?(?:-|–|to|a)\s?(?P<to>\d{1,2}))?"
    r"\s?(?:hours?|hrs?|horas?|h))"
    r"|(?P<tid>t\.?i\.?d\.?)|(?P<bid>b\.?i\.?d\.?)|(?P<qid>q\.?i\.?d\.?)"
    r"|(?P<qod>q\.?o\.?d\.?|every other day|d[ií]as alternos)"
    r"|(?P<weekly>weekly|every week|q\.?week|semanal(?:es|mente)?|cada semana|/\s?semana)"
    r"|(?P<daily>daily|q\.?d\.?|q\.?day|every day|each day|nightly|at bedtime|q\.?h\.?s\.?|qam|qpm"
    r"|every (?:morning|evening|night)|in the (?:morning|evening)|diari[oa]s?|diariamente|al d[ií]a"
    r"|cada d[ií]a|por la (?:noche|mañana)|cada 24|/\s?d(?:[ií]a|ay)|/\s?24\s?h|q\.?n\.?))"
    rf"{NO_LETTER_AFTER}"
    r"|(?<![\d-])(?P<slots>[0-3](?:-[0-3]){2,3})(?![\d-])",
    re.IGNORECASE,
)
_COUNT = "[一二两兩三四1-6]"
_TIMES_HAN = re.compile(
    rf"(?:每|[一1](?=[日天]))?(?P<span>[日天周週])\s?(?P<count>{_COUNT})\s?次"
    rf"|(?P<before>{_COUNT})\s?次\s?[/每]\s?(?P<of>[日天周週])"
    r"|每\s?隔?\s?(?P<hours>\d{1,2})\s?[个個]?\s?(?:小[时時]|h)"
    r"|(?P<qod>隔[日天])|(?P<weekly>每[周週])"
    r"|(?P<daily>/\s?[日天]|每[晚早晨]|睡前|晨起|每[日天](?=\s?(?:\d|口?服|[，,。；;）)\n]|$))(?![^，。；\n]{0,8}分))"
)
_PRN = re.compile(
    rf"{NO_LETTER_BEFORE}"
    r"(?:p\.?r\.?n\.?|as needed|if needed|when needed|si precisa|a demanda|si dolor"
    r"|seg[uú]n necesidad)"
    rf"{NO_LETTER_AFTER}|必要[时時]|按需",
    re.IGNORECASE,
)
_LASTS = re.compile(
    rf"(?:{NO_LETTER_BEFORE}(?:for|x|×|durante|por)\s|(?:[连連]用|[连連][服续續]|共|[疗療]程|持[续續])\s?)"
    r"(?:the next\s|another\s)?(?P<count>\d{1,3})"
    r"(?:\s?(?:more|additional))?[\s-]?"
    r"(?P<unit>days?|d[ií]as?|weeks?|semanas?|months?|meses|mes|[日天周週]|[个個]?月)"
    rf"{NO_LETTER_AFTER}",
    re.IGNORECASE,
)


_SPANS = {**dict.fromkeys("d日天", "d"), **dict.fromkeys("ws周週", "wk"),
          **dict.fromkeys("m个個月", "mo")}  # fmt: skip


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
    if _OTHER_CLAUSE.search(text, start, match.start()):
        return None
    between = text[match.end() : following] if following >= 0 else "…"
    if re.fullmatch(r"\s*(?:的|(?:of|de)\s+(?:la\s|el\s)?)", between, re.IGNORECASE):
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
    if match := _FORM_OF_NAME.match(text, start, stop):
        said["form"], end = match.lastgroup, max(end, match.end())
    if match := _TIMES.search(text, start, stop):
        said |= _frequency(match)
        end = max(end, match.end())
    elif match := _TIMES_HAN.search(text, start, stop):
        said |= _frequency_han(match)
        end = max(end, match.end())
    if match := _PRN.search(text, start, stop):
        said["prn"], end = True, max(end, match.end())
    if match := _LASTS.search(text, start, stop):
        unit = _SPANS[match["unit"][0].lower()]
        said["duration"] = {"value": int(match["count"]), "unit": unit}
        end = max(end, match.end())
    return said, end


def _frequency_han(match: re.Match[str]) -> dict[str, Any]:
    """Return how often a day, as Chinese tells it: 每日一次, 2次/日, 每8小时, 隔日."""
    if count := match["count"] or match["before"]:
        times = float(_OFTEN.get(count, 0) or count)
        weekly = (match["span"] or match["of"]) in "周週"
        return {"frequency": round(times / 7, 4) if weekly else times}
    if hours := match["hours"]:
        return {"frequency": round(24 / int(hours), 4)} if 1 <= int(hours) <= 72 else {}
    return {"frequency": 0.5 if match["qod"] else 0.1429 if match["weekly"] else 1.0}


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
