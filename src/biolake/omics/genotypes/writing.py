"""Write genotypes as a PLINK 1 file set: .bed, .bim and .fam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biolake.core.errors import WrongUse
from biolake.core.media import VariantList
from biolake.omics.genotypes.packed import pack

MAGIC = b"\x6c\x1b\x01"  # the third byte: variant by variant
_BLOCK = 4096


def write_bed(
    stem: Path,
    dosages: np.ndarray,
    variants: VariantList,
    samples: Sequence[str],
    *,
    sexes: np.ndarray | None = None,
    families: Sequence[str] | None = None,
) -> tuple[Path, Path, Path]:
    """Write `stem`.bed, .bim and .fam of variants × samples int8 dosages of the alt allele.

    Anything but 0, 1, 2 becomes missing. A1 is alt and A2 ref. `sexes` are 1 male, 2 female, 0
    unknown; without `families` each sample is a family of its own name.
    """
    if dosages.shape != (len(variants), len(samples)):
        raise WrongUse("dosages must be variants × samples")
    bed, bim, fam = (stem.with_name(f"{stem.name}.{end}") for end in ("bed", "bim", "fam"))
    with bed.open("wb") as out:
        out.write(MAGIC)
        for start in range(0, len(dosages), _BLOCK):
            out.write(pack(dosages[start : start + _BLOCK]).tobytes())
    bim.write_text("".join(_bim_lines(variants)), encoding="utf-8")
    told = np.zeros(len(samples), int) if sexes is None else np.asarray(sexes)
    homes = samples if families is None else families
    rows = zip(homes, samples, told.tolist(), strict=True)
    fam.write_text("".join(f"{f}\t{i}\t0\t0\t{sex}\t-9\n" for f, i, sex in rows), encoding="utf-8")
    return bed, bim, fam


def _bim_lines(variants: VariantList) -> list[str]:
    columns = (variants.chromosome, variants.name, variants.position, variants.alt, variants.ref)
    return [
        f"{chromosome}\t{name or '.'}\t0\t{position}\t{alt}\t{ref}\n"
        for chromosome, name, position, alt, ref in zip(*columns, strict=True)
    ]
