"""The Cox model against lifelines, and against the partial likelihood written out naively."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statistics import real_data

from biolake.core.errors import DataRefused
from biolake.statistics.cox import CoxFit, fit_cox, predict_survival
from biolake.statistics.partial_likelihood import (
    expected_events,
    information,
    moments_at,
    score_residuals,
)
from biolake.statistics.risk_sets import SurvivalData, risk_sets

# lifelines 0.30.3, pandas 2.3.3: CoxPHFitter().fit(frame, duration, event,
# fit_options=dict(precision=1e-14, r_precision=1e-15)); params_, standard_errors_, log_likelihood_.
LIFELINES = {
    "flchain": (
        [0.1049887253, 0.3193069331, 0.0773663435, 0.1801060558, -0.04085429672, 0.08762298765],
        [0.002409226348, 0.04743926511, 0.0307709579, 0.02539185516, 0.04832035126, 0.2519178552],
        -15461.667921299251,
    ),
    "rotterdam": (
        [-0.01330045276, 0.1814916973, 0.3682077645, 0.6407469857, 0.3550925769, 0.07758374546,
         -0.0001313723705, -4.688336006e-05, -0.09357246434, -0.1163092428],
        [0.003519078765, 0.08963287454, 0.05812319037, 0.08807347331, 0.06503004517,
         0.004588356179, 0.0001066200274, 0.0001043385489, 0.08283327833, 0.07080785443],
        -11188.211766891609,
    ),
    "gbsg": (
        [-0.009392361197, 0.2672771632, 0.007716437553, 0.2802894094, 0.0498939075,
         -0.002237810119, 0.0001674282849, -0.33720291],
        [0.009273288028, 0.1833366097, 0.00394968472, 0.1060553145, 0.007409371524,
         0.0005757597831, 0.0004477123117, 0.1289617539],
        -1737.174490395608,
    ),
}  # fmt: skip
# Freireich's leukaemia trial (Blood 1963;21:699): weeks to relapse, 6-MP then placebo.
WEEKS = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
WEEKS += [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
RELAPSED = [1] * 9 + [0] * 12 + [1] * 21
TREATED = [[1.0]] * 21 + [[0.0]] * 21


@pytest.mark.parametrize("name", list(LIFELINES))
def test_efron_equals_lifelines_on_real_data(name: str) -> None:
    names, x, duration, observed = getattr(real_data, name)()
    fit = fit_cox(SurvivalData(x, duration, observed, names=names))
    coefficients, errors, likelihood = LIFELINES[name]
    assert np.abs(fit.coefficients - coefficients).max() < 1e-8
    assert np.abs(fit.standard_errors - errors).max() < 1e-8
    assert fit.log_likelihood == pytest.approx(likelihood, abs=1e-7)


def test_both_ways_with_ties_equal_their_peers_on_the_leukaemia_trial() -> None:
    # Efron: lifelines 0.30.3 as above. Breslow: statsmodels 0.15.0, PHReg(weeks, treated,
    # status=relapsed, ties="breslow").fit(): params, bse, llf.
    data = SurvivalData(TREATED, WEEKS, RELAPSED)
    efron, breslow = fit_cox(data), fit_cox(data, ties="breslow")
    assert efron.coefficients[0] == pytest.approx(-1.572125, abs=1e-6)
    assert efron.standard_errors[0] == pytest.approx(0.412397, abs=1e-6)
    assert efron.log_likelihood == pytest.approx(-85.00842457737164, abs=1e-9)
    assert breslow.coefficients[0] == pytest.approx(-1.50919141, abs=1e-6)
    assert breslow.standard_errors[0] == pytest.approx(0.40956441, abs=1e-6)
    assert breslow.log_likelihood == pytest.approx(-86.37962207, abs=1e-6)


def small(seed: int, rows: int = 60, ties: bool = True) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 3))
    time = rng.exponential(1.0, rows) * np.exp(-0.5 * x[:, 0]) * 6.0
    time = np.ceil(time) if ties else time
    return {
        "x": x,
        "time": time,
        "seen": rng.random(rows) < 0.7,
        "weight": rng.integers(1, 4, rows).astype(float),
        "stratum": rng.integers(0, 3, rows),
        "entry": time * rng.random(rows) * 0.8,
    }


def naive(d: dict[str, np.ndarray], beta: np.ndarray, efron: bool) -> tuple[float, np.ndarray]:
    """Write out the weighted, stratified, left-truncated log likelihood and its information."""
    risk = d["weight"] * np.exp(d["x"] @ beta)
    total, curve = 0.0, np.zeros((3, 3))
    for stratum in np.unique(d["stratum"]):
        inside = d["stratum"] == stratum
        for t in np.unique(d["time"][inside & d["seen"]]):
            dead = np.flatnonzero(inside & d["seen"] & (d["time"] == t))
            at_risk = np.flatnonzero(inside & (d["entry"] < t) & (d["time"] >= t))
            mean_weight = d["weight"][dead].mean()
            total += d["weight"][dead] @ (d["x"][dead] @ beta)
            for place in range(len(dead)):
                share = np.zeros(len(risk))
                share[at_risk] = risk[at_risk]
                share[dead] -= (place / len(dead) if efron else 0.0) * risk[dead]
                phi = share.sum()
                total -= mean_weight * np.log(phi)
                p = share / phi
                mean = p @ d["x"]
                curve += mean_weight * ((d["x"].T * p) @ d["x"] - np.outer(mean, mean))
    return total, curve


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", range(4))
def test_likelihood_and_information_equal_the_sums_written_out(seed: int, ties: str) -> None:
    d = small(seed)
    data = SurvivalData(
        d["x"], d["time"], d["seen"], weights=d["weight"], strata=d["stratum"], entry=d["entry"]
    )
    fit = fit_cox(data, ties=ties)  # type: ignore[arg-type]
    likelihood, curve = naive(d, fit.coefficients, ties == "efron")
    assert fit.log_likelihood == pytest.approx(likelihood, abs=1e-9)
    assert np.allclose(np.linalg.inv(curve), fit.covariance, atol=1e-9)
    for step in np.eye(3) * 1e-3:
        assert naive(d, fit.coefficients + step, ties == "efron")[0] < likelihood
        assert naive(d, fit.coefficients - step, ties == "efron")[0] < likelihood


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    d = small(seed)
    shuffled = np.random.default_rng(seed + 1).permutation(len(d["time"]))
    one = fit_cox(SurvivalData(d["x"], d["time"], d["seen"]))
    two = fit_cox(SurvivalData(d["x"][shuffled], d["time"][shuffled], d["seen"][shuffled]))
    assert np.allclose(one.coefficients, two.coefficients, atol=1e-10)
    assert np.allclose(one.covariance, two.covariance, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_whole_weights_equal_copied_rows_under_breslow(seed: int) -> None:
    d = small(seed)
    copies = np.repeat(np.arange(len(d["time"])), d["weight"].astype(int))
    weighted = fit_cox(
        SurvivalData(d["x"], d["time"], d["seen"], weights=d["weight"]), ties="breslow"
    )
    copied = fit_cox(
        SurvivalData(d["x"][copies], d["time"][copies], d["seen"][copies]), ties="breslow"
    )
    assert np.allclose(weighted.coefficients, copied.coefficients, atol=1e-9)
    assert np.allclose(weighted.covariance, copied.covariance, atol=1e-9)


def test_splitting_follow_up_at_entry_times_changes_nothing() -> None:
    d = small(3)
    half = d["time"] / 2.0
    whole = fit_cox(SurvivalData(d["x"], d["time"], d["seen"]))
    pieces = fit_cox(
        SurvivalData(
            np.vstack([d["x"], d["x"]]),
            np.concatenate([half, d["time"]]),
            np.concatenate([np.zeros(60, bool), d["seen"]]),
            entry=np.concatenate([np.zeros(60), half]),
        )
    )
    assert np.allclose(whole.coefficients, pieces.coefficients, atol=1e-9)
    assert np.allclose(whole.covariance, pieces.covariance, atol=1e-9)


def test_score_residuals_add_up_and_match_numerical_derivatives() -> None:
    d = small(5)
    data = SurvivalData(
        d["x"], d["time"], d["seen"], weights=d["weight"], strata=d["stratum"], entry=d["entry"]
    )
    sets = risk_sets(data)
    beta = np.array([0.3, -0.2, 0.1])
    moments = moments_at(sets, beta, "efron")
    residuals = score_residuals(sets, moments).sum(axis=1)
    up = [moments_at(sets, beta + e, "efron").log_likelihood for e in np.eye(3) * 1e-5]
    down = [moments_at(sets, beta - e, "efron").log_likelihood for e in np.eye(3) * 1e-5]
    assert np.allclose(residuals, (np.array(up) - np.array(down)) / 2e-5, atol=1e-6)
    curve = information(sets, moments, expected_events(sets, moments))
    assert np.linalg.eigvalsh(curve)[0] > 0.0


def test_robust_errors_are_the_influence_of_each_cluster() -> None:
    """How the estimate moves per unit of weight on a cluster, squared and added up."""
    d = small(7, rows=200)
    clusters = np.arange(200) // 2
    fit = fit_cox(SurvivalData(d["x"], d["time"], d["seen"], clusters=clusters), ties="breslow")
    moved = []
    for cluster in range(100):
        ends = []
        for change in (1e-4, -1e-4):
            weight = 1.0 + change * (clusters == cluster)
            data = SurvivalData(d["x"], d["time"], d["seen"], weights=weight)
            ends.append(fit_cox(data, ties="breslow").coefficients)
        moved.append((ends[0] - ends[1]) / 2e-4)
    influence = np.array(moved)
    assert np.allclose(fit.covariance, influence.T @ influence, rtol=1e-5, atol=1e-9)
    assert fit.robust
    assert not np.allclose(fit.covariance, fit.model_covariance, rtol=1e-2)


def test_robust_errors_equal_lifelines_without_ties() -> None:
    # lifelines 0.30.3: CoxPHFitter().fit(frame, "t", "e", cluster_col="c",
    # fit_options=dict(precision=1e-14, r_precision=1e-15)).standard_errors_
    d = small(8, rows=100, ties=False)
    fit = fit_cox(SurvivalData(d["x"], d["time"], d["seen"], clusters=np.arange(100) // 4))
    assert np.allclose(fit.standard_errors, [0.1241649079, 0.0767124535, 0.1142464659], atol=1e-8)


def test_predicted_survival_is_right_at_declared_horizons_only() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, 4000).astype(float)
    time = rng.exponential(1.0 / (0.1 * np.exp(0.7 * x)))
    fit = fit_cox(SurvivalData(x[:, None], np.minimum(time, 10.0), time <= 10.0))
    got = predict_survival(fit, [[0.0], [1.0]], [0.0, 5.0, 10.0])
    wanted = np.exp(-0.1 * np.outer(np.exp([0.0, 0.7]), [0.0, 5.0, 10.0]))
    assert np.abs(got - wanted).max() < 0.02
    assert (got[:, 0] == 1.0).all()
    with pytest.raises(DataRefused, match="beyond the last follow-up"):
        predict_survival(fit, [[0.0]], [11.0])


def test_predicted_survival_uses_the_stratum_s_own_baseline() -> None:
    d = small(2, rows=300)
    data = SurvivalData(d["x"], d["time"], d["seen"], strata=d["stratum"])
    fit = fit_cox(data)
    got = predict_survival(fit, d["x"][:6], [2.0, 4.0], strata=[0, 1, 2, 0, 1, 2])
    for row in range(6):
        base = fit.baselines[row % 3]
        hazard = base.cumulative_hazard[np.searchsorted(base.time, 4.0, side="right") - 1]
        relative = np.exp(fit.log_partial_hazard(d["x"][row : row + 1]))[0]
        assert got[row, 1] == pytest.approx(np.exp(-hazard * relative))


def test_what_cannot_be_estimated_is_refused_by_name() -> None:
    d = small(1)
    twin = np.column_stack([d["x"], d["x"][:, 0] * 2.0 + 1.0])
    with pytest.raises(DataRefused, match="x1, x4"):
        fit_cox(SurvivalData(twin, d["time"], d["seen"]))
    flat = np.column_stack([d["x"], np.ones(60)])
    with pytest.raises(DataRefused, match="dose is the same"):
        fit_cox(SurvivalData(flat, d["time"], d["seen"], names=["a", "b", "c", "dose"]))
    with pytest.raises(DataRefused, match="No event"):
        fit_cox(SurvivalData(d["x"], d["time"], np.zeros(60)))
    perfect = -np.arange(60.0)[:, None]
    with pytest.raises(DataRefused, match="No finite effect"):
        fit_cox(SurvivalData(perfect, np.arange(60.0) + 1.0, np.ones(60)))
    only = np.column_stack([d["x"][:, 0], (d["seen"] & (d["x"][:, 1] > 0)).astype(float)])
    with pytest.raises(DataRefused, match="x2 separates the events"):
        fit_cox(SurvivalData(only, d["time"], d["seen"] & (d["x"][:, 1] > 0)))


def test_a_fit_holds_no_subject_s_data() -> None:
    d = small(4, rows=500)
    fit = fit_cox(SurvivalData(d["x"], d["time"], d["seen"]))
    held = [value for value in vars(fit).values() if isinstance(value, np.ndarray)]
    assert max(value.size for value in held) <= 9
    assert isinstance(fit, CoxFit)


def test_lifelines_agrees_live_with_weights_strata_and_entry() -> None:
    lifelines = pytest.importorskip("lifelines")
    import pandas as pd

    d = small(11, rows=500)
    frame = pd.DataFrame(d["x"], columns=["a", "b", "c"]).assign(
        t=d["time"], e=d["seen"], w=d["weight"], s=d["stratum"], entry=d["entry"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lifelines.CoxPHFitter().fit(
            frame, "t", "e", weights_col="w", strata="s", entry_col="entry",
            fit_options={"precision": 1e-12, "r_precision": 1e-13},
        )  # fmt: skip
    ours = fit_cox(
        SurvivalData(
            d["x"], d["time"], d["seen"], weights=d["weight"], strata=d["stratum"], entry=d["entry"]
        )
    )
    assert np.allclose(ours.coefficients, theirs.params_, atol=1e-7)
    assert np.allclose(ours.standard_errors, theirs.standard_errors_, atol=1e-7)
