"""Genotypes: decoding, frequencies with the exact test, and VCF, each beside its peer in one run.

    python benchmarks/genotypes.py
    python benchmarks/genotypes.py --plink2 /usr/bin/plink2 --samples 10000 --variants 20000

Peers: bed-reader (int8), plink2 (--freq --hardy, with its start and its files), cyvcf2 (rows of
genotypes without doing anything with them). One thread each; CPU seconds of user and system. A
first call compiles, and is not counted; answers are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from biolake.core.assets import FileContent
from biolake.core.media import VariantList
from biolake.omics.genotypes.packed import decode, genotype_counts
from biolake.omics.genotypes.variants import summarise
from biolake.omics.genotypes.writing import write_bed
from biolake.readers.plink_bed import plink_bed
from biolake.readers.vcf import vcf

ROUNDS = 3


def cpu() -> float:
    own, child = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime


def best(work: Callable[[], object]) -> float:
    """Return the least CPU time of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begun = cpu()
        work()
        times.append(cpu() - begun)
    return min(times)


def line(what: str, ours: float, theirs: float, count: int, unit: str) -> None:
    mine, peer = count / ours, count / theirs
    rates = f"{mine:9.3g} {peer:9.3g} {unit}   {mine / peer:5.1f}x"
    print(f"{what:44} {ours:8.3f} {theirs:8.3f}   {rates}")


def drawn(samples: int, variants: int) -> tuple[np.ndarray, VariantList]:
    draw = np.random.default_rng(1)
    share = draw.uniform(0.01, 0.5, (variants, 1))
    dosages = draw.binomial(2, np.broadcast_to(share, (variants, samples))).astype(np.int8)
    dosages[draw.random(dosages.shape, dtype=np.float32) < 0.01] = -1
    number = np.arange(variants)
    texts = [np.array([each] * variants, dtype=object) for each in ("1", "A", "G")]
    names = np.array([f"rs{n}" for n in number], dtype=object)
    return dosages, VariantList(texts[0], number + 1, names, texts[1], texts[2], "GRCh37")


def opened(folder: Path) -> object:
    return plink_bed.call(FileContent.of(*(folder / f"x.{end}" for end in ("bed", "bim", "fam"))))


def decoding(folder: Path, dosages: np.ndarray) -> None:
    from bed_reader import open_bed

    ours = opened(folder)
    ours.dosages(slice(0, 2))
    with open_bed(folder / "x.bed") as peer:
        read = peer.read(dtype="int8", num_threads=1)
        assert np.array_equal(np.where(read.T == -127, -1, read.T), ours.dosages(slice(None)))
        theirs = best(lambda: peer.read(dtype="int8", num_threads=1))
    mine = best(lambda: ours.dosages(slice(None)))
    line("decode .bed to int8, from the file", mine, theirs, dosages.size, "genotypes/s")
    packed = ours.packed(slice(None))
    alone = best(lambda: decode(packed, dosages.shape[1]))
    line("  the same, bytes in memory", alone, theirs, dosages.size, "genotypes/s")
    half = np.arange(0, dosages.shape[1], 2)
    decode(packed[:2], dosages.shape[1], half)
    with open_bed(folder / "x.bed") as peer:
        theirs = best(lambda: peer.read(np.s_[half, :], dtype="int8", num_threads=1))
    mine = best(lambda: decode(ours.packed(slice(None)), dosages.shape[1], half))
    line("  every other sample", mine, theirs, dosages.size // 2, "genotypes/s")


def frequencies(folder: Path, dosages: np.ndarray, plink2: str) -> None:
    ours = opened(folder)
    found = summarise(ours)
    command = [plink2, "--bfile", str(folder / "x"), "--freq", "--hardy", "--threads", "1",
               "--out", str(folder / "out")]  # fmt: skip
    run = lambda: subprocess.run(command, check=True, capture_output=True)  # noqa: E731
    theirs = best(run)
    rows = [row.split() for row in (folder / "out.hardy").read_text().splitlines()[1:]]
    printed = np.array([float(row[-1]) for row in rows])
    assert np.allclose(found.hwe_p, printed, rtol=6e-6, atol=0), "the tests differ"
    mine = best(lambda: summarise(opened(folder)))
    line("frequency, call rate, exact test", mine, theirs, dosages.size, "genotypes/s")
    packed = ours.packed(slice(None))
    alone = best(lambda: genotype_counts(packed, dosages.shape[1]))
    print(
        f"{'  counts alone, 2-bit rows in memory':44} {alone:8.3f}            "
        f"{dosages.size / alone:9.3g} genotypes/s"
    )


def calls(folder: Path, dosages: np.ndarray, variants: VariantList) -> None:
    from cyvcf2 import VCF

    words = np.array(["./.", "0/0", "0/1", "1/1"])
    names = "\t".join(f"s{n}" for n in range(dosages.shape[1]))
    with (folder / "x.vcf").open("w") as out:
        out.write("##fileformat=VCFv4.2\n##contig=<ID=1>\n")
        out.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">\n')
        out.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for number, row in enumerate(dosages):
            told = "\t".join(words[row + 1])
            out.write(f"1\t{number + 1}\trs{number}\tA\tG\t.\t.\t.\tGT\t{told}\n")
    content = FileContent.of(folder / "x.vcf")
    ours = vcf.call(content)
    assert np.array_equal(ours.dosages(slice(None)), dosages)
    ours.close()

    def peer() -> None:
        for record in VCF(str(folder / "x.vcf")):
            record.genotype.array()

    mine, theirs = best(lambda: vcf.call(content).close()), best(peer)
    line("VCF text to dosages", mine, theirs, dosages.size, "genotypes/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--variants", type=int, default=20_000)
    parser.add_argument("--plink2", default="plink2")
    options = parser.parse_args()
    dosages, variants = drawn(options.samples, options.variants)
    print(f"{options.variants:,} variants × {options.samples:,} samples, one thread")
    print(f"{'':44} {'ours, s':>8} {'peer, s':>8}   {'ours':>9} {'peer':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = [f"s{n}" for n in range(options.samples)]
        write_bed(folder / "x", dosages, variants, samples)
        decoding(folder, dosages)
        try:
            frequencies(folder, dosages, options.plink2)
        except FileNotFoundError:
            print("plink2 is not installed: not compared", file=sys.stderr)
        calls(folder, dosages[:2000, :2000], variants)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process, with the drawn genotypes: {peak:,.0f} MB")


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"took {time.monotonic() - started:.0f} s")
