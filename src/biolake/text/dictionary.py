"""Find the names of diagnoses in notes: a dictionary of phrases, each with its code.

    found = diagnoses(TextRun.of(["NSTEMI in 2019, no diabetes"]))
    found.code                       # ICD10CM//I21.4, ICD10CM//E11.9

What is said of a name (that there is no diabetes) is for `text.context` to tell. Phrases are
compared without case, accents and plural; abbreviations (two capitals and more, no space) count
only as they are written. A dictionary is a file of two columns, `phrase` and `code`, so that a lake
can have its own: from its codes' descriptions, or from a list of the hospital.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from biolake.core.errors import DataRefused
from biolake.text.dictionary_icd import british, forms, icd_terms, is_abbreviation, plurals
from biolake.text.dictionary_terms import LANGUAGES as LISTED
from biolake.text.dictionary_terms import listed_terms
from biolake.text.language import languages
from biolake.text.matching import Matcher
from biolake.text.packs import LANGUAGES
from biolake.text.run import TextRun

ICD = "ICD10CM"
Term = tuple[str, str]  # phrase, code
# After these a name is of a means against the diagnosis, or of a look for it.
_AFTER = (
    r"[ -](?:vaccin\w*|shots?\b|immuni[sz]\w*|tests?\b|testing|screen\w*|prophyla\w*|panel|swab"
    r"|antibod\w*|antigen|serolog\w*|clinic\b|vacuna\w*|profilaxis)"
)
# In Chinese also of a germ, a risk, a score; or two words meet in it: 疼痛|风险, 血|尿酸.
_AFTER_HAN = (
    r"[疫菌][苗素株]|(?:链球|鏈球|双球|雙球|杆|桿|球)菌|支原[体體]|衣原[体體]|克雷伯|军团|軍團|嗜血|螺旋"
    r"|病毒|分枝|抗[体體原]|表面抗|核心抗|[标標]志|五[项項]|两对半|系列|全套|筛查|篩查|[检檢][测測]"
    r"|[试試][验驗]|自?[评評][分估定]|自[评評]|量表|指[数數]|[预預]防|接种|接種|防治|[风風][险險]"
    r"|中心|病房|专?科|[样樣貌]|(?<=[热熱烧燒])[门門][诊診]|(?<=[痛中][风風])[险險湿濕]|(?<=感冒)[药藥]"
    r"|(?<=[胸腹]水)平|(?<=血尿)[酸素常淀粪糞便]|(?<=[近老][视視])[力野]|(?<=甲[减減])量|(?<=少尿)量"
)
_NOT_AFTER = re.compile(f"{_AFTER}|{_AFTER_HAN}", re.IGNORECASE)
_NOT_BEFORE = re.compile(
    r"\b(?:vaccin\w* (?:against|for)|screen(?:ing|ed) for|tested for"
    r"|vacuna\w* (?:de|contra)(?: la)?"
    r"|serolog[ií]a(?:s)? (?:de|para|frente a)|cribado de)\s$"
    r"|[抗防非类類最较較更升提降减減增缺]$|(?:筛查|篩查|疫苗[:：])$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Diagnoses:
    """Names of diagnoses as they stand in texts; arrays of one length, in order."""

    item: np.ndarray  # int32
    start: np.ndarray  # int32
    end: np.ndarray  # int32
    code: list[str]  # VOCABULARY//value

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class Dictionary:
    """Phrases and the code of each; of phrases that are compared as one, the first counts."""

    terms: tuple[Term, ...]

    @cached_property
    def _compiled(self) -> tuple[Matcher, tuple[str, ...], tuple[frozenset[str], ...]]:
        """Return a matcher, and of each of its phrases the code and the only ways to write it."""
        phrases: dict[str, str] = {}
        for phrase, code in self.terms:
            phrases.setdefault(phrase, code)
        for phrase, code in self.terms:
            if not is_abbreviation(phrase):
                for other in plurals(phrase):
                    phrases.setdefault(other, code)
        ordered = list(phrases)
        matcher = Matcher(ordered)
        written: dict[int, list[str]] = {}
        for phrase, first in zip(ordered, matcher.number.tolist(), strict=True):
            written.setdefault(first, []).append(phrase)
        exact = tuple(_exact(written.get(number, ())) for number in range(len(ordered)))
        return matcher, tuple(phrases.values()), exact

    def find(self, run: TextRun) -> Diagnoses:
        """Find the longest names from the left in all texts of a run."""
        matcher, codes, exact = self._compiled
        hits = matcher.find(run)
        columns = (hits.item, hits.start, hits.end, hits.phrase)
        kept = [
            place
            for place, (item, start, end, phrase) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            )
            if _counts(run.texts[item], start, end, exact[phrase])
        ]
        found = [codes[phrase] for phrase in hits.phrase[kept].tolist()]
        return Diagnoses(hits.item[kept], hits.start[kept], hits.end[kept], found)


def _exact(spellings: Sequence[str]) -> frozenset[str]:
    """Return how a phrase must be written, where it is an abbreviation; else nothing."""
    if not spellings or not all(is_abbreviation(one) for one in spellings):
        return frozenset()
    return frozenset(spellings) | {f"{one}s" for one in spellings}


def _counts(text: str, start: int, end: int, exact: frozenset[str]) -> bool:
    if exact and text[start:end] not in exact:
        return False
    if _NOT_AFTER.match(text, end):
        return False
    return not _NOT_BEFORE.search(text, max(0, start - 26), start)


@cache
def shipped_dictionary(language: str) -> Dictionary:
    """Return everyday names and abbreviations of a language; of English ICD-10-CM's terms too."""
    if language != "en":
        return Dictionary(tuple((p, f"{ICD}//{code}") for p, code in listed_terms(language)))
    listed = listed_terms(language)
    spelt = [(british(phrase), code) for phrase, code in listed if british(phrase) != phrase]
    known = [*listed, *spelt, *icd_terms()]
    return Dictionary(tuple((phrase, f"{ICD}//{code}") for phrase, code in known))


