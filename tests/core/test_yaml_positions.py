"""YAML of strangers: nested, looped or multiplied by aliases."""

from __future__ import annotations

from itertools import pairwise

import pytest

from biolake.core.errors import DataRefused
from biolake.core.yaml_positions import Document, parse_document

FILE = Document("a.yaml", "document")


def test_aliases_of_aliases_do_not_multiply_the_work() -> None:
    pairs = zip("abcdefghij", "bcdefghijk", strict=True)
    lines = [f"{name}: &{name} [{', '.join([f'*{one}'] * 9)}]" for one, name in pairs]
    root = parse_document("\n".join(["a: &a [x, x]", *lines]), FILE)
    assert len(root.entries()) == 11


def test_aliases_that_nest_too_deeply_are_refused() -> None:
    names = "abcdefghijklmnop"
    lines = [f"{b}: &{b} [*{a}]" for a, b in pairwise(names)]
    with pytest.raises(DataRefused, match="nested too deeply"):
        parse_document("\n".join(["a: &a [x]", *lines]), FILE)
