"""Annotation tables: VEP's, ANNOVAR's, or one's own TSV or CSV, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.genetics.shortest import NOTHING
from biolake.omics.genotypes.alleles import chromosome_name

_OWN = {
    "chromosome": ("chromosome", "chrom", "chr", "#chrom", "#chr"),
    "position": ("position", "pos", "bp", "start"),
    "ref": ("ref", "reference", "reference_allele", "a2"),
    "alt": ("alt", "alternate", "alternative", "alternate_allele", "a1"),
    "name": ("variant", "rsid", "rs", "snp", "id", "name"),
    "gene": ("gene", "symbol", "gene_symbol", "gene_name", "gene.refgene"),
    "consequence": ("consequence", "effect", "exonicfunc.refgene", "func.refgene"),
    "impact": ("impact",),
}  # fmt: skip
_EMPTY = ("", ".", "-", "NA", "unknown")
_BASES = re.compile(r"^(?:[ACGT]+|-)$")
# ANNOVAR's words → Sequence Ontology terms (its documentation of gene-based annotation).
_ANNOVAR = {
    "nonsynonymous SNV": "missense_variant", "synonymous SNV": "synonymous_variant",
    "stopgain": "stop_gained", "stoploss": "stop_lost", "startloss": "start_lost",
    "frameshift insertion": "frameshift_variant", "frameshift deletion": "frameshift_variant",
    "frameshift substitution": "frameshift_variant",
    "nonframeshift insertion": "inframe_insertion", "nonframeshift deletion": "inframe_deletion",
    "nonframeshift substitution": "protein_altering_variant", "splicing": "splice_region_variant",
    "intronic": "intron_variant", "UTR3": "3_prime_UTR_variant", "UTR5": "5_prime_UTR_variant",
    "upstream": "upstream_gene_variant", "downstream": "downstream_gene_variant",
    "intergenic": "intergenic_variant", "exonic": "coding_sequence_variant",
    "ncRNA_exonic": "non_coding_transcript_exon_variant", "ncRNA_intronic": "intron_variant",
}  # fmt: skip
_UPLOADED = re.compile(r"^(?:chr)?([^_:]+)[_:](\d+)[_:]([ACGT-]+)/([ACGT-]+)$")


@dataclass(frozen=True)
class Told:
    """One row of an annotation file: a place with alleles, or a name alone."""

    row: int
    chromosome: str = ""
    position: int = 0
    ref: str = ""
    alt: str = ""
    name: str = ""
    gene: str | None = None
    consequence: str | None = None
    impact: str | None = None


@dataclass(frozen=True)
class Faulty:
    """A row that cannot be an annotation: the column at fault, and why."""

    row: int
    column: str
    reason: str


Read = Callable[[int, Mapping[str, str]], "Told | Faulty"]


def read_annotations(path: Path) -> Iterator[Told | Faulty]:
    """Yield every row of an annotation file; raises `SourceUnreadable` where it is no table."""
    opener = gzip.open if path.name.endswith((".gz", ".bgz")) else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
            yield from _rows(path, stream)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error):
        raise SourceUnreadable("the file is no table in UTF-8 text", where=path.name) from None


def _rows(path: Path, stream: Iterator[str]) -> Iterator[Told | Faulty]:
    number, head = 0, ""
    for line in stream:
        number += 1
        if line.startswith("##") or not line.strip():
            continue
        head = line
        break
    delimiter = "\t" if "\t" in head else ","
    header = next(csv.reader([head], delimiter=delimiter), [])
    read = _kind([name.strip() for name in header], path)
    rows = csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL)
    for values in rows:
        if not values:
            continue
        if len(values) != len(header):
            yield Faulty(number + rows.line_num, "", f"it has not the {len(header)} columns")
            continue
        named = {n.strip(): v.strip() for n, v in zip(header, values, strict=True)}
        yield read(number + rows.line_num, named)


def _kind(header: list[str], path: Path) -> Read:
    """Return how rows under this header are read."""
    if "Uploaded_variation" in header or "#Uploaded_variation" in header:
        return _vep
    if {"Chr", "Start", "End", "Ref", "Alt"} <= set(header):
        return _annovar
    found = {want: _first(header, names) for want, names in _OWN.items()}
    place = all(found[each] for each in ("chromosome", "position", "ref", "alt"))
    tells = found["gene"] or found["consequence"] or found["impact"]
    if not tells or not (place or found["name"]):
        raise DataRefused(
            "its first line names no variants and what is known of them",
            where=path.name,
            next="Name columns: chromosome, position, ref, alt (or rsid); gene, consequence,"
            " impact. VEP's tab format and ANNOVAR's tables are known too.",
        )
    return lambda row, values: _own(row, values, found)


def _first(header: list[str], names: tuple[str, ...]) -> str:
    return next((each for each in header if each.lower() in names), "")


def _own(row: int, values: Mapping[str, str], columns: Mapping[str, str]) -> Told | Faulty:
    def said(want: str) -> str:
        return values.get(columns[want], "") if columns[want] else ""

    told = [_some(said(want)) for want in ("gene", "consequence", "impact")]
    if columns["chromosome"] and columns["position"]:
        return _placed(row, said, told)
    name = said("name")
    if name in _EMPTY:
        return Faulty(row, columns["name"], "it names no variant")
    return Told(row, alt=said("alt").upper(), name=name, gene=told[0], consequence=told[1],
                impact=told[2])  # fmt: skip


def _placed(row: int, said: Callable[[str], str], told: list[str | None]) -> Told | Faulty:
    position, ref, alt = said("position"), said("ref").upper(), said("alt").upper()
    if not position.isdigit() or int(position) < 1:
        return Faulty(row, "position", "it is no position")
    for column, allele in (("ref", ref), ("alt", alt)):
        if not _BASES.match(allele):
            return Faulty(row, column, "the allele is not of A, C, G and T")
    if ref == alt:
        return Faulty(row, "alt", "ref and alt are the same")
    place = chromosome_name(said("chromosome")), int(position)
    name = said("name")
    return Told(row, *place, ref, alt, "" if name in _EMPTY else name, *told)


def _vep(row: int, values: Mapping[str, str]) -> Told | Faulty:
    """Read VEP's tab format; the reference base stands in REF_ALLELE or in the variant's name."""
    extra = dict(part.split("=", 1) for part in values.get("Extra", "").split(";") if "=" in part)
    every = {**values, **extra}
    name = every.get("#Uploaded_variation", every.get("Uploaded_variation", ""))
    written = _UPLOADED.match(name)
    chromosome, _, places = every.get("Location", "").partition(":")
    position, alt = places.partition("-")[0], every.get("Allele", "")
    ref = every.get("REF_ALLELE") or every.get("USED_REF") or ""
    if written:
        chromosome, position, ref = written[1], written[2], written[3]
    elif ref == NOTHING and position.isdigit():
        position = str(int(position) + 1)  # an insertion stands before its second neighbour
    fields = {"chromosome": chromosome, "position": position, "ref": ref, "alt": alt}
    consequence = every.get("Consequence", "").replace(",", "&")
    told = [_some(every.get(k, "")) for k in ("SYMBOL",)] + [_some(consequence)]
    told[0] = told[0] or _some(every.get("Gene", ""))
    told.append(_some(every.get("IMPACT", "")))
    if not ref:
        if name in _EMPTY or _BASES.match(name):
            return Faulty(row, "REF_ALLELE", "it does not tell the reference allele")
        return Told(row, alt=alt.upper(), name=name, gene=told[0], consequence=told[1],
                    impact=told[2])  # fmt: skip
    return _placed(row, lambda want: fields.get(want, name if not written else ""), told)


def _annovar(row: int, values: Mapping[str, str]) -> Told | Faulty:
    """Read a table of ANNOVAR: an insertion stands behind the base at Start."""
    func, exonic, gene = (
        next((v for n, v in values.items() if n.startswith(prefix)), "")
        for prefix in ("Func.", "ExonicFunc.", "Gene.")
    )
    word = func if exonic in _EMPTY else exonic
    start = values["Start"]
    if values["Ref"] == NOTHING and start.isdigit():
        start = str(int(start) + 1)
    fields = {"chromosome": values["Chr"], "position": start, "ref": values["Ref"],
              "alt": values["Alt"]}  # fmt: skip
    told = [_some(gene), _some(_ANNOVAR.get(word, word)), None]
    return _placed(row, lambda want: fields.get(want, ""), told)


def _some(text: str) -> str | None:
    return None if text in _EMPTY else text
