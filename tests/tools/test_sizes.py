"""Long modules and functions are pointed out, and the longest fail."""

import ast

import pytest

import sizes


def function(lines: int, docstring: str = "") -> str:
    return "def f():\n" + docstring + "    x = 1\n" * (lines - 1)


@pytest.mark.parametrize(("lines", "fails"), [(36, False), (60, False), (61, True)])
def test_a_long_function_is_a_warning_and_a_longer_one_fails(lines: int, fails: bool) -> None:
    (finding,) = sizes.findings(function(lines), "m.py")
    assert (finding.lines, finding.fails) == (lines, fails)
    assert str(finding).startswith("error" if fails else "warning")


def test_a_function_of_35_lines_is_fine_whatever_its_docstring() -> None:
    source = function(35, docstring='    """Say.\n\n    More.\n    """\n')
    assert list(sizes.findings(source, "m.py")) == []
    assert sizes.length(ast.parse(source).body[0]) == 35


@pytest.mark.parametrize(("lines", "fails"), [(401, False), (599, False), (600, True)])
def test_a_long_module_is_a_warning_and_a_longer_one_fails(lines: int, fails: bool) -> None:
    (finding,) = sizes.findings("x = 1\n" * lines, "m.py")
    assert finding.fails == fails
