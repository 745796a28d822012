"""PLINK 2 file sets: .pgen with .pvar (plain or zstd) and .psam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import SourceUnreadable
from biolake.core.installed import require
from biolake.core.media import VariantList
from biolake.core.reading import SourceFile
from biolake.readers._genotypes.file_sets import FileSets
from biolake.readers._genotypes.finding import (
    checked_order,
    declaration_of,
    declared_build,
    found_genotypes,
    with_build,
)
from biolake.readers._genotypes.tables import SampleList, plain_bytes, psam_samples, pvar_variants

_MAGIC = b"\x6c\x1b"
_CHECKED = 1 << 24  # genotypes read at a time when a set is looked through


def claims(name: str, _head: bytes) -> bool:
    """Take .pgen, .pvar, .pvar.zst and .psam files."""
    return bool(_SETS.stem(name)[1])


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Yield one asset a file set, every variant of it read once; samples are named by their IID."""
    yield from _SETS.find(files, surroundings)


def _asset(files: list[SourceFile], declaration: SourceFile | None) -> FoundAsset:
    require("omics", "pgenlib", to="read .pgen files", where=files[0].name)
    told = declared_build(declaration.path.read_bytes() if declaration else None)
    pgen, pvar, psam = (file.path for file in files)
    opened = _opened(pgen, pvar.read_bytes(), psam.read_bytes(), told)
    try:
        step = max(1, _CHECKED // len(opened.samples))
        for start in range(0, len(opened.variants), step):
            opened.dosages(slice(start, start + step))
    finally:
        opened.close()
    extra = [] if declaration is None else [declaration]
    return found_genotypes([*files, *extra], opened.variants, opened.samples, "hardcalls")


_SETS = FileSets((".pgen", ".pvar", ".psam"), {".pvar.zst": ".pvar"}, "zstd", _asset)


class PgenGenotypes:
    """A PLINK 2 file set opened; pgenlib reads the variants asked for."""

    def __init__(self, pgen: Path, variants: VariantList, samples: SampleList) -> None:
        self.variants, self.samples, self.sexes = variants, samples.names, samples.sexes
        self._reader: Any = _reader(pgen, len(samples.names), len(variants))

    def dosages(self, variants: np.ndarray | slice) -> np.ndarray:
        """Return variants × samples int8: alt alleles 0, 1, 2; -1 missing."""
        whole = isinstance(variants, slice)
        numbers = np.arange(len(self.variants))[variants] if whole else np.asarray(variants)
        numbers = checked_order(numbers.astype(np.int64), len(self.variants))
        found = np.empty((len(numbers), len(self.samples)), dtype=np.int8)
        if len(numbers):
            try:
                self._reader.read_list(numbers.astype(np.uint32), found)
            except RuntimeError:
                raise SourceUnreadable("the .pgen is damaged or cut short") from None
        found[found < 0] = -1
        return found

    def close(self) -> None:
        self._reader.close()


def _reader(path: Path, samples: int, variants: int) -> Any:
    import pgenlib

    with path.open("rb") as stream:
        head = stream.read(12)
    if head[:2] != _MAGIC:
        raise SourceUnreadable("this is no .pgen: its first bytes are others (magic number)")
    if head[2:3] == b"\x01":
        raise SourceUnreadable("this .pgen is a PLINK 1 .bed: name it so, with .bim and .fam")
    held = int.from_bytes(head[3:7], "little"), int.from_bytes(head[7:11], "little")
    if held != (variants, samples):
        raise SourceUnreadable(
            f"the .pgen holds {held[0]:,} variants of {held[1]:,} samples, the .pvar names"
            f" {variants:,} and the .psam {samples:,}"
        )
    try:
        return pgenlib.PgenReader(str(path).encode(), raw_sample_ct=samples, variant_ct=variants)
    except RuntimeError:
        raise SourceUnreadable("the .pgen is damaged or cut short") from None


def _opened(pgen: Path, pvar: bytes, psam: bytes, told: str) -> PgenGenotypes:
    variants = with_build(pvar_variants(plain_bytes(pvar, ".pvar"), ".pvar", told), told)
    return PgenGenotypes(pgen, variants, psam_samples(plain_bytes(psam, ".psam"), ".psam"))


@asset_reader("PLINK 2 genotypes (.pgen, .pvar, .psam)", claims=claims, find=find, extra="omics")
def pgen(content: Content) -> PgenGenotypes:
    """Open a PLINK 2 file set with pgenlib: hard calls, of variants with one alt allele.

    Dosages count ALT. A .pvar row with several alt alleles is refused: plink2 splits them
    (`--make-pgen multiallelics=-`). Imputed dosages and phase in the .pgen are not read. Samples
    are named by their IID; where those repeat among families, by `FID_IID`.

    Source: https://www.cog-genomics.org/plink/2.0/formats#pgen
    """
    require("omics", "pgenlib", to="read .pgen files")
    names = _SETS.by_ending(content.names)
    told = declared_build(declaration_of(content))
    pvar, psam = content.read(names[".pvar"]), content.read(names[".psam"])
    return _opened(content.path(names[".pgen"]), pvar, psam, told)
