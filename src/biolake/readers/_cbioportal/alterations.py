"""Mutations, structural variants and segments: one row an alteration of one sample."""

from __future__ import annotations

from collections.abc import Iterator

from biolake.core.reading import Chunk
from biolake.readers._cbioportal.people import UNKNOWN_SAMPLE
from biolake.readers._cbioportal.study import build_of, refuse_build
from biolake.readers._cbioportal.taking import Bad, Record, Taking, chunks, header_of, worded
from biolake.readers._matrix.genes import CONFLICT, DATE_LIKE, NO_GENE, symbol_of

CNA_VALUES = (-2.0, -1.5, -1.0, 0.0, 1.0, 2.0)  # cBioPortal, "Discrete Copy Number Data"
NOT_DISCRETE = "not one of -2, -1.5, -1, 0, 1, 2"


def mutations(taking: Taking) -> Iterator[Chunk]:
    """Read a MAF: `MUTATION//<gene>//<class>`, with the allele fraction and the protein change."""
    header_of(taking.table, "Hugo_Symbol", "Tumor_Sample_Barcode", "Variant_Classification")
    yield from chunks(taking, "mutations", mutation)


def mutation(taking: Taking, record: Record) -> str:
    """Give the event of one row of a MAF."""
    sample = record.need("Tumor_Sample_Barcode", "no sample")
    patient = owner(taking, sample, "Tumor_Sample_Barcode")
    gene = gene_of(taking, record, "Hugo_Symbol", "Entrez_Gene_Id")
    kind = worded(record.need("Variant_Classification", "no class of variant"))
    _check_build(taking, record)
    place = place_of(record)
    taking.once("Tumor_Sample_Barcode", "mutation", sample, gene, kind, place)
    code = f"MUTATION//{gene}//{kind}"
    taking.describe(code, None, f"MUTATION//{gene}")
    change = record.first("HGVSp_Short", "Protein_Change", "Amino_Acid_Change")
    text = " ".join(word for word in (change, place) if word)
    identity = ("mutation", sample, gene, kind, place)
    taking.give(patient, code, *identity, value=_fraction(record), text=text or None)
    return ""


def place_of(record: Record) -> str:
    """Say where a variant lies and what it changes, such as `17:7577121 G>A`."""
    start = record.first("Start_Position", "Start_position")
    if start and not start.isdigit():
        raise Bad("Start_Position", "not a position")
    end = record.first("End_Position", "End_position")
    where = ":".join(word for word in (record.first("Chromosome"), start) if word)
    span = f"-{end}" if end and end != start else ""
    changed = record.first("Tumor_Seq_Allele2")
    if changed == record.first("Reference_Allele"):
        changed = record.first("Tumor_Seq_Allele1")
    change = f" {record.first('Reference_Allele')}>{changed}" if changed else ""
    return f"{where}{span}{change}"


def _fraction(record: Record) -> float | None:
    """Return the share of reads with the variant."""
    with_it, without = record.number("t_alt_count"), record.number("t_ref_count")
    if with_it is None or without is None or with_it + without <= 0:
        return None
    if min(with_it, without) < 0:
        raise Bad("t_alt_count", "fewer than no reads")
    return with_it / (with_it + without)


def _check_build(taking: Taking, record: Record) -> None:
    named = record.first("NCBI_Build")
    if named and named != taking.genes.build:
        where = taking.table.file.name
        build = taking.study.build or taking.genes.build
        refuse_build(named, build or build_of(named, where), where)
        taking.genes.build = named


def discrete_long(taking: Taking) -> Iterator[Chunk]:
    """Read copy number as one row a gene and sample."""
    header_of(taking.table, "Sample_Id", "Value")
    yield from chunks(taking, "cna", _discrete)


