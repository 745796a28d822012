"""ICD-10-CM, from the data that the package simple-icd-10-cm holds (no download).

Chapters are `ICD10CM//chapter 9`, blocks `ICD10CM//I20-I25`, codes `ICD10CM//I21.4`. Codes of seven
characters whose title the tabular list leaves to their parent's are terms too.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import version
from types import ModuleType

from biolake.core.installed import require
from biolake.knowledge.terminology import Term, Terminology

NAME = "ICD10CM"
_SOURCE = "US National Center for Health Statistics, tabular list"
_LICENCE = "public domain (a work of the US government)"


def icd10cm() -> Terminology:
    """Return ICD-10-CM whole: some 98,000 codes with blocks and chapters."""
    book = _book()
    terms = tuple(_term(book, code) for code in book.get_all_codes(True))
    release = f"as in simple-icd-10-cm {version('simple-icd-10-cm')}"
    return Terminology(NAME, release, _SOURCE, _LICENCE, terms)


@cache
def _book() -> ModuleType:
    require("notes", "simple_icd_10_cm", to="read ICD-10-CM")
    with warnings.catch_warnings():  # it reads its own data in a way that Python deprecates
        warnings.simplefilter("ignore", DeprecationWarning)
        import simple_icd_10_cm

    return simple_icd_10_cm  # type: ignore[no-any-return]


def _term(book: ModuleType, code: str) -> Term:
    parent = book.get_parent(code)
    return Term(
        _named(code),
        book.get_description(code),
        tuple(book.get_inclusion_term(code)),
        (_named(parent),) if parent else (),
    )


def _named(code: str) -> str:
    return f"{NAME}//chapter {code}" if code.isdigit() else f"{NAME}//{code}"
