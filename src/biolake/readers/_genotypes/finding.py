"""What the index says of genotypes, and which of their variants cannot be asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import yaml

from biolake.core.assets import Content, Facts, FoundAsset, FoundSample, Surroundings
from biolake.core.errors import SourceUnreadable, did_you_mean
from biolake.core.media import VariantList
from biolake.core.reading import SourceFile
from biolake.omics.genotypes.alleles import faults
from biolake.omics.genotypes.builds import BUILDS, beyond_end, build_by_positions

DECLARATION = "genotypes.yaml"
_SHOWN_ROWS = 3
_ALIASES = {"hg18": "NCBI36", "hg19": "GRCh37", "hg38": "GRCh38", "b36": "NCBI36",
            "b37": "GRCh37", "b38": "GRCh38"}  # fmt: skip


def declared_build(data: bytes | None) -> str:
    """Return the build that a `genotypes.yaml` beside the files tells (`build: GRCh38`)."""
    if data is None:
        return ""
    try:
        told = yaml.safe_load(data.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError):
        raise SourceUnreadable("it is not YAML", where=DECLARATION) from None
    if not isinstance(told, dict) or set(told) - {"build"}:
        raise SourceUnreadable("it may say one thing: build", where=DECLARATION)
    name = str(told.get("build", ""))
    build = _ALIASES.get(name.lower(), name)
    if build not in BUILDS:
        raise SourceUnreadable(
            f"an unknown build.{did_you_mean(build, BUILDS)}",
            where=DECLARATION,
            next=f"Known: {', '.join(BUILDS)}.",
        )
    return build


def declaration_of(content: Content) -> bytes | None:
    """Return the declaration among an asset's files, if it has one."""
    return content.read(DECLARATION) if DECLARATION in content.names else None


def declaration_beside(file: SourceFile, surroundings: Surroundings) -> SourceFile | None:
    """Return the declaration in the folder of a file."""
    return surroundings.beside(file, DECLARATION)


def with_build(variants: VariantList, declared: str) -> VariantList:
    """Return variants with the build declared, told by the file, or by where they lie.

    Raises `SourceUnreadable` where these disagree, or a variant lies behind its chromosome's end.
    """
    told, placed = declared or variants.build, build_by_positions(variants)
    for other, source in ((variants.build, "the file says"), (placed, "known variants lie at")):
        if told and other and other != told:
            raise SourceUnreadable(f"its build is {told}, but {source} {other}")
    build = told or placed
    row = beyond_end(variants, build)
    if row is not None:
        raise SourceUnreadable(f"row {row + 1} lies behind the end of its chromosome in {build}")
    return replace(variants, build=build)


def found_genotypes(
    files: Sequence[SourceFile],
    variants: VariantList,
    samples: Sequence[str],
    kind: str,
    dropped: Mapping[int, str] | None = None,
) -> FoundAsset:
    """Return the asset; `dropped` are rows of the file that its variants leave out (row → why)."""
    aside = faults(variants)
    reasons = [*_told(aside), *_told(dropped or {}, "left out")]
    return FoundAsset(
        "genotype",
        tuple(files),
        Facts(
            kind=kind,
            shape=tuple(n for n in (len(variants), len(samples)) if n),
            attributes={
                "variants": len(variants),
                "samples": len(samples),
                "build": variants.build,
                "chromosomes": sorted(set(variants.chromosome.astype(str).tolist()))[:100],
                "set_aside": reasons,
            },
        ),
        notes=tuple(f"{files[0].name}: {reason}" for reason in reasons),
        samples=tuple(FoundSample(name) for name in samples),
    )


def _told(faulty: Mapping[int, str], verb: str = "set aside") -> list[str]:
    """Return one line a reason: how many variants, and the first rows."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, reason in sorted(faulty.items()):
        rows[reason].append(row + 1)
    return [
        f"{len(each):,} {'variant' if len(each) == 1 else 'variants'} {verb}: {reason}"
        f" (row {', '.join(map(str, each[:_SHOWN_ROWS]))}{' …' if len(each) > _SHOWN_ROWS else ''})"
        for reason, each in rows.items()
    ]


def checked_order(numbers: np.ndarray, count: int) -> np.ndarray:
    """Return the numbers of variants asked for; IndexError where there is none of that number."""
    if len(numbers) and (int(numbers.min()) < 0 or int(numbers.max()) >= count):
        raise IndexError("no variant has this number")
    return numbers
