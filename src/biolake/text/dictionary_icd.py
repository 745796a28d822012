"""The phrases by which notes may call the codes of ICD-10-CM, made from its titles by rule.

Titles and inclusion terms come from the package simple-icd-10-cm (public domain, CDC). Each gives
its forms with a rank, best first: as it stands; without what stands in brackets; without
"unspecified", "NOS" and the like; in another word order ("abscess of liver", "liver abscess"); each
in British spelling too. A phrase of several codes goes to the best rank; where that is a tie within
one category, to its unspecified code or to the category; else to nobody.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from biolake.text.terms import is_ideograph

_OUTSIDE = frozenset("UVWXYZ")  # external causes, contacts with services: no diagnoses by name
_UNSPECIFIED = re.compile(
    r"(?:, unspecified(?: \w+){0,2}|, not elsewhere classified| NOS| NEC|, so stated"
    r"| without complications?| not specified as (?:acute or chronic|recurrent)"
    r"|, initial encounter|, uncomplicated"
    r"|, not intractable, without status migrainosus|, (?:organism|site|type) unspecified)$",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:unspecified|acquired|other and unspecified) ", re.IGNORECASE)
_SKIP = re.compile(
    r"\b(?:other|elsewhere|maternal care|encounter|complicating|classified|due to|following|with"
    r"|without|and|or|not|in diseases)\b",
    re.IGNORECASE,
)
_OF = re.compile(r"^([\w' -]+?) of (?:the )?([\w' -]+)$", re.IGNORECASE)
_BRITISH = (
    ("edema", "oedema"), ("emia", "aemia"), ("hemo", "haemo"), ("hema", "haema"),
    ("tumor", "tumour"), ("diarrhea", "diarrhoea"), ("esophag", "oesophag"), ("leuk", "leuc"),
    ("pediatric", "paediatric"), ("fetal", "foetal"), ("orrhea", "orrhoea"), ("color", "colour"),
    ("anesthe", "anaesthe"), ("celiac", "coeliac"), ("gynec", "gynaec"),
    ("orthopedic", "orthopaedic"), ("cecum", "caecum"), ("ischem", "ischaem"),
    ("hemorrh", "haemorrh"), ("uremi", "uraemi"), ("feces", "faeces"),
)  # fmt: skip
# Words that mean something else in notes than the inclusion term they are: bones, names, feelings.
_OTHERWISE = frozenset(
    (
        "amelia", "boil", "callus", "cloaca", "denticles", "felon", "ganglion", "hostility",
        "lichen", "loneliness", "malleus", "pinta", "plague", "screaming", "sighing", "starvation",
        "taco", "tokelau", "transgender", "unhappiness", "worms", "worries",
    )
)  # fmt: skip
# Words that name no diagnosis by themselves, though a title is left with no more.
_BARE = frozenset(
    (
        "abnormal", "abrasion", "absence", "absent", "abuse", "accessory", "acute", "adhesions",
        "adverse", "amputation", "anomaly", "atrophy", "bilateral", "birth", "bite", "bleeding",
        "block", "body", "breakdown", "burn", "care", "carrier", "chronic", "closed",
        "complication", "complications", "compression", "condition", "conditions", "contact",
        "contracture", "crushing", "cyst", "death", "defect", "defects", "deficiency",
        "deformity", "delivery", "dependence", "disease", "diseases", "dislocation", "disorder",
        "disorders", "displacement", "donor", "early", "effect", "effusion", "embolism",
        "examination", "exposure", "failure", "falling", "feeding", "female", "finding", "findings",
        "fistula", "foreign", "fracture", "general", "history", "hypertrophy", "illness",
        "induced", "infection", "infections", "infectious", "injuries", "injury", "insufficiency",
        "intoxication", "labor", "laceration", "late", "leakage", "left", "lesion", "lesions",
        "local", "loss", "lump", "male", "malformation", "mass", "mechanical", "mild", "moderate",
        "multiple", "neoplasm", "normal", "obstruction", "open", "other", "pain", "perforation",
        "personality", "poisoning", "pregnancy", "primary", "problem", "problems", "prolapse",
        "puncture", "reading", "rejection", "right", "rupture", "screening", "secondary",
        "severe", "shock", "sickness", "single", "sleepiness", "snoring", "spontaneous", "sprain",
        "status", "stenosis", "stiffness", "strain", "stress", "stricture", "subluxation",
        "swelling", "symptoms", "syndrome", "thrombosis", "toxic", "triplet", "twin", "twins",
        "type", "unspecified", "use", "withdrawal", "wound",
    )
)  # fmt: skip
_BROAD = 8  # a code with others below it is told only where none of them is
Ranked = tuple[str, int]  # phrase, rank


def forms(title: str) -> Iterator[Ranked]:
    """Yield the phrases a title gives, each with its rank."""
    plain = re.sub(r"\s+", " ", title).strip()
    bare = re.sub(r"\s*[(\[][^)\]]*[)\]]", "", plain).strip(" ,")
    seen: dict[str, int] = {}
    for phrase, rank in ((plain, 0), (bare, 1)):
        seen.setdefault(phrase, rank)
    short = _short(bare)
    seen.setdefault(short, 2)
    for phrase in (bare, short):
        for other in _reordered(phrase):
            seen.setdefault(other, 3)
    for phrase, rank in list(seen.items()):
        if (spelt := british(phrase)) != phrase:
            seen.setdefault(spelt, rank)
    yield from ((phrase, rank) for phrase, rank in seen.items() if _telling(phrase))


def _short(title: str) -> str:
    """Drop every ending and beginning that says only that nothing more is known."""
    while True:
        shorter = _LEADING.sub("", _UNSPECIFIED.sub("", title))
        shorter = re.sub(r" of unspecified site$", "", shorter)
        if shorter == title:
            return title
        title = shorter


def _reordered(phrase: str) -> Iterator[str]:
    parts = phrase.split(", ")
    if len(parts) == 2 and len(parts[1].split()) <= 3 and not _SKIP.search(phrase):
        yield f"{parts[1]} {parts[0]}"
    match = _OF.match(phrase)
    if match and not _SKIP.search(phrase) and len(match[2].split()) <= 3:
        what, where = match[1], match[2]
        if what.lower() == "malignant neoplasm":
            yield from (f"{where} cancer", f"cancer of {where}", f"carcinoma of {where}")
        elif len(what.split()) <= 2:
            yield f"{where} {what}"


def british(phrase: str) -> str:
    """Return a phrase in British spelling."""
    for american, other in _BRITISH:
        if other not in phrase:
            phrase = phrase.replace(american, other)
    return phrase


def _telling(phrase: str) -> bool:
    """Tell a phrase that names a diagnosis from what is left of a title."""
    words = re.findall(r"[^\W_]+", phrase.lower())
    # "Alcohol use" is a habit that notes ask about, not yet a disorder.
    if words[-1:] == ["use"] or (len(words) == 1 and words[0] in _OTHERWISE):
        return False
    if not words or len(words) > 8 or "other" in words or "unspecified" in words:
        return False
    return (len(words) > 1 or len(words[0]) > 3) and not all(word in _BARE for word in words)


def icd_terms() -> list[tuple[str, str]]:
    """Return the phrases of ICD-10-CM, each with its one code."""
    with warnings.catch_warnings():  # it reads its own files in a way that importlib will drop
        warnings.simplefilter("ignore", DeprecationWarning)
        import simple_icd_10_cm as icd

    found: dict[str, tuple[int, list[str]]] = {}
    for code in icd.get_all_codes(True):
        if code[0] in _OUTSIDE or len(code) > 7 or not icd.is_category_or_subcategory(code):
            continue
        broad = 0 if icd.is_leaf(code) else _BROAD
        for number, title in enumerate(_titles(icd, code)):
            for phrase, rank in forms(title):
                spelt = phrase if is_abbreviation(phrase) else phrase.lower()
                _keep(found, spelt, 2 * rank + (number > 0) + broad, code)
    chosen = ((phrase, _one_of(codes)) for phrase, (_, codes) in found.items())
    return [(phrase, code) for phrase, code in chosen if code]


def _titles(icd: Any, code: str) -> list[str]:
    """Return a code's title and inclusion terms; of injuries and poisonings the title alone."""
    title = str(icd.get_description(code))
    own = [] if title.startswith(("Other ", "Encounter", "Maternal")) else [title]
    return own if code[0] in "ST" else [*own, *icd.get_inclusion_term(code)]


