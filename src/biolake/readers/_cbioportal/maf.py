"""Mutation annotation files without a study around them; maftools' clinical table beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from biolake.core.errors import BiolakeError
from biolake.core.reading import Chunk, SourceFile
from biolake.readers._cbioportal.alterations import mutation
from biolake.readers._cbioportal.people import Owners
from biolake.readers._cbioportal.study import Study, Table
from biolake.readers._cbioportal.taking import Bad, Record, Taking, chunks, day, header_of, worded
from biolake.readers._matrix.origin import ORIGIN, ORIGIN_CODE
from biolake.readers._matrix.text_table import open_table

MAF_COLUMNS = {"Hugo_Symbol", "Tumor_Sample_Barcode", "Variant_Classification"}
SAMPLE, DAYS, STATUS = "Tumor_Sample_Barcode", "days_to_last_followup", "Overall_Survival_Status"
_ENDINGS = (".maf", ".maf.gz", ".tsv", ".txt", ".tsv.gz")


def maf_study(path: Path) -> Study | None:
    """Return a file or folder as a study of MAFs, None where it holds no MAF.

    Of other tables, one of clinical data by tumour sample is taken.
    """
    root = path if path.is_dir() else path.parent
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    tables, left = [], []
    for each in files:
        table = _table(root, each) if each.is_file() else None
        tables += [table] if table else []
        left += [each.name] if table is None and each.is_file() else []
    if not any(table.kind == "MUTATION_EXTENDED" for table in tables):
        return None
    # The clinical table first: a record's people must be known before their mutations.
    tables.sort(key=lambda table: (table.kind, table.file.name))
    return Study("maf", "", tuple(tables), (), tuple(f"not read: {name}" for name in left))


def _table(root: Path, path: Path) -> Table | None:
    if not path.name.endswith(_ENDINGS):
        return None
    file = SourceFile(path, path.relative_to(root).as_posix(), size=path.stat().st_size)
    try:
        names = set(open_table(file, "\t").header.names)
    except BiolakeError:
        return None
    if names >= MAF_COLUMNS:
        return Table(file, None, {"genetic_alteration_type": "MUTATION_EXTENDED"})
    if SAMPLE in names:
        return Table(file, None, {"genetic_alteration_type": "CLINICAL"})
    return None


class Themselves(Owners):
    """Every sample is a subject of its own name."""

    def owner(self, sample: str | None) -> str | None:
        return sample


def maf_mutations(taking: Taking) -> Iterator[Chunk]:
    """Read a MAF; a sample that no clinical table names gets its day 0 here."""
    header_of(taking.table, *sorted(MAF_COLUMNS))
    yield from chunks(taking, "mutations", _mutation)


def _mutation(taking: Taking, record: Record) -> str:
    skipped = mutation(taking, record)
    sample = record.first(SAMPLE)
    if sample not in taking.owners.patients:
        taking.owners.patients.add(sample)
        taking.give(sample, ORIGIN_CODE, "origin", sample)
    return skipped


def follow_ups(taking: Taking) -> Iterator[Chunk]:
    """Read maftools' clinical table: follow-up in days, 0 alive or 1 dead; the rest as words."""
    header_of(taking.table, SAMPLE)
    yield from chunks(taking, "clinical", _annotation)


def _annotation(taking: Taking, record: Record) -> str:
    sample = record.need(SAMPLE, "no sample")
    taking.once(SAMPLE, "clinical", sample)
    taking.owners.patients.add(sample)
    taking.give(sample, ORIGIN_CODE, "origin", sample)
    for name in record.said:
        if name not in (SAMPLE, DAYS, STATUS):
            word = worded(record.first(name))
            taking.describe(f"CLINICAL//{name}//{word}", None, f"CLINICAL//{name}")
            taking.give(sample, f"CLINICAL//{name}//{word}", "clinical", sample, name)
    _follow_up(taking, record, sample)
    return ""


def _follow_up(taking: Taking, record: Record, sample: str) -> None:
    time, status = day(record, DAYS), record.number(STATUS)
    if time is not None and time < ORIGIN:
        raise Bad(DAYS, "before the diagnosis")
    if status not in (None, 0.0, 1.0):
        raise Bad(STATUS, "neither 0 nor 1")
    if time is None or status is None:
        return
    word = "DECEASED" if status else "LIVING"
    taking.give(sample, f"OS//{word}", "OS", sample, time=time, value=status)
    if status:
        taking.give(sample, "MEDS_DEATH", "death", sample, time=time)
