"""Packed genotypes against a decoder that takes one pair of bits at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biolake.omics.genotypes.packed import decode, genotype_counts, pack, row_bytes


def naive(packed: np.ndarray, samples: int) -> list[list[int]]:
    """Follow PLINK's description of the format, sample by sample."""
    meaning = {"00": 2, "01": -1, "10": 1, "11": 0}
    rows = []
    for row in packed.tolist():
        bits = "".join(f"{byte:08b}"[::-1] for byte in row)
        # Read backwards within a byte, so the pair's high bit comes second.
        pairs = [bits[at + 1] + bits[at] for at in range(0, 2 * samples, 2)]
        rows.append([meaning[pair] for pair in pairs])
    return rows


def packed_rows(variants: int = 7, widest: int = 11) -> st.SearchStrategy[np.ndarray]:
    shapes = st.tuples(st.integers(1, variants), st.integers(1, widest))
    return shapes.flatmap(lambda shape: arrays(np.uint8, shape))


@settings(max_examples=200, deadline=None)
@given(packed_rows(), st.integers(0, 3), st.randoms())
def test_decoding_agrees_with_the_naive_decoder(packed, short, draw) -> None:
    samples = packed.shape[1] * 4 - short
    wanted = naive(packed, samples)
    assert decode(packed, samples).tolist() == wanted
    chosen = [draw.randrange(samples) for _ in range(draw.randrange(6))]
    assert decode(packed, samples, np.array(chosen, int)).tolist() == [
        [row[at] for at in chosen] for row in wanted
    ]


@settings(max_examples=200, deadline=None)
@given(packed_rows(5, 40), st.integers(0, 3), st.randoms())
def test_counts_without_decoding_agree_with_counting_the_dosages(packed, short, draw) -> None:
    # The bits behind the last sample are random here: they must not count.
    samples = packed.shape[1] * 4 - short
    dosages = np.array(naive(packed, samples))
    marks = np.array([draw.random() < 0.5 for _ in range(samples)])
    for among in (None, marks):
        kept = dosages if among is None else dosages[:, among]
        wanted = np.stack([(kept == value).sum(axis=1) for value in (0, 1, 2, -1)], axis=1)
        assert np.array_equal(genotype_counts(packed, samples, among), wanted)


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.int8, st.tuples(st.integers(1, 6), st.integers(1, 23)), elements=st.integers(-1, 2))
)
def test_what_is_packed_is_decoded_as_it_was(dosages) -> None:
    packed = pack(dosages)
    assert packed.shape == (len(dosages), row_bytes(dosages.shape[1]))
    assert np.array_equal(decode(packed, dosages.shape[1]), dosages)


def test_bits_that_pad_a_row_are_zero() -> None:
    assert pack(np.array([[0]], np.int8)).tolist() == [[0b11]]


@pytest.mark.parametrize("value", [3, -2, -9, 127])
def test_any_other_dosage_becomes_missing(value: int) -> None:
    assert decode(pack(np.array([[value, 1]], np.int8)), 2).tolist() == [[-1, 1]]
