"""The report: one page that stands alone, survives any result, and says nothing it was not told."""

from __future__ import annotations

import csv
import json
import math
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from tests.studies.report.fixture import STUDIES, emptied, full

from biolake.studies.report import tripod, write_report
from biolake.studies.report.markup import clean
from biolake.studies.report.page import page

VOID = {"meta", "br", "hr", "img", "input", "link"}
FETCHING = ("src", "srcset", "data", "poster", "action", "background", "xlink:href")


class Reader(HTMLParser):
    """Read a page strictly: elements nest, ids are unique, tables have as many cells as heads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> does not nest"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(params=sorted(STUDIES))
def study(request: pytest.FixtureRequest) -> dict[str, Any]:
    return STUDIES[request.param]()


def test_the_page_nests_and_its_ids_are_unique(study: dict[str, Any]) -> None:
    reader = read(page(study))
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for tag, name, value in reader.attributes:
        if name == "aria-labelledby" or (tag == "a" and value.startswith("#")):
            assert value.lstrip("#") in ids


def test_the_page_fetches_nothing_and_runs_nothing(study: dict[str, Any]) -> None:
    reader = read(page(study))
    assert not {"script", "link", "iframe", "object", "embed", "base", "img"} & set(reader.tags)
    for _, name, value in reader.attributes:
        assert name not in FETCHING
        assert not name.startswith("on")
        if name == "href":
            assert value.startswith("#")
        if name == "style":
            assert re.fullmatch(r"max-width:[\d.]+px;min-width:[\d.]+px", value)
    style = page(study).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_is_small_and_the_same_every_time(tmp_path: Path, study: dict[str, Any]) -> None:
    for name in ("one", "two"):
        write_report(study, tmp_path / name)
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    assert {file.name for file in (tmp_path / "one").iterdir()} == {
        "report.html",
        "model_card.md",
        "tripod.csv",
    }
    assert (tmp_path / "one" / "report.html").stat().st_size < 1_000_000


def test_a_result_read_back_from_json_gives_the_same_page() -> None:
    assert page(json.loads(json.dumps(full(), sort_keys=True))) == page(
        json.loads(json.dumps(full()))
    )


def test_text_from_a_study_never_becomes_markup() -> None:
    html = page(STUDIES["hostile"]())
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069]", html)
    assert clean("a\x00\u202eb\ud800") == "ab\ufffd"


def test_text_from_a_study_never_becomes_markdown(tmp_path: Path) -> None:
    write_report(STUDIES["hostile"](), tmp_path)
    card = (tmp_path / "model_card.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<", card)
    assert {line.count("|") - line.count(r"\|") for line in card.splitlines()} <= {0, 6, 11}


def test_the_checklist_file_holds_no_formula(tmp_path: Path) -> None:
    result = full()
    result["study"]["study"]["funding"] = "=cmd|'/c calc'!A1"
    write_report(result, tmp_path)
    held = csv.reader(StringIO((tmp_path / "tripod.csv").read_text(encoding="utf-8")))
    cells = [cell for row in held for cell in row]
    assert "'=cmd|'/c calc'!A1" in cells
    assert not [cell for cell in cells if cell[:1] in "=+@" and cell]


def test_every_picture_has_words_and_every_table_a_caption(study: dict[str, Any]) -> None:
    html = page(study)
    reader = read(html)
    labels = [
        value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-label")
    ]
    assert len(labels) == reader.tags.count("svg")
    assert all(len(label) > 20 for label in labels)
    assert html.count("<caption>") == reader.tags.count("table")
    assert reader.tags.count("h1") == 1
    assert not re.search(r"\bNaN\b|\bnan\b|\binf\b|\bNone\b", " ".join(reader.text))


def test_no_coordinate_is_missing_or_lost(study: dict[str, Any]) -> None:
    for tag, name, value in read(page(study)).attributes:
        if name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "d"):
            assert not re.search("nan|inf|None|e", value), (tag, name, value)


def numbers(value: Any) -> set[float]:
    """Collect every finite number of a result."""
    if isinstance(value, dict):
        return set().union(*(numbers(held) for held in value.values()), set())
    if isinstance(value, list):
        return set().union(*(numbers(held) for held in value), set())
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {float(value)} if is_number and math.isfinite(value) else set()


def test_every_number_of_the_key_results_stands_in_the_result() -> None:
    result = full()
    known = numbers(result)
    section = page(result).split('<section id="key-results"')[1].split("</table>")[0]
    cells = re.findall(r'<td class="n">([^<]+)</td>', section)
    shown = [part for cell in cells for part in re.findall(r"[−\d.\u202f]+(?!\d*%)", cell)]
    assert len(shown) > 20
    for text in shown:
        plain = text.replace("\u202f", "").replace("−", "-")
        places = len(plain.partition(".")[2])
        near = 0.5001 * 10**-places
        percents = {100 * 1645 / 12020}
        assert any(abs(float(plain) - one) <= near for one in known | percents), text


def test_sections_come_in_the_order_of_a_paper() -> None:
    names = re.findall(r'<section id="([a-z-]+)"', page(full()))
    assert names == [
        "key-results", "design", "flow", "table-one", "survival", "incidence", "cox",
        "performance", "discrimination", "calibration", "decision", "subgroups", "explanation",
        "conformal", "by-site", "sample-size", "leakage", "limitations", "tripod",
        "reproducibility",
    ]  # fmt: skip


def test_parts_that_are_missing_are_listed_with_reasons() -> None:
    html = page(STUDIES["descriptive"]())
    assert '<section id="performance"' not in html
    missing = html.split('<section id="not-here"')[1]
    assert "Model performance" in missing
    assert "Not asked for in the study file." in missing
    one_class = page(STUDIES["one class"]()).split('<section id="not-here"')[1]
    assert "Not estimable: no sample has the outcome." in one_class


def test_small_groups_and_unknown_figures_are_said_to_be_so() -> None:
    html = page(full())
    assert "suppressed (under 10)" in html
    assert "not estimable" in html
    assert "Too small to show (under 10 with or without the outcome)" in html
    assert "not estimable: no sample has the outcome" in page(STUDIES["one class"]())


def test_what_the_run_hid_is_said_to_be_hidden() -> None:
    result = full()
    result["survival"].append({"name": "death by any cause", "group": "rare", "suppressed": True})
    result["survival"][0]["at_risk"][-1][1] = None
    result["incidence"].append({"group": "rare ward", "suppressed": True})
    result["cohort"]["by_site"][2]["events"] = None
    html = page(result)
    assert "Too small to show: rare." in html
    assert html.count("&lt;10<") >= 2
    assert "rare ward" in html


def test_other_analyses_are_shown_as_estimates() -> None:
    result = full()
    row = {"name": "rmst", "group": "all", "estimate": 31.24, "low": 29.1, "high": 33.4}
    result["others"] = [{"name": "rmst", "title": "Mean time", "estimates": [row | {"unit": "d"}]}]
    assert "31.2 (29.1 to 33.4)" in page(result).split('<section id="others"')[1]


def test_figures_over_follow_up_are_called_concordance() -> None:
    result = full()
    result["models"][0]["evaluation"]["held_out"]["horizon_days"] = 30
    assert "(Concordance (C) 0.812, 95% CI" in page(result)


def test_a_small_sample_and_a_leak_are_warned_of_at_the_top() -> None:
    result = full()
    result["leakage"]["shuffle_test"] = "failed"
    top = page(result).split('<section id="key-results"')[0]
    assert "The sample is too small." in top
    assert "The future leaks into the features." in top
    assert "do not use these figures" in top


def test_a_missing_or_spoiled_key_never_stops_the_report() -> None:
    for name, result in emptied():
        assert page(result).endswith("</html>\n"), name
        assert tripod(result), name


@pytest.mark.parametrize("result", [{"models": "x"}, {"attrition": [None, 3]}, {"study": []}])
def test_a_result_of_the_wrong_shape_never_stops_the_report(result: Any, tmp_path: Path) -> None:
    write_report(result, tmp_path)
    read((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_the_model_card_names_what_a_user_must_know(tmp_path: Path) -> None:
    write_report(full(), tmp_path)
    card = (tmp_path / "model_card.md").read_text(encoding="utf-8")
    for head in ("Intended use", "Population", "Training data", "Performance", "Subgroups",
                 "Limits", "Provenance"):  # fmt: skip
        assert f"\n## {head}\n" in card
    assert "0.812 (0.794 to 0.831)" in card
    write_report(STUDIES["descriptive"](), tmp_path)
    assert "no prediction model" in (tmp_path / "model_card.md").read_text(encoding="utf-8")