def is_abbreviation(phrase: str) -> bool:
    """Tell a phrase that counts only as it is written: no space, two capitals and more."""
    return " " not in phrase and sum(letter.isupper() for letter in phrase) > 1


def plurals(phrase: str) -> Iterator[str]:
    """Yield a phrase in the singular or plural of its last word, as English and Spanish have it."""
    if is_ideograph(phrase[-1:]):
        return
    if re.search(r"[^aeiou]y$", phrase):
        yield f"{phrase[:-1]}ies"
    elif phrase.endswith("sis"):
        yield f"{phrase[:-2]}es"
    elif re.search(r"(?:s|x|ch|sh)$", phrase):
        if re.search(r"[^suio]s$", phrase):
            yield phrase[:-1]
        yield f"{phrase}es"
    else:
        yield f"{phrase}s"
        if re.search(r"(?:[dlnr]|ón)$", phrase):
            yield f"{phrase}es"


def _keep(found: dict[str, tuple[int, list[str]]], phrase: str, rank: int, code: str) -> None:
    best, codes = found.get(phrase, (rank + 1, []))
    if rank < best:
        found[phrase] = (rank, [code])
    elif rank == best:
        codes.append(code)


def _one_of(codes: Sequence[str]) -> str:
    """Return the code a phrase of several stands for, or nothing."""
    if len(codes) == 1:
        return codes[0]
    if len({code[:3] for code in codes}) > 1:
        return ""
    bare = [code.replace(".", "") for code in codes]
    shared = (a == b for a, b in zip(min(bare), max(bare), strict=False))
    common = min(bare)[: sum(takewhile(bool, shared))]
    plain = [
        code for code in codes if code.replace(".", "") in (f"{common}9", f"{common}0", common)
    ]
    return max(plain, key=lambda code: (len(code), code)) if plain else codes[0][:3]
