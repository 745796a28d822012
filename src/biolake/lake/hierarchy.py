"""How codes hang together: what their sources say of them, and the terminologies that were loaded.

An edge leads from a code to what it is a kind of. Three things give edges: the parents that a
source names for its codes, those of the terms loaded, and the code itself where it tells what it is
about (`EXPRESSION//TP53//tpm` is about `GENE//TP53`). `ICD10CM/I21.4`, as MEDS writes parents, and
`ICD10CM//I21.4` are one code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from biolake.lake.door import View

_DEEPEST = 60  # no hierarchy is deeper; a circle in a broken one ends here

_EDGES = r"""
CREATE OR REPLACE TEMP MACRO whole_code(c) AS
    CASE WHEN contains(c, '//') THEN c ELSE regexp_replace(c, '^([^/]+)/', '\1//') END;
CREATE OR REPLACE TEMP TABLE code_edges AS
SELECT DISTINCT child, whole_code(parent) AS parent FROM (
    SELECT code AS child, unnest(parent_codes) AS parent FROM codes
    UNION ALL
    SELECT code, unnest(parents) FROM terms
    UNION ALL
    SELECT code, 'GENE//' || split_part(code, '//', 2) FROM codes
    WHERE regexp_matches(code, '^(EXPRESSION|CNA|CNA_LOG2|MUTATION)//')
    UNION ALL
    SELECT code, 'GENE//' || split_part(code, '//', 3) FROM codes
    WHERE starts_with(code, 'PSEUDOBULK//')
    UNION ALL
    SELECT code, substr(code, length('NOTE_DIAGNOSIS//') + 1) FROM codes
    WHERE starts_with(code, 'NOTE_DIAGNOSIS//')
)
WHERE parent IS NOT NULL AND child <> whole_code(parent)
"""

_WALK = """
WITH RECURSIVE reached(code, distance) AS (
    SELECT whole_code(unnest($codes::VARCHAR[])), 0
    UNION
    SELECT e.{to}, r.distance + 1 FROM reached r JOIN code_edges e ON e.{of} = r.code
    WHERE r.distance < {deepest}
),
nearest AS (SELECT code, min(distance) AS distance FROM reached GROUP BY code)
SELECT n.code, n.distance, coalesce(t.name, c.description), t.terminology, coalesce(c.events, 0)
FROM nearest n LEFT JOIN codes c USING (code)
    LEFT JOIN (
        SELECT code, any_value(name) AS name, any_value(terminology) AS terminology
        FROM terms GROUP BY code
    ) t USING (code)
ORDER BY n.distance, n.code
"""


class Relative(NamedTuple):
    """A code reached from another: how many steps away, what it means, how often it occurs."""

    code: str
    distance: int
    name: str | None
    terminology: str | None
    events: int


def ancestors(view: View, codes: Sequence[str]) -> list[Relative]:
    """Return the codes themselves (distance 0) and all they are a kind of, nearest first."""
    return _walk(view, codes, of="child", to="parent")


def descendants(view: View, codes: Sequence[str]) -> list[Relative]:
    """Return the codes themselves (distance 0) and all that are a kind of them, nearest first."""
    return _walk(view, codes, of="parent", to="child")


def occurring_descendants(view: View, codes: Sequence[str]) -> list[str]:
    """Return, in order, the codes with events that are one of these or a kind of one."""
    return sorted(each.code for each in descendants(view, codes) if each.events)


def _walk(view: View, codes: Sequence[str], *, of: str, to: str) -> list[Relative]:
    for statement in _EDGES.split(";\n"):
        view.con.execute(statement)
    sql = _WALK.format(of=of, to=to, deepest=_DEEPEST)
    found = view.con.execute(sql, {"codes": list(codes)}).fetchall()
    return [Relative(*row) for row in found]
