"""The codes a study names: each must be in the lake, or the nearest one is offered."""

from __future__ import annotations

from biolake.cohorts.codes import nearest_code
from biolake.core.errors import DataRefused
from biolake.lake.door import View
from biolake.retrieval.codes import resolve
from biolake.retrieval.definition import CodeSelection

_KNOWN = "SELECT code FROM codes WHERE code IN (SELECT unnest(?::VARCHAR[])) AND events > 0"


def named_codes(view: View, selection: CodeSelection, what: str) -> list[str]:
    """Return the codes a selection means. Raises DataRefused when the lake has none of one word."""
    if selection.how == "list":
        known = {code for (code,) in view.rows(_KNOWN, [list(selection.words)])}
        for code in selection.words:
            if code not in known:
                raise DataRefused(
                    f"'{code}', named by {what}, is not in the lake.{nearest_code(view, code)}",
                    next="List codes: biolake codes search",
                )
        return sorted(known)
    found = resolve(view, selection)
    if not found:
        words = ", ".join(f"'{word}'" for word in selection.words)
        raise DataRefused(
            f"no code of the lake matches {words}, named by {what}",
            next="List codes: biolake codes search",
        )
    return found
