"""Small file sets of genotypes, written here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import Extension
from biolake.core.media import Genotypes, VariantList
from biolake.core.reading import SourceFile
from biolake.omics.genotypes.writing import write_bed

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
DOSAGES = np.array([[0, 1, 2, -1, 0], [2, 2, 1, 0, -1], [0, 0, 1, 1, 0]], dtype=np.int8)
NAMES = ("S1", "S2", "S3", "S4", "S5")
ROWS = (("1", 1000, "rs1", "A", "G"), ("1", 2000, "", "C", "T"), ("22", 3000, "rs3", "G", "GA"))


def variant_list(rows=ROWS, build: str = "") -> VariantList:
    columns = [np.array(column, dtype=object) for column in zip(*rows, strict=True)]
    chromosome, position, name, ref, alt = columns
    return VariantList(chromosome, position.astype(np.int64), name, ref, alt, build)


@dataclass(frozen=True)
class Matrix:
    """Genotypes in memory."""

    matrix: np.ndarray
    samples: tuple[str, ...]
    sexes: np.ndarray
    variants: VariantList

    def dosages(self, variants: np.ndarray | slice) -> np.ndarray:
        return self.matrix[variants]

    def close(self) -> None: ...


def cohort(samples: int = 24, variants: int = 300, seed: int = 4, on_x: int = 60) -> Matrix:
    """Draw a cohort of two ancestries: men and women, with X, and calls missing at random."""
    draw = np.random.default_rng(seed)
    half = np.arange(samples) < samples // 2
    base = draw.uniform(0.1, 0.9, variants)
    shift = draw.normal(0, 0.15, variants)
    share = np.clip(base[:, None] + np.where(half, shift[:, None], -shift[:, None]), 0.02, 0.98)
    dosages = draw.binomial(2, share).astype(np.int8)
    men = np.arange(samples) % 2 == 0
    x = np.arange(variants) >= variants - on_x
    alone = 2 * draw.binomial(1, share[x][:, men]).astype(np.int8)
    dosages[np.ix_(x, men)] = alone
    dosages[draw.random(dosages.shape) < 0.01] = -1
    bases = draw.integers(0, 4, (variants, 2))
    bases[:, 1] = (bases[:, 0] + 1 + bases[:, 1] % 3) % 4
    letters = np.array(list("ACGT"), dtype=object)
    listed = VariantList(
        np.where(x, "X", np.where(np.arange(variants) % 2, "1", "2")).astype(object),
        np.arange(variants, dtype=np.int64) * 1000 + 5_000_000,
        np.array([f"rs{n}" for n in range(variants)], dtype=object),
        letters[bases[:, 0]],
        letters[bases[:, 1]],
        "GRCh37",
    )
    names = tuple(f"P{n}" for n in range(samples))
    return Matrix(dosages, names, np.where(men, 1, 2).astype(np.int8), listed)


def examples() -> list[Matrix]:
    return [cohort(), cohort(5, 20, on_x=2)]


def bed_set(folder: Path, names=NAMES, rows=ROWS, dosages=DOSAGES, **more) -> list[Path]:
    return list(write_bed(folder / "set", dosages, variant_list(rows), names, **more))


def pgen_set(folder: Path, names=NAMES, rows=ROWS, dosages=DOSAGES) -> list[Path]:
    import pgenlib

    pgen, pvar, psam = (folder / f"set.{end}" for end in ("pgen", "pvar", "psam"))
    writer = pgenlib.PgenWriter(
        str(pgen).encode(), len(names), variant_ct=len(dosages), nonref_flags=False
    )
    for row in dosages:
        writer.append_biallelic(np.where(row < 0, -9, row).astype(np.int8))
    writer.close()
    lines = [f"{c}\t{p}\t{n or '.'}\t{ref}\t{alt}\n" for c, p, n, ref, alt in rows]
    pvar.write_text("#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
    psam.write_text("#IID\tSEX\n" + "".join(f"{name}\tNA\n" for name in names))
    return [pgen, pvar, psam]


def vcf_text(rows, names=NAMES, header: str = "") -> str:
    """Return a VCF; a row is chromosome, position, name, ref, alt and one call a sample."""
    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">']
    lines += [header] if header else []
    lines += [f"##contig=<ID={name}>" for name in dict.fromkeys(row[0] for row in rows)]
    fixed = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
    lines.append("\t".join([*fixed, *names]))
    for chromosome, position, name, ref, alt, *calls in rows:
        told = [chromosome, str(position), name or ".", ref, alt, ".", ".", ".", "GT", *calls]
        lines.append("\t".join(told))
    return "\n".join(lines) + "\n"


def vcf_rows(dosages=DOSAGES, rows=ROWS):
    calls = {0: "0/0", 1: "0/1", 2: "1|1", -1: "./."}
    return [
        (*row, *(calls[int(dosage)] for dosage in each))
        for row, each in zip(rows, dosages, strict=True)
    ]


def found_in(reader: Extension, folder: Path) -> list[FoundAsset | UnreadableFile]:
    files = {p.name: SourceFile(p, p.name) for p in sorted(folder.iterdir()) if p.is_file()}
    mine = [
        file
        for file in files.values()
        if reader.claims and reader.claims(file.name, file.path.read_bytes()[:4096])
    ]
    assert reader.find is not None
    return list(reader.find(mine, Surroundings(files)))


def the_asset(reader: Extension, folder: Path) -> FoundAsset:
    (asset,) = found_in(reader, folder)
    assert isinstance(asset, FoundAsset), asset
    return asset


def reasons(reader: Extension, folder: Path) -> set[str]:
    found = found_in(reader, folder)
    assert not [each for each in found if isinstance(each, FoundAsset)]
    return {each.reason for each in found if isinstance(each, UnreadableFile)}


def opened(reader: Extension, asset: FoundAsset) -> Genotypes:
    return reader.call(FileContent.of(*(file.path for file in asset.files)))
