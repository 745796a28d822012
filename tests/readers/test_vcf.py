"""VCF files made here: every kind of call, builds, and rows that are left out by reason."""

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.readers.genotype_files import (
    DOSAGES,
    NAMES,
    opened,
    reasons,
    the_asset,
    vcf_rows,
    vcf_text,
)

from biolake.readers.vcf import claims, vcf

pytest.importorskip("cyvcf2")
THREE = ("A", "B", "C")
ALLELE = st.sampled_from([".", *map(str, range(12))])


def read(folder, rows, names=THREE, header: str = ""):
    (folder / "x.vcf").write_text(vcf_text(rows, names, header))
    asset = the_asset(vcf, folder)
    genotypes = opened(vcf, asset)
    dosages = genotypes.dosages(slice(None)).tolist()
    genotypes.close()
    return asset, genotypes.variants, dosages


def test_calls_count_the_alt_allele_phased_or_not(tmp_path) -> None:
    asset, variants, dosages = read(tmp_path, vcf_rows(), NAMES)
    assert dosages == DOSAGES.tolist()
    assert [sample.name for sample in asset.samples] == list(NAMES)
    assert variants.position.tolist() == [1000, 2000, 3000]
    assert variants.name.tolist() == ["rs1", "", "rs3"]
    assert asset.notes == ()


def test_several_alt_alleles_become_a_variant_each(tmp_path) -> None:
    rows = [("1", 5, "rs9", "A", "C,G", "0/1", "1/2", "2/2")]
    _, variants, dosages = read(tmp_path, rows)
    assert variants.alt.tolist() == ["C", "G"]
    assert variants.name.tolist() == ["rs9", "rs9"]
    assert dosages == [[1, 1, 0], [0, 1, 2]]


def test_half_a_call_is_none(tmp_path) -> None:
    _, _, dosages = read(tmp_path, [("1", 5, "", "A", "C", "./1", "0/.", ".")])
    assert dosages == [[-1, -1, -1]]


def test_one_allele_of_x_counts_as_two_like_ones(tmp_path) -> None:
    rows = [("chrX", 5, "", "A", "C", "1", "0/1", "0"), ("chrM", 5, "", "A", "C", "1", ".", "0")]
    _, variants, dosages = read(tmp_path, rows)
    assert variants.chromosome.tolist() == ["X", "MT"]
    assert dosages == [[2, 1, 0], [2, -1, 0]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("1", 9, "", "A", "C", "1", "0/1", "0/0"), "calls of one allele, or of more than two"),
        (("1", 9, "", "A", "C", "0/1/1", "0/1", "0/0"), "calls of one allele, or of more than"),
        (("1", 5, "", "G", "T", "0/1", "0/1", "0/0"), "its REF contradicts another row"),
    ],
)
def test_rows_that_cannot_be_two_copies_are_left_out_by_row(tmp_path, row, reason) -> None:
    good = ("1", 5, "", "A", "C", "0/0", "0/1", "1/1")
    asset, variants, dosages = read(tmp_path, [good, row])
    assert dosages == [[0, 1, 2]]
    assert len(variants) == 1
    (note,) = asset.notes
    assert note.startswith(f"x.vcf: 1 variant left out: {reason}")
    assert note.endswith("(row 2)")


def test_a_row_without_calls_is_left_out(tmp_path) -> None:
    text = vcf_text([("1", 5, "", "A", "C", "0/0"), ("1", 6, "", "A", "C", "3")], ("A",))
    head = '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n##contig'
    text = text.replace("##contig", head, 1).replace("GT\t3", "DP\t3")
    (tmp_path / "x.vcf").write_text(text)
    assert "it has no genotypes (GT) (row 2)" in the_asset(vcf, tmp_path).notes[0]


def test_deletions_by_name_are_kept_and_set_aside(tmp_path) -> None:
    rows = [("1", 5, "", "A", "<DEL>", "0/0", "0/1", "1/1"), ("1", 6, "", "A", ".", *["0/0"] * 3)]
    asset, _, dosages = read(tmp_path, rows)
    assert dosages == [[0, 1, 2], [0, 0, 0]]
    assert "an allele is not of A, C, G and T (row 1, 2)" in asset.notes[0]


@pytest.mark.parametrize(
    ("header", "build"),
    [
        ("##reference=file:///ref/human_g1k_v37.fasta", "GRCh37"),
        ("##reference=GRCh38.p13", "GRCh38"),
        ("##contig=<ID=chr20,length=64444167,assembly=x>", "GRCh38"),
        ("##contig=<ID=20,length=63025520>", "GRCh37"),
        ("##contig=<ID=20,length=12345>", ""),
        ("##reference=mouse", ""),
    ],
)
def test_the_header_tells_the_build(tmp_path, header: str, build: str) -> None:
    asset, _, _ = read(tmp_path, vcf_rows(), NAMES, header)
    assert asset.facts.attributes["build"] == build


