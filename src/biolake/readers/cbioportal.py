"""cBioPortal study folders: `meta_*.txt` beside the data files they describe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from biolake.core.catalogue import reader
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, ReadContext, Reading, SourceFile, SubjectSystem
from biolake.readers._cbioportal import alterations, others
from biolake.readers._cbioportal.clinical import clinical
from biolake.readers._cbioportal.maf import Themselves, follow_ups, maf_mutations, maf_study
from biolake.readers._cbioportal.people import Owners, owners_of
from biolake.readers._cbioportal.profiles import profile
from biolake.readers._cbioportal.study import Study, Table, is_study, open_study
from biolake.readers._cbioportal.taking import Taking
from biolake.readers._matrix.genes import GeneBook
from biolake.readers._matrix.origin import NOTE

LAYOUT, VERSION = "cbioportal", "1"
_UNREAD = "data of this kind are not read"

Read = Callable[[Taking], Iterator[Chunk]]


@reader("cBioPortal study folder", detect=is_study)
def cbioportal(path: Path, context: ReadContext) -> Reading:
    """Read a study as cBioPortal's loader takes it: clinical data, alterations, profiles.

    Patients are the subjects; samples become identifiers of theirs (system `sample`). The
    formats: https://docs.cbioportal.org/file-formats/. There are no dates in them: times are
    days since diagnosis, laid on 2000-01-01. A line of a wide profile is one row.
    """
    study = open_study(path)
    return Reading(
        layout=LAYOUT,
        layout_hash=f"{LAYOUT}/{VERSION}",
        subjects=SubjectSystem(f"cbioportal:{study.identifier}"),
        clock="local",
        files=tuple(table.file for table in study.tables),
        chunks=lambda wanted: _chunks(study, wanted, context),
        depends=_depends(study),
        notes=(NOTE, *study.notes),
    )


def _is_maf(path: Path) -> bool:
    if not path.exists():
        return False
    # Told by the name, for a folder may hold a hundred thousand files that are no MAF.
    names = (each.name for each in path.iterdir()) if path.is_dir() else [path.name]
    return not is_study(path) and any(name.endswith((".maf", ".maf.gz")) for name in names)


@reader("Mutation annotation files (MAF)", detect=_is_maf)
def maf(path: Path, context: ReadContext) -> Reading:
    """Read MAF files that belong to no study folder, and maftools' clinical table beside them.

    Tumour samples are the subjects (system `sample`): those that the lake knows already are
    joined. Mutations are laid on the day of diagnosis, which is 2000-01-01.
    """
    study = maf_study(path)
    if study is None:
        raise SourceUnreadable("no MAF here", where=path.name)
    return Reading(
        layout="maf",
        layout_hash=f"maf/{VERSION}",
        subjects=SubjectSystem("sample"),
        clock="local",
        files=tuple(table.file for table in study.tables),
        chunks=lambda wanted: _maf_chunks(study, wanted, context),
        notes=(NOTE, *study.notes),
    )


def _maf_chunks(
    study: Study, wanted: tuple[SourceFile, ...], context: ReadContext
) -> Iterator[Chunk]:
    files = {file.name: file for file in wanted}
    owners, genes = Themselves(), GeneBook()
    for table in study.tables:
        if table.file.name in files:
            read: Read = maf_mutations if table.kind == "MUTATION_EXTENDED" else follow_ups
            yield from _told(_taking(study, owners, genes, table, files), read, context)


def _depends(study: Study) -> dict[str, tuple[SourceFile, ...]]:
    """Say what each file is read with: its meta file, the study's, and who the samples are."""
    people = tuple(table.file for table in study.of("CLINICAL") if table.datatype != "TIMELINE")
    about = tuple(meta for meta in study.metas if meta.name == "meta_study.txt")
    return {
        table.file.name: (*people, *about, *((table.meta,) if table.meta else ()))
        for table in study.tables
    }


def _chunks(study: Study, wanted: tuple[SourceFile, ...], context: ReadContext) -> Iterator[Chunk]:
    files = {file.name: file for file in wanted}
    owners, genes = owners_of(study), GeneBook()
    scales = _Scales()
    for table in study.tables:
        # The scale of a profile does not depend on which of the others are new.
        read = _reader_of(table, scales)
        if table.file.name in files:
            yield from _told(_taking(study, owners, genes, table, files), read, context)


