"""PLINK file sets made here: what is read of them, and what is refused by row."""

import gzip

import numpy as np
import pytest
from tests.readers.genotype_files import (
    DOSAGES,
    NAMES,
    ROWS,
    bed_set,
    found_in,
    opened,
    reasons,
    the_asset,
)

from biolake.core.assets import FileContent, FoundAsset
from biolake.core.errors import SourceUnreadable
from biolake.readers.plink_bed import claims, plink_bed


def test_a_set_is_one_asset_with_its_samples_by_name(tmp_path) -> None:
    bed_set(tmp_path, sexes=np.array([1, 2, 0, 1, 2]))
    asset = the_asset(plink_bed, tmp_path)
    assert asset.modality == "genotype"
    assert [file.name for file in asset.files] == ["set.bed", "set.bim", "set.fam"]
    assert [sample.name for sample in asset.samples] == list(NAMES)
    assert asset.facts.shape == (3, 5)
    assert asset.facts.attributes["build"] == ""
    assert asset.notes == ()
    genotypes = opened(plink_bed, asset)
    assert genotypes.sexes.tolist() == [1, 2, 0, 1, 2]
    assert np.array_equal(genotypes.dosages(slice(None)), DOSAGES)
    assert np.array_equal(genotypes.dosages(np.array([2, 0, 1])), DOSAGES[[2, 0, 1]])
    assert genotypes.dosages(np.array([], int)).shape == (0, 5)
    assert genotypes.variants.alt.tolist() == ["G", "T", "GA"]
    assert genotypes.variants.name.tolist() == ["rs1", "", "rs3"]


def test_a_gzipped_set_is_read_alike(tmp_path) -> None:
    for path in bed_set(tmp_path):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    asset = the_asset(plink_bed, tmp_path)
    genotypes = opened(plink_bed, asset)
    assert np.array_equal(genotypes.dosages(slice(None)), DOSAGES)
    genotypes.close()


def test_one_variant_is_read_without_the_rest_of_the_set(tmp_path) -> None:
    read = []

    class Watched(FileContent):
        def part(self, name: str, start: int, length: int) -> bytes:
            read.append((name, start, length))
            return super().part(name, start, length)

    paths = bed_set(tmp_path)
    genotypes = plink_bed.call(Watched({path.name: path for path in paths}))
    assert genotypes.dosages(np.array([1])).tolist() == [DOSAGES[1].tolist()]
    assert read == [("set.bed", 0, 2), ("set.bed", 0, 3), ("set.bed", 5, 2)]


def test_chromosomes_lose_their_many_names(tmp_path) -> None:
    rows = [(name, 10, "", "A", "C") for name in ("chr1", "23", "chrM", "25", "24", "26", "chrX")]
    bed_set(tmp_path, rows=rows, dosages=np.zeros((7, 5), np.int8))
    genotypes = opened(plink_bed, the_asset(plink_bed, tmp_path))
    assert genotypes.variants.chromosome.tolist() == ["1", "X", "MT", "X", "Y", "MT", "X"]


def test_individuals_of_one_name_are_named_with_their_family(tmp_path) -> None:
    bed_set(tmp_path, names=("1", "2", "1", "3", "4"), families=("a", "a", "b", "b", "b"))
    names = [sample.name for sample in the_asset(plink_bed, tmp_path).samples]
    assert names == ["a_1", "a_2", "b_1", "b_3", "b_4"]


def test_the_build_is_declared_or_known_from_where_variants_lie(tmp_path) -> None:
    rows = [*ROWS[:2], ("19", 45411941, "rs429358", "T", "C")]
    bed_set(tmp_path, rows=rows)
    assert the_asset(plink_bed, tmp_path).facts.attributes["build"] == "GRCh37"
    (tmp_path / "genotypes.yaml").write_text("build: hg19\n")
    asset = the_asset(plink_bed, tmp_path)
    assert asset.facts.attributes["build"] == "GRCh37"
    assert opened(plink_bed, asset).variants.build == "GRCh37"
    (tmp_path / "genotypes.yaml").write_text("build: GRCh38\n")
    assert reasons(plink_bed, tmp_path) == {"its build is GRCh38, but known variants lie at GRCh37"}
    (tmp_path / "genotypes.yaml").write_text("build: GRCh19\n")
    (reason,) = reasons(plink_bed, tmp_path)
    assert reason.startswith("an unknown build. Did you mean 'GRCh")