def _discrete(taking: Taking, record: Record) -> str:
    sample = record.need("Sample_Id", "no sample")
    patient = owner(taking, sample, "Sample_Id")
    gene = gene_of(taking, record, "Hugo_Symbol", "Entrez_Gene_Id")
    value = record.number("Value")
    if value is None:
        return "no value"
    if value not in CNA_VALUES:
        raise Bad("Value", NOT_DISCRETE)
    taking.once("Sample_Id", "cna", sample, gene)
    taking.give(patient, f"CNA//{gene}", "cna", sample, gene, value=value)
    return ""


def segments(taking: Taking) -> Iterator[Chunk]:
    """Read a .seg file: `CNA_SEGMENT//<chromosome>`, the log ratio, and where it lies."""
    header_of(taking.table, "ID", "chrom", "loc.start", "loc.end", "seg.mean")
    yield from chunks(taking, "segments", _segment)


def _segment(taking: Taking, record: Record) -> str:
    sample = record.need("ID", "no sample")
    patient = owner(taking, sample, "ID")
    chrom = worded(record.need("chrom")).removeprefix("chr")
    start, end = record.number("loc.start"), record.number("loc.end")
    mean = record.number("seg.mean")
    if start is None or end is None or mean is None:
        raise Bad("seg.mean", "no value")
    if end < start:
        raise Bad("loc.end", "it ends before it starts")
    where = f"{chrom}:{start:.0f}-{end:.0f}"
    taking.once("ID", "segment", sample, where)
    markers = record.first("num.mark")
    text = f"{where} ({markers} markers)" if markers else where
    taking.describe(f"CNA_SEGMENT//{chrom}", "log2 ratio of a segment", "CNA_SEGMENT")
    code = f"CNA_SEGMENT//{chrom}"
    taking.give(patient, code, "segment", sample, where, value=mean, text=text)
    return ""


def structural_variants(taking: Taking) -> Iterator[Chunk]:
    """Read fusions and rearrangements: `STRUCTURAL_VARIANT//<gene>//<gene>`."""
    header_of(taking.table, "Sample_Id")
    yield from chunks(taking, "structural_variants", _structural)


def _structural(taking: Taking, record: Record) -> str:
    sample = record.need("Sample_Id", "no sample")
    patient = owner(taking, sample, "Sample_Id")
    _check_build(taking, record)
    sites = [
        gene_of(taking, record, f"Site{n}_Hugo_Symbol", f"Site{n}_Entrez_Gene_Id", maybe=True)
        for n in (1, 2)
    ]
    if not any(sites):
        raise Bad("Site1_Hugo_Symbol", NO_GENE)
    genes = [gene or "-" for gene in sites]
    about = record.first("Event_Info", "SV_Status", "Class")
    spots = [record.first(f"Site{n}_{what}") for n in (1, 2) for what in ("Chromosome", "Position")]
    identity = ("sv", sample, *genes, *spots, about)
    taking.once("Sample_Id", *identity)
    code = "STRUCTURAL_VARIANT//" + "//".join(genes)
    taking.describe(code, None, "STRUCTURAL_VARIANT")
    taking.give(patient, code, *identity, text=about or None)
    return ""


def owner(taking: Taking, sample: str, column: str) -> str:
    patient = taking.owners.owner(sample)
    if patient is None:
        raise Bad(column, UNKNOWN_SAMPLE)
    return patient


def gene_of(
    taking: Taking, record: Record, symbol_column: str, entrez_column: str, *, maybe: bool = False
) -> str:
    """Return a row's gene: its symbol, or its Entrez id where it has no symbol."""
    symbol = worded(symbol_of(record.first(symbol_column)))
    entrez = record.first(entrez_column)
    if not symbol and not entrez:
        if maybe:
            return ""
        raise Bad(symbol_column, NO_GENE)
    if symbol and taking.genes.is_date(symbol):
        raise Bad(symbol_column, DATE_LIKE)
    if not taking.genes.agrees(symbol, entrez):
        raise Bad(entrez_column, CONFLICT)
    return symbol or f"ENTREZ:{entrez}"
