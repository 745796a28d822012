"""status, quality, codes, subject, events, commits, verify, doctor: what a loaded lake tells."""

from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest
from tests.cli.source import call, loaded, refused, told

from biolake.cli.doctor import satisfies
from biolake.cli.pages import counted, share, size, write_long
from biolake.lake.lake import actor

LAST = ["1,234,567,890", "LONGER//CODE"]


def events(lake, *words):
    return told("--lake", lake, "events", "--limit", 0, *words)["events"]


def test_status_counts_what_is_there(lake):
    held = told("--lake", lake, "status")
    expected = {"subjects": 3, "events": 4, "codes": 2, "commit": 1, "quarantined": 1, "loads": 1}
    assert {name: held[name] for name in expected} == expected
    assert held["tables"]["events"]["rows"] == 4
    assert held["sites"][0]["site"] == "main"
    assert (held["first_event"], held["last_event"]) == (
        "2024-01-02T08:00:00",
        "2024-01-05T09:00:00",
    )


def test_status_of_an_empty_lake_says_what_comes_next(lake):
    assert told("--lake", lake, "status", "--at", 0)["events"] == 0
    assert "biolake ingest FOLDER" in call("--lake", lake, "status", "--at", 0).stdout


def test_quality_judges_by_the_thresholds_given(lake, tmp_path):
    def verdict(*words):
        checks = told("--lake", lake, "quality", *words)["checks"]
        return {check["check"]: check["verdict"] for check in checks}["quarantined rows"]

    assert verdict() == "fail"
    mild = tmp_path / "mild.csv"
    mild.write_text("check,warn,fail\nquarantined rows,0.1,0.5\n")
    assert verdict("--thresholds", mild) == "warn"
    mild = tmp_path / "mild.yaml"
    mild.write_text("quarantined rows: {warn: 0.5, fail: 0.9}\n")
    assert verdict("--thresholds", mild) == "ok"


def test_quality_refuses_a_threshold_for_no_check(lake, tmp_path):
    (tmp_path / "odd.csv").write_text("check,warn,fail\nquarantined row,0,0\n")
    code, error = refused("--lake", lake, "quality", "--thresholds", tmp_path / "odd.csv")
    assert code == 2
    assert "Did you mean 'quarantined rows'?" in error["message"]


def test_quality_refuses_thresholds_that_are_none(lake, tmp_path):
    for text in ("a: [", "- 1", "quarantined rows: {warn: much}", "quarantined rows: {fail: 7}"):
        (tmp_path / "odd.yaml").write_text(text)
        assert refused("--lake", lake, "quality", "--thresholds", tmp_path / "odd.yaml")[0] == 2


def test_quality_is_for_a_site_or_a_load(lake):
    assert told("--lake", lake, "quality", "--site", "main")["checks"]
    assert refused("--lake", lake, "quality", "--load", "L0000000009")[0] == 2


def test_quality_shows_the_worst_first(lake):
    checks = told("--lake", lake, "quality")["checks"]
    order = ["fail", "warn", "ok"]
    assert [c["verdict"] for c in checks] == sorted((c["verdict"] for c in checks), key=order.index)
    assert "labs" in call("--lake", lake, "quality", "--items", 2).stdout


def test_codes_search_finds_words_of_the_description(lake):
    found = told("--lake", lake, "codes", "search", "SERUM", "sod")
    assert [code["code"] for code in found["codes"]] == ["LAB//sodium"]
    assert told("--lake", lake, "codes", "search", "sodum")["did_you_mean"] == "sodium"


def test_codes_show_gives_counts_units_and_percentiles(lake):
    shown = told("--lake", lake, "codes", "show", "LAB//potassium")
    assert shown["description"] == "Potassium in serum"
    assert (shown["events"], shown["subjects"]) == (2, 2)
    (values,) = shown["values"]
    assert (values["unit"], values["count"]) == ("mmol/L", 2)
    assert values["p50"] == pytest.approx(5.6)


def test_an_unknown_code_names_the_nearest(lake):
    code, error = refused("--lake", lake, "codes", "show", "LAB//sodiun")
    assert code == 2
    assert "Did you mean 'LAB//sodium'?" in error["message"]


def test_subject_show_is_in_order_of_time(lake):
    shown = told("--lake", lake, "subject", "show", 1)
    assert [event["value"] for event in shown["timeline"]] == [140.0, 141.5]
    assert shown["timeline"][0]["description"] == "Sodium in serum"
    assert len(told("--lake", lake, "subject", "show", 1, "--limit", 1)["timeline"]) == 1
    assert refused("--lake", lake, "subject", "show", 77)[0] == 2


def test_events_are_filtered(lake):
    assert len(events(lake)) == 4
    assert len(events(lake, "--code", "LAB//sodium")) == 2
    assert len(events(lake, "--code", "LAB//*", "--subject", 3)) == 1
    assert len(events(lake, "--from", "2024-01-03", "--to", "2024-01-05")) == 1
    assert events(lake, "--site", "elsewhere") == []
    assert len(events(lake, "--source", "labs")) == 4
    assert len(told("--lake", lake, "events", "--limit", 3)["events"]) == 3
    assert events(lake, "--at", 0) == []


def test_events_hold_the_value_as_it_was_written(lake):
    (event,) = events(lake, "--subject", 3)
    assert event["numeric_value"] == 7.1
    assert event["time"] == "2024-01-05T09:00:00"


