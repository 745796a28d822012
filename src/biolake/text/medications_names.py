"""The names of medications: shipped lists, Spanish spellings by rule, and a lake's own terms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from biolake.text.dictionary_terms import data_rows
from biolake.text.matching import Matcher
from biolake.text.run import TextRun

# How the Spanish name of an ingredient differs from the English one, in this order.
_SPELLING = (
    (r"ph", "f"), (r"th", "t"), (r"^rh", "r"), (r"ch(?=[lr])", "c"), (r"y", "i"),
    (r"([lmnpst])\1", r"\1"), (r"ck", "k"), (r"floxacin$", "floxacino"), (r"caine$", "caina"),
    (r"(in|on|id|am)e$", r"\1a"), (r"in$", "ina"), (r"iazid$", "iazida"),
    (r"(ol|il|an|en|al)e?$", r"\1"), (r"at(e|ed)$", "ato"), (r"ium$", "io"),
    (r"(os|as)e$", r"\1a"),
)  # fmt: skip


def in_spanish(ingredient: str) -> str:
    """Return the Spanish spelling of an ingredient's name, by rule."""
    words = re.sub(r"ic acid$", "ico", ingredient)
    for pattern, spelling in _SPELLING:
        words = re.sub(pattern, spelling, words)
    return f"ácido {words}" if ingredient.endswith(" acid") else words


@dataclass(frozen=True)
class Names:
    """Names in one matcher: which ingredient each is of, and those that count only as written."""

    ingredients: tuple[str, ...]
    atc: tuple[str, ...]
    matcher: Matcher
    ingredient: np.ndarray
    exact: frozenset[int]

    def find(self, run: TextRun) -> list[tuple[int, int, int, int]]:
        """Return item, start, end and ingredient of each name in the texts, in order."""
        hits = self.matcher.find(run)
        columns = (hits.item, hits.start, hits.end, hits.phrase)
        return [
            (item, start, end, int(self.ingredient[phrase]))
            for item, start, end, phrase in zip(*(c.tolist() for c in columns), strict=True)
            if phrase not in self.exact
            or run.texts[item][start:end] == self.matcher.phrases[phrase]
        ]


def compiled_names(more: Iterable[tuple[str, str]] = ()) -> Names:
    """Compile the shipped names and `more`: further names with the ingredient each is of."""
    ingredients: dict[str, str] = {}
    names: dict[str, str] = {}
    for row in data_rows("medications.csv"):
        ingredients[row["ingredient"]] = row["atc"]
        said = [row["ingredient"], *filter(None, row["names"].split(";"))]
        for name in said:
            names.setdefault(name, row["ingredient"])
    for row in data_rows("medications_zh.csv"):
        for name in row["names"].split(";"):
            names.setdefault(name, row["ingredient"])
    for name, ingredient in more:
        ingredients.setdefault(ingredient, "")
        names[name] = ingredient
    for ingredient in list(ingredients):
        if in_spanish(ingredient) not in names:
            names[in_spanish(ingredient)] = ingredient
    known = tuple(ingredients)
    number = {ingredient: i for i, ingredient in enumerate(known)}
    exact = frozenset(i for i, name in enumerate(names) if name.startswith("="))
    return Names(
        known,
        tuple(ingredients.values()),
        Matcher([name.removeprefix("=") for name in names]),
        np.asarray([number[of] for of in names.values()]),
        exact,
    )


@cache
def shipped_names() -> Names:
    """Return the shipped names, compiled once."""
    return compiled_names()
