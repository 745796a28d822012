"""What a study folder says of itself: `meta_*.txt` files, each naming its data file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile

# As builds are named in files → the name of the Genome Reference Consortium.
BUILDS = {
    **dict.fromkeys(("37", "hg19", "grch37", "b37", "ncbi37"), "GRCh37"),
    **dict.fromkeys(("38", "hg38", "grch38", "b38", "ncbi38"), "GRCh38"),
    **dict.fromkeys(("36", "36.1", "hg18", "ncbi36"), "NCBI36"),  # MAFs of before 2010
}
_LONGEST_META = 1 << 20
NOT_TEXT = "not a cBioPortal meta file: lines of `key: value` in UTF-8"


@dataclass(frozen=True)
class Table:
    """One data file, and what its meta file says it holds."""

    file: SourceFile
    meta: SourceFile | None
    said: dict[str, str]

    @property
    def kind(self) -> str:
        """Its alteration type; of a resource file `RESOURCE`; of a panel without meta `PANEL`."""
        if "resource_type" in self.said:
            return "RESOURCE"
        return self.said.get("genetic_alteration_type", "PANEL").upper()

    @property
    def datatype(self) -> str:
        return self.said.get("datatype", "").upper()

    @property
    def stable_id(self) -> str:
        return self.said.get("stable_id", "") or Path(self.file.name).stem

    def flag(self, name: str) -> bool:
        return self.said.get(name, "").lower() == "true"


@dataclass(frozen=True)
class Study:
    """A whole folder: its tables in the order they must be read, and what is left."""

    identifier: str
    build: str
    tables: tuple[Table, ...]
    metas: tuple[SourceFile, ...]
    notes: tuple[str, ...]

    def of(self, kind: str, datatype: str = "") -> list[Table]:
        return [t for t in self.tables if t.kind == kind and datatype in ("", t.datatype)]


def is_study(path: Path) -> bool:
    """Say whether a folder is a study: a `meta_study.txt` that names it."""
    meta = path / "meta_study.txt"
    try:
        return path.is_dir() and "cancer_study_identifier" in meta.read_text("utf-8")
    except (OSError, ValueError):
        return False


def open_study(path: Path) -> Study:
    """Read every meta file of a folder; a data file that is named but not there is refused."""
    metas = {each: _said(_file(path, each)) for each in sorted(path.glob("meta_*.txt"))}
    about = metas.pop(path / "meta_study.txt")
    identifier = about.get("cancer_study_identifier", "")
    if not identifier:
        raise SourceUnreadable("no cancer_study_identifier", where="meta_study.txt")
    tables = [_table(path, meta, said, identifier) for meta, said in metas.items()]
    taken = {table.file.name for table in tables}
    left = [each for each in sorted(path.iterdir()) if _is_left(each, taken)]
    panels = [p for p in left if p.name.startswith("data_gene_panel_") and p.suffix == ".txt"]
    tables += [Table(_file(path, panel), None, {}) for panel in panels]
    build = build_of(about.get("reference_genome", "hg19"), "meta_study.txt")
    _refuse_other_builds(tables, build)
    return Study(
        identifier,
        build,
        tuple(sorted(tables, key=_order)),
        tuple(_file(path, meta) for meta in sorted(path.glob("meta_*.txt"))),
        tuple(f"not read: {each.name}" for each in left if each not in panels),
    )


def build_of(name: str, where: str) -> str:
    """Return a build's name; one that nobody knows is refused, for positions would be guessed."""
    found = BUILDS.get(name.strip().lower())
    if found is None:
        raise SourceUnreadable(
            "the genome build is not known", where=where, next="Name it hg19, hg38 or GRCh37 …"
        )
    return found


def refuse_build(name: str, build: str, where: str) -> None:
    """Refuse a file whose positions are of another build than its study's."""
    found, build = build_of(name, where), build_of(build, where)
    if found != build:
        raise SourceUnreadable(
            f"its positions are of {found}, and the rest of the study's of {build}",
            where=where,
            next="Lift the file over, or correct `reference_genome` in meta_study.txt.",
        )


def _refuse_other_builds(tables: list[Table], build: str) -> None:
    for table in tables:
        said = table.said.get("reference_genome_id") or table.said.get("reference_genome")
        if said:
            refuse_build(said, build, table.meta.name if table.meta else table.file.name)


def _table(path: Path, meta: Path, said: dict[str, str], identifier: str) -> Table:
    if said.get("cancer_study_identifier", identifier) != identifier:
        raise SourceUnreadable(
            "it belongs to another study than meta_study.txt",
            where=meta.name,
            next="Keep one study a folder.",
        )
    name = said.get("data_filename", "")
    data = path / name
    if not name or not data.resolve().is_relative_to(path.resolve()) or not data.is_file():
        raise SourceUnreadable(
            "its data_filename names no file of this folder", where=meta.name, next="Add the file."
        )
    return Table(_file(path, data), _file(path, meta), said)


def _said(file: SourceFile) -> dict[str, str]:
    if file.size > _LONGEST_META:
        raise SourceUnreadable(NOT_TEXT, where=file.name)
    try:
        lines = file.path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError):
        raise SourceUnreadable(NOT_TEXT, where=file.name) from None
    return dict(_pairs(lines, file.name))


def _pairs(lines: list[str], where: str) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line.strip():
            key, colon, value = line.partition(":")
            if not colon:
                raise SourceUnreadable(NOT_TEXT, where=where)
            yield key.strip(), value.strip()


def _file(root: Path, path: Path) -> SourceFile:
    return SourceFile(path, path.relative_to(root).as_posix(), size=path.stat().st_size)


def _is_left(path: Path, taken: set[str]) -> bool:
    hidden = path.name.startswith((".", "meta_"))
    return path.is_file() and not hidden and path.name not in taken


def _order(table: Table) -> tuple[int, str]:
    """Put samples first, then patients: who is who must be known before what they have."""
    first = ("SAMPLE_ATTRIBUTES", "PATIENT_ATTRIBUTES", "MIXED_ATTRIBUTES")
    rank = first.index(table.datatype) if table.datatype in first else len(first)
    return rank, table.file.name
