"""The text files beside genotypes: variants (.bim, .pvar) and samples (.fam, .psam)."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from biolake.core.errors import SourceUnreadable
from biolake.core.media import VariantList
from biolake.omics.genotypes.alleles import chromosome_names
from biolake.omics.genotypes.builds import build_by_lengths, build_in_words

_SEXES = {"1": 1, "2": 2, "m": 1, "f": 2, "male": 1, "female": 2}
_FAM = ("FID", "IID", "PAT", "MAT", "SEX", "PHENO1")
_BIM = ("CHROM", "ID", "CM", "POS", "ALT", "REF")
_MOST = 1 << 32  # bytes a compressed table may grow to
_POSITION = r"^-?[0-9]{1,18}$"
_EMPTY = (".", "")


@dataclass(frozen=True)
class SampleList:
    """The samples of a file in its order: their names as identifiers, and their sexes."""

    names: tuple[str, ...]
    sexes: np.ndarray


def plain_bytes(data: bytes, name: str) -> bytes:
    """Return a text file's bytes, unpacked where they are gzip or zstd."""
    try:
        if data[:2] == b"\x1f\x8b":
            return _gunzipped(data)
        if data[:4] == b"\x28\xb5\x2f\xfd":
            with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
                return _up_to(stream.read(_MOST + 1))
    except (OSError, EOFError, zlib.error, pa.ArrowException):
        raise SourceUnreadable("the file is damaged or cut short", where=name) from None
    return data


def _gunzipped(data: bytes) -> bytes:
    """Unpack one or more gzip members (bgzip writes many)."""
    parts: list[bytes] = []
    size = 0
    while data:
        unpacker = zlib.decompressobj(31)
        parts.append(unpacker.decompress(data, _MOST - size + 1))
        size += len(parts[-1])
        if not unpacker.eof:
            raise EOFError
        data = unpacker.unused_data
    return _up_to(b"".join(parts))


def _up_to(data: bytes) -> bytes:
    if len(data) > _MOST:
        raise EOFError
    return data


def bim_variants(data: bytes, name: str, build: str = "") -> VariantList:
    """Read a .bim: chromosome, name, centimorgan, position, A1 (alt), A2 (ref)."""
    return _variants(_columns(data, _BIM, name), name, build)


def pvar_variants(data: bytes, name: str, build: str = "") -> VariantList:
    """Read a .pvar: a VCF's first columns, or without a header those of a .bim.

    Rows of more than one alt allele are refused by row.
    """
    words, lengths, head = [], [], b""
    start = 0
    while data.startswith(b"#", start):
        end = data.find(b"\n", start) + 1 or len(data)
        line, start = data[start:end], end
        if line.startswith(b"##"):
            told = line.decode("utf-8", "replace")
            words.append(told if told.startswith("##reference") else "")
            lengths += contig_length(told)
        else:
            head = line
    if not head:
        return bim_variants(data, name, build)
    columns = _columns(data[start:], _header(head), name)
    for wanted in ("CHROM", "POS", "ID", "REF", "ALT"):
        if wanted not in columns:
            raise SourceUnreadable(f"its header names no column {wanted}", where=name)
    several = pc.index(pc.match_substring(columns["ALT"], ","), True).as_py()
    if several >= 0:
        raise SourceUnreadable(
            f"row {several + 1} has several alt alleles",
            where=name,
            next="Split them: plink2 --make-pgen multiallelics=-",
        )
    known = build or build_in_words(" ".join(words)) or build_by_lengths(lengths)
    return _variants(columns, name, known)


def contig_length(line: str) -> list[tuple[str, int]]:
    """Return name and length of a `##contig` line of a VCF header, if it tells both."""
    if not line.startswith("##contig=<"):
        return []
    inside = line.strip().removeprefix("##contig=<").removesuffix(">")
    parts = dict(part.split("=", 1) for part in inside.split(",") if "=" in part)
    length = parts.get("length", "")
    return [(parts["ID"], int(length))] if "ID" in parts and length.isdigit() else []


def _header(line: bytes) -> tuple[str, ...]:
    return tuple(line.decode("utf-8", "replace").strip().lstrip("#").split())


