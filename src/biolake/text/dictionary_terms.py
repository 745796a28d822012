"""The names of diagnoses that are shipped, beside those of ICD-10-CM itself."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "es", "zh")


def data_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a shipped CSV file; lines that begin with # tell its source."""
    text = files("biolake.text").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def listed_terms(language: str) -> tuple[tuple[str, str], ...]:
    """Return phrase and ICD-10-CM code of one language's list."""
    return tuple((row["phrase"], row["code"]) for row in data_rows(f"diagnoses_{language}.csv"))


def shipped_terms(languages: Iterable[str] = LANGUAGES) -> list[tuple[str, str]]:
    """Return phrase and ICD-10-CM code of the lists of these languages."""
    return [row for language in languages for row in listed_terms(language)]
