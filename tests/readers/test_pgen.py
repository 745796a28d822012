"""PLINK 2 file sets written by pgenlib."""

import numpy as np
import pytest
from tests.readers.genotype_files import DOSAGES, NAMES, opened, pgen_set, reasons, the_asset

from biolake.readers.pgen import pgen

pytest.importorskip("pgenlib")


def test_a_set_is_one_asset_and_counts_alt(tmp_path) -> None:
    pgen_set(tmp_path)
    asset = the_asset(pgen, tmp_path)
    assert asset.facts.shape == (3, 5)
    assert [sample.name for sample in asset.samples] == list(NAMES)
    genotypes = opened(pgen, asset)
    assert np.array_equal(genotypes.dosages(slice(None)), DOSAGES)
    assert np.array_equal(genotypes.dosages(np.array([2, 0, 2])), DOSAGES[[2, 0, 2]])
    with pytest.raises(IndexError):
        genotypes.dosages(np.array([3]))
    genotypes.close()


def test_a_pvar_packed_with_zstd_is_read(tmp_path) -> None:
    import pyarrow as pa

    _, pvar, _ = pgen_set(tmp_path)
    with pa.CompressedOutputStream(str(pvar) + ".zst", "zstd") as out:
        out.write(b"##contig=<ID=chr22,length=50818468>\n" + pvar.read_bytes())
    pvar.unlink()
    asset = the_asset(pgen, tmp_path)
    assert asset.facts.attributes["build"] == "GRCh38"
    assert np.array_equal(opened(pgen, asset).dosages(slice(None)), DOSAGES)


def test_a_row_of_several_alt_alleles_is_refused_by_row(tmp_path) -> None:
    _, pvar, _ = pgen_set(tmp_path)
    pvar.write_text(pvar.read_text().replace("C\tT", "C\tT,A"))
    assert reasons(pgen, tmp_path) == {"row 2 has several alt alleles (.pvar)"}


@pytest.mark.parametrize(
    ("end", "change", "reason"),
    [
        ("pgen", lambda data: data[:-1], "damaged or cut short"),
        ("pgen", lambda data: b"\0\0" + data[2:], "(magic number)"),
        ("pgen", lambda data: data[:2] + b"\1" + data[3:], "is a PLINK 1 .bed"),
        ("pvar", lambda data: data[: data.rindex(b"22")], "the .pvar names 2 and the .psam 5"),
        ("pvar", lambda data: data.replace(b"\tALT", b"\tALTS"), "names no column ALT"),
        ("psam", lambda data: data.replace(b"S2", b"S1"), "a sample ID stands twice"),
        ("psam", lambda data: data.replace(b"IID", b"NAME"), "names no column IID"),
    ],
)
def test_a_set_that_does_not_hang_together_is_refused(tmp_path, end, change, reason) -> None:
    pgen_set(tmp_path)
    path = tmp_path / f"set.{end}"
    path.write_bytes(change(path.read_bytes()))
    told = reasons(pgen, tmp_path)
    assert len(told) == 1
    assert reason in told.pop()
