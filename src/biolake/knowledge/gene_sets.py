"""Gene sets in GMT (Broad Institute): name, description, then genes, parted by tabs.

A set is `GENESET//<name>`, a gene `GENE//<symbol>`, which is a kind of every set it is in: so the
descendants of a set are its genes, and what was measured of them.
"""

from __future__ import annotations

from pathlib import Path

from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.knowledge.terminology import Term, Terminology, refuse_double


def read_gmt(path: Path, name: str = "", version: str = "", licence: str = "") -> Terminology:
    """Read a GMT file. A line without a gene is refused by its number."""
    sets: list[tuple[Term, int]] = []
    genes: dict[str, dict[str, None]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise SourceUnreadable("the file is not UTF-8", where=path.name) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        title, described, *members = (part.strip() for part in [*line.split("\t"), ""])
        members = [gene for gene in members if gene]
        if not title or not members:
            raise DataRefused(
                f"line {number} holds no gene set",
                where=path.name,
                next="GMT: name, description, then genes, parted by tabs.",
            )
        code = f"GENESET//{title}"
        synonyms = (described,) if described and described.casefold() not in ("na", "-") else ()
        sets.append((Term(code, title.replace("_", " "), synonyms), number))
        for gene in members:
            genes.setdefault(gene, {})[code] = None
    refuse_double([(term.code, line) for term, line in sets], path.name)
    terms = [term for term, _ in sets]
    terms += [Term(f"GENE//{gene}", gene, (), tuple(of)) for gene, of in sorted(genes.items())]
    return Terminology(name or path.stem, version, path.name, licence, tuple(terms))
