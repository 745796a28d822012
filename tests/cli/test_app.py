"""The whole command line: help, typos, envelopes, exit codes, and how it ends."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from tests.cli.source import PYTHON, call, refused, told, write

from biolake.cli import main

HEAVY = {"duckdb", "pyarrow", "numpy", "pandas", "deltalake", "pydantic", "yaml"}


def every_command(
    group: click.Group = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    for name, made in group.commands.items():
        if isinstance(made, click.Group):
            yield from every_command(made, (*path, name))
        else:
            yield (*path, name)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom biolake.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Load a hospital:" in done.stdout


def test_help_is_one_line_a_command_even_on_a_narrow_terminal():
    text = call("--help").stdout
    for path in {path[0] for path in every_command()}:
        assert len([line for line in text.splitlines() if line.startswith(f"  {path} ")]) == 1
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.split("Options:")[1]
    commands = text.split("Load a hospital:")[1].split("Examples:")[0]
    assert not [line for line in commands.splitlines() if line.startswith("   ")]


@pytest.mark.parametrize("path", sorted(every_command()), ids=" ".join)
def test_every_command_explains_itself_with_an_example(path):
    result = call(*path, "--help")
    assert result.exit_code == 0
    assert f"  biolake {path[0]}" in result.stdout or f" {path[0]}" in result.stdout
    assert "Example" in result.stdout
    assert "--json" in result.stdout


def test_help_goes_from_the_data_to_the_questions():
    text = call("--help").stdout
    parts = ["Load a hospital:", "Ask the data:", "Ask a question:", "Account for the data:"]
    assert sorted(parts, key=text.index) == parts


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("raise ModuleNotFoundError(\"No module named 'click'\")", "No module named 'click'"),
        ("raise ValueError('Jane Doe')", "an unexpected ValueError"),
    ],
)
def test_a_command_line_that_cannot_start_says_so_in_one_line(fault, says):
    code = (
        "import builtins, sys\nreal = builtins.__import__\n"
        "def refuse(name, *rest):\n"
        f"    if name == 'biolake.cli.app':\n        {fault}\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = refuse\nimport biolake.cli"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    first, then = done.stderr.splitlines()
    assert f"biolake cannot start: {says}" in first
    assert "pip install" in then
    done = subprocess.run(
        [PYTHON, "-c", code, "--json"], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["error"]["code"] == "setup_missing"


def test_a_package_that_is_not_installed_is_named(lake, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "biolake.lake.door")
    code, error = refused("--lake", lake, "status")
    assert (code, error["code"]) == (3, "setup_missing")
    assert error["message"] == "the Python package 'duckdb' is not installed"


def test_a_typo_in_a_command_names_the_nearest_one():
    result = call("statsu")
    assert result.exit_code == 2
    assert 'No such command "statsu". Did you mean "status"?' in result.stderr
    assert not result.stdout


def test_a_typo_under_json_is_an_envelope():
    code, error = refused("codes", "serch", "x")
    assert code == 2
    assert error["code"] == "wrong_use"
    assert error["message"] == 'No such command "serch". Did you mean "search"?'


def test_shared_options_are_taken_before_and_after_the_command(lake):
    before = told("--json", "--lake", lake, "--at", 0, "status")
    after = told("status", "--lake", lake, "--at", 0)
    assert before == after
    assert before["commit"] == 0


def test_the_lake_is_the_option_then_the_variable_then_the_folder(lake, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, error = refused("status")
    assert code == 3
    assert error["where"].endswith("/lake")
    monkeypatch.setenv("BIOLAKE_LAKE", str(lake))
    assert told("status")["root"] == str(lake)
    assert refused("--lake", "elsewhere", "status")[1]["where"].endswith("/elsewhere")


def test_at_is_refused_where_nothing_is_read(lake):
    code, error = refused("--lake", lake, "--at", 0, "ingest", "x")
    assert code == 2
    assert "--at" in error["message"]


def test_an_unknown_commit_is_wrong_use(lake):
    code, error = refused("--lake", lake, "status", "--at", 99)
    assert code == 2
    assert "0 to 1" in error["message"]


def test_an_error_for_a_person_goes_to_stderr_with_the_next_step():
    result = call("--lake", "nowhere", "status")
    assert result.exit_code == 3
    assert not result.stdout
    assert result.stderr.startswith("Error: ")
    assert "biolake --lake PATH init" in result.stderr


def test_an_unforeseen_fault_is_one_line_without_what_it_quotes(lake, monkeypatch):
    def fail(*_, **__):
        raise ValueError("value 'Jane Doe' is odd")

    monkeypatch.setattr("biolake.lake.door.open_view", fail)
    result = call("--lake", lake, "status")
    assert result.exit_code == 1
    assert "an unexpected ValueError" in result.stderr
    assert "Jane Doe" not in result.output
    assert "Traceback" not in result.output


def test_the_details_are_there_on_demand(lake, monkeypatch):
    monkeypatch.setenv("BIOLAKE_DEBUG", "1")
    monkeypatch.setattr("biolake.lake.door.open_view", lambda *_, **__: 1 / 0)
    result = call("--lake", lake, "status")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Generic LocalFileSystem error: ... (os error 28)"),
    ],
)
def test_a_full_disk_is_told_as_such_even_when_wrapped(lake, monkeypatch, fault):
    def fail(*_, **__):
        raise RuntimeError("write failed") from fault

    monkeypatch.setattr("biolake.lake.door.open_view", fail)
    code, error = refused("--lake", lake, "status")
    assert code == 1
    assert error["code"] == "disk_full"
    assert error["message"] == "the disk is full. The lake is at commit 1, unchanged."


def test_an_interruption_says_where_the_lake_stands(lake, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("biolake.lake.door.open_view", stop)
    result = call("--lake", lake, "status")
    assert result.exit_code == 130
    assert result.stderr == "Interrupted. The lake is at commit 1, unchanged.\n"
    assert not result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_load_ends_it_in_one_line(tmp_path, number):
    source = write(tmp_path)
    told("--lake", tmp_path / "lake", "init")
    code = (
        "import time\nimport biolake.ingest.pipeline as pipeline\nfrom biolake.cli import main\n"
        "def slow(*_):\n    print('planning', flush=True)\n    time.sleep(30)\n"
        "pipeline.make_plan = slow\nmain()"
    )
    words = ["--lake", tmp_path / "lake", "ingest", source, "--mapping", tmp_path / "labs.yaml"]
    with subprocess.Popen(
        [PYTHON, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "planning\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == "Interrupted. The lake is at commit 0, unchanged.\n"
    assert not list((tmp_path / "lake" / "scratch").iterdir())


def test_a_closed_pipe_is_no_error(lake):
    code = "import sys\nfrom biolake.cli import main\nsys.stdin.read()\nmain()"
    words = ["--lake", str(lake), "events", "--limit", "0", "--format", "csv"]
    with subprocess.Popen(
        [PYTHON, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == ""
        assert process.wait(20) == 0


def test_python_m_biolake_is_the_same_command():
    done = subprocess.run(
        [PYTHON, "-m", "biolake", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("biolake, version ")


def test_simulate_writes_what_ingest_reads(tmp_path):
    made = told("simulate", tmp_path / "group", "--subjects", 20, "--seed", 3)
    assert made["subjects"] == 20
    told("--lake", tmp_path / "lake", "init", "--subject-ids", "source")
    source = tmp_path / "group" / "site-1" / made["sites"][0]
    load = told("--lake", tmp_path / "lake", "ingest", source)
    assert load["subjects"] == 20
    assert refused("simulate", tmp_path / "group")[0] == 2


def test_the_same_commit_gives_the_same_answer(lake):
    first = call("--lake", lake, "status", "--json").stdout
    assert first == call("--lake", lake, "status", "--json").stdout
