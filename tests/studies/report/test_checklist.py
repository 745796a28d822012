"""TRIPOD+AI is filled from the run where it knows, from the authors where it cannot."""

from __future__ import annotations

import json

from tests.studies.report.fixture import STUDIES, full

from biolake.studies.report import counts, tripod
from biolake.studies.report.checklist import FACTS, RULES, asked, elements

ITEMS = [str(number) for number in range(1, 28)]


def test_the_checklist_covers_all_27_items_and_names_only_what_exists() -> None:
    held = asked()
    assert len({one.element for one in held}) == len(held)
    assert {one.item.rstrip("abcdefg") for one in held} == set(ITEMS)
    assert len({one.item for one in held}) == 52
    for one in held:
        assert set(one.provenance) <= set(FACTS), one.element
        assert one.not_applicable in ("", *RULES), one.element
        assert one.provenance or one.author or one.not_applicable, one.element
    assert {name for one in held for name in one.provenance} == set(FACTS)


def test_a_full_study_is_mostly_filled_by_the_run() -> None:
    number = counts(tripod(full()))
    assert sum(number.values()) == len(asked()) == 123
    assert number["provenance"] >= 80
    assert number["missing"] <= 22


def test_what_software_can_know_is_never_missing_in_a_full_study() -> None:
    missing = [one for one in tripod(full()) if one.filled_by == "missing"]
    sources = {one.element: one for one in asked()}
    assert all(not sources[one.element].provenance for one in missing)
    assert all(one.content.startswith("Write `") for one in missing)


def test_an_author_who_writes_every_key_leaves_nothing_missing() -> None:
    result = full()
    for one in asked():
        for key in one.author:
            result["study"]["study"].setdefault(key, f"What the authors say of {key}.")
    assert counts(tripod(result))["missing"] == 0


def test_a_study_without_models_needs_no_model_elements() -> None:
    held = {one.element: one for one in tripod(STUDIES["descriptive"]())}
    assert held["12c.1"].filled_by == "not_applicable"
    assert held["12c.1"].content == "The study makes no prediction model."
    assert held["20a.1"].filled_by == "provenance"


def test_nothing_is_said_without_a_source() -> None:
    number = counts(tripod({}))
    assert number["provenance"] == 0
    assert number["author"] == 0


def test_a_checklist_that_stands_in_the_result_is_the_one_shown() -> None:
    result = full()
    result["tripod"] = json.loads(json.dumps([one.as_json() for one in tripod(result)]))
    assert elements(result) == tripod(result)
    result["tripod"][0] |= {"filled_by": "magic", "section": None}
    assert elements(result)[0].filled_by == "missing"
    assert elements(result)[0].section == "Title and abstract"
