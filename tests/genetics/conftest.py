"""Lakes with small cohorts' genotypes in them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.readers.genotype_files import variant_list, vcf_rows, vcf_text

from biolake.core.catalogue import Catalogue, discover
from biolake.ingest.extraction import extract
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.lake import Lake, init, open_lake
from biolake.omics.genotypes.writing import write_bed

ROWS = (
    ("19", 45411941, "rs429358", "T", "C"),
    ("19", 45412079, "rs7412", "C", "T"),
    ("1", 1000, "rs10", "A", "T"),
    ("1", 2000, "", "GTT", "GT"),
)
DOSAGES = np.array(
    [[0, 1, 2, -1, 0, 1], [2, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 2, 1, -1, 0]], np.int8
)
NAMES = ("P1", "P2", "P3", "P4", "P5", "P6")


class Cohorts:
    """A lake, and a source of genotype files to load into it."""

    def __init__(self, home: Path, template: Path | None = None) -> None:
        self.home, self.template = home, template
        self.lake: Lake = init(str(home / "lake"))
        self.catalogue: Catalogue = discover("biolake.readers", "biolake.extractors")

    def folder(self, name: str, build: str = "GRCh37") -> Path:
        folder = self.home / name
        folder.mkdir(exist_ok=True)
        if build:
            (folder / "genotypes.yaml").write_text(f"build: {build}\n")
        return folder

    def bed(
        self,
        name: str = "first",
        rows: Sequence[tuple[str, int, str, str, str]] = ROWS,
        dosages: np.ndarray = DOSAGES,
        names: Sequence[str] = NAMES,
        build: str = "GRCh37",
    ) -> IngestReport:
        folder = self.folder(name, build)
        write_bed(folder / name, dosages, variant_list(rows, build), names)
        return self.take(folder)

    def vcf(
        self,
        name: str = "second",
        rows: Sequence[tuple[str, int, str, str, str]] = ROWS,
        dosages: np.ndarray = DOSAGES,
        names: Sequence[str] = NAMES,
        build: str = "GRCh37",
    ) -> IngestReport:
        folder = self.folder(name, build)
        (folder / f"{name}.vcf").write_text(vcf_text(vcf_rows(dosages, rows), names))
        return self.take(folder)

    def take(self, folder: Path, *, new_subjects: bool = True) -> IngestReport:
        report = ingest(self.lake, str(folder), self.catalogue, new_subjects=new_subjects)
        extract(self.lake, self.catalogue, ["genotype-variants"], modality="genotype")
        return report

    def first(self) -> None:
        """Take the default set into the empty lake: a copy of a lake that has it."""
        assert self.template is not None
        shutil.rmtree(self.home / "lake")
        shutil.copytree(self.template, self.home / "lake")
        self.lake = open_lake(str(self.home / "lake"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("genetics")
    Cohorts(home).bed()
    return home / "lake"


@pytest.fixture
def cohorts(tmp_path: Path, template: Path) -> Cohorts:
    return Cohorts(tmp_path, template)
