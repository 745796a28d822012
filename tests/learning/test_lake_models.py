"""From a lake's recordings to a model, its card, its answers as events; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.learning.small_ecgs import SPEC, catalogue, hospital, write_source

from biolake.core.errors import DataRefused, LakeDamaged, WrongUse
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.lake.verifying import verify
from biolake.learning.applying import apply_model
from biolake.learning.asset_selection import events_near, select_assets
from biolake.learning.encoding import encode
from biolake.learning.evaluating import evaluate_model
from biolake.learning.shelf import shelve, shelved_model, shelved_models, take_down
from biolake.learning.spec_reading import parse_spec
from biolake.learning.specification import AssetChoice, CodesNear
from biolake.learning.training import train_model

ECGS = AssetChoice("ecg")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return hospital(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def trained(lake: Lake):
    return train_model(lake, parse_spec(SPEC), catalogue())


@pytest.fixture(scope="module")
def shelved(lake: Lake, trained):
    return shelve(lake, trained)[0]


def answers(lake: Lake, name: str = "wide-beats") -> list[tuple]:
    with open_view(lake) as view:
        return view.rows(
            "SELECT subject_id, time, numeric_value, text_value FROM events"
            " WHERE starts_with(code, ?) ORDER BY ALL",
            [f"MODEL//{name}//"],
        )


def test_what_is_plain_to_see_is_learned_and_judged_on_unseen_subjects(trained) -> None:
    card = trained.card
    assert card["assets"] == 120
    assert card["subjects"] == 60
    assert card["folds"] == 3
    assert card["figures"][0]["auroc"]["value"] > 0.95
    assert card["figures"][0]["positive"] == 60


def test_the_card_tells_groups_shortcuts_and_where_it_came_from(trained, lake: Lake) -> None:
    card = trained.card
    assert {(g["variable"], g["group"]) for g in card["groups"]} >= {
        ("ward", "north"),
        ("ward", "south"),
        ("age", "under 40"),
    }
    assert card["shortcuts"][0]["by_facts"] is None or card["warnings"] == []
    assert (card["lake"], card["commit"]) == (lake.lake_id, 1)
    json.dumps(card, allow_nan=False)


def test_a_model_is_kept_and_read_back_and_the_lake_stays_whole(lake: Lake, shelved) -> None:
    with open_view(lake) as view:
        assert [one.model for one in shelved_models(view)][:1] == ["wide-beats"]
        one = shelved_model(view, "wide-beats", 1)
    diagnosis = take_down(lake, one, catalogue())
    assert diagnosis.labels == ("wide",)
    assert verify(lake).problems == ()


def test_training_again_gives_the_same_answers(lake: Lake, trained) -> None:
    again = train_model(lake, parse_spec(SPEC), catalogue(), at=1)
    for name, values in trained.diagnosis.fitted.arrays().items():
        assert np.array_equal(values, again.diagnosis.fitted.arrays()[name]), name
    assert again.card["figures"] == trained.card["figures"]


def test_answers_become_events_once(lake: Lake, shelved) -> None:
    first = apply_model(lake, "wide-beats", catalogue())
    assert (first.answered, first.known, first.failed) == (120, 0, {})
    again = apply_model(lake, "wide-beats", catalogue())
    assert (again.answered, again.known, again.commits) == (0, 120, ())
    found = answers(lake)
    assert len(found) == 120
    assert all(0.0 <= row[2] <= 1.0 for row in found)
    assert {row[3].split(" ")[0] for row in found} <= {"yes", "no", "undecided", "neither"}
    assert all(row[3].endswith("(version 1, seen in training)") for row in found)
    assert verify(lake).problems == ()


def test_a_later_version_s_answers_replace_the_earlier(tmp_path: Path) -> None:
    lake = hospital(tmp_path, subjects=30)
    for seed in ("1", "2"):
        shelve(lake, train_model(lake, parse_spec(SPEC + f"seed: {seed}\n"), catalogue()))
        apply_model(lake, "wide-beats", catalogue())
    found = answers(lake)
    assert len(found) == 60
    assert all("version 2" in row[3] for row in found)
    back = apply_model(lake, "wide-beats", catalogue(), version=1)
    assert back.answered == 60
    assert all("version 1" in row[3] for row in answers(lake))


def test_assets_that_came_later_are_answered_and_told_from_those_seen(tmp_path: Path) -> None:
    lake = hospital(tmp_path, subjects=30)
    shelve(lake, train_model(lake, parse_spec(SPEC), catalogue()))
    write_source(tmp_path / "later", subjects=20, seed=9, first=60)
    ingest(lake, str(tmp_path / "later"), catalogue())
    done = apply_model(lake, "wide-beats", catalogue())
    assert done.answered == 100
    fresh = [row for row in answers(lake) if "seen in training" not in row[3]]
    assert len(fresh) == 40
    with open_view(lake) as view:
        one = shelved_model(view, "wide-beats")
    diagnosis = take_down(lake, one, catalogue())
    all_of_them = evaluate_model(lake, one, diagnosis, catalogue())
    assert all_of_them["seen_in_training"] == 60
    assert "too good" in all_of_them["warnings"][0]
    unseen = evaluate_model(lake, one, diagnosis, catalogue(), unseen=True)
    assert (unseen["assets"], unseen["seen_in_training"], unseen["warnings"]) == (40, 0, [])


def test_another_lake_judges_a_model_and_nothing_is_fitted(lake, shelved, tmp_path: Path) -> None:
    other = hospital(tmp_path, subjects=24, seed=77, site="elsewhere")
    diagnosis = take_down(lake, shelved, catalogue())
    found = evaluate_model(other, shelved, diagnosis, catalogue())
    assert found["seen_in_training"] == 0
    assert found["figures"][0]["auroc"]["value"] > 0.95
    assert found["trained"][0]["name"] == "wide"
    with pytest.raises(DataRefused, match="fewer than 10 assets"):
        evaluate_model(other, shelved, diagnosis, catalogue(), site="nowhere")


def test_embeddings_are_made_once_a_version_and_feed_a_model(tmp_path: Path) -> None:
    lake = hospital(tmp_path, subjects=24)
    first = encode(lake, catalogue(), "ecg-kernels")
    assert (first.encoded, first.known, first.failed) == (48, 0, {})
    again = encode(lake, catalogue(), "ecg-kernels")
    assert (again.encoded, again.known, again.commit) == (0, 48, None)
    spec = SPEC.replace("method: kernels", "method: logistic\nencoder: ecg-kernels")
    spec = "\n".join(line for line in spec.splitlines() if not line.startswith("inputs"))
    card = train_model(lake, parse_spec(spec), catalogue()).card
    assert card["figures"][0]["auroc"]["value"] > 0.9
    assert verify(lake).problems == ()


def test_no_file_of_a_model_holds_a_subject_s_id(lake: Lake, shelved) -> None:
    with open_view(lake) as view:
        ids = [str(row[0]) for row in view.rows("SELECT subject_id FROM subjects")]
        assets = [row[0] for row in view.rows("SELECT asset_id FROM assets")]
    folder = Path(lake.root) / shelved.folder
    for file in folder.iterdir():
        content = file.read_bytes()
        assert not any(one.encode() in content for one in ids + assets), file.name


def test_a_changed_or_missing_file_of_a_model_is_refused(tmp_path: Path) -> None:
    lake = hospital(tmp_path, subjects=30)
    one, _ = shelve(lake, train_model(lake, parse_spec(SPEC), catalogue()))
    file = Path(lake.root) / one.folder / "answers.json"
    file.write_text(file.read_text().replace("0.9", "0.8"))
    with pytest.raises(LakeDamaged, match="not those that were stored"):
        take_down(lake, one, catalogue())
    file.unlink()
    with pytest.raises(LakeDamaged, match="missing"):
        take_down(lake, one, catalogue())


def test_an_unknown_model_names_the_nearest(lake: Lake, shelved) -> None:
    with open_view(lake) as view, pytest.raises(WrongUse, match="Did you mean 'wide-beats'"):
        shelved_model(view, "wide-beat")
    with open_view(lake) as view, pytest.raises(WrongUse, match="no version 9"):
        shelved_model(view, "wide-beats", 9)


def test_a_label_nobody_has_is_refused(lake: Lake) -> None:
    spec = parse_spec(SPEC.replace("FINDING//wide", "FINDING//absent"))
    with pytest.raises(DataRefused, match="'wide' has fewer than 20 assets"):
        train_model(lake, spec, catalogue())


def test_a_model_for_assets_the_lake_lacks_is_refused(lake: Lake) -> None:
    spec = parse_spec(SPEC.replace("{min: 90, max: 110}", "{min: 900, max: 1100}"))
    with pytest.raises(DataRefused, match="no asset this model is for"):
        train_model(lake, spec, catalogue())


def test_a_fold_column_that_splits_nobody_is_taken_and_one_that_lacks_refused(lake: Lake) -> None:
    given = parse_spec(SPEC.replace("{folds: 3}", "{column: FOLD}"))
    assert train_model(lake, given, catalogue(), at=1).card["folds"] == 3
    absent = parse_spec(SPEC.replace("{folds: 3}", "{column: NONE}"))
    with pytest.raises(DataRefused, match="120 assets have no fold"):
        train_model(lake, absent, catalogue(), at=1)


def test_labels_come_only_from_events_within_the_window(lake: Lake) -> None:
    hour = 3_600_000_000
    with open_view(lake) as view:
        chosen = select_assets(view, ECGS)
        near = events_near(view, chosen, CodesNear(("FINDING//*",), hour, hour))
        codes = {found[0] for found in near if found}
        above = events_near(view, chosen, CodesNear(("AGE",), least=60, most=70))
        times = [row.time for row in chosen.rows]
    assert codes == {"FINDING//wide", "FINDING//narrow"}
    assert all(found is not None for found in near)
    assert all(60 <= found[1] <= 70 for found in above if found)
    assert 0 < sum(found is not None for found in above) < len(times)