def test_events_come_as_csv_json_and_parquet_alike(lake, tmp_path):
    text = call("--lake", lake, "events", "--limit", 0, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    told("--lake", lake, "events", "--limit", 0, "--out", tmp_path / "all.parquet")
    stored = pq.read_table(tmp_path / "all.parquet")
    assert [int(row["subject_id"]) for row in rows] == stored["subject_id"].to_pylist()
    assert [row["code"] for row in rows] == [event["code"] for event in events(lake)]
    assert str(stored.schema.field("numeric_value").type) == "float"


def test_a_file_that_failed_leaves_nothing_behind(lake, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("biolake.cli.events._write_csv", fail)
    out = tmp_path / "out" / "x.csv"
    out.parent.mkdir()
    assert refused("--lake", lake, "events", "--out", out)[0] == 1
    assert list(out.parent.iterdir()) == []


def test_parquet_needs_a_file_and_a_table_is_for_the_screen(lake, tmp_path):
    assert refused("--lake", lake, "events", "--out", tmp_path / "x", "--format", "table")[0] == 2
    assert call("--lake", lake, "events", "--format", "parquet").exit_code == 2
    assert "7.1" in call("--lake", lake, "events").stdout


def test_a_table_of_events_has_one_head_however_long(lake, monkeypatch):
    whole = call("--lake", lake, "events").stdout
    monkeypatch.setattr("biolake.cli.events._BATCH", 1)
    assert call("--lake", lake, "events").stdout == whole
    monkeypatch.setattr("biolake.cli.pages._CHUNK", 3)
    pieces = call("--lake", lake, "events", "--limit", 0).stdout
    assert pieces == whole
    assert pieces.count("subject") == 1


def test_later_rows_of_a_long_table_are_never_cut(capsys, monkeypatch):
    monkeypatch.setattr("biolake.cli.pages._CHUNK", 1)
    assert write_long([">id", "code"], [(1, "A"), (1234567890, "LONGER//CODE")]) == 2
    assert capsys.readouterr().out.split() == ["id", "code", "─" * 9, "1", "A", *LAST]
    assert write_long(["id"], []) == 0
    assert not capsys.readouterr().out


def test_a_long_table_keeps_to_a_narrow_terminal(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", "30")
    write_long(["what", "source"], [("a long reading " * 4, "labevents")])
    assert "labevents" in screen.getvalue()
    assert "what" in screen.getvalue()


def test_commits_tells_who_as_the_system_knows_them(lake, monkeypatch):
    for name in ("BIOLAKE_ACTOR", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _: ["ana"])
    assert actor() == "ana"
    monkeypatch.setenv("BIOLAKE_ACTOR", "night job")
    assert actor() == "night job"
    monkeypatch.delenv("BIOLAKE_ACTOR")
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}["nobody"])
    assert actor() == "unknown"


def test_commits_lists_every_state(lake):
    listed = told("--lake", lake, "commits")["commits"]
    assert [commit["commit"] for commit in listed] == [0, 1]
    assert listed[1]["counts"]["added"] == 4
    assert len(told("--lake", lake, "commits", "--limit", 1)["commits"]) == 1


def test_verify_passes_a_whole_lake_and_fails_a_damaged_one(tmp_path):
    root = loaded(tmp_path)
    assert told("--lake", root, "verify")["ok"] is True
    next((root / "codes").glob("*.parquet")).write_bytes(b"PAR1")
    result = call("--lake", root, "verify")
    assert result.exit_code == 4
    assert "codes" in result.stdout
    assert "does not hold what it says" in result.stderr


def test_doctor_tells_what_is_installed_and_how_the_lake_is(lake):
    found = told("--lake", lake, "doctor")
    assert found["missing"] == []
    assert {"duckdb", "pyarrow", "deltalake"} <= {p["name"] for p in found["packages"]}
    assert {"s3", "learn"} <= {extra["extra"] for extra in found["extras"]}
    assert all(extra["enables"] for extra in found["extras"])
    assert found["lake"]["ok"] is True
    assert found["lake"]["commit"] == 1


def test_doctor_without_a_lake_is_content(tmp_path):
    found = told("--lake", tmp_path / "none", "doctor")
    assert found["lake"]["ok"] is False


def test_doctor_exits_3_when_something_required_is_missing(monkeypatch):
    from biolake.cli.doctor import Needed

    lacking = [Needed("duckdb", ">=2.0,<3", "", "1.4.0"), Needed("numpy", ">=2.0", "", "")]
    monkeypatch.setattr("biolake.cli.doctor.packages", lambda: lacking)
    result = call("doctor")
    assert result.exit_code == 3
    assert "missing: duckdb, numpy" in result.stderr


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("2.0", ">=2.0.0,<3", True),
        ("3.0.1", ">=2,<3", False),
        ("1.9", ">=2", False),
        ("1", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version, wanted, fits):
    assert satisfies(version, wanted) is fits


def test_figures_are_never_rounded_to_a_false_zero():
    assert [share(0, 5), share(1, 10**6), share(5, 5)] == ["0 %", "< 0.01 %", "100 %"]
    assert [size(5), size(1536)] == ["5 B", "1.5 KiB"]


def test_one_is_not_told_as_many():
    told_as = [counted(n, "subject") for n in (0, 1, 2000)]
    assert told_as == ["0 subjects", "1 subject", "2,000 subjects"]


def test_a_question_that_cannot_be_answered_is_one_document(lake):
    code, error = refused("--lake", lake, "events", "--code", "LAB//sodum")
    assert code == 2
    assert "Did you mean 'LAB//sodium'?" in error["message"]


def test_a_file_that_is_gone_is_named(tmp_path):
    root = loaded(tmp_path)
    for file in (root / "events_by_code").rglob("*.parquet"):
        file.unlink()
    code, error = refused("--lake", root, "codes", "show", "LAB//sodium")
    assert (code, error["code"]) == (4, "lake_damaged")
    assert error["where"].endswith(".parquet")
