"""The audit warns where the files alone tell the label, and is silent where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.learning.shortcuts import audit_shortcuts, binned, warn
from biolake.statistics.intervals import Estimate

ROWS = 300
rng = np.random.default_rng(4)
FOLD, GROUPS = np.arange(ROWS) % 5, np.arange(ROWS)
LABEL = rng.random(ROWS) < 0.4


def risk_of(strength: float) -> np.ndarray:
    return (1 / (1 + np.exp(-(strength * LABEL + rng.standard_normal(ROWS)))))[:, None]


def audit(facts, strength: float = 1.5):
    return audit_shortcuts(("ill",), LABEL[:, None], risk_of(strength), facts, FOLD, GROUPS)[0]


def test_a_site_that_sees_only_the_ill_is_a_shortcut() -> None:
    site = np.where(LABEL ^ (rng.random(ROWS) < 0.1), "intensive care", "outpatients")
    found = audit({"site": site, "bytes": rng.normal(1e6, 1e4, ROWS)})
    assert found.by_facts is not None
    assert found.by_facts.value > 0.8
    assert found.strongest == "site"
    assert "Facts of the files alone tell 'ill'" in found.warning


def test_facts_that_say_nothing_raise_no_warning() -> None:
    facts = {"site": rng.choice(["a", "b"], ROWS), "bytes": rng.normal(1e6, 1e4, ROWS)}
    found = audit(facts)
    assert found.by_facts is not None
    assert found.by_facts.value < 0.62
    assert found.warning == ""


def test_a_size_that_tells_only_in_its_middle_is_found() -> None:
    size = np.where(LABEL, rng.normal(0, 0.3, ROWS), rng.choice([-2.0, 2.0], ROWS))
    found = audit({"bytes": size})
    assert found.by_facts is not None
    assert found.by_facts.value > 0.95


def test_facts_that_miss_only_in_the_ill_are_found() -> None:
    year = np.where(LABEL, np.nan, 2001.0)
    assert audit({"year": year}).by_facts.value > 0.95


def test_facts_that_are_all_alike_are_no_audit_and_no_warning() -> None:
    found = audit({"site": np.full(ROWS, "main"), "rate": np.full(ROWS, 100.0)})
    assert found.by_facts is None
    assert found.warning == ""


@pytest.mark.parametrize(
    ("facts", "model", "said"),
    [
        (0.85, 0.80, "as well as the model or better"),
        (0.75, 0.80, "nearly as well"),
        (0.65, 0.90, ""),
        (0.68, 0.80, "their intervals meet"),
        (0.58, 0.60, ""),
        (0.55, 0.50, ""),
    ],
)
def test_a_warning_needs_facts_that_tell_and_come_near(facts, model, said) -> None:
    found = warn(
        "ill", Estimate(facts, facts - 0.1, facts + 0.1), Estimate(model, model - 0.1, model + 0.1)
    )
    assert said in found
    assert bool(found) == bool(said)


def test_rare_texts_are_no_column_of_their_own() -> None:
    table, of = binned({"device": np.array(["a"] * 50 + ["b"] * 47 + ["c", "d", "e"])})
    assert table.shape == (100, 2)
    assert of == ("device", "device")


def test_the_audit_repeats() -> None:
    facts = {"bytes": rng.normal(size=ROWS) + LABEL}
    one, two = (
        audit_shortcuts(("ill",), LABEL[:, None], LABEL[:, None] * 0.5, facts, FOLD, GROUPS)
        for _ in range(2)
    )
    assert one == two