def test_a_header_that_names_two_builds_is_refused(tmp_path) -> None:
    header = "##reference=hg19.fa\n##contig=<ID=20,length=64444167>"
    (tmp_path / "x.vcf").write_text(vcf_text(vcf_rows(), NAMES, header))
    assert reasons(vcf, tmp_path) == {"its header names GRCh37, but its contigs are as in GRCh38"}


def test_a_file_cut_within_a_row_is_refused_with_the_row(tmp_path) -> None:
    text = vcf_text(vcf_rows(), NAMES)
    (tmp_path / "x.vcf").write_text(text[:-9])
    assert reasons(vcf, tmp_path) == {"row 3 cannot be read, or the file is cut short"}


def test_gzipped_files_cut_short_are_refused(tmp_path) -> None:
    packed = gzip.compress(vcf_text(vcf_rows(), NAMES).encode())
    (tmp_path / "x.vcf.gz").write_bytes(packed)
    genotypes = opened(vcf, the_asset(vcf, tmp_path))
    assert np.array_equal(genotypes.dosages(slice(None)), DOSAGES)
    genotypes.close()
    (tmp_path / "x.vcf.gz").write_bytes(packed[:-10])
    assert reasons(vcf, tmp_path) == {"the gzipped file is damaged or cut short"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("hello\n", "it has no header of a VCF or BCF"),
        (vcf_text(vcf_rows(), ("A", "B", "C", "B", "D")), "a sample ID stands twice"),
        (vcf_text([], ()), "it lists no sample"),
    ],
)
def test_what_is_no_file_of_calls_is_refused(tmp_path, text: str, reason: str) -> None:
    (tmp_path / "x.vcf").write_text(text)
    (told,) = reasons(vcf, tmp_path)
    assert reason in told


def bcf(folder, name: str = "x.bcf"):
    from cyvcf2 import VCF, Writer

    text = folder / "text.vcf"
    text.write_text(vcf_text(vcf_rows(), NAMES, "##reference=GRCh38"))
    opened = VCF(str(text))
    writer = Writer(str(folder / name), opened, "wb")
    for record in opened:
        writer.write_record(record)
    writer.close()
    text.unlink()
    return folder / name


def test_a_bcf_is_read_as_the_vcf_it_is(tmp_path) -> None:
    bcf(tmp_path)
    asset = the_asset(vcf, tmp_path)
    assert asset.facts.attributes["build"] == "GRCh38"
    genotypes = opened(vcf, asset)
    assert np.array_equal(genotypes.dosages(slice(None)), DOSAGES)
    genotypes.close()


@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_a_bcf_cut_short_is_refused_and_ends_nothing(tmp_path, kept: float) -> None:
    path = bcf(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert len(reasons(vcf, tmp_path)) == 1


def test_keys_before_and_behind_the_call_do_not_matter(tmp_path) -> None:
    text = vcf_text([("1", 5, "", "A", "C", "9:0/1:7", "9:1|1", "9")], THREE)
    keys = "".join(
        f'##FORMAT=<ID={key},Number=1,Type=Integer,Description="x">\n' for key in ("DP", "GQ")
    )
    text = text.replace("##contig", keys + "##contig", 1).replace("\tGT\t", "\tDP:GT:GQ\t")
    (tmp_path / "x.vcf").write_text(text)
    genotypes = opened(vcf, the_asset(vcf, tmp_path))
    assert genotypes.dosages(slice(None)).tolist() == [[1, 2, -1]]
    genotypes.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(ALLELE, ALLELE, st.sampled_from("/|")), min_size=3, max_size=3),
                min_size=1, max_size=5))  # fmt: skip
def test_every_pair_of_alleles_is_counted_as_one_would(rows) -> None:
    alts = ["C", "G", "T", *("A" * n for n in range(2, 10))]
    written = [
        ("1", n + 1, "", "A", ",".join(alts), *(f"{a}{sign}{b}" for a, b, sign in row))
        for n, row in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "x.vcf").write_text(vcf_text(written, THREE))
        genotypes = opened(vcf, the_asset(vcf, Path(folder)))
        found = genotypes.dosages(slice(None)).tolist()
        genotypes.close()
    assert found == [
        [-1 if "." in (a, b) else (a == str(alt)) + (b == str(alt)) for a, b, _ in row]
        for row in rows
        for alt in range(1, len(alts) + 1)
    ]


def test_it_takes_a_vcf_by_its_first_line_too() -> None:
    assert claims("calls.txt", b"##fileformat=VCFv4.2\n")
    assert not claims("letter.txt", b"Dear")
