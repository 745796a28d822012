"""Matrices of molecular measurements beside a table of subjects, as `molecular.yaml` describes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from biolake.core.catalogue import reader
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.reading import Chunk, ReadContext, Reading, SourceFile, SubjectSystem
from biolake.readers._matrix.origin import NOTE
from biolake.readers._matrix.samples import Sheet, read_sheet
from biolake.readers._matrix.specification import Specification, read_specification
from biolake.readers._matrix.subjects import Book, known_subjects, number_chunks, subject_chunks
from biolake.readers._matrix.text_table import open_table
from biolake.readers._matrix.wide import matrix_chunks

SPECIFICATION, VERSION = "molecular.yaml", "2"
_TCGA = Path(__file__).parent / "_matrix" / "tcga_multimodal.yaml"
_TCGA_COLUMNS = {"case_id", "survival_months", "censorship"}


def _described(path: Path) -> bool:
    return path.is_dir() and (path / SPECIFICATION).is_file()


@reader("Expression, copy number and mutation matrices (molecular.yaml)", detect=_described)
def molecular_tables(path: Path, context: ReadContext) -> Reading:
    """Read matrices as the folder's `molecular.yaml` says: what they measure, on which scale.

    Samples are the subjects (system `sample`): those that the lake knows already are joined. One
    of a sheet that nobody has told whose it is is quarantined.
    Missing values give no event. A line is one row, and so is a column that cannot be read.
    """
    about = path / SPECIFICATION
    if not about.is_file():
        raise SourceUnreadable(
            f"no {SPECIFICATION} in this folder",
            where=path.name,
            next="Write one: docs/how-to/load-expression.md shows how.",
        )
    said = _file(path, about)
    folder = _Folder(path, path, read_specification(about), (said,))
    sheet = folder.sheet(context)
    reading = _reading("molecular-tables", [replace(folder, sample_sheet=sheet)], context)
    if sheet is None:
        return reading
    as_now = f"{reading.layout_hash}/{sheet.whose}"  # read again when its samples are others'
    return replace(reading, clock=sheet.clock, layout_hash=as_now)


def _cohorts(path: Path) -> list[Path]:
    """Return the folders of TCGA cohorts at a path: itself, or those in it."""
    if not path.is_dir():
        return []
    found = [path, *sorted(each for each in path.iterdir() if each.is_dir())]
    return [each for each in found if _is_cohort(each / "clinical.csv")]


def _is_cohort(clinical: Path) -> bool:
    try:
        file = SourceFile(clinical, clinical.name)
        return clinical.is_file() and set(open_table(file, ",").header.names) >= _TCGA_COLUMNS
    except BiolakeError:
        return False


@reader("TCGA cohorts: clinical, RNA, copy number, mutations", detect=lambda p: bool(_cohorts(p)))
def tcga_multimodal(path: Path, context: ReadContext) -> Reading:
    """Read one or several cohort folders; a cohort may lack a modality.

    Each folder has clinical.csv and splits.csv, and rnaseq, cnv and mut as CSV with one row a
    patient. The published validation fold becomes the event `TCGA//validation_fold`.
    """
    said = read_specification(_TCGA)
    folders = [_Folder(path, cohort, said, ()) for cohort in _cohorts(path)]
    if not folders:
        raise SourceUnreadable("no cohort here: no clinical.csv of TCGA", where=path.name)
    return _reading("tcga-multimodal", folders, context)


@dataclass(frozen=True)
class _Folder:
    """One folder, read as one specification says."""

    root: Path
    path: Path
    said: Specification
    about: tuple[SourceFile, ...]
    sample_sheet: Sheet | None = None

    def file(self, name: str, *, optional: bool = False) -> SourceFile | None:
        """Return a file of this folder. One that must be there and is not is refused."""
        found = self.path / name
        if found.is_file():
            return _file(self.root, found)
        if optional:
            return None
        raise SourceUnreadable(
            f"the folder has no file '{name}'",
            where=self.path.name,
            next="Add it, or say `optional: true` of it.",
        )

    def files(self) -> list[SourceFile]:
        said = self.said
        names = [(said.subjects.file, False)] if said.subjects else []
        names += [(said.samples.file, False)] if said.samples else []
        names += [(each.file, each.optional) for each in said.numbers]
        names += [(each.file, each.optional) for each in said.matrices]
        found = [self.file(name, optional=optional) for name, optional in names]
        return [file for file in found if file is not None]

    def sheet(self, context: ReadContext) -> Sheet | None:
        """Read the sample sheet, if there is one."""
        said = self.said.samples
        file = self.file(said.file) if said else None
        return read_sheet(file, said, context.whose) if said and file else None

    def people(self) -> SourceFile | None:
        """Return the table that says who there is: of subjects, or of samples."""
        table = self.said.subjects or self.said.samples
        return self.file(table.file) if table else None


def _reading(layout: str, folders: list[_Folder], context: ReadContext) -> Reading:
    depends = {}
    for folder in folders:
        who = folder.people()
        together = (*folder.about, *((who,) if who else ()))
        depends.update({file.name: together for file in folder.files()})
    return Reading(
        layout=layout,
        layout_hash=f"{layout}/{VERSION}",
        subjects=SubjectSystem("sample"),
        clock="local",
        files=tuple(file for folder in folders for file in folder.files()),
        chunks=lambda wanted: _chunks(folders, wanted, context),
        depends=depends,
        notes=() if any(folder.said.samples for folder in folders) else (NOTE,),
    )


def _chunks(
    folders: list[_Folder], wanted: tuple[SourceFile, ...], context: ReadContext
) -> Iterator[Chunk]:
    files = {file.name: file for file in wanted}
    for folder in folders:
        for chunk in _folder_chunks(folder, files):
            context.progress(chunk.file.name, chunk.tally.rows)
            yield chunk


def _folder_chunks(folder: _Folder, files: dict[str, SourceFile]) -> Iterator[Chunk]:
    said, who = folder.said, folder.people()

    def asked(name: str, optional: bool = False) -> SourceFile | None:
        file = folder.file(name, optional=optional)
        return files.get(file.name) if file else None

    book = _book(folder, who)
    if folder.sample_sheet and said.samples and (file := asked(said.samples.file)):
        yield from folder.sample_sheet.chunks(file)
    if said.subjects and (file := asked(said.subjects.file)):
        yield from subject_chunks(file, said.subjects, book)
    for numbers in said.numbers:
        if file := asked(numbers.file, numbers.optional):
            yield from number_chunks(file, numbers, book)
    for matrix in said.matrices:
        if file := asked(matrix.file, matrix.optional):
            id_column = said.subjects.id if said.subjects else ""
            yield from matrix_chunks(file, matrix, id_column, book)


def _book(folder: _Folder, who: SourceFile | None) -> Book:
    said = folder.said
    cohort = f"{said.folder_code}//{folder.path.name.upper()}" if said.folder_code else ""
    if folder.sample_sheet:
        times = folder.sample_sheet.times()
        return Book(said.name, frozenset(times), cohort, times)
    known = known_subjects(who, said.subjects) if who and said.subjects else None
    return Book(said.name, known, cohort)


def _file(root: Path, path: Path) -> SourceFile:
    return SourceFile(path, path.relative_to(root).as_posix(), size=path.stat().st_size)
