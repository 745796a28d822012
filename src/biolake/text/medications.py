"""Medications in notes, with how they are taken, and whether they are.

    found = medications(TextRun.of(["Lisinopril 20 mg po daily. Allergic to penicillin."]))
    found.ingredient[0], found.attributes[0]     # lisinopril, {"dose": 20.0, "unit": "mg", …}

Names are found for all texts at once; only the words around one are read by patterns. What is
stopped, or what somebody is allergic to, is told as such (`status`) and is no medication in use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from biolake.text.medications_names import Names, shipped_names
from biolake.text.medications_use import dose_after, dose_at, dose_before, use_of
from biolake.text.run import TextRun

_REACH = 80  # characters after a name in which its use may be told
_STOP = re.compile(
    r"\n|[。；！？]|[.;](?=\s+[A-ZÁÉÍÓÚÑ•]|\s*$|\s*\n)|•"
    r"|\s(?:and|y|e|plus|junto|associated|asociad[oa])\s(?=[^\W\d]{4,})"
)
_ALLERGY = re.compile(
    r"\b(?:allerg\w+|al[eé]rgi\w+|intoleran\w+|hypersensitiv\w+|hipersensib\w+|anaphyla\w+"
    r"|adverse reactions?|reacci[oó]n adversa|rash (?:from|to|with))\b[^.;\n]{0,45}$"
    r"|[过過]敏(?:[药藥]物|原|史)?[:：为為]\s?[^。；;\n]{0,45}$",
    re.IGNORECASE,
)
# After these the allergy is over: "allergic to penicillin, takes lisinopril".
_TAKES = re.compile(
    r"\b(?:tak(?:es?|ing)|treated|on|started|starts?|continues?|currently|received|given|instead"
    r"|prescribed|toma|tratad[oa]|tratamiento|se pauta|recibe|recibi[oó])\b"
    r"|服用|口服|予|[应應]用|使用",
    re.IGNORECASE,
)
# An allergy that is treated (抗过敏, 过敏性鼻炎) is none to what stands before it.
_ALLERGY_AFTER = re.compile(
    r"[ -](?:allerg|alerg|intoleran)\w*|[^。；，,;\n抗治防解缓緩]{0,12}?(?:[过過]敏(?!性)|不耐受)",
    re.IGNORECASE,
)
_STOPPED = re.compile(
    r"\b(?:stop(?:ped|s|ping)?|discontinu\w+|d/?c'?e?d|held|holding|hold"
    r"|wean\w+(?: \w+)? (?:off|from)"
    r"|no longer (?:taking|on|takes|uses|using)|off(?: of)?|came off|suspend\w+|suspensi[oó]n de"
    r"|retir(?:[oó]|ar|ada|ado|amos|aron)|interrump\w+|dej[oó] de tomar|avoid\w*|evitar)"
    r"(?: (?:taking|using|the|her|his|all|el|la|los|de|del|oral|home|su|tratamiento|con)\b){0,4}"
    r"\s*$|(?:[停禁忌慎]用|停服|停止(?:使用|服用|口服|[应應]用)?|[暂暫]停(?:使用)?|(?<!不)停"
    r"|避免(?:使用|服用|[应應]用)?)(?:[^。；，,;\n]{1,12}[、和及])?\s*$",
    re.IGNORECASE,
)
_STOPPED_AFTER = re.compile(
    r"[^.;\n]{0,30}?\b(?:(?:was|were|has been|have been|is|being|fue|fueron|se|ha sido) "
    r"(?:then |also |later )?(?:stopped|discontinued|held|suspend\w+|retir\w+|interrump\w+))\b"
    r"|[^。；，,;\n]{0,8}?(?:已停|停用|停[药藥服])",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(
    r"[ -](?:deficien\w*|resistan\w*|resisten\w*|antibod\w*|induced|sensitiv\w*|sensib\w*|toxicity"
    r"|withdrawal|analog\w*|levels?\b|panel|test\w*|pump supplies)"
    r"|缺乏|耐[药藥]|抵抗|敏感|抗[体體]|[诱誘][导導]|中毒|撤[药藥]|水平|(?:血[药藥]?)?[浓濃]度|受体|受體|能神|[释釋]放"
    r"|皮[试試]|[试試][验驗]|牙|帽|[样樣]|脱氨酶|封管|化重|[（(][-+\u00b1\uff0d\uff0b]",
    re.IGNORECASE,
)
_NOT_BEFORE = re.compile(
    r"\b(?:d[eé]ficit|prueba|test|deficienc\w+|niveles?|levels? of|concentraci[oó]n"
    r"|resisten\w+|resistan\w+"
    r"|sensib\w+|sensitiv\w+(?: only)?|susceptib\w+|anti-?)"
    r"\s?(?:de\s|a\s|al\s|to\s|in\s|of\s)?(?:la\s)?$"
    r"|(?:[抗耐产產促]|血清|血[浆漿]|[检檢][测測]|[测測]定)$",
    re.IGNORECASE,
)
# What the body makes or food brings: named in notes as often for its level as for a treatment.
_NATURAL = frozenset(
    (
        "testosterone", "progesterone", "estradiol", "insulin", "calcitriol", "oxytocin",
        "vasopressin", "adrenaline", "dopamine", "noradrenaline", "interferon", "thiamine",
        "vitamin d", "vitamin k", "folic acid", "cyanocobalamin", "ergocalciferol",
    )
)  # fmt: skip
_TREATED = re.compile(
    r"\b(?:tak(?:e|es|ing)|treat\w*|therap\w*|supplement\w*|prescri\w*|start\w*|initiat\w*"
    r"|continue\w*"
    r"|receiv\w*|given|administ\w*|inject\w*|on|using|suplement\w*|tratamiento"
    r"|tratad\w*|tomar?|pauta\w*"
    r"|inici\w*|recib\w*|inyec\w*)\b[^.;\n]{0,35}$"
    r"|(?:予|使用|[应應]用|注射|皮下|口服|服用|加用|改用|[联聯]合|[输輸]注|[补補]充|泵入|静滴)[^。；，\n]{0,20}$",
    re.IGNORECASE,
)
_TREATED_AFTER = re.compile(r"治[疗療]|控制血糖|降糖|注射|泵入|[补補]充")


@dataclass(frozen=True)
class Medications:
    """What was found, one row a medication; lists of one length, in order of text and place."""

    item: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    ingredient: list[str] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.item)


def medications(run: TextRun, names: Names | None = None) -> Medications:
    """Find the medications of all texts of a run, by the shipped names or others."""
    known = names or shipped_names()
    hits = known.find(run)
    found = Medications()
    begin = 0
    for place, (item, start, end, ingredient) in enumerate(hits):
        if place and hits[place - 1][0] != item:
            begin = 0
        text = run.texts[item]
        if _NOT_AFTER.match(text, end) or _NOT_BEFORE.search(text, max(0, start - 30), start):
            continue
        after = hits[place + 1] if place + 1 < len(hits) else (-1, -1, -1, -1)
        following = after[1] if after[0] == item else -1
        first, last, said = _told(text, start, end, following, begin)
        begin = last
        natural = known.ingredients[ingredient] in _NATURAL and not said
        if natural and not _treated(text, start, end):
            continue
        row = (item, first, last, known.ingredients[ingredient], said)
        for column, value in zip(vars(found).values(), row, strict=True):
            column.append(value)
    return found


def _treated(text: str, start: int, end: int) -> bool:
    """Tell whether the words around a name speak of a treatment."""
    before = _TREATED.search(text, max(0, start - 50), start)
    return bool(before or _TREATED_AFTER.match(text, end))


def _told(
    text: str, start: int, end: int, following: int, begin: int
) -> tuple[int, int, dict[str, Any]]:
    """Return where an expression begins and ends, and what it says of a medication's use."""
    halt = _STOP.search(text, end, end + _REACH)
    stop = halt.start() if halt else min(len(text), end + _REACH)
    limit = min(stop, following) if following >= 0 else stop
    first, said = start, {}
    dose = dose_after(text, end, limit, following if following <= stop else -1)
    before = dose_before(text, start, begin, of=dose is not None)
    if before is not None:
        first, said, last = before.start(), dose_at(before), end
    elif dose is not None:
        said, last = dose_at(dose), dose.end()
    else:
        last = end
    used, reached = use_of(text, end, limit)
    said |= used
    if status := _status(text, start, end, limit):
        said["status"] = status
    return first, max(last, reached), said


def _status(text: str, start: int, end: int, limit: int) -> str:
    """Return `allergy` or `discontinued` where the words around a name say so."""
    allergic = _ALLERGY.search(text, max(0, start - 70), start)
    if (allergic and not _TAKES.search(allergic[0])) or _ALLERGY_AFTER.match(text, end):
        return "allergy"
    if _STOPPED.search(text, max(0, start - 60), start) or _STOPPED_AFTER.match(text, end, limit):
        return "discontinued"
    return ""
