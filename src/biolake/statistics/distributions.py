"""The normal, chi-square and gamma laws, in double precision without SciPy."""

from __future__ import annotations

import math
from statistics import NormalDist

from biolake.core.errors import WrongUse

_NORMAL = NormalDist()
_SMALLEST = 1e-300  # keeps Lentz's continued fraction from dividing by zero
_PRECISION = 1e-16
_MOST_TERMS = 100_000


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile (Wichura's algorithm AS 241)."""
    return _NORMAL.inv_cdf(probability)


def normal_cdf(x: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def two_sided_p(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def critical(confidence: float) -> float:
    """Return the normal multiplier of a two-sided interval, 1.96 for 0.95."""
    if not 0.0 < confidence < 1.0:
        raise WrongUse("confidence must lie between 0 and 1.")
    return normal_quantile(0.5 + confidence / 2.0)


def chi2_sf(statistic: float, degrees: int) -> float:
    """Return the chance that a chi-square variable exceeds `statistic`."""
    return gamma_tail(degrees / 2.0, statistic / 2.0)


def chi2_quantile(probability: float, degrees: float) -> float:
    """Return the chi-square quantile; `degrees` need not be whole."""
    return 2.0 * gamma_quantile(probability, degrees / 2.0)


def gamma_tail(shape: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(shape, x)."""
    if x <= 0.0:
        return 1.0
    if x < shape + 1.0:
        return 1.0 - _lower_series(shape, x)
    return _upper_fraction(shape, x)


def gamma_head(shape: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function P(shape, x)."""
    if x <= 0.0:
        return 0.0
    if x < shape + 1.0:
        return _lower_series(shape, x)
    return 1.0 - _upper_fraction(shape, x)


def gamma_quantile(probability: float, shape: float) -> float:
    """Return the quantile of the unit gamma law, by bisection on the nearer tail."""
    if not 0.0 <= probability < 1.0:
        raise WrongUse("A quantile needs a probability of at least 0 and below 1.")
    if probability == 0.0:
        return 0.0
    low, high = 0.0, max(1.0, shape)
    while gamma_head(shape, high) < probability:
        low, high = high, 2.0 * high
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _below(shape, middle, probability):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _below(shape: float, x: float, probability: float) -> bool:
    if probability > 0.5:
        return gamma_tail(shape, x) > 1.0 - probability
    return gamma_head(shape, x) < probability


def _lower_series(shape: float, x: float) -> float:
    """Sum the series of P(a, x) (Abramowitz & Stegun 6.5.29)."""
    term = total = 1.0 / shape
    for step in range(1, _MOST_TERMS):
        term *= x / (shape + step)
        total += term
        if abs(term) < abs(total) * _PRECISION:
            break
    return total * _front(shape, x)


def _upper_fraction(shape: float, x: float) -> float:
    """Evaluate the continued fraction of Q(a, x) (A&S 6.5.31) by Lentz's method."""
    b = x + 1.0 - shape
    c = 1.0 / _SMALLEST
    d = 1.0 / b
    value = d
    for step in range(1, _MOST_TERMS):
        a = -step * (step - shape)
        b += 2.0
        d = 1.0 / (a * d + b or _SMALLEST)
        c = b + a / c or _SMALLEST
        value *= c * d
        if abs(c * d - 1.0) < 2.0 * _PRECISION:
            break
    return value * _front(shape, x)


def _front(shape: float, x: float) -> float:
    return math.exp(shape * math.log(x) - x - math.lgamma(shape))