def _columns(data: bytes, names: Sequence[str], name: str) -> dict[str, pa.ChunkedArray]:
    """Return a table's columns as text; every row must have them all."""
    first = data[: data.find(b"\n") + 1 or len(data)]
    if b"\t" not in first:
        data = b"\n".join(b"\t".join(line.split()) for line in data.splitlines())
    wrong: list[int] = []

    def keep(row: csv.InvalidRow) -> str:
        wrong.append(row.number or 0)
        return "skip"

    if not data.strip():
        return {each: pa.chunked_array([], pa.string()) for each in names}
    try:
        data.decode("utf-8")
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=list(names), use_threads=False),
            csv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=keep),
            csv.ConvertOptions(
                column_types={each: pa.string() for each in names}, strings_can_be_null=False
            ),
        )
    except (UnicodeDecodeError, pa.ArrowException):
        raise SourceUnreadable("it is not a table of UTF-8 text", where=name) from None
    if wrong:
        raise SourceUnreadable(
            f"row {wrong[0]} has not the {len(names)} columns expected", where=name
        )
    return {each: table[each] for each in names}


def _variants(columns: dict[str, pa.ChunkedArray], name: str, build: str) -> VariantList:
    whole = pc.match_substring_regex(columns["POS"], _POSITION)
    bad = pc.index(whole, False).as_py()
    if bad >= 0:
        raise SourceUnreadable(f"row {bad + 1} has no whole number as position", where=name)
    texts = {each: _text(columns[each]) for each in ("CHROM", "ID", "REF", "ALT")}
    return VariantList(
        chromosome_names(texts["CHROM"]),
        pc.cast(columns["POS"], pa.int64()).to_numpy(),
        np.where(np.isin(texts["ID"], _EMPTY), "", texts["ID"]).astype(object),
        _upper(texts["REF"]),
        _upper(texts["ALT"]),
        build,
    )


def _text(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)


def _upper(alleles: np.ndarray) -> np.ndarray:
    different, codes = np.unique(alleles.astype(str), return_inverse=True)
    bases = [allele.upper() if set(allele) <= set("acgtACGT") else allele for allele in different]
    return np.array(bases, dtype=object)[codes] if len(bases) else alleles


def fam_samples(data: bytes, name: str) -> SampleList:
    """Read a .fam: family, individual, father, mother, sex, phenotype."""
    columns = _columns(data, _FAM, name)
    return _samples(columns["FID"], columns["IID"], columns["SEX"], name)


def psam_samples(data: bytes, name: str) -> SampleList:
    """Read a .psam: columns by their header, or those of a .fam."""
    start = 0
    head: tuple[str, ...] = ()
    while data.startswith(b"#", start):
        end = data.find(b"\n", start) + 1 or len(data)
        head, start = _header(data[start:end]), end
    if not head:
        return fam_samples(data, name)
    columns = _columns(data[start:], head, name)
    if "IID" not in columns:
        raise SourceUnreadable("its header names no column IID", where=name)
    return _samples(columns.get("FID"), columns["IID"], columns.get("SEX"), name)


def _samples(
    families: pa.ChunkedArray | None,
    individuals: pa.ChunkedArray,
    sexes: pa.ChunkedArray | None,
    name: str,
) -> SampleList:
    """Name samples by their individual id (IID); where those repeat, by `FID_IID`."""
    names = individuals.to_pylist()
    if len(set(names)) < len(names) and families is not None:
        names = [f"{f}_{i}" for f, i in zip(families.to_pylist(), names, strict=True)]
    told = [] if sexes is None else sexes.to_pylist()
    numbers = [_SEXES.get(sex.lower(), 0) for sex in told] or [0] * len(names)
    return SampleList(unique_names(names, name), np.array(numbers, dtype=np.int8))


def unique_names(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Return sample names, refused by row where one is empty or stands twice."""
    listed = tuple(names)
    if not listed:
        raise SourceUnreadable("it lists no sample", where=where)
    for name, count in Counter(listed).items():
        rows = [row for row, each in enumerate(listed, 1) if each == name] if count > 1 else []
        if rows:
            raise SourceUnreadable(
                f"a sample ID stands twice, in rows {rows[0]} and {rows[1]}", where=where
            )
        if not name.strip():
            raise SourceUnreadable(f"row {listed.index(name) + 1} has no sample ID", where=where)
    return listed
