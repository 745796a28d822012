"""Ontologies in OBO format 1.2 and 1.4: HPO, MONDO, the Cell Ontology, the Disease Ontology.

Read are `id`, `name`, `synonym`, `is_a`, `alt_id`, `xref` and `is_obsolete` of the `[Term]` stanzas
(https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html). An `xref` says only that the two
have to do with each other: the map is `related`. Obsolete terms are left out, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from biolake.core.errors import SourceUnreadable
from biolake.knowledge.terminology import Term, Terminology, TermMap, refuse_double

# What an ontology calls itself → what its codes are called here.
_NAMES = {"HP": "HPO"}
_VOCABULARIES = {
    "HP": "HPO", "SNOMEDCT_US": "SNOMED", "SNOMEDCT": "SNOMED", "SCTID": "SNOMED",
    "ICD10CM": "ICD10CM", "ICD-10": "ICD10", "ICD10": "ICD10", "ICD9CM": "ICD9CM", "MSH": "MESH",
}  # fmt: skip
_SYNONYM = re.compile(r'^"((?:[^"\\]|\\.)*)"')
_COMMENT = re.compile(r"\s+!.*$")
_LICENCE = re.compile(r"(?:dc(?:terms)?/license|dcterms:license|terms/license)\s+\"?([^\s\"]+)")

Stanza = tuple[int, list[tuple[str, str]]]  # line of its id, tags


def read_obo(path: Path, name: str = "", version: str = "", licence: str = "") -> Terminology:
    """Read an OBO file; what is not given is taken from its header."""
    try:
        with path.open(encoding="utf-8") as stream:
            header, stanzas = _parse(stream)
    except UnicodeDecodeError as error:
        raise SourceUnreadable("the file is not UTF-8", where=path.name) from error
    if not stanzas:
        raise SourceUnreadable(
            "there is no [Term] in this file", where=path.name, next="Is it an OBO file?"
        )
    told = dict(header)
    terms, maps, obsolete = _terms(stanzas)
    refuse_double([(t.code, line) for t, line in terms], path.name)
    prefix = terms[0][0].code.partition("//")[0] if terms else ""
    notes = (f"{obsolete:,} obsolete terms were left out",) if obsolete else ()
    return Terminology(
        name or prefix,
        version or told.get("data-version", ""),
        path.name,
        licence or _licence(header),
        tuple(term for term, _ in terms),
        tuple(maps),
        notes,
    )


def _parse(lines: Iterable[str]) -> tuple[list[tuple[str, str]], list[Stanza]]:
    """Return the header's tags, and those of each term."""
    header: list[tuple[str, str]] = []
    stanzas: list[Stanza] = []
    into: list[tuple[str, str]] | None = header
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith("["):
            into = [] if line == "[Term]" else None
            if into is not None:
                stanzas.append((number, into))
        elif into is not None and ":" in line and not line.startswith("!"):
            tag, _, value = line.partition(":")
            into.append((tag, value.strip()))
    return header, stanzas


def _licence(header: list[tuple[str, str]]) -> str:
    for tag, value in header:
        if tag == "property_value" and (found := _LICENCE.search(value)):
            return found[1]
    return ""


def _terms(stanzas: list[Stanza]) -> tuple[list[tuple[Term, int]], list[TermMap], int]:
    terms, maps, obsolete = [], [], 0
    for line, tags in stanzas:
        told = dict(reversed(tags))
        if told.get("is_obsolete", "").startswith("true"):
            obsolete += 1
            continue
        if not told.get("id"):
            raise SourceUnreadable(f"the [Term] of line {line} has no id")
        code = _code(told["id"])
        parents = tuple(_code(value) for value in _values(tags, "is_a"))
        synonyms = tuple(dict.fromkeys(_synonyms(tags)))
        terms.append((Term(code, told.get("name", ""), synonyms, parents), line))
        maps += [TermMap(_code(old), code, "exact") for old in _values(tags, "alt_id")]
        targets = dict.fromkeys(_values(tags, "xref"))
        maps += [TermMap(code, _code(each)) for each in targets if _is_code(each)]
    return terms, maps, obsolete


def _values(tags: list[tuple[str, str]], wanted: str) -> Iterator[str]:
    for tag, value in tags:
        if tag == wanted:
            yield _COMMENT.sub("", value).split(" {")[0].split(' "')[0].strip()


def _synonyms(tags: list[tuple[str, str]]) -> Iterator[str]:
    for tag, value in tags:
        if tag == "synonym" and (found := _SYNONYM.match(value)):
            yield found[1].replace('\\"', '"')


def _is_code(text: str) -> bool:
    vocabulary, colon, value = text.partition(":")
    return bool(colon and value) and not value.startswith("//") and " " not in vocabulary


def _code(identifier: str) -> str:
    """Return `HPO//HP:0000118` for HP:0000118, `SNOMED//123` for SNOMEDCT_US:123."""
    vocabulary, colon, value = identifier.partition(":")
    if not colon:
        return f"TERM//{identifier}"
    named = _VOCABULARIES.get(vocabulary, vocabulary)
    foreign = vocabulary in _VOCABULARIES and vocabulary not in _NAMES
    return f"{named}//{value if foreign else identifier}"
