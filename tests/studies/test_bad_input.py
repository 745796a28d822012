"""Each thing that cannot be answered gives one clear message, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.studies.hospital import ANALYSES, EXAMPLES, edited

from biolake.core.errors import BiolakeError, DataRefused, NotPermitted
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.retrieval.definition import Window
from biolake.studies.dataset import build_dataset, refuse_future
from biolake.studies.gathering import gather
from biolake.studies.held_out import HeldOut
from biolake.studies.leakage import met_at_once, shuffle_test
from biolake.studies.loading import load_study
from biolake.studies.running import run_study
from biolake.studies.splitting import deals

CASES = [
    (("age_below: 18", "has: { codes: [NO//SUCH] }"), "'NO//SUCH', named by an exclusion, is not"),
    (("age_below: 18", "age_above: 0"), "nobody is left after step 'exclude age under 18'"),
    (("population:\n", "data: { sites: [site-9] }\npopulation:\n"), "has no site 'site-9'"),
    (("  from: label", "  codes: [MEDS_DEATH_]\n  horizon: 30d"), "Did you mean 'MEDS_DEATH'?"),
    (("  from: label", "  codes: [MEDS_DEATH]\n  horizon: 2min"), "nothing to learn"),
    (("predict: { models: [elastic_net] }", "kaplan_meier"), "needs durations"),
    (("by: outcome", "by: outcoem"), "no group 'outcoem'"),
    (
        ("predict: { models: [elastic_net] }", "discrete_survival: { horizons: [30] }"),
        "needs durations",
    ),
    (("kind: random", "kind: site\n  held_out_sites: [site-9]"), "site-9"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), CASES)
def test_one_message_and_nothing_half_written(
    lake: Lake, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = edited(tmp_path / "study", change, ("id: sepsis-mortality", "id: sepsis-wrong"))
    with pytest.raises(BiolakeError, match=message) as refused:
        run_study(lake, load_study(path), tmp_path / "out", ANALYSES)
    assert refused.value.exit_code in (2, 4)
    assert [one.name for one in tmp_path.iterdir()] == ["study"]


def test_a_feature_at_or_after_the_prediction_time_is_refused() -> None:
    study = load_study(EXAMPLES / "mortality" / "study.yaml")
    with pytest.raises(DataRefused, match="reaches past the prediction time"):
        refuse_future(_looking_ahead(study.features))


def test_the_shuffle_test_catches_a_window_into_the_future(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(EXAMPLES / "mortality" / "study.yaml")
    monkeypatch.setattr("biolake.studies.dataset.refuse_future", lambda _: None)
    ahead = _looking_ahead(study.features)
    with open_view(lake) as view:
        members = gather(view, study).enrolled.members
        leaking = build_dataset(view, ahead, members, tmp_path / "ahead")
        verdict = shuffle_test(view, ahead, members, leaking, tmp_path / "again")
        assert verdict.verdict == "failed"
        assert verdict.columns
        honest = build_dataset(view, study.features, members, tmp_path / "honest")
        found = shuffle_test(view, study.features, members, honest, tmp_path / "same")
        assert found.verdict == "passed"


def _looking_ahead(definition):  # type: ignore[no-untyped-def]
    """Shift every window 48 hours into the future, as no file can ask for."""
    hours = 3_600_000_000
    windows = (Window("ahead", 72 * hours, -48 * hours),)
    groups = tuple(
        replace(group, windows=windows, aggregations=("count", "last"))
        for group in definition.groups
    )
    return replace(definition, groups=groups)


def test_an_event_at_the_prediction_time_is_warned_of(tmp_path: Path) -> None:
    study = load_study(EXAMPLES / "mortality" / "study.yaml")
    assert not met_at_once(study.population.task, study.features)
    path = edited(tmp_path)
    task = path.parent / "task.yaml"
    task.write_text(task.read_text().replace("start_inclusive: false", "start_inclusive: true"))
    both = load_study(path)
    assert met_at_once(both.population.task, both.features)


def test_a_yes_no_model_of_censored_samples_is_refused(lake: Lake, tmp_path: Path) -> None:
    change = ("  from: label", "  codes: [MEDS_DEATH]\n  horizon: 900d")
    path = edited(tmp_path / "study", change, ("id: sepsis-mortality", "id: sepsis-censored"))
    with pytest.raises(DataRefused, match="censored before the horizon"):
        run_study(lake, load_study(path), tmp_path / "out", ANALYSES)


def test_held_out_outcomes_are_shut_until_the_evaluation(lake: Lake, tmp_path: Path) -> None:
    study = load_study(edited(tmp_path / "study", ("id: sepsis-mortality", "id: sepsis-shut")))
    with open_view(lake) as view:
        members = gather(view, study).enrolled.members
        door = HeldOut(lake, "sepsis-shut", members, next(deals(view, members, study.split)))
    assert len(door.part("train"))
    with pytest.raises(NotPermitted, match="locked until the models are fixed"):
        door.part("train", "held_out")
    door.lock()
    with pytest.raises(NotPermitted, match="opened by an evaluation only"):
        door.open("study run")
    with pytest.raises(NotPermitted, match="locked"):
        door.part("held_out")
    door.open("study evaluate")
    assert len(door.part("held_out"))