def diagnoses(run: TextRun) -> Diagnoses:
    """Find the names of diagnoses of each text in its language; English where none is told."""
    spoken = languages(run)
    parts = []
    for language in LISTED:
        number = LANGUAGES.index(language)
        mine = spoken == number if language != "en" else ~np.isin(spoken, _others())
        if mine.any():
            parts.append(_of(shipped_dictionary(language).find(run), mine))
    if not parts:
        none = np.empty(0, np.int32)
        return Diagnoses(none, none, none, [])
    item, start, end = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("item", "start", "end")
    )
    codes = [code for one in parts for code in one.code]
    order = np.lexsort((start, item))
    return Diagnoses(item[order], start[order], end[order], [codes[i] for i in order.tolist()])


def _others() -> list[int]:
    return [LANGUAGES.index(language) for language in LANGUAGES if language != "en"]


def _of(found: Diagnoses, mine: np.ndarray) -> Diagnoses:
    """Keep what stands in these texts."""
    kept = np.flatnonzero(mine[found.item])
    codes = [found.code[place] for place in kept.tolist()]
    return Diagnoses(found.item[kept], found.start[kept], found.end[kept], codes)


def described(codes: Iterable[tuple[str, str | None]]) -> Dictionary:
    """Make a dictionary of a lake's codes: each code with its description, in all its forms.

    A phrase that two codes give is left out: it would be either.
    """
    found: dict[str, set[str]] = {}
    for code, description in codes:
        for phrase, _ in forms(description or ""):
            found.setdefault(phrase.lower(), set()).add(code)
    alone = ((phrase, min(meant)) for phrase, meant in found.items() if len(meant) == 1)
    return Dictionary(tuple(sorted(alone)))


def write_dictionary(dictionary: Dictionary, path: Path) -> None:
    """Write a dictionary as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("phrase", "code"))
        writer.writerows(dictionary.terms)


def read_dictionary(path: Path) -> Dictionary:
    """Read a dictionary back; DataRefused, with the row, where a line is none of a dictionary."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != ["phrase", "code"]:
        raise DataRefused(
            "a dictionary begins with the columns phrase,code", where=f"{path.name}, row 1"
        )
    return Dictionary(tuple(_term(path, number, row) for number, row in enumerate(rows[1:], 2)))


def _term(path: Path, number: int, row: Sequence[str]) -> Term:
    if len(row) != 2 or not row[0].strip() or "//" not in row[1]:
        raise DataRefused(
            "a row has a phrase and a code, VOCABULARY//value", where=f"{path.name}, row {number}"
        )
    return row[0], row[1]
