"""Terminologies as plain tables: terms (ATC, a hospital's own list), maps, and the US GEMs.

A table of terms has the columns `code`, and any of `name`, `parents`, `synonyms` (several parted by
`|`); a table of maps has `code` and `to_code`, and may have `relation`. Codes bear their vocabulary
(`ATC//C09AA02`), or get that of the terminology's name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.knowledge.terminology import RELATIONS, Term, Terminology, TermMap, refuse_double

_GEM = re.compile(r"^([A-Z0-9]{3,7})\s+([A-Z0-9]{3,7}|NoDx|NoPCS)\s+([01])([01])([01])(\d)(\d)$")
_KNOWN = {"code", "name", "parents", "synonyms", "to_code", "relation"}

Row = tuple[int, dict[str, str]]


def read_table(path: Path, name: str, version: str = "", licence: str = "") -> Terminology:
    """Read a CSV or TSV of terms or of maps. Raises DataRefused with the line at fault."""
    rows = list(_rows(path))
    maps = bool(rows) and "to_code" in rows[0][1]
    vocabulary = name.upper()
    if maps:
        found = tuple(_map(path, line, row, vocabulary) for line, row in rows)
        return Terminology(name, version, path.name, licence, maps=found)
    refuse_double([(_code(row["code"], vocabulary), line) for line, row in rows], path.name)
    terms = tuple(
        Term(
            _code(row["code"], vocabulary),
            row.get("name", ""),
            tuple(_parts(row.get("synonyms", ""))),
            tuple(_code(each, vocabulary) for each in _parts(row.get("parents", ""))),
        )
        for _, row in rows
    )
    return Terminology(name, version, path.name, licence, terms)


def _rows(path: Path) -> Iterator[Row]:
    """Yield the rows with their line; refuse a header without `code` and rows of another length."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            header = [column.strip().lower() for column in next(reader, [])]
            _refuse_header(header, path)
            for row in reader:
                if len(row) != len(header) or not row[header.index("code")].strip():
                    raise DataRefused(
                        f"line {reader.line_num} has no code, or not {len(header)} fields",
                        where=path.name,
                    )
                values = (value.strip() for value in row)
                yield reader.line_num, dict(zip(header, values, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceUnreadable(
            "the file is no table in UTF-8", where=path.name, next="Save it as CSV, UTF-8."
        ) from error


def _refuse_header(header: list[str], path: Path) -> None:
    unknown = sorted(set(header) - _KNOWN)
    if "code" not in header or unknown or len(set(header)) != len(header):
        said = f" (not known: {', '.join(unknown)})" if unknown else ""
        raise DataRefused(
            f"its first line does not name the columns of terms or of maps{said}",
            where=path.name,
            next="Terms: code,name,parents,synonyms. Maps: code,to_code,relation.",
        )


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split("|") if part.strip())


def _code(text: str, vocabulary: str) -> str:
    return text if "//" in text else f"{vocabulary}//{text}"


def _map(path: Path, line: int, row: dict[str, str], vocabulary: str) -> TermMap:
    relation = row.get("relation") or "related"
    if relation not in RELATIONS or "//" not in row["to_code"]:
        raise DataRefused(
            f"line {line}: to_code needs its vocabulary, and relation is {', '.join(RELATIONS)}",
            where=path.name,
            next="For example: ICD9CM//410.71,ICD10CM//I21.4,exact",
        )
    return TermMap(_code(row["code"], vocabulary), row["to_code"], relation)


def is_gem(path: Path) -> bool:
    """Say whether a text file is one of the US General Equivalence Mappings of diagnoses."""
    try:
        with path.open(encoding="ascii") as stream:
            return _GEM.match(stream.readline().strip()) is not None
    except (UnicodeDecodeError, OSError):
        return False


def read_gem(path: Path, name: str = "", version: str = "", licence: str = "") -> Terminology:
    """Read a GEM of diagnoses (CMS): ICD-9-CM to ICD-10-CM, or back; the first code tells which.

    A map that is not approximate is `exact`. One of a combination (several codes together say the
    one) is `related`. Codes without an equivalent give no map, and are counted.
    """
    maps, none = [], 0
    lines = path.read_text(encoding="ascii").splitlines()
    forward = "i10" not in path.name.lower()
    of, to = (_icd9, _icd10) if forward else (_icd10, _icd9)
    for number, line in enumerate(lines, 1):
        found = _GEM.match(line.strip())
        if found is None:
            raise DataRefused(f"line {number} is no line of a GEM", where=path.name)
        if found[4] == "1":
            none += 1
            continue
        exact = found[3] == "0" and found[5] == "0"
        maps.append(TermMap(of(found[1]), to(found[2]), "exact" if exact else "related"))
    notes = (f"{none:,} codes have no equivalent",) if none else ()
    title = name or ("ICD9CM to ICD10CM" if forward else "ICD10CM to ICD9CM")
    told = licence or "public domain (a work of the US government)"
    return Terminology(title, version, path.name, told, maps=tuple(maps), notes=notes)


def _icd9(code: str) -> str:
    stem = 4 if code.startswith("E") else 3
    return f"ICD9CM//{_dotted(code, stem)}"


def _icd10(code: str) -> str:
    return f"ICD10CM//{_dotted(code, 3)}"


def _dotted(code: str, stem: int) -> str:
    return f"{code[:stem]}.{code[stem:]}" if len(code) > stem else code
