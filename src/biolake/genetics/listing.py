"""The variants a lake holds: by name, place, gene or consequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from biolake.core.errors import WrongUse, did_you_mean
from biolake.genetics.shortest import Asked, Variant, shortest
from biolake.lake.door import View

_ROW = (
    "asset_id", "number", "chromosome", "position", "variant", "ref", "alt", "build",
    "alt_frequency", "call_rate", "hwe_p",
)  # fmt: skip
_ROWS = f"""
SELECT {", ".join(f'v."{name}"' for name in _ROW)}, a.site_id, a.format
FROM variants v JOIN assets a USING (asset_id)
WHERE {{test}}
ORDER BY v.chromosome, v.position, v.ref, v.alt, v.asset_id, v.number
"""  # noqa: S608 - names of ours
# An allele's shared bases lie before its shortest form, never behind.
_AT = f"""
WITH spots AS (
    SELECT asset_id, number, chromosome, position AS place FROM variants
    UNION ALL
    SELECT asset_id, number, chromosome,
        unnest(range(position + 1, position + 1 + least(length(ref), length(alt)))) AS place
    FROM variants WHERE length(ref) <> 1 OR length(alt) <> 1
),
hits AS (SELECT DISTINCT asset_id, number FROM spots SEMI JOIN wanted USING (chromosome, place))
SELECT {", ".join(f'v."{name}"' for name in _ROW)}, a.site_id, a.format
FROM variants v JOIN assets a USING (asset_id)
SEMI JOIN hits h ON h.asset_id = v.asset_id AND h.number = v.number
ORDER BY v.chromosome, v.position, v.ref, v.alt, v.asset_id, v.number
"""  # noqa: S608 - names of ours
_ANNOTATED = """
SELECT build, chromosome, position, ref, alt, gene, consequence, impact, source
FROM variant_annotations
WHERE ($gene IS NULL OR lower(gene) = lower($gene))
    AND ($consequence IS NULL OR list_contains(string_split(consequence, '&'), $consequence))
    AND ($impact IS NULL OR upper(impact) = upper($impact))
ORDER BY ALL
"""


@dataclass(frozen=True)
class Row:
    """One variant of one asset, as the file has it."""

    asset_id: str
    number: int
    chromosome: str
    position: int
    variant: str | None
    ref: str
    alt: str
    build: str | None
    alt_frequency: float | None
    call_rate: float
    hwe_p: float | None
    site_id: str
    format: str

    @property
    def shortest(self) -> Variant:
        return shortest(self.chromosome, self.position, self.ref, self.alt)


@dataclass(frozen=True)
class Annotation:
    """What an annotation file says of one variant and allele."""

    build: str | None
    variant: Variant
    gene: str | None
    consequence: str | None
    impact: str | None
    source: str


@dataclass(frozen=True)
class Region:
    """A stretch of a chromosome, both ends in it."""

    chromosome: str
    first: int
    last: int


def rows_named(view: View, asked: Asked) -> list[Row]:
    """Return the rows of every asset at the place of a variant; raises WrongUse without any.

    A name finds its places, and then all rows there, named or not.
    """
    if asked.name:
        named = _rows(view, "v.variant = ?", [asked.name])
        places = {(row.chromosome, row.position) for row in named}
        if not places:
            raise WrongUse(
                f"no variant is named '{asked.name}'{_near(view, asked.name)}",
                next="List variants: biolake variants list",
            )
    else:
        assert asked.place is not None  # noqa: S101 - a variant has a name or a place
        places = {asked.place}
    return rows_at(view, sorted(places))


def rows_at(view: View, places: Sequence[tuple[str, int]]) -> list[Row]:
    """Return the rows at these places; indels that shorten to one of them too."""
    if not places:
        return []
    wanted = pa.table(
        {
            "chromosome": pa.array([name for name, _ in places], pa.string()),
            "place": pa.array([position for _, position in places], pa.int64()),
        }
    )
    view.con.register("wanted", wanted)
    try:
        found = [Row(*values) for values in view.rows(_AT)]
    finally:
        view.con.unregister("wanted")
    near = set(places)
    return [
        row
        for row in found
        if (row.chromosome, row.position) in near or (row.chromosome, row.shortest.position) in near
    ]


def rows_in(view: View, region: Region | None, limit: int | None = None) -> list[Row]:
    """Return the rows of a region, or of the whole lake."""
    test, values = "true", []
    if region is not None:
        test = "v.chromosome = ? AND v.position BETWEEN ? AND ?"
        values = [region.chromosome, region.first, region.last]
    return _rows(view, test, values, limit)


def annotations_of(
    view: View, gene: str | None = None, consequence: str | None = None, impact: str | None = None
) -> list[Annotation]:
    """Return what annotation files say of a gene, a consequence, an impact."""
    given = {"gene": gene, "consequence": consequence, "impact": impact}
    found = [
        Annotation(build, Variant(chromosome, position, ref, alt), *rest)
        for build, chromosome, position, ref, alt, *rest in view.con.execute(
            _ANNOTATED, given
        ).fetchall()
    ]
    if not found and not view.rows("SELECT 1 FROM variant_annotations LIMIT 1"):
        raise WrongUse(
            "the lake holds no annotations of variants",
            next="Load some: biolake variants annotate FILE --build GRCh37",
        )
    return found


def annotations_at(view: View, rows: Sequence[Row]) -> list[Annotation]:
    """Return what annotation files say at the places of rows."""
    places = {(row.chromosome, row.shortest.position) for row in rows}
    if not places:
        return []
    names, positions = zip(*sorted(places), strict=True)
    at = pa.table(
        {"chromosome": pa.array(names, pa.string()), "position": pa.array(positions, pa.int64())}
    )
    view.con.register("places", at)
    try:
        found = view.rows(
            "SELECT DISTINCT build, chromosome, position, ref, alt, gene, consequence, impact,"
            " source FROM variant_annotations SEMI JOIN places USING (chromosome, position)"
            " ORDER BY ALL"
        )
    finally:
        view.con.unregister("places")
    return [Annotation(b, Variant(c, p, r, a), *rest) for b, c, p, r, a, *rest in found]


def _rows(view: View, test: str, values: list[Any], limit: int | None = None) -> list[Row]:
    cut = "" if limit is None else f" LIMIT {int(limit)}"
    return [Row(*values) for values in view.rows(_ROWS.format(test=test) + cut, values)]


def _near(view: View, name: str) -> str:
    if not view.rows("SELECT 1 FROM variants LIMIT 1"):
        return ": the lake holds no variants (biolake extract genotype-variants fills them in)."
    found = view.rows(
        "SELECT DISTINCT variant FROM variants WHERE variant IS NOT NULL"
        " ORDER BY levenshtein(variant, ?) LIMIT 3",
        [name],
    )
    return "." + did_you_mean(name, [each for (each,) in found])
