"""Criteria as a person types them: codes, limits, times, `not`, `A then B within N days`."""

from __future__ import annotations

import re

from biolake.cohorts.counts import Criterion, Has, Then, Without
from biolake.cohorts.quantiles import quantile, share_of
from biolake.core.errors import WrongUse
from biolake.lake.door import View

_THEN = re.compile(r"(.+?)\s+then\s+(.+?)\s+within\s+(\d+(?:\.\d+)?)\s+days?")
_TIMES = re.compile(r"(.+?)\s+x\s*(\d+)")
_NUMBER = r"-?\d+(?:\.\d+)?|median|q\d+(?:\.\d+)?"
_LIMIT = re.compile(rf"(.+?)\s+(>=|<=|>|<)\s*({_NUMBER})")
_ENDS = {">=": "least", "<=": "most", ">": "above", "<": "below"}
_LIKE = "SELECT code FROM codes WHERE code LIKE ? ESCAPE '!' ORDER BY code"


def parse_criterion(view: View, text: str) -> Criterion:
    """Read one criterion; patterns with * become the codes of the lake they fit."""
    said = text.strip()
    if said.lower().startswith("not "):
        return Without(parse_criterion(view, said[4:]))
    then = _THEN.fullmatch(said)
    if then:
        return Then(_has(view, then[1]), _has(view, then[2]), float(then[3]))
    return _has(view, said)


def codes_of(criterion: Criterion) -> tuple[str, ...]:
    """Return the codes of a plain criterion (no limit, once), whose events can be counted too."""
    plain = isinstance(criterion, Has) and criterion == Has(criterion.codes)
    return criterion.codes if isinstance(criterion, Has) and plain else ()


def _has(view: View, text: str) -> Has:
    said, times, limits = text.strip(), 1, []
    if found := _TIMES.fullmatch(said):
        said, times = found[1], int(found[2])
    while found := _LIMIT.fullmatch(said):
        said = found[1]
        limits.append((found[2], found[3]))
    codes = tuple(code for word in said.split("|") for code in _codes(view, word.strip()))
    ends, told = _limits(view, codes, limits)
    return Has(codes, times, **ends, told=told)


def _limits(
    view: View, codes: tuple[str, ...], limits: list[tuple[str, str]]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the ends of a range by name, and what those that were words stand for."""
    ends: dict[str, float] = {}
    told = []
    for sign, word in reversed(limits):
        share = share_of(word)
        if share is None and word.startswith("q"):
            raise WrongUse(f"'{word}' is no quantile", next="Write median, or q0 to q100.")
        if share is None:
            ends[_ENDS[sign]] = float(word)
            continue
        found = quantile(view, codes, share)
        ends[_ENDS[sign]] = found.value
        told.append(found.told(codes[0]))
    return ends, tuple(told)


def _codes(view: View, word: str) -> list[str]:
    if "*" not in word:
        return [word]
    pattern = re.sub(r"([!%_])", r"!\1", word).replace("*", "%")
    found = [code for (code,) in view.rows(_LIKE, [pattern])]
    if not found:
        raise WrongUse(
            f"no code of the lake fits '{word}'", next="Look for codes: biolake codes search WORD"
        )
    return found
