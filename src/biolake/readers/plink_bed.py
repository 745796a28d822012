"""PLINK 1 binary file sets: .bed with .bim and .fam, each plain or gzipped."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import IO

import numpy as np

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import SourceUnreadable
from biolake.core.media import VariantList
from biolake.core.reading import SourceFile
from biolake.omics.genotypes.packed import row_bytes
from biolake.readers._genotypes.file_sets import FileSets
from biolake.readers._genotypes.finding import (
    declaration_of,
    declared_build,
    found_genotypes,
    with_build,
)
from biolake.readers._genotypes.rows import PackedGenotypes
from biolake.readers._genotypes.tables import SampleList, bim_variants, fam_samples, plain_bytes

_MAGIC = b"\x6c\x1b"
_BY_VARIANT, _BY_SAMPLE = b"\x01", b"\x00"
_HEAD = 3
_BLOCK = 1 << 22
_INTERVALS = (b"chr", b"track", b"browser", b"#")  # how a BED of genomic intervals begins


def claims(name: str, head: bytes) -> bool:
    """Take .bed, .bim and .fam files, plain or gzipped; not lists of genomic intervals (.bed)."""
    ending = _SETS.stem(name)[1]
    return bool(ending) and not (ending == ".bed" and head.startswith(_INTERVALS))


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Yield one asset a file set, checked against its sizes; its samples are named by their IID."""
    yield from _SETS.find(files, surroundings)


def _asset(files: list[SourceFile], declaration: SourceFile | None) -> FoundAsset:
    extra = [] if declaration is None else [declaration]
    told = declared_build(declaration.path.read_bytes() if declaration else None)
    bed, bim, fam = files
    variants = bim_variants(plain_bytes(bim.path.read_bytes(), bim.name), bim.name)
    variants = with_build(variants, told)
    samples = fam_samples(plain_bytes(fam.path.read_bytes(), fam.name), fam.name)
    with bed.path.open("rb") as stream:
        _check(stream, len(variants), len(samples.names))
    return found_genotypes([*files, *extra], variants, samples.names, "hardcalls")


_SETS = FileSets((".bed", ".bim", ".fam"), {".gz": ""}, "gzipped", _asset)


def _check(stream: IO[bytes], variants: int, samples: int) -> None:
    """Check the magic and the size of a .bed; gzipped ones are unpacked to their end."""
    packed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    if packed:
        blocks = _unpacked(stream)
        head = next(blocks, b"")
        _check_head(head[:_HEAD])
        _check_size(len(head) + sum(len(block) for block in blocks), variants, samples)
    else:
        _check_head(stream.read(_HEAD))
        _check_size(stream.seek(0, 2), variants, samples)


def _check_head(head: bytes) -> None:
    if head[:2] != _MAGIC:
        raise SourceUnreadable("this is no PLINK .bed: its first bytes are others (magic number)")
    if head[2:] == _BY_SAMPLE:
        raise SourceUnreadable(
            "this .bed lies sample by sample (individual-major), which is not read",
            next="Turn it: plink --bfile NAME --make-bed --out NEW",
        )
    if head[2:] != _BY_VARIANT:
        raise SourceUnreadable("this .bed is of an unknown kind (third byte)")


def _check_size(size: int, variants: int, samples: int) -> None:
    wanted = _HEAD + variants * row_bytes(samples)
    if size != wanted:
        what = "cut short" if size < wanted else "longer than that"
        raise SourceUnreadable(
            f"{variants:,} variants (.bim) of {samples:,} samples (.fam) take {wanted:,} bytes:"
            f" the .bed is {what} ({size:,} bytes)"
        )


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a gzipped file's content some megabytes at a time."""
    unpacker, rest = zlib.decompressobj(31), b""
    try:
        while data := rest or stream.read(_BLOCK):
            rest = b""
            if block := unpacker.decompress(data, _BLOCK):
                yield block
            rest = unpacker.unconsumed_tail
            if unpacker.eof:
                rest, unpacker = unpacker.unused_data, zlib.decompressobj(31)
                if not rest and not (rest := stream.read(_BLOCK)):
                    return
    except zlib.error:
        raise SourceUnreadable("the gzipped .bed is damaged") from None
    raise SourceUnreadable("the gzipped .bed is cut short")


class BedGenotypes(PackedGenotypes):
    """A PLINK file set opened: each run of variants is read where it lies, nothing before."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._names = _SETS.by_ending(content.names)
        self._bed = self._names[".bed"]
        self._file: IO[bytes] | None = None
        self._zipped = content.part(self._bed, 0, 2) == b"\x1f\x8b"
        if self._zipped:
            self._file = self._whole()
        _check_head(self._bytes(0, _HEAD))

    def _whole(self) -> IO[bytes]:
        """Unpack a gzipped .bed, no further than the set's size, into a file without a name."""
        most = _HEAD + len(self.variants) * row_bytes(len(self.samples))
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        with self._content.path(self._bed).open("rb") as stream:
            for block in _unpacked(stream):
                file.write(block)
                if file.tell() > most:
                    break
        if file.tell() != most:
            file.close()
            raise SourceUnreadable("the .bed has not the size of the set", where=self._bed)
        return file

    @cached_property
    def _samples(self) -> SampleList:
        name = self._names[".fam"]
        return fam_samples(plain_bytes(self._content.read(name), name), name)

    @cached_property
    def samples(self) -> tuple[str, ...]:  # type: ignore[override]
        return self._samples.names

    @cached_property
    def sexes(self) -> np.ndarray:
        return self._samples.sexes

    @cached_property
    def variants(self) -> VariantList:
        name = self._names[".bim"]
        found = bim_variants(plain_bytes(self._content.read(name), name), name)
        # A byte more than there should be is asked for, and must not come.
        end = _HEAD + len(found) * row_bytes(len(self.samples))
        if not self._zipped and len(self._content.part(self._bed, end - 1, 2)) != 1:
            raise SourceUnreadable("the .bed has not the size of the set", where=self._bed)
        return with_build(found, declared_build(declaration_of(self._content)))

    def _count(self) -> int:
        return len(self.variants)

    def _run(self, start: int, count: int) -> np.ndarray:
        width = row_bytes(len(self.samples))
        data = self._bytes(_HEAD + start * width, count * width) if start >= 0 else b""
        if len(data) != count * width:
            raise SourceUnreadable("the .bed ends before this variant", where=self._bed)
        return np.frombuffer(data, dtype=np.uint8).reshape(count, width)

    def _bytes(self, start: int, length: int) -> bytes:
        if self._file is None:
            return self._content.part(self._bed, start, length)
        self._file.seek(start)
        return self._file.read(length)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@asset_reader("PLINK 1 genotypes (.bed, .bim, .fam)", claims=claims, find=find, extra="omics")
def plink_bed(content: Content) -> BedGenotypes:
    """Open a PLINK 1 file set, variant by variant (SNP-major).

    Dosages count A1, the first allele of the .bim and normally the rarer one, which is taken as
    alt; A2 is taken as ref. (Whether A2 is the reference base, the file does not say: PLINK may
    have turned alleles by frequency.) Two bits of 00 are two copies of A1, 10 one, 11 none, 01 no
    call. A male's one X is stored as two like alleles and so counts 0 or 2. Samples are named by
    their individual id; where those repeat among families, by `FID_IID`. Nothing of the .bed is
    read before a variant is asked for; a gzipped one is unpacked whole.

    Source: https://www.cog-genomics.org/plink/1.9/formats#bed
    """
    return BedGenotypes(content)
