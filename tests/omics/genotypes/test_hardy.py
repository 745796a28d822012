"""The exact test against whole fractions."""

from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.omics.genotypes.hardy import hardy_weinberg


def oracle(homs: int, hets: int, others: int) -> float:
    """Sum the probabilities of equation 1 that do not exceed the observed one, exactly."""
    people, rare = homs + hets + others, 2 * homs + hets

    def weight(hets: int) -> Fraction:
        one = (rare - hets) // 2
        other = people - hets - one
        return Fraction(2**hets, factorial(one) * factorial(hets) * factorial(other))

    most = min(rare, 2 * people - rare)
    weights = {each: weight(each) for each in range(rare % 2, most + 1, 2)}
    seen = sum(each for each in weights.values() if each <= weights[hets])
    return float(Fraction(seen) / sum(weights.values()))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_it_is_the_exact_probability(homs: int, hets: int, others: int) -> None:
    if homs + hets + others:
        found = hardy_weinberg(np.array([[homs, hets, others, 3]]))[0]
        assert found == pytest.approx(oracle(homs, hets, others), rel=1e-9)


def test_nobody_called_has_no_probability() -> None:
    assert np.isnan(hardy_weinberg(np.array([[0, 0, 0, 9]]))[0])
