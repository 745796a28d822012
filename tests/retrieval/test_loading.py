"""A feature definition says exactly what it says, and every mistake is shown where it stands."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from biolake.core.errors import SetupMissing
from biolake.retrieval.definition import (
    AGGREGATIONS,
    DAY,
    CodeSelection,
    Embedding,
    FeaturesInvalid,
    Window,
)
from biolake.retrieval.loading import _WORDS, load_definition, parse_definition

WHOLE = """
features: inpatient   # a comment
version: "2"
units: majority
age: true
sex: true
windows:
  day: {lookback: 1d}
  year: {lookback: 365d, gap: 6h, end: exclusive}
  ever: {lookback: unbounded}
groups:
  labs:
    codes: {prefix: [LAB//]}
    windows: [day, ever]
    aggregations: [count, slope]
    min_subjects: 10
    top: 500
  drugs: {codes: {file: drugs.txt}, windows: [year], aggregations: [presence], columns: one}
static: {codes: all, top: 50}
"""


def test_a_definition_is_read_whole(tmp_path: Path):
    (tmp_path / "drugs.txt").write_text("# statins\nRX//1\n\nRX//2\nRX//1\n")
    (tmp_path / "FEATURES.yaml").write_text(WHOLE)
    found = load_definition(tmp_path / "FEATURES.yaml")
    labs, drugs = found.groups
    assert (found.name, found.version, found.age, found.majority_unit) == (
        "inpatient",
        "2",
        True,
        True,
    )
    assert labs.codes == CodeSelection("prefix", ("LAB//",))
    assert (labs.min_subjects, labs.top, labs.each) == (10, 500, True)
    assert labs.windows == (Window("day", DAY), Window("ever", None))
    assert drugs.codes.words == ("RX//1", "RX//2")
    assert drugs.windows == (Window("year", 365 * DAY, DAY // 4 + 1),)
    assert not drugs.each
    assert found.static is not None
    assert found.static.top == 50
    assert found.sex == ("GENDER//", "SEX//")


def test_the_hash_is_of_what_is_said_and_not_of_its_layout(tmp_path: Path):
    text = WHOLE.replace("{file: drugs.txt}", "[RX//1]")
    same = "# other\n\n" + text.replace("{lookback: 1d}", "\n    lookback: 24h")
    assert parse_definition(text).hash == parse_definition(same, "other.yaml").hash
    assert parse_definition(text).hash != parse_definition(text.replace("top: 500", "top: 5")).hash


GROUP = "groups:\n  g: {codes: %s, windows: [w], aggregations: [%s]%s}"
WINDOW = "windows:\n  w: {lookback: %s}\n"


def group(codes: str = "all", names: str = "count", more: str = "", lookback: str = "1d") -> str:
    return "features: f\n" + WINDOW % lookback + GROUP % (codes, names, more)


def embedding(modality: str = "ecg", window: str = "week", more: str = "pick: latest") -> str:
    named = "windows: {week: {lookback: 7d}}"
    asked = f"{{name: n, encoder: e, modality: {modality}, window: {window}, {more}}}"
    return f"features: f\n{named}\nembeddings: [{asked}]"


def test_embeddings_are_read_whole():
    text = embedding(window="{lookback: 365d, gap: 1d, end: exclusive}", more="components: 20")
    (found,) = parse_definition(text).embeddings
    window = Window("", 365 * DAY, DAY + 1)
    assert found == Embedding("n", "e", "ecg", window, "latest", 20)
    (found,) = parse_definition(embedding(more='pick: mean, encoder_version: "2"')).embeddings
    assert found == Embedding("n", "e", "ecg", Window("week", 7 * DAY), "mean", None, "2")


def test_a_definition_without_embeddings_keeps_the_hash_it_always_had():
    found = parse_definition("features: f\nage: true")
    before = {
        "age": True, "description": "", "groups": [], "majority_unit": False, "name": "f",
        "sex": [], "static": None, "version": "1",
    }  # fmt: skip
    said = json.dumps(before, sort_keys=True)
    assert found.hash == hashlib.sha256(said.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("features: f\nwindow: {}", "2:1", "Did you mean 'windows'"),
        ("features: f", "1:1", "asks for no feature"),
        ("age: true", "1:1", "'features' is missing"),
        (group(lookback="1 year"), "3:17", "a whole number and a unit of time"),
        (group(lookback="0d"), "3:17", "sees nothing"),
        (group(lookback="1d, ends: exclusive"), "3:21", "Did you mean 'end'"),
        (group(lookback="1d, end: open"), "3:26", "inclusive or exclusive"),
        (group(names="median"), "5:48", "none of the aggregations"),
        (group(names="meen"), "5:48", "Did you mean 'mean'"),
        (group(names="count, count"), "5:55", "given twice"),
        (group(more=", tops: 3"), "5:56", "Did you mean 'top'"),
        (group(more=", top: 0"), "5:61", "whole number from 1"),
        (group(more=", columns: one, top: 3"), "5:75", "share one column"),
        (group(codes="{prefixes: X}"), "5:15", "Did you mean 'prefix'"),
        (group(codes="{prefix: X, regex: Y}"), "5:14", "one of prefix, regex"),
        (group(codes="[]"), "5:14", "none of them empty"),
        (group(codes="{file: x.txt}"), "5:21", "itself a file"),
        (group().replace("windows: [w]", "windows: [v]"), "5:29", "none of the windows"),
        ("features: f\nstatic: {codes: [MEDS_DEATH]}", "2:17", "tells the future"),
        ("features: f\nembeddings: [{encoder: e}]", "2:14", "'name' is missing"),
        ("features: f\nembeddings: []", "2:13", "empty list"),
        (embedding(modality="xay"), "3:46", "Did you mean 'xray'"),
        (embedding(window="wek"), "3:59", "Did you mean 'week'"),
        (embedding(window="{lookback: 0d}"), "3:70", "sees nothing"),
        (embedding(more="pick: first"), "3:71", "latest or mean"),
        (embedding(more="components: 0"), "3:77", "whole number from 1"),
        (embedding(more="component: 4"), "3:65", "Did you mean 'components'"),
        (
            embedding(more="pick: mean}, {name: n, encoder: e, modality: ct, window: week"),
            "3:85",
            "two embeddings",
        ),
        ("features: f\nage: old", "2:6", "true or false"),
        ("features: [", "1:12", "not YAML"),
    ],
)
def test_mistakes_are_shown_where_they_stand(text: str, where: str, said: str):
    with pytest.raises(FeaturesInvalid) as caught:
        parse_definition(text)
    assert caught.value.where == f"FEATURES.yaml:{where}"
    assert said in str(caught.value)


def test_files_that_are_not_there_are_named(tmp_path: Path):
    with pytest.raises(SetupMissing, match="no feature definition"):
        load_definition(tmp_path / "FEATURES.yaml")
    (tmp_path / "FEATURES.yaml").write_text(group(codes="{file: gone.txt}"))
    with pytest.raises(FeaturesInvalid, match="cannot be read"):
        load_definition(tmp_path / "FEATURES.yaml")
    (tmp_path / "gone.txt").write_text("# nothing\n")
    with pytest.raises(FeaturesInvalid, match="lists no code"):
        load_definition(tmp_path / "FEATURES.yaml")


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "features.md"


def test_the_reference_describes_every_key_and_its_example_is_read():
    page = PAGE.read_text(encoding="utf-8")
    found = parse_definition(page.split("```yaml")[1].split("```")[0])
    assert found.embeddings[0].components == 20
    keys = {"lookback", "gap", "columns", "min_subjects", "top", *AGGREGATIONS, *_WORDS}
    keys |= {*Embedding.__dataclass_fields__}
    assert {key for key in keys if f"`{key}`" not in page} == set()
