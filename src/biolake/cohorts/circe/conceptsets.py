"""Concept sets: listed concepts, their descendants and what maps to them, less the excluded."""

from __future__ import annotations

from collections.abc import Sequence

from biolake.cohorts.circe.expression import ConceptSet, ConceptSetItem
from biolake.cohorts.circe.statement import Statement, joined


def add_concept_sets(statement: Statement) -> None:
    """Add the step `concept_sets` (codeset_id, concept_id) of every set that another step uses."""
    if not statement.codesets:
        return
    sets = [statement.concept_sets[number] for number in sorted(statement.codesets)]
    statement.add(
        "concept_sets", *_union([_resolved(statement, one) for one in sets], all=True), keep=True
    )


def _resolved(statement: Statement, concept_set: ConceptSet) -> str:
    included = [item for item in concept_set.items if not item.excluded]
    excluded = [item for item in concept_set.items if item.excluded]
    # On one line, or the name would go on as SQL.
    comment = "".join(one if one.isprintable() else " " for one in concept_set.name)
    if not included:
        return joined(
            f"-- {comment}: no concepts",
            f"SELECT {concept_set.id} AS codeset_id, CAST(NULL AS BIGINT) AS concept_id",
            "WHERE false",
        )
    without = ["EXCEPT", f"({_concepts(statement, excluded)})"] if excluded else []
    return joined(
        f"-- {comment}",
        f"SELECT {concept_set.id} AS codeset_id, concept_id",
        "FROM (",
        f"({_concepts(statement, included)})",
        *without,
        ")",
    )


def _concepts(statement: Statement, items: Sequence[ConceptSetItem]) -> str:
    """Return a query of concept ids: as listed, with descendants, with what maps to them."""
    parts = _with_descendants(statement, items)
    mapped = [item for item in items if item.mapped]
    if mapped:
        columns = ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
        relationship = statement.read("concept_relationship", *columns)
        targets = joined(*_union(_with_descendants(statement, mapped)))
        parts.append(
            joined(
                "SELECT r.concept_id_1 AS concept_id",
                f"FROM {relationship} r",
                "WHERE r.relationship_id = 'Maps to' AND nullif(r.invalid_reason, '') IS NULL",
                f"  AND r.concept_id_2 IN ({targets})",
            )
        )
    return joined(*_union(parts))


def _with_descendants(statement: Statement, items: Sequence[ConceptSetItem]) -> list[str]:
    concept = statement.read("concept", "concept_id", "invalid_reason")
    parts = [
        joined("SELECT k.concept_id", f"FROM {concept} k", f"WHERE k.concept_id IN ({_ids(items)})")
    ]
    parents = [item for item in items if item.descendants]
    if parents:
        columns = ("ancestor_concept_id", "descendant_concept_id")
        ancestor = statement.read("concept_ancestor", *columns)
        parts.append(
            joined(
                "SELECT k.concept_id",
                f"FROM {ancestor} a JOIN {concept} k ON k.concept_id = a.descendant_concept_id",
                f"WHERE a.ancestor_concept_id IN ({_ids(parents)})",
                "  AND nullif(k.invalid_reason, '') IS NULL",
            )
        )
    return parts


def _ids(items: Sequence[ConceptSetItem]) -> str:
    return ", ".join(str(item.concept.concept_id) for item in items)


def _union(parts: Sequence[str], *, all: bool = False) -> list[str]:
    word = "UNION ALL" if all else "UNION"
    return [line for place, part in enumerate(parts) for line in ([word] if place else []) + [part]]
