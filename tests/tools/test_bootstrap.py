"""The environment is made by the first way that works, and a half-made one is never reused."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

import bootstrap
from bootstrap import Machine, Plan, SetupError, WayBlockedError

EVERYTHING = Machine(
    uv="uv", ensurepip=True, pip=("pip",), index="https://index.example/simple", apt=True
)
PROJECT = '[project]\nname = "x"\ndependencies = ["click>=8"]\n[tool.ruff]\nline-length = 100\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "constraints.txt").write_text("click==8.5.1\n")
    return tmp_path


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace every way by one that makes an empty environment and says it was asked."""
    asked: list[str] = []

    def way(name: str):
        def make(plan: Plan, machine: Machine) -> None:
            asked.append(name)
            plan.python.parent.mkdir(parents=True, exist_ok=True)
            plan.python.unlink(missing_ok=True)
            plan.python.symlink_to(sys.executable)

        return make

    monkeypatch.setattr(bootstrap, "WAYS", {name: way(name) for name in bootstrap.WAYS})
    monkeypatch.setattr(bootstrap, "look", lambda: EVERYTHING)
    return asked


def blocked(plan: Plan, machine: Machine) -> None:
    clear_and_touch(plan)
    raise WayBlockedError("not today")


def broken(plan: Plan, machine: Machine) -> None:
    clear_and_touch(plan)
    raise SetupError("no network", bootstrap.FAILED)


def clear_and_touch(plan: Plan) -> None:
    bootstrap.clear(plan)
    plan.venv.mkdir()
    (plan.venv / "half").touch()


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (EVERYTHING, ["uv", "venv", "system pip", "fetched pip"]),
        (Machine(ensurepip=True), ["venv"]),
        (Machine(pip=("pip",)), ["system pip"]),
        (Machine(index="https://index.example/simple"), ["fetched pip"]),
        (Machine(apt=True), []),
    ],
)
def test_ways_are_tried_in_order_of_what_the_machine_has(
    machine: Machine, expected: list[str]
) -> None:
    assert bootstrap.ways(machine, updatable=False) == expected
    assert bootstrap.ways(machine, updatable=True) == ["update", *expected]


def test_a_blocked_way_gives_way_to_the_next(
    root: Path, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bootstrap.WAYS, "uv", blocked)
    assert bootstrap.ensure(root) == root / ".venv/bin/python"
    assert tried == ["venv"]


def test_a_matching_environment_is_kept(root: Path, tried: list[str]) -> None:
    bootstrap.ensure(root, ["test"])
    bootstrap.ensure(root, ["test"])
    bootstrap.ensure(root)
    assert tried == ["uv"]


def test_more_extras_are_added_to_those_there(root: Path, tried: list[str]) -> None:
    bootstrap.ensure(root, ["s3"])
    bootstrap.ensure(root, ["test"])
    stamp = Plan(root).stamp.read_text().split()
    assert stamp[1:] == ["s3", "test"]


def test_a_change_of_constraints_sets_up_again(root: Path, tried: list[str]) -> None:
    bootstrap.ensure(root)
    (root / "constraints.txt").write_text("click==8.5.2\n")
    bootstrap.ensure(root)
    assert len(tried) == 2


def test_the_hash_follows_dependencies_and_not_the_rest_of_the_project(root: Path) -> None:
    before = bootstrap.lock_hash(root)
    (root / "pyproject.toml").write_text(PROJECT.replace("100", "80"))
    assert bootstrap.lock_hash(root) == before
    (root / "pyproject.toml").write_text(PROJECT.replace("click>=8", "click>=9"))
    assert bootstrap.lock_hash(root) != before


def test_a_failed_installation_leaves_nothing_behind(
    root: Path, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bootstrap.WAYS, "uv", broken)
    with pytest.raises(SetupError) as raised:
        bootstrap.ensure(root)
    assert raised.value.code == 1
    assert tried == []
    assert not (root / ".venv").exists()
    assert not Plan(root).unfinished.exists()


def test_an_installation_that_was_killed_is_not_reused(root: Path, tried: list[str]) -> None:
    bootstrap.ensure(root)
    Plan(root).unfinished.touch()
    bootstrap.ensure(root)
    assert tried == ["uv", "uv"]


def test_a_machine_with_nothing_gets_the_one_line_to_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "look", lambda: Machine(apt=True))
    monkeypatch.setattr(bootstrap, "ROOT", root)
    with pytest.raises(SystemExit) as left:
        bootstrap.ready()
    assert left.value.code == 3
    said = capsys.readouterr()
    assert said.err.strip().endswith("Run: apt-get install python3-venv")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_an_old_python_gets_one_line_naming_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "python3.12" else None)
    with pytest.raises(
        SetupError, match=r"needs Python 3\.11 or newer.*Run it with python3\.12\."
    ) as raised:
        bootstrap.check_python((3, 9))
    assert raised.value.code == 3
    bootstrap.check_python((3, 11))


def test_pip_settings_come_from_its_files_and_then_its_environment(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one.example/simple\ncert = /etc/one.pem\n"
    )
    environ = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}
    assert bootstrap.pip_settings(environ)["index-url"] == "https://one.example/simple"
    environ["PIP_INDEX_URL"] = "https://two.example/simple"
    settings = bootstrap.pip_settings(environ)
    assert settings["index-url"] == "https://two.example/simple"
    assert settings["cert"] == "/etc/one.pem"
    assert bootstrap.pip_settings({"PIP_CONFIG_FILE": "/dev/null"}) == {"config-file": "/dev/null"}


def pages(content: bytes) -> dict[str, bytes]:
    """Describe a small index that offers these bytes as the pinned wheel."""
    link = f'<a href="../../files/{bootstrap.FETCHED_PIP}#sha256=0">'
    return {
        "https://index.example/simple/pip/": link.encode(),
        f"https://index.example/files/{bootstrap.FETCHED_PIP}": content,
    }


def test_a_fetched_pip_is_found_through_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "fetch", pages(b"pip").__getitem__)
    monkeypatch.setattr(bootstrap, "FETCHED_PIP_SHA256", hashlib.sha256(b"pip").hexdigest())
    wheel = bootstrap.fetch_pip("https://index.example/simple/", tmp_path)
    assert wheel.read_bytes() == b"pip"


def test_a_fetched_pip_with_other_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "fetch", pages(b"not pip").__getitem__)
    with pytest.raises(WayBlockedError, match="not the one pinned"):
        bootstrap.fetch_pip("https://index.example/simple", tmp_path)
    assert list(tmp_path.iterdir()) == []
