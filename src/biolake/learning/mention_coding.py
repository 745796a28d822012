"""Learn to code notes from coded cases in which somebody marked the evidence of each code.

A dictionary of the marked mentions is counted over the training cases (see
`text.coding_evidence`), and a ridge logistic model of those counts says how probable each code is.
Every training case is judged by counts that leave it out, so the model learns from what it will
see in a new note. Thresholds are chosen on probabilities of folds the weights were not fitted to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.mention_counts import count_mentions
from biolake.statistics.columns import Floats
from biolake.statistics.distributions import critical
from biolake.statistics.logistic import expit
from biolake.text.coding import Coder, Weights
from biolake.text.coding_evidence import Candidates
from biolake.text.dictionary_terms import shipped_terms
from biolake.text.run import TextRun

FEWEST = 20
_FOLDS, _PENALTY, _STEPS = 5, 3.0, 50
CERTAIN = 0.95  # precision that codes taken without a look must keep
# Thresholds are set on counts of the same cases, which flatter by about half a point of precision
# (0.962 against 0.957 in ten folds of 500 Spanish cases).
_MARGIN = 0.007


@dataclass(frozen=True)
class Case:
    """One coded note: its codes, and the marked mentions (code, words) they were given for."""

    text: str
    codes: tuple[str, ...]
    mentions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Figures:
    """How well codes of texts were told: counts over pairs of text and code."""

    given: int
    right: int
    coded: int

    @property
    def precision(self) -> float:
        return self.right / self.given if self.given else float("nan")

    @property
    def recall(self) -> float:
        return self.right / self.coded if self.coded else float("nan")

    @property
    def f1(self) -> float:
        both = self.given + self.coded
        return 2.0 * self.right / both if both else float("nan")


def fit(cases: Sequence[Case], terms: Iterable[tuple[str, str]] | None = None) -> Coder:
    """Learn a coder; `terms` are further phrases with the code each means, else those shipped.

    Raises DataRefused for fewer than 20 cases, or none with a mention.
    """
    if len(cases) < FEWEST:
        raise DataRefused(
            f"{len(cases)} coded cases are too few to learn from; {FEWEST} are needed."
        )
    if not any(case.mentions for case in cases):
        raise DataRefused("none of the cases has a marked mention to learn from")
    run = TextRun.of([case.text for case in cases])
    codes = [case.codes for case in cases]
    listed = shipped_terms() if terms is None else terms
    dictionary, seen, known = count_mentions(run, codes, [c.mentions for c in cases], listed)
    found = dictionary.candidates(seen, known)
    if found is None:
        raise DataRefused("no mention of one case stands in any other")
    has = np.isin(found.item * len(dictionary.codes) + found.code, known.coded)
    weights, left_out = _weighed(found, has, len(known.coded))
    return Coder(dictionary, weights, _card(cases, left_out, has, weights, len(known.coded)))


def judge(coder: Coder, cases: Sequence[Case], *, certain: bool = False) -> Figures:
    """Count what a coder tells of cases it has not learned from; `certain`: only those it is."""
    coded = coder.code([case.text for case in cases])
    kept = coded.certain if certain else np.ones(len(coded), bool)
    pairs = zip(coded.item[kept].tolist(), coded.code[kept].tolist(), strict=True)
    right = sum(code in cases[item].codes for item, code in pairs)
    return Figures(int(kept.sum()), right, sum(len(set(case.codes)) for case in cases))


def _weighed(found: Candidates, has: np.ndarray, coded: int) -> tuple[Weights, Floats]:
    """Fit the weights, and set the thresholds on probabilities of cases left out."""
    left_out = np.empty(len(found))
    fold = found.item % _FOLDS
    for each in range(_FOLDS):
        kept, judged = fold != each, fold == each
        fitted = _weights(found.features[kept], has[kept])
        left_out[judged] = fitted.probability(found.features[judged])
    fitted = _weights(found.features, has)
    accept = _best(left_out, has, coded)
    return replace(fitted, accept=accept, certain=_sure(left_out, has, accept)), left_out


def _weights(features: Floats, has: np.ndarray) -> Weights:
    """Fit a logistic model with a ridge of 3 on standardised slopes, by Newton's method."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    ridge = np.full(x.shape[1], _PENALTY)
    ridge[0] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        risk = expit(x @ beta)
        curvature = (x.T * (risk * (1.0 - risk))) @ x + np.diag(ridge)
        step = np.linalg.solve(curvature, x.T @ (risk - has) + ridge * beta)
        beta = beta - step
        if np.abs(step).max() < 1e-8:
            break
    return Weights(mean, scale, beta[1:], float(beta[0]))


def _best(probability: Floats, has: np.ndarray, coded: int) -> float:
    """Return the threshold of the highest F1."""
    order = np.argsort(-probability, kind="stable")
    given = np.arange(1, len(order) + 1)
    f1 = 2.0 * np.cumsum(has[order]) / (given + coded)
    return float(probability[order[int(f1.argmax())]])


def _sure(probability: Floats, has: np.ndarray, accept: float) -> float:
    """Return the lowest threshold above which precision is at least `CERTAIN`.

    Asked of its one-sided 95 % lower limit (Wilson), so that chance alone does not set it; 1.01
    where nothing is sure.
    """
    order = np.argsort(-probability, kind="stable")
    given = np.arange(1, len(order) + 1)
    share, z = np.cumsum(has[order]) / given, critical(0.90)
    centre = share + z**2 / (2 * given)
    width = z * np.sqrt(share * (1 - share) / given + z**2 / (4 * given**2))
    sure = np.flatnonzero((centre - width) / (1 + z**2 / given) >= CERTAIN + _MARGIN)
    return max(accept, float(probability[order[sure[-1]]])) if len(sure) else 1.01


def _card(
    cases: Sequence[Case], left_out: Floats, has: np.ndarray, weights: Weights, coded: int
) -> dict[str, object]:
    """Say what it was learned from and how it does on cases left out of weights and counts."""
    said: dict[str, object] = {"cases": len(cases), "codes": coded}
    for name, least in (("all", weights.accept), ("certain", weights.certain)):
        kept = left_out >= least
        figures = Figures(int(kept.sum()), int(has[kept].sum()), coded)
        said[name] = {
            "given": figures.given,
            "right": figures.right,
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
            "threshold": least,
        }
    return said
