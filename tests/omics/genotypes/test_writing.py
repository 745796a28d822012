"""Written file sets are what bed-reader reads."""

import numpy as np
import pytest

from biolake.core.errors import WrongUse
from biolake.core.media import VariantList
from biolake.omics.genotypes.writing import write_bed


def variants(count: int) -> VariantList:
    return VariantList(
        np.array(["1"] * count, object),
        np.arange(1, count + 1),
        np.array(["rs1", *[""] * (count - 1)], object),
        np.array(["A"] * count, object),
        np.array(["G"] * count, object),
    )


def test_a_written_set_is_read_back_by_bed_reader(tmp_path) -> None:
    bed_reader = pytest.importorskip("bed_reader")
    draw = np.random.default_rng(5)
    dosages = draw.integers(-1, 3, (9, 6)).astype(np.int8)
    names = [f"s{n}" for n in range(6)]
    bed, _, _ = write_bed(tmp_path / "x.y", dosages, variants(9), names, sexes=np.arange(6) % 3)
    assert bed.name == "x.y.bed"
    with bed_reader.open_bed(bed) as opened:
        read = opened.read(dtype="int8", num_threads=1)
        assert np.array_equal(np.where(read == -127, -1, read).T, dosages)
        assert opened.iid.tolist() == names
        assert opened.sex.tolist() == [0, 1, 2, 0, 1, 2]
        assert (opened.allele_1 == "G").all()
        assert opened.sid[:2].tolist() == ["rs1", "."]


def test_a_matrix_of_another_shape_is_refused(tmp_path) -> None:
    with pytest.raises(WrongUse, match="variants × samples"):
        write_bed(tmp_path / "x", np.zeros((2, 3), np.int8), variants(3), ["a", "b"])
