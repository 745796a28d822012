"""A study file is read whole or refused where it is wrong."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.studies.hospital import ANALYSES, EXAMPLES, edited

from biolake.core.errors import BiolakeError
from biolake.studies.binding import bind
from biolake.studies.definition import StudyInvalid, said
from biolake.studies.keys import KEYS
from biolake.studies.loading import load_study

SCHEMA: dict[str, Any] = json.loads(
    (files("biolake.studies") / "study.schema.json").read_text(encoding="utf-8")
)
# Where the schema says what the parser's table says: place in the file → place in the schema.
PLACES = {
    "": (),
    **{name: ("properties", name) for name in ("study", "data", "population", "outcome")},
    **{name: ("properties", name) for name in ("time_at_risk", "split", "report")},
    "population.exclusions": ("$defs", "exclusion"),
    "population.exclusions.where": ("$defs", "where"),
    "has": ("$defs", "has"),
    "split.ratios": ("$defs", "ratios"),
    "subgroups": ("$defs", "subgroup"),
}


@pytest.mark.parametrize("place", KEYS)
def test_schema_and_parser_know_the_same_words(place: str) -> None:
    found = SCHEMA
    for step in PLACES[place]:
        found = found[step]
    may, must = KEYS[place]
    assert set(found["properties"]) == {*may, *must}
    assert set(found["required"]) == set(must)
    assert found["additionalProperties"] is False


@pytest.mark.parametrize("example", ["mortality", "mimic-demo-mortality"])
def test_the_examples_follow_the_schema(example: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    import yaml

    text = (EXAMPLES / example / "study.yaml").read_text()
    jsonschema.validate(yaml.safe_load(text), SCHEMA)
    study = load_study(EXAMPLES / example / "study.yaml")
    bind(study, ANALYSES)
    assert said(study)["study"]["id"] == study.about.id


def test_layout_and_comments_do_not_change_the_hash(tmp_path: Path) -> None:
    plain = load_study(EXAMPLES / "mortality" / "study.yaml")
    other = load_study(
        edited(
            tmp_path, ("split:\n", "# who is asked\nsplit:\n"), ("[elastic_net]", '["elastic_net"]')
        )
    )
    assert other.hash == plain.hash
    changed = load_study(edited(tmp_path / "b", ("seed: 1", "seed: 3")))
    assert changed.hash != plain.hash


TIMED = "  codes: [MEDS_DEATH]\n  horizon: 10d"

WRONG = [
    (
        ("population:", "populaton:"),
        "study.yaml:10:1: 'populaton' is not known here. Did you mean 'population'?",
    ),
    (("first_only: true", "first_olny: true"), "Did you mean 'first_only'?"),
    (("age_below: 18", "age_bellow: 18"), "Did you mean 'age_below'?"),
    (("age_below: 18", "age_below: 18, age_above: 90"), "exactly one rule"),
    (("task: task.yaml", "task: tusk.yaml"), "there is no task file 'tusk.yaml'"),
    (("features: features.yaml", "features: other.yaml"), "there is no feature definition file"),
    (("kind: random", "kind: randon"), "Did you mean 'random'?"),
    (("held_out: 0.3", "held_out: 0.4"), "must add up to 1"),
    (("question: predict", "question: causal"), "not answered yet"),
    (("  from: label", "  codes: [MEDS_DEATH]"), "needs a `horizon`"),
    (
        ("features: features.yaml", "time_at_risk: { start: 1d }\nfeatures: features.yaml"),
        "needs an outcome from events",
    ),
    (("  from: label", f"{TIMED}\ntime_at_risk: {{ start: 20d, end: 10d }}"), "contradict each"),
    (("  from: label", f"{TIMED}\ntime_at_risk: {{ end: 20d }}"), "contradict each other"),
    (("cuts: [50, 65, 80]", "cuts: [65, 50]"), "must rise"),
    (("  - site\n", "  - insurance\n"), "is no subgroup"),
    (("kind: random", "kind: site"), "held_out_sites"),
    (("  from: label", "  from: task"), "has no `biolake: outcome:`"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_is_wrong_is_told_where_it_stands(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = edited(tmp_path, change)
    with pytest.raises(BiolakeError, match=re.escape(message)) as refused:
        load_study(path)
    assert re.search(r"study\.yaml:\d+:\d+", refused.value.where)
    assert refused.value.exit_code in (2, 4)


ASKED = [
    (("predict: {", "predcit: {"), "no analysis is named 'predcit'. Did you mean 'predict'?"),
    (("models: [elastic_net]", "modles: [elastic_net]"), "has no option 'modles'. Did you mean"),
    (("[elastic_net]", "[elastic-net]"), "Did you mean 'elastic_net'?"),
    (("models: [elastic_net]", "recalibrate: 7"), "must be true or false"),
    (("predict: { models: [elastic_net] }", "incidence: { per: 0 }"), "at least 1"),
    (("predict: { models: [elastic_net] }", "discrete_survival"), "needs the option 'horizons'"),
]


@pytest.mark.parametrize(("change", "message"), ASKED)
def test_an_analysis_is_checked_against_its_own_signature(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    study = load_study(edited(tmp_path, change))
    with pytest.raises(StudyInvalid, match=re.escape(message)) as refused:
        bind(study, ANALYSES)
    assert re.search(r"study\.yaml:\d+:\d+", refused.value.where)


def test_features_may_stand_in_the_study_and_their_errors_point_there(tmp_path: Path) -> None:
    inline = "features:\n  features: inline\n  age: true\n  sxe: true\n"
    path = edited(tmp_path, ("features: features.yaml\n", inline))
    line = path.read_text().splitlines().index("  sxe: true") + 1
    with pytest.raises(BiolakeError, match="Did you mean 'sex'") as refused:
        load_study(path)
    assert refused.value.where.endswith(f"study.yaml:{line}:3")


def test_the_study_keeps_every_file_it_names() -> None:
    study = load_study(EXAMPLES / "mortality" / "study.yaml")
    assert [name for name, _ in study.files] == ["features.yaml", "predicates.yaml", "task.yaml"]
