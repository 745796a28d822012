"""study: what is refused, in one line and with the right exit code, before anything is fitted."""

from __future__ import annotations

import pytest
from tests.cli.source import call, refused
from tests.cli.test_cohorts import task
from tests.cli.test_features import FEATURES

STUDY = """
study: {id: tiny, title: Tiny, question: describe}
population: {task: task.yaml}
features: features.yaml
analyses:
  - table_one: {}
"""


@pytest.fixture
def study(tmp_path):
    task(tmp_path)
    (tmp_path / "features.yaml").write_text(FEATURES)
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path / "study.yaml"


def either(lake, study, folder):
    """Say both `check` and `run` of a study, so that each refuses what is wrong with it."""
    run = ("--lake", lake, "study", "run", study, "--out", folder / "out")
    return ("--lake", lake, "study", "check", study), run


def test_a_study_that_is_not_there_is_wrong_use(lake, tmp_path):
    for words in either(lake, tmp_path / "none.yaml", tmp_path):
        code, error = refused(*words)
        assert code == 2
        assert "none.yaml' does not exist" in error["message"]


def test_a_wrong_key_is_named_where_it_stands(lake, study, tmp_path):
    study.write_text(STUDY.replace("analyses", "analises"))
    for words in either(lake, study, tmp_path):
        code, error = refused(*words)
        assert (code, error["code"]) == (4, "study_invalid")
        assert "Did you mean 'analyses'?" in error["message"]
        assert error["where"].endswith("study.yaml:5:1")
    assert not (tmp_path / "out").exists()


def test_a_task_that_is_not_beside_the_study_is_named(lake, study, tmp_path):
    (tmp_path / "task.yaml").unlink()
    for words in either(lake, study, tmp_path):
        code, error = refused(*words)
        assert code == 4
        assert "there is no task file 'task.yaml'" in error["message"]


def test_an_unknown_analysis_names_the_nearest(lake, study, tmp_path):
    study.write_text(STUDY.replace("table_one", "tabel_one"))
    for words in either(lake, study, tmp_path):
        code, error = refused(*words)
        assert code == 4
        assert "Did you mean 'table_one'?" in error["message"]


def test_a_study_needs_a_lake(study, tmp_path):
    for words in either(tmp_path / "nowhere", study, tmp_path):
        assert refused(*words)[0] == 3


def test_a_folder_in_use_is_refused_and_kept(lake, study, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    code, error = refused("--lake", lake, "study", "run", study, "--out", tmp_path / "out")
    assert code == 2
    assert "not empty" in error["message"]
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_no_cores_are_refused(lake, study, tmp_path):
    words = ("--lake", lake, "study", "run", study, "--out", tmp_path / "out", "--threads", 0)
    assert refused(*words)[0] == 2


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b'{"schema": "another"}'])
def test_a_folder_that_holds_no_run_is_told_so(tmp_path, content):
    if content is not None:
        (tmp_path / "result.json").write_bytes(content)
    code, error = refused("study", "show", tmp_path)
    assert code == 2
    assert error["message"] == "this folder holds no study run"
    assert "biolake study run" in error["next"]
    assert len(call("study", "show", tmp_path).stderr.splitlines()) == 2


def test_a_folder_that_holds_no_model_is_told_so(lake, tmp_path):
    for word in ("evaluate", "validate"):
        words = ("--lake", lake, "study", word, tmp_path, "--out", tmp_path / "out")
        code, error = refused(*words)
        assert code == 3
        assert "there is no model here" in error["message"]
