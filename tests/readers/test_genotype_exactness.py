"""Every genotype file of the shared data has the dosages that bed-reader and plink2 give.

Where the goldens come from: tests/readers/goldens/make_genotypes.py.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from tests.readers.genotype_files import SHARED, found_in, opened

from biolake.core.assets import FoundAsset
from biolake.readers.pgen import pgen
from biolake.readers.plink_bed import plink_bed
from biolake.readers.vcf import vcf

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "genotypes.json").read_text("utf-8"))
pytestmark = pytest.mark.skipif(not (SHARED / "hail_resources").is_dir(), reason="no shared data")


def found_in_shared(name: str) -> FoundAsset:
    folder, file = name.split("/")
    for reader in (plink_bed, pgen, vcf):
        for asset in found_in(reader, SHARED / folder):
            if isinstance(asset, FoundAsset) and asset.files[0].path.name == file:
                return asset
    raise AssertionError(f"nothing was found for {name}")


@pytest.mark.parametrize("name", GOLDENS)
def test_dosages_are_exactly_those_of_bed_reader_and_plink2(name: str) -> None:
    asset, golden = found_in_shared(name), GOLDENS[name]
    reader = {"calls": vcf, "hardcalls": pgen if name.endswith(".pgen") else plink_bed}
    genotypes = opened(reader[asset.facts.kind], asset)
    dosages = genotypes.dosages(slice(None))
    assert dosages.shape == (golden["variants"], golden["samples"]) == asset.facts.shape
    digest = hashlib.sha256(np.ascontiguousarray(dosages).tobytes()).hexdigest()
    some = np.array([len(dosages) - 1, 0, len(dosages) // 2])
    assert np.array_equal(genotypes.dosages(some), dosages[some])
    genotypes.close()
    assert digest == golden["sha256"]


def test_all_files_there_are_were_compared() -> None:
    sets = ("hapmap_snprelate", "gcta_test", "hail_resources", "regenie_example")
    endings = (".bed", ".bed.gz", ".pgen", ".vcf", ".vcf.gz", ".vcf.bgz")
    there = {
        f"{path.parent.name}/{path.name}"
        for path in (path for name in sets for path in (SHARED / name).iterdir())
        if path.name.endswith(endings)
    }
    assert there == set(GOLDENS)
