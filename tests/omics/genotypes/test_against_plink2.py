"""Frequencies, tests, missingness, heterozygosity and kinship as plink2 and KING print them.

Where the goldens come from: tests/omics/genotypes/goldens/make_plink2.py; *.kin0 are KING's own.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.readers.genotype_files import SHARED

from biolake.core.assets import FileContent
from biolake.omics.genotypes.components import principal_components
from biolake.omics.genotypes.kinship import bit_planes, kinship_with_later
from biolake.omics.genotypes.pc_relate import pc_relate
from biolake.omics.genotypes.sample_quality import sample_quality
from biolake.omics.genotypes.variants import autosomal, summarise
from biolake.readers.plink_bed import BedGenotypes, plink_bed
from biolake.readers.vcf import vcf

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "plink2.json").read_text("utf-8"))
PRINTED = 6e-6  # plink2 prints six digits
pytestmark = pytest.mark.skipif(not (SHARED / "hapmap_snprelate").is_dir(), reason="no shared data")


@cache
def shared(stem: str) -> BedGenotypes:
    path = SHARED / stem
    paths = [
        each
        for end in ("bed", "bim", "fam")
        for each in path.parent.glob(f"{path.name}.{end}*")
        if each.suffix in (f".{end}", ".gz")
    ]
    return plink_bed.call(FileContent.of(*paths))


@pytest.fixture(params=GOLDENS)
def golden(request):
    opened = shared(request.param)
    yield GOLDENS[request.param], opened
    if request.param.startswith("hapmap"):
        opened.close()
        shared.cache_clear()


def compare(mine: np.ndarray, printed: list[str]) -> None:
    assert np.allclose(mine, np.array(printed, float), rtol=PRINTED, atol=5e-7, equal_nan=True)


def test_hardy_weinberg_and_frequency_are_those_that_plink2_prints(golden) -> None:
    told, opened = golden
    found = summarise(opened)
    # --hardy gives 1 to 22 alone.
    rows = np.flatnonzero(autosomal(opened.variants))[[n for n, _, _ in told["hwe_p"]]]
    assert opened.variants.name[rows].tolist() == [name for _, name, _ in told["hwe_p"]]
    printed = np.array([float(value) for _, _, value in told["hwe_p"]])
    assert np.allclose(found.hwe_p[rows], printed, rtol=PRINTED, atol=0)
    tested = [(n, value) for n, _, value in told["alt_frequency"] if n in set(rows.tolist())]
    compare(found.alt_frequency[[n for n, _ in tested]], [value for _, value in tested])


def test_missingness_and_heterozygosity_are_those_that_plink2_prints(golden) -> None:
    told, opened = golden
    found = sample_quality(opened, summarise(opened))
    for measure, mine in (
        ("missing", 1.0 - found.call_rate),
        ("heterozygosity_f", found.heterozygosity_f),
    ):
        names = [opened.samples[n] for n, _, _ in told[measure]]
        assert names == [name for _, name, _ in told[measure]]
        compare(mine[[n for n, _, _ in told[measure]]], [value for *_, value in told[measure]])


def every_kinship(opened: BedGenotypes) -> dict[frozenset[str], float]:
    planes = bit_planes(opened, np.flatnonzero(autosomal(opened.variants)))
    return {
        frozenset((opened.samples[one], opened.samples[other])): kinship
        for one in range(len(opened.samples) - 1)
        for other, kinship in enumerate(kinship_with_later(planes, one), one + 1)
    }


def test_kinship_is_what_plink2_prints(golden) -> None:
    told, opened = golden
    mine = every_kinship(opened)
    pairs = [frozenset(pair[1:3]) for pair in told["kinship"]]
    compare(np.array([mine[pair] for pair in pairs]), [row[3] for row in told["kinship"]])


def test_kinship_beyond_ancestry_is_what_genesis_found() -> None:
    home = SHARED / "hail_resources"
    opened = vcf.call(FileContent.of(home / "pc_relate_bn_input.vcf.bgz"))
    share = summarise(opened).alt_frequency
    rows = np.flatnonzero((share > 0) & (share < 1))
    axes = principal_components(opened, rows, share[rows], 2).vectors
    mine = pc_relate(opened, rows, axes)
    opened.close()
    place = {name: number for number, name in enumerate(opened.samples)}
    lines = gzip.decompress((home / "pc_relate_r_truth.tsv.bgz").read_bytes()).decode().splitlines()
    far = []
    for one, other, kinship, *_ in (line.split("\t") for line in lines[1:]):
        pair = place[json.loads(one)["s"]], place[json.loads(other)["s"]]
        far.append(abs(mine[pair] - float(kinship)))
    assert len(far) == 4950
    assert max(far) < 5e-4  # Hail's own bar is 1e-3


@pytest.mark.parametrize(
    "stem", ["fastlmmTest", "balding-nichols-1024-variants-4-samples-3-populations"]
)
def test_kinship_is_what_king_found(stem: str) -> None:
    home = SHARED / "hail_resources"
    paths = list(home.glob(f"{stem}.kin0*"))
    text = paths[0].read_bytes()
    text = gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text
    mine = every_kinship(shared(f"hail_resources/{stem}"))
    rows = [line.split() for line in text.decode().splitlines()[1:]]
    assert len(rows) == len(mine)
    far = [abs(mine[frozenset((row[1], row[3]))] - float(row[-1])) for row in rows]
    assert max(far) <= 5.1e-5  # four digits
