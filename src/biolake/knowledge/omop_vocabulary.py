"""An OMOP vocabulary folder (Athena): CONCEPT, CONCEPT_RELATIONSHIP, CONCEPT_SYNONYM.

A concept is `<VOCABULARY>//<concept code>`. `Is a` gives its parents; `Maps to` leads from a source
concept to the standard one, and is taken as exact.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from biolake.core.errors import SourceUnreadable
from biolake.knowledge.terminology import Term, Terminology, TermMap

_TABLES = ("concept", "concept_relationship", "concept_synonym")
_CODE = "upper(replace({0}.vocabulary_id, ' ', '_')) || '//' || {0}.concept_code"
_TERMS = f"""
WITH parents AS (
    SELECT r.concept_id_1 AS concept_id, list(DISTINCT {_CODE.format("p")} ORDER BY 1) AS codes
    FROM concept_relationship r JOIN concept p ON p.concept_id = r.concept_id_2
    WHERE r.relationship_id = 'Is a' AND r.invalid_reason IS NULL GROUP BY 1
),
names AS (
    SELECT concept_id, list(DISTINCT concept_synonym_name ORDER BY 1) AS names
    FROM concept_synonym GROUP BY 1
)
SELECT {_CODE.format("c")}, any_value(c.concept_name),
    coalesce(any_value(n.names), []), coalesce(any_value(p.codes), [])
FROM concept c LEFT JOIN parents p USING (concept_id) LEFT JOIN names n USING (concept_id)
WHERE c.concept_code IS NOT NULL AND c.invalid_reason IS NULL
GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - ours
_MAPS = f"""
SELECT DISTINCT {_CODE.format("a")}, {_CODE.format("b")}
FROM concept_relationship r JOIN concept a ON a.concept_id = r.concept_id_1
    JOIN concept b ON b.concept_id = r.concept_id_2
WHERE r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL AND a.concept_id <> b.concept_id
ORDER BY ALL
"""  # noqa: S608


def is_vocabulary(folder: Path) -> bool:
    """Say whether a folder holds OMOP concept tables."""
    return folder.is_dir() and "concept" in _files(folder)


def read_vocabulary(
    folder: Path, name: str = "", version: str = "", licence: str = ""
) -> Terminology:
    """Read the concept tables of a folder, as Athena delivers them (CSV) or as Parquet."""
    files = _files(folder)
    if "concept" not in files:
        raise SourceUnreadable(
            "there is no concept table here", where=folder.name, next="Look for CONCEPT.csv."
        )
    con = duckdb.connect()
    try:
        for table in _TABLES:
            con.execute(f"CREATE VIEW {table} AS {_select(table, files.get(table))}")
        terms = tuple(
            Term(code, called or "", tuple(n for n in names if n != called), tuple(parents))
            for code, called, names, parents in con.execute(_TERMS).fetchall()
        )
        maps = tuple(TermMap(code, to, "exact") for code, to in con.execute(_MAPS).fetchall())
    except duckdb.Error as error:
        raise SourceUnreadable(
            f"its tables are not those of an OMOP vocabulary ({type(error).__name__})",
            where=folder.name,
        ) from None
    finally:
        con.close()
    return Terminology(name or "OMOP", version, folder.name, licence, terms, maps)


def _files(folder: Path) -> dict[str, Path]:
    known = (p for p in sorted(folder.iterdir()) if p.suffix.lower() in (".csv", ".parquet"))
    return {path.stem.lower(): path for path in known}


_EMPTY = {
    "concept_relationship": "NULL::BIGINT AS concept_id_1, NULL::BIGINT AS concept_id_2,"
    " NULL::VARCHAR AS relationship_id, NULL::VARCHAR AS invalid_reason",
    "concept_synonym": "NULL::BIGINT AS concept_id, NULL::VARCHAR AS concept_synonym_name",
}


def _select(table: str, path: Path | None) -> str:
    if path is None:
        return f"SELECT {_EMPTY[table]} WHERE false"
    place = str(path).replace("'", "''")
    if path.suffix.lower() == ".parquet":
        return f"SELECT * FROM read_parquet('{place}')"  # noqa: S608 - quoted above
    with path.open(encoding="utf-8") as stream:
        delimiter = "\\t" if "\t" in stream.readline() else ","
    quote = "" if delimiter == "\\t" else '"'
    return (
        f"SELECT * FROM read_csv('{place}', delim = '{delimiter}', header = true,"  # noqa: S608
        f" quote = '{quote}', all_varchar = true)"
    )