def test_a_variant_behind_its_chromosome_is_refused_by_row(tmp_path) -> None:
    bed_set(tmp_path, rows=[*ROWS[:2], ("22", 51304567, "", "A", "C")])
    (tmp_path / "genotypes.yaml").write_text("build: GRCh37\n")
    assert reasons(plink_bed, tmp_path) == {"row 3 lies behind the end of its chromosome in GRCh37"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("1", 1000, "again", "A", "G"), "the same variant as in an earlier row"),
        (("1", 1000, "turned", "G", "A"), "the same variant as in an earlier row"),
        (("1", -5, "", "A", "G"), "it has no position"),
        (("1", 0, "", "A", "G"), "it has no position"),
        (("1", 9, "", "A", "0"), "an allele is not of A, C, G and T"),
        (("1", 9, "", "D", "I"), "an allele is not of A, C, G and T"),
        (("1", 9, "", "C", "C"), "ref and alt are the same"),
    ],
)
def test_variants_that_cannot_be_told_apart_are_set_aside_by_row(tmp_path, row, reason) -> None:
    bed_set(tmp_path, rows=[*ROWS, row], dosages=np.zeros((4, 5), np.int8))
    asset = the_asset(plink_bed, tmp_path)
    assert asset.notes == (f"set.bed: 1 variant set aside: {reason} (row 4)",)


def cut(data: bytes) -> bytes:
    return data[:-1]


@pytest.mark.parametrize(
    ("end", "change", "reason"),
    [
        ("bed", cut, "the .bed is cut short (8 bytes)"),
        ("bed", lambda data: data + b"\0", "the .bed is longer than that (10 bytes)"),
        ("bed", lambda data: b"\x6c\x1c" + data[2:], "(magic number)"),
        ("bed", lambda data: data[:2] + b"\0" + data[3:], "(individual-major), which is not read"),
        ("bed", lambda data: data[:2] + b"\7" + data[3:], "an unknown kind"),
        ("bim", lambda data: data[: data.rindex(b"22")], "2 variants (.bim) of 5 samples"),
        ("fam", lambda data: data + b"f S6 0 0 0 -9\n", "row 6 has not the 6 columns expected"),
        ("fam", lambda data: data + b"f\tS6\t0\t0\t0\t-9\n" * 4, "a sample ID stands twice"),
        ("fam", lambda data: data.replace(b"S2\tS2", b"S2\t"), "row 2 has no sample ID"),
        ("bim", lambda data: data.replace(b"2000", b"20kb"), "row 2 has no whole number"),
        ("bim", lambda data: data.replace(b"\t2000", b""), "row 2 has not the 6 columns"),
        ("bim", lambda data: data.replace(b"rs1", b"r\xff1"), "not a table of UTF-8 text"),
        ("fam", lambda _: b"", "it lists no sample"),
    ],
)
def test_a_set_that_does_not_hang_together_is_refused(tmp_path, end, change, reason) -> None:
    bed_set(tmp_path)
    path = tmp_path / f"set.{end}"
    path.write_bytes(change(path.read_bytes()))
    found = found_in(plink_bed, tmp_path)
    assert len(found) == 3
    assert all(reason in each.reason for each in found), found
    assert not any("S2" in each.reason for each in found)


def test_a_set_without_one_of_its_files_is_refused_by_name(tmp_path) -> None:
    bed_set(tmp_path)[1].unlink()
    assert reasons(plink_bed, tmp_path) == {"there is no set.bim beside it"}


def test_a_gzipped_bed_cut_short_is_refused(tmp_path) -> None:
    bed = bed_set(tmp_path)[0]
    packed = gzip.compress(bed.read_bytes())
    bed.unlink()
    (tmp_path / "set.bed.gz").write_bytes(packed[:-6])
    assert "the gzipped .bed is cut short" in reasons(plink_bed, tmp_path)
    (tmp_path / "set.bed.gz").write_bytes(packed[:20] + b"\0\0\0" + packed[23:])
    assert not any(isinstance(each, FoundAsset) for each in found_in(plink_bed, tmp_path))


def test_a_set_changed_since_it_was_found_is_refused_when_opened(tmp_path) -> None:
    bed, bim, fam = bed_set(tmp_path)
    bed.write_bytes(bed.read_bytes()[:-2])
    genotypes = plink_bed.call(FileContent.of(bed, bim, fam))
    with pytest.raises(SourceUnreadable, match="has not the size of the set"):
        _ = genotypes.variants
    with pytest.raises(SourceUnreadable, match="ends before this variant"):
        genotypes.dosages(np.array([2]))


def test_lists_of_genomic_intervals_are_left_to_others() -> None:
    assert not claims("exons.bed", b"chr1\t100\t200\n")
    assert not claims("exons.bed", b"track name=exons\n")
    assert claims("a/b.bed", b"\x6c\x1b\x01")
    assert claims("b.FAM.gz", b"")
