"""Read coded cases and texts to be coded from JSON lines, refusing by row what is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.mention_coding import Case, Figures, fit, judge

LONGEST = 10_000_000  # characters of one text


@dataclass(frozen=True)
class Fields:
    """The names of a line's fields; `words` and `code` are those of one mention."""

    id: str = "id"
    text: str = "text"
    codes: str = "codes"
    mentions: str = "mentions"
    words: str = "mention"
    code: str = "code"


def read_texts(path: Path, fields: Fields) -> tuple[list[str], list[str]]:
    """Return ids and texts; a line without an id is named by its number."""
    ids, texts = [], []
    for number, line in _lines(path):
        texts.append(_text(path, number, line, fields))
        ids.append(str(line.get(fields.id, number)))
    return ids, texts


def read_cases(path: Path, fields: Fields) -> list[Case]:
    """Return the coded cases. Of mentions those are taken whose code the case has."""
    return [_case(path, number, line, fields) for number, line in _lines(path)]


def cross_validate(cases: list[Case], folds: int, seed: int = 0) -> dict[str, Any]:
    """Judge a coder on cases it has not learned from: means over the folds."""
    order = np.random.default_rng(seed).permutation(len(cases))
    found: dict[str, list[Figures]] = {"all": [], "certain": []}
    for fold in range(folds):
        left = set(order[fold::folds].tolist())
        coder = fit([case for number, case in enumerate(cases) if number not in left])
        judged = [cases[number] for number in sorted(left)]
        for name, kept in found.items():
            kept.append(judge(coder, judged, certain=name == "certain"))
    return {name: _mean(kept) for name, kept in found.items()}


def figures(one: Figures) -> dict[str, float]:
    """Return counts and shares as data."""
    return {
        "given": one.given,
        "right": one.right,
        "coded": one.coded,
        "precision": one.precision,
        "recall": one.recall,
        "f1": one.f1,
    }


def _mean(folds: list[Figures]) -> dict[str, float]:
    said = [figures(one) for one in folds]
    sums = {name: sum(one[name] for one in said) for name in ("given", "right", "coded")}
    shares = {name: float(np.mean([one[name] for one in said]))
              for name in ("precision", "recall", "f1")}  # fmt: skip
    return {**sums, **shares}


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parsed(path, number, line)
        except UnicodeDecodeError:
            raise DataRefused("the file is not UTF-8 text", where=path.name) from None


def _parsed(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        raise _refused(path, number, "the line is not JSON") from None
    if not isinstance(said, dict):
        raise _refused(path, number, "the line is not a JSON object")
    return said


def _text(path: Path, number: int, line: Mapping[str, Any], fields: Fields) -> str:
    text = line.get(fields.text)
    if not isinstance(text, str):
        raise _refused(path, number, f"the field '{fields.text}' is not a text")
    if len(text) > LONGEST:
        raise _refused(path, number, f"the text is longer than {LONGEST:,} characters")
    return text


def _case(path: Path, number: int, line: Mapping[str, Any], fields: Fields) -> Case:
    codes = line.get(fields.codes)
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise _refused(path, number, f"the field '{fields.codes}' is not a list of codes")
    mentions = line.get(fields.mentions, [])
    if not isinstance(mentions, list):
        raise _refused(path, number, f"the field '{fields.mentions}' is not a list")
    has = set(codes)
    marked = [_mention(path, number, one, fields) for one in mentions]
    kept = tuple((code, words) for code, words in marked if code in has)
    return Case(_text(path, number, line, fields), tuple(sorted(has)), kept)


def _mention(path: Path, number: int, one: object, fields: Fields) -> tuple[str, str]:
    said = one if isinstance(one, dict) else {}
    code, words = said.get(fields.code), said.get(fields.words)
    if not isinstance(code, str) or not isinstance(words, str):
        raise _refused(
            path, number, f"a mention has no '{fields.code}' and '{fields.words}' as texts"
        )
    return code, words


def _refused(path: Path, number: int, why: str) -> DataRefused:
    return DataRefused(why, where=f"{path.name}, row {number}")
