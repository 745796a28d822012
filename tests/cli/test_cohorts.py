"""cohort build, count, list, show: from a task file to labels, and counts while one thinks."""

from __future__ import annotations

import pyarrow.parquet as pq
from tests.cli.source import call, loaded, refused, told

TASK = """
predicates:
  sodium: {code: LAB//sodium}
  high: {code: LAB//sodium, value_min: 141}
trigger: sodium
windows:
  next:
    start: trigger
    end: start + 2d
    start_inclusive: false
    end_inclusive: true
    has: {}
    index_timestamp: start
    label: high
"""


def task(folder):
    path = folder / "task.yaml"
    path.write_text(TASK)
    return path


def test_a_cohort_is_built_told_and_written(lake, tmp_path):
    out = tmp_path / "labels.parquet"
    data = told("--lake", lake, "cohort", "build", task(tmp_path), "--out", out)
    assert (data["samples"], data["subjects"], data["positive"]) == (2, 1, 1)
    assert data["attrition"][0]["rows"] == 2
    labels = pq.read_table(out)
    assert labels.column_names == ["subject_id", "prediction_time", "boolean_value"]
    assert labels["boolean_value"].to_pylist() == [True, False]


def test_the_sql_is_shown_only_when_asked_for(lake, tmp_path):
    assert "SELECT" not in call("--lake", lake, "cohort", "build", task(tmp_path)).stdout
    assert "SELECT" in call("--lake", lake, "cohort", "build", task(tmp_path), "--sql").stdout


def test_a_named_cohort_is_kept_with_its_definition(tmp_path):
    lake = loaded(tmp_path)
    assert told("--lake", lake, "cohort", "list") == []
    told("--lake", lake, "cohort", "build", task(tmp_path), "--name", "sodium")
    told("--lake", lake, "cohort", "build", task(tmp_path), "--name", "sodium")
    (listed,) = told("--lake", lake, "cohort", "list")
    assert (listed["name"], listed["commit"], listed["samples"]) == ("sodium", 1, 2)
    assert told("--lake", lake, "cohort", "show", "sodium")["task_text"] == TASK
    code, error = refused("--lake", lake, "cohort", "show", "sodum")
    assert code == 2
    assert "Did you mean 'sodium'" in error["message"]


def test_a_code_nobody_has_is_refused_by_name(lake, tmp_path):
    path = tmp_path / "task.yaml"
    path.write_text(TASK.replace("{code: LAB//sodium}", "{code: LAB//sodum}"))
    code, error = refused("--lake", lake, "cohort", "build", path, "--out", tmp_path / "x.parquet")
    assert code in (2, 4)
    assert "LAB//sodum" in error["message"]
    assert not (tmp_path / "x.parquet").exists()


def test_criteria_are_counted_alone_and_one_after_the_other(lake):
    counts = told("--lake", lake, "cohort", "count", "LAB//*", "not LAB//sodium")["criteria"]
    assert [(c["subjects"], c["remaining"]) for c in counts] == [(3, 3), (2, 2)]
    assert told("--lake", lake, "cohort", "count", "LAB//sodium")["events"] == 2


def test_criteria_may_have_limits_times_and_an_order(lake):
    def remaining(text):
        return told("--lake", lake, "cohort", "count", text)["criteria"][-1]["remaining"]

    assert remaining("LAB//potassium >= 5") == 1
    assert remaining("LAB//sodium x 2") == 1
    assert remaining("LAB//sodium x 3") == 0
    assert remaining("LAB//sodium then LAB//sodium within 1 days") == 1
    assert remaining("LAB//sodium | LAB//potassium") == 3
    code, error = refused("--lake", lake, "cohort", "count", "XYZ//*")
    assert code == 2
    assert "XYZ" in error["message"]


def test_a_file_that_is_not_there_is_wrong_use(lake, tmp_path):
    words = ("--lake", lake, "cohort", "build", task(tmp_path))
    for more in (("--predicates", tmp_path / "none.yaml"), ("--vocabulary", tmp_path / "none")):
        code, error = refused(*words, *more)
        assert code == 2
        assert "does not exist" in error["message"]
    code, error = refused(*words, "--out", tmp_path / "none" / "labels.parquet")
    assert code == 2
    assert "no such folder" in error["message"]


def test_a_wrong_key_of_the_predicates_is_named(lake, tmp_path):
    (tmp_path / "mine.yaml").write_text("predicats: {}\n")
    words = ("cohort", "build", task(tmp_path), "--predicates", tmp_path / "mine.yaml")
    code, error = refused("--lake", lake, *words)
    assert code == 4
    assert "Did you mean 'predicates'?" in error["message"]
    assert error["where"].endswith("mine.yaml:1:1")


def test_an_option_for_the_other_kind_of_task_is_refused(lake, tmp_path):
    (tmp_path / "atlas.json").write_text("{}")
    words = ("--lake", lake, "cohort", "build")
    assert refused(*words, task(tmp_path), "--vocabulary", tmp_path)[0] == 2
    words = (*words, tmp_path / "atlas.json")
    assert refused(*words, "--predicates", task(tmp_path))[0] == 2
    assert "--vocabulary" in refused(*words)[1]["next"]


def test_a_broken_circe_definition_is_told_with_its_file(lake, tmp_path):
    for content in (b"{", b"{}", b"\xff"):
        (tmp_path / "atlas.json").write_bytes(content)
        words = ("cohort", "build", tmp_path / "atlas.json", "--vocabulary", tmp_path)
        code, error = refused("--lake", lake, *words)
        assert code == 4
        assert error["where"].startswith("atlas.json")


def test_one_is_not_told_as_many_and_sql_only_on_demand(tmp_path):
    lake = loaded(tmp_path)
    page = call("--lake", lake, "cohort", "build", task(tmp_path), "--name", "sodium").stdout
    assert "2 samples of 1 subject, 1 of them positive" in page
    page = call("--lake", lake, "cohort", "show", "sodium").stdout
    assert "sodium: task.yaml at commit 1." in page
    assert "SELECT" not in page
