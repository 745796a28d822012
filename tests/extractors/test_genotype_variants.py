"""The table of variants: numbered as in the file, faulty ones left out."""

from dataclasses import replace

import numpy as np
import pytest
from tests.readers.genotype_files import cohort

from biolake.core.schema import VARIANTS
from biolake.extractors.genotype_variants import genotype_variants


def test_each_variant_is_a_row_with_its_number_and_measures() -> None:
    drawn = cohort(24, 300)
    table = genotype_variants.call(drawn).tables["variants"]
    assert table.num_rows == 300
    assert set(table.column_names) - {"item"} < set(VARIANTS.names)
    row = table.slice(17, 1).to_pylist()[0]
    calls = drawn.matrix[17][drawn.matrix[17] >= 0]
    assert row["number"] == 17
    assert row["build"] == "GRCh37"
    assert row["variant"] == "rs17"
    assert row["alt_frequency"] == pytest.approx(calls.mean() / 2)
    assert row["call_rate"] == pytest.approx(len(calls) / 24)


def test_variants_that_cannot_be_told_apart_are_left_out_and_numbers_stay() -> None:
    drawn = cohort(24, 30, on_x=0)
    position, alt = drawn.variants.position.copy(), drawn.variants.alt.copy()
    position[4], alt[6] = 0, "<DEL>"
    faulty = replace(drawn, variants=replace(drawn.variants, position=position, alt=alt))
    table = genotype_variants.call(faulty).tables["variants"]
    assert table["number"].to_pylist() == [n for n in range(30) if n not in (4, 6)]


def test_a_file_without_any_such_variant_says_why() -> None:
    drawn = cohort(24, 30, on_x=0)
    coded = replace(drawn.variants, ref=np.array(["1"] * 30, object), alt=np.array(["2"] * 30))
    found = genotype_variants.call(replace(drawn, variants=coded))
    assert found.skipped == {0: "no variant of it can be told apart"}
