"""The genotype calls of a VCF or BCF, read once and kept packed in a file without a name."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import VariantList
from biolake.omics.genotypes.alleles import chromosome_name
from biolake.omics.genotypes.builds import build_by_lengths, build_in_words
from biolake.omics.genotypes.packed import pack, row_bytes
from biolake.readers._genotypes.finding import with_build
from biolake.readers._genotypes.rows import PackedGenotypes
from biolake.readers._genotypes.tables import contig_length
from biolake.readers._genotypes.text_calls import Row, header, vcf_lines

_HAPLOID = frozenset(("X", "Y", "MT"))
_BASES = frozenset("ACGT")
_AT_ONCE = 1 << 22  # bytes of dosages packed together
NO_CALLS = "it has no genotypes (GT)"
PLOIDY = "calls of one allele, or of more than two, where two are expected"
OTHER_REF = "its REF contradicts another row at its position"


class CallGenotypes(PackedGenotypes):
    """The calls of a VCF; `left_out` are rows of it that are no variant here: row → reason."""

    def __init__(
        self, file: IO[bytes], variants: VariantList, samples: tuple[str, ...], left: dict[int, str]
    ) -> None:
        self._file, self.variants, self.samples = file, variants, samples
        self.sexes = np.zeros(len(samples), dtype=np.int8)
        self.left_out = left

    def _count(self) -> int:
        return len(self.variants)

    def _run(self, start: int, count: int) -> np.ndarray:
        width = row_bytes(len(self.samples))
        self._file.seek(start * width)
        data = self._file.read(count * width)
        if len(data) != count * width:
            raise IndexError("no variant has this number")
        return np.frombuffer(data, dtype=np.uint8).reshape(count, width)

    def close(self) -> None:
        self._file.close()


def read_calls(path: Path, told: str) -> CallGenotypes:
    """Read a VCF or BCF to its end; close what is returned. Raises `SourceUnreadable`."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whom it is given to
    try:
        with vcf_lines(path) as lines:
            words, samples = header(lines)
            build = told or _build(words)
            taken = _Taken(file, len(samples))
            for number, line in enumerate(lines, 1):
                taken.add(number, Row(line, len(samples), number))
        taken.write()
        variants = with_build(taken.variants(build), told)
        return CallGenotypes(file, variants, samples, taken.left_out)
    except BaseException:
        file.close()
        raise


def _build(lines: list[str]) -> str:
    words = " ".join(line for line in lines if line.startswith("##reference"))
    by_length = build_by_lengths([pair for line in lines for pair in contig_length(line)])
    named = build_in_words(words)
    if named and by_length and named != by_length:
        raise SourceUnreadable(f"its header names {named}, but its contigs are as in {by_length}")
    return named or by_length


@dataclass
class _Taken:
    """The variants taken so far, and their packed calls."""

    file: IO[bytes]
    samples: int
    left_out: dict[int, str] = field(default_factory=dict)
    columns: tuple[list[Any], ...] = field(default_factory=lambda: ([], [], [], [], []))
    _last: tuple[str, int, str] = ("", 0, "")
    _waiting: list[np.ndarray] = field(default_factory=list)

    def add(self, number: int, row: Row) -> None:
        """Take one row: a variant for each of its alt alleles, or a reason why not."""
        chromosome, ref = chromosome_name(row.chromosome), _upper(row.ref)
        reason = self._contradicts(chromosome, row.position, ref) or _fault(chromosome, row)
        if reason:
            self.left_out[number - 1] = reason
            return
        name = "" if row.name == "." else row.name
        for place, alt in enumerate(row.alts, 1):
            values = (chromosome, row.position, name, ref, _upper(alt))
            for column, value in zip(self.columns, values, strict=True):
                column.append(value)
            self._waiting.append(row.dosages(place))
        if len(self._waiting) * self.samples > _AT_ONCE:
            self.write()

    def _contradicts(self, chromosome: str, position: int, ref: str) -> str:
        """Compare REF with that of the row before, where both are at one position."""
        where, before = self._last[:2], self._last[2]
        if not _BASES.issuperset(ref):
            return ""
        shared = min(len(ref), len(before))
        if where == (chromosome, position) and before[:shared] != ref[:shared]:
            return OTHER_REF
        self._last = (chromosome, position, ref)
        return ""

    def write(self) -> None:
        if self._waiting:
            self.file.write(pack(np.stack(self._waiting)).tobytes())
            self._waiting.clear()

    def variants(self, build: str) -> VariantList:
        chromosome, position, name, ref, alt = self.columns
        texts = [np.array(column, dtype=object) for column in (chromosome, name, ref, alt)]
        return VariantList(
            texts[0], np.array(position, dtype=np.int64), texts[1], texts[2], texts[3], build
        )


def _fault(chromosome: str, row: Row) -> str:
    """Say why a row's calls are not those of two copies, or of one on X, Y and MT."""
    if row.alleles is None:
        return NO_CALLS
    single = (row.alleles[:, 1] < -1) & (row.alleles[:, 0] >= 0)
    if row.most > 2 or (chromosome not in _HAPLOID and bool(single.any())):
        return PLOIDY
    return ""


def _upper(allele: str) -> str:
    return allele.upper() if set(allele) <= set("acgtACGT") else allele
