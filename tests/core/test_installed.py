"""What is missing is told with the line that installs it."""

from __future__ import annotations

import builtins
from importlib.util import find_spec

import pytest

from biolake.core import installed
from biolake.core.compiled import compiled
from biolake.core.errors import SetupMissing


def test_a_missing_library_is_named_with_its_install_line() -> None:
    with pytest.raises(
        SetupMissing, match=r"no_such_library is .*pip install 'biolake\[imaging\]'"
    ):
        installed.require("imaging", "json", "no_such_library")


def test_what_it_is_for_and_the_file_are_told() -> None:
    with pytest.raises(SetupMissing) as raised:
        installed.require("ai", "no_torch", "no_jax", to="train networks", where="a.dcm")
    assert raised.value.message == (
        "no_torch and no_jax are not installed, and needed to train networks."
    )
    assert raised.value.where == "a.dcm"


def test_a_library_is_called_by_the_name_it_is_installed_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    with pytest.raises(SetupMissing, match=r"^pillow is not installed"):
        installed.require("imaging", "PIL")


def test_what_is_installed_passes() -> None:
    installed.require("imaging", "json")


def test_loops_need_numba_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        installed, "find_spec", lambda name: None if name == "numba" else find_spec(name)
    )
    with pytest.raises(SetupMissing, match=r"numba is .*pip install 'biolake\[signals\]'"):
        compiled(builtins.abs)


def test_a_loop_gives_what_python_gives() -> None:
    def double(x: float) -> float:
        return 2.0 * x

    assert compiled(double)(1.5) == double(1.5)
