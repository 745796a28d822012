"""Which codes of a commit a selection stands for."""

from __future__ import annotations

import duckdb

from biolake.lake.door import View
from biolake.lake.hierarchy import occurring_descendants
from biolake.retrieval.definition import CodeSelection, FeaturesInvalid

_MATCHES = {
    "all": "true",
    "prefix": "starts_with(code, ?)",
    "regex": "regexp_matches(code, ?)",  # anywhere in the code, as ACES does
}


def resolve(view: View, selection: CodeSelection) -> list[str]:
    """Return the codes a selection names: the listed ones as given, of the others what occurs."""
    if selection.how == "list":
        return sorted(selection.words)
    if selection.how == "ancestor":
        return occurring_descendants(view, selection.words)
    match = _MATCHES[selection.how]
    clauses = " OR ".join([match] * max(1, len(selection.words)))
    try:
        found = view.rows(
            f"SELECT DISTINCT code FROM codes WHERE {clauses}",  # noqa: S608 - clauses are ours
            selection.words,
        )
    except duckdb.InvalidInputException:
        raise FeaturesInvalid(
            "one of the regular expressions of 'codes' is not valid",
            next="They follow RE2: look-around and back-references do not exist.",
        ) from None
    return sorted(code for (code,) in found)
