"""Paths of one machine and hosts of one index are found; look-alikes are left alone."""

from pathlib import Path

import pytest

import speaks

# Put together here, so that this file does not say them.
HOME, WORK = ("/" + name for name in ("root", "work"))
HOST = ".".join(("pypi", "org"))


@pytest.mark.parametrize(
    "line",
    [
        f'open("{HOME}/x")',
        f"cd {WORK}",
        f"{WORK}/main",
        f"https://{HOST}/simple",
        "see issue " + "#12",
    ],
)
def test_what_must_not_be_said_is_found(line: str) -> None:
    (finding,) = speaks.findings(f"fine\n{line}\n", "a.py")
    assert finding.startswith("a.py:2: ")


@pytest.mark.parametrize(
    "line", ["tests/work/x", "../root/x", "/workers", "a/root", "session", "colour #123456"]
)
def test_look_alikes_are_left_alone(line: str) -> None:
    assert list(speaks.findings(line, "a.py")) == []


@pytest.mark.parametrize(
    ("path", "made"),
    [("src/biolake/lake/a.py", False), ("lake/a", True), (".ci/run", False), (".x_cache/a", True)],
)
def test_what_a_run_makes_is_told_from_the_project(path: str, made: bool) -> None:
    assert speaks.is_made_here(Path(path)) == made


def test_without_git_the_folder_itself_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/a.py").write_text(WORK)
    assert speaks.main(tmp_path) == 0
    (tmp_path / "b.py").write_text(WORK)
    assert speaks.main(tmp_path) == 1
    assert capsys.readouterr().out == f"b.py:1: a path of one machine: {WORK}\n"
