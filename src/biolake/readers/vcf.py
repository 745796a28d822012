"""VCF and BCF: called genotypes of many samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError
from biolake.core.installed import require
from biolake.core.media import Genotypes
from biolake.core.reading import SourceFile
from biolake.readers._genotypes.finding import (
    declaration_beside,
    declaration_of,
    declared_build,
    found_genotypes,
)

_ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
_TO = "read VCF files"


def claims(name: str, head: bytes) -> bool:
    """Take files named .vcf, .vcf.gz, .vcf.bgz or .bcf, and others that begin as a VCF does."""
    return name.lower().endswith(_ENDINGS) or head.startswith(b"##fileformat=VCF")


def _htslib(name: str) -> tuple[str, ...]:
    """Return what more a binary file needs: text is read without htslib."""
    return ("cyvcf2",) if name.lower().endswith(".bcf") else ()


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each file to its end; its samples are named as in its header."""
    for file in files:
        require("omics", "numba", *_htslib(file.name), to=_TO, where=file.name)
        from biolake.readers._genotypes.calls import read_calls

        declaration = declaration_beside(file, surroundings)
        extra = [] if declaration is None else [declaration]
        try:
            told = declared_build(declaration.path.read_bytes() if declaration else None)
            calls = read_calls(file.path, told)
            try:
                yield found_genotypes(
                    [file, *extra], calls.variants, calls.samples, "calls", calls.left_out
                )
            finally:
                calls.close()
        except BiolakeError as error:
            where = PurePosixPath(error.where).name
            yield UnreadableFile(file, error.message + (f" ({where})" if where else ""))


@asset_reader("VCF and BCF genotypes", claims=claims, find=find, extra="omics")
def vcf(content: Content) -> Genotypes:
    """Open the called genotypes (GT) of a VCF or BCF, plain or bgzipped.

    A row of several alt alleles becomes one variant an alt allele: its dosage counts that allele
    alone. A call of which an allele is missing (`./1`) is missing. One allele (`1`) is read on X, Y
    and MT, where it counts 2 as PLINK stores it. Rows with one allele or more than two on
    autosomes, without GT, or whose REF contradicts another row at their position are left out, and
    the load says which. The build is the one `##reference` names, the `##contig` lengths fit, or a
    `genotypes.yaml` beside it tells.

    Source: The Variant Call Format, version 4.3 (hts-specs).
    """
    require("omics", "numba", *_htslib(content.names[0]), to=_TO)
    from biolake.readers._genotypes.calls import read_calls

    return read_calls(content.path(content.names[0]), declared_build(declaration_of(content)))
