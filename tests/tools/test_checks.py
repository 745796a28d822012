"""`./test` splits its command line and names its steps."""

from pathlib import Path

import checks

PYTEST = ["python", "-m", "pytest", "-n", "2", "--dist", "loadfile"]


def test_slow_tests_are_left_out_unless_asked_for() -> None:
    python = Path("python")
    options, others = checks.parse([])
    assert checks.tests(python, options, others) == [*PYTEST, "-m", "not slow"]
    options, others = checks.parse(["--all", "-k", "units", "-x", "tests/core"])
    wanted = [*PYTEST, "-k", "units", "-x", "tests/core"]
    assert checks.tests(python, options, others) == wanted


def test_only_packages_that_exist_are_typed(tmp_path: Path) -> None:
    (tmp_path / "src/biolake/lake").mkdir(parents=True)
    typed = {step.name: step.command for step in checks.steps(Path("bin/python"), tmp_path)}
    assert typed["types"][2:] == ("mypy", "tools", "src/biolake/lake")
