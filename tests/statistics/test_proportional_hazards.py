"""The test of proportional hazards against lifelines, and on hazards that do cross."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics import real_data

from biolake.core.errors import WrongUse
from biolake.statistics.cox import fit_cox
from biolake.statistics.proportional_hazards import proportional_hazards_test
from biolake.statistics.risk_sets import SurvivalData

# lifelines 0.30.3: proportional_hazard_test(fit, frame, time_transform="identity").test_statistic
IDENTITY = {
    "flchain": [19.128216, 0.361572, 0.257818, 0.379770, 0.108315, 0.388992],
    "rotterdam": [1.003869, 1.135910, 17.051385, 12.709365, 0.668552, 0.609055, 7.886656, 8.935676,
                  2.898749, 4.241613],
    "gbsg": [2.697562, 0.002399, 0.279607, 2.513463, 0.724763, 1.411784, 0.267364, 0.084557],
}  # fmt: skip


@pytest.mark.parametrize("name", list(IDENTITY))
def test_statistics_equal_lifelines(name: str) -> None:
    names, x, duration, observed = getattr(real_data, name)()
    data = SurvivalData(x, duration, observed, names=names)
    found = proportional_hazards_test(fit_cox(data), data, time_scale="identity")
    assert np.allclose(found.statistic, IDENTITY[name], rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("scale", ["km", "rank", "log", "identity"])
def test_an_effect_that_fades_is_found_and_a_constant_one_is_not(scale: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (3000, 2)).astype(float)
    early = rng.exponential(1.0 / np.exp(1.0 * x[:, 0] + 0.5 * x[:, 1]))
    late = 0.7 + rng.exponential(1.0 / np.exp(-0.5 * x[:, 0] + 0.5 * x[:, 1]))
    time = np.where(early < 0.7, early, late)
    data = SurvivalData(x, time, np.ones(3000), names=["fading", "constant"])
    found = proportional_hazards_test(fit_cox(data), data, time_scale=scale)  # type: ignore[arg-type]
    assert found.p[0] < 1e-6
    assert found.p[1] > 0.01
    assert found.global_p < 1e-6
    assert found.correlation[0] < 0.0


def test_the_data_must_be_the_fitted_ones() -> None:
    rng = np.random.default_rng(0)
    data = SurvivalData(rng.standard_normal((50, 1)), rng.random(50), np.ones(50), names=["a"])
    other = SurvivalData(data.covariates, data.duration, data.observed, names=["b"])
    with pytest.raises(WrongUse):
        proportional_hazards_test(fit_cox(data), other)
