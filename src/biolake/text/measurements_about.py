"""What the words around a value say of it: a goal, another fluid than blood, another day."""

from __future__ import annotations

import re
from typing import Any

_GOAL = re.compile(
    r"\b(?:goal|target|keep|maintain|if|expected|ideal|objetivo|mantener|si|esperado)\b"
    r"[^.;,\n]{0,18}$"
    r"|(?:目[标標]|控制[在于於]|[维維]持|保持|如(?![下上前])|若|避免|理想|正常值|正常范围|正常範圍|[参參]考)[^。；，,;\n]{0,12}$",
    re.IGNORECASE,
)
_ELSEWHERE = (
    r"urin\w*|urine|orina|lcr|csf|cerebrospinal|cefalorraqu\w*|pleural|ascit\w*|periton\w*|synovial"
    r"|sinovial|paracentesis|toracocentesis|thoracentesis"
    r"|lumbar|sweat|sudor|stool|heces|sediment\w*|drain\w*|drenaje"
)
_FLUIDS = (
    "尿常[规規]|尿液|尿[检檢]|[脑腦]脊液|胸水(?!平)|胸腔[积積]液|腹水(?!平)|腹腔[积積]液|[粪糞]便|大便|痰液"
    "|引流液|[关關][节節]液"
)
_OF_ANOTHER_FLUID = re.compile(
    rf"\b(?:{_ELSEWHERE})\b[^.;\n]{{0,50}}$|(?:{_FLUIDS})(?:(?!血)[^。；\n]){{0,40}}$|尿$",
    re.IGNORECASE,
)
_IN_ANOTHER_FLUID = re.compile(
    rf"[ ,(]*(?:in|en|of|de)\s(?:the\s|la\s|el\s|l[ií]quido\s)?(?:{_ELSEWHERE})\b", re.IGNORECASE
)
_EARLIER = (
    r"曾|既往|以往|入院前|[院术術][外前]|外院|\d[年月天日周週][余餘]?前|[半数數一二三][年月天日周週]前|[个個]月前"
    r"|小[时時]前|(?:19|20)\d\d\s?[年./-]|去年|上[次周週月]|昨[日天]|前[日天]"
)
_DATED_BEFORE = re.compile(
    r"\b(?:(?:in|en|since|desde|on|from|of|de)\s(?:[^\W\d]+\s(?:de\s|of\s)?)?(?:19|20)\d\d"
    r"|last (?:week|month|year|visit)|previous(?:ly)?|prior|ago|earlier|hace \d+"
    r"|(?:a[nñ]o|mes) pasado"
    r"|previ[oa]s?|previamente|anterior(?:es)?)\b[^.;\n]{0,60}$"
    rf"|(?:{_EARLIER})(?:(?!入院(?!前)|[查]体|查體|目前|[现現][测測]|急[诊診]|今[日晨])[^。；\n]){{0,40}}$"
    r"|最[高低快慢大小][^。；，,;\n]{0,8}$",
    re.IGNORECASE,
)
_DATED_AFTER = re.compile(
    r"[ ,(]*(?:(?:in|on|en|from|de)\s(?:[^\W\d]+\s(?:de\s|of\s)?)?(?:19|20)\d\d\b"
    r"|(?:on\s|el\s)?\d{1,2}/\d{1,2}(?:/\d{2,4})?\b"
    r"|(?:\w+\s){1,2}(?:ago|before|antes)\b)"
    r"|[ ，,（(]*(?:\d{4}[-年]|\d{1,2}月\d{1,2}日|\d{1,2}[天日周年][余]?前)",
    re.IGNORECASE,
)
_EXTREME = re.compile("最[高低快慢]")
_BOUND = re.compile("以[上下内內]")  # 140/90mmHg以下


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
    if dated or _EXTREME.search(text, start, end) or _DATED_AFTER.match(text, end, end + 40):
        said["dated"] = True
    return said


def said_of_pressure(text: str, start: int, end: int) -> dict[str, Any]:
    """Return the same of a blood pressure; one that tells a limit is a goal."""
    said = said_of(text, start, end)
    return {"goal": True} | said if _BOUND.match(text, end) else said