def _taking(
    study: Study, owners: Owners, genes: GeneBook, table: Table, files: dict[str, SourceFile]
) -> Taking:
    return Taking(study, owners, genes, Table(files[table.file.name], table.meta, table.said))


def _told(taking: Taking, read: Read, context: ReadContext) -> Iterator[Chunk]:
    for chunk in read(taking):
        context.progress(chunk.file.name, chunk.tally.rows)
        yield chunk


class _Scales:
    """The last part of a profile's codes: two profiles of one study never share it."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, str]] = set()

    def of(self, prefix: str, scale: str, table: Table) -> str:
        if (prefix, scale) in self._taken:
            scale = f"{scale}_{table.stable_id}" if scale else table.stable_id
        self._taken.add((prefix, scale))
        return scale


def _reader_of(table: Table, scales: _Scales) -> Read:
    kind, datatype = table.kind, table.datatype
    if kind in others.ABOUT_NOBODY:
        return partial(others.skipped, reason=others.ABOUT_NOBODY[kind])
    found = _BY_ROW.get((kind, datatype)) or _BY_ROW.get((kind, ""))
    if found is not None:
        return found
    if kind in ("GENERIC_ASSAY", "GENESET_SCORE") and datatype in _ENTITIES:
        return partial(profile, prefix=_entity_prefix(table, scales), genes=False)
    if (kind, datatype) in _GENES:
        prefix, scale = _GENES[kind, datatype]
        scale = scales.of(prefix, _scale(table) if scale == "?" else scale, table)
        return partial(profile, prefix=prefix, suffix=scale)
    return partial(others.skipped, reason=_UNREAD)


_ENTITIES = ("LIMIT-VALUE", "GSVA-SCORE", "P-VALUE", "CONTINUOUS")


def _entity_prefix(table: Table, scales: _Scales) -> str:
    prefix = {"GSVA-SCORE": "GENESET_SCORE", "P-VALUE": "GENESET_P"}.get(table.datatype)
    prefix = prefix or f"GENERIC_ASSAY//{table.stable_id}"
    extra = scales.of(prefix, "", table)
    return f"{prefix}//{extra}" if extra else prefix


def _scale(table: Table) -> str:
    """Name what a continuous profile is measured in, as far as its stable id tells."""
    name = table.stable_id.lower()
    return next((word for word in ("tpm", "fpkm", "rpkm", "counts", "cpm") if word in name), name)


# Alteration type and datatype → first word of the codes, and their last ("?": from the stable id).
_GENES = {
    ("COPY_NUMBER_ALTERATION", "DISCRETE"): ("CNA", ""),
    ("COPY_NUMBER_ALTERATION", "LOG2-VALUE"): ("CNA_LOG2", ""),
    ("COPY_NUMBER_ALTERATION", "CONTINUOUS"): ("CNA_CONTINUOUS", ""),
    ("MRNA_EXPRESSION", "Z-SCORE"): ("EXPRESSION", "zscore"),
    ("MRNA_EXPRESSION", "CONTINUOUS"): ("EXPRESSION", "?"),
    ("MRNA_EXPRESSION", "DISCRETE"): ("EXPRESSION", "?"),
    ("PROTEIN_LEVEL", "Z-SCORE"): ("PROTEIN", "zscore"),
    ("PROTEIN_LEVEL", "LOG2-VALUE"): ("PROTEIN", "log2"),
    ("PROTEIN_LEVEL", "CONTINUOUS"): ("PROTEIN", "?"),
    ("METHYLATION", "CONTINUOUS"): ("METHYLATION", ""),
}
_BY_ROW: dict[tuple[str, str], Read] = {
    ("CLINICAL", "PATIENT_ATTRIBUTES"): clinical,
    ("CLINICAL", "SAMPLE_ATTRIBUTES"): clinical,
    ("CLINICAL", "MIXED_ATTRIBUTES"): clinical,
    ("CLINICAL", "TIMELINE"): others.timeline,
    ("MUTATION_EXTENDED", ""): alterations.mutations,
    ("COPY_NUMBER_ALTERATION", "DISCRETE_LONG"): alterations.discrete_long,
    ("COPY_NUMBER_ALTERATION", "SEG"): alterations.segments,
    ("STRUCTURAL_VARIANT", ""): alterations.structural_variants,
    ("GENE_PANEL_MATRIX", ""): others.panels,
}
