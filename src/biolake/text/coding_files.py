"""Keep a learned coder as one file: NumPy arrays and JSON, nothing that runs when it is read.

The file holds the words of the mentions that were marked in the training cases, as stems; treat it
as carefully as the notes they came from.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.text.coding import Coder, Dictionary, Weights
from biolake.text.coding_evidence import FEATURES, Links

FORMAT = "biolake-coder/1"
_TABLES = ("whole", "scattered", "listed")
_WEIGHTS = ("mean", "scale", "slopes")


def save_coder(coder: Coder, path: Path) -> None:
    """Write a coder to one file."""
    known = coder.dictionary
    said = {
        "format": FORMAT,
        "features": list(FEATURES),
        "codes": known.codes,
        "mentions": known.mentions,
        "sets": known.sets,
        "terms": known.terms,
        "intercept": coder.weights.intercept,
        "accept": coder.weights.accept,
        "certain": coder.weights.certain,
        "card": coder.card,
    }
    arrays = {name: getattr(coder.weights, name) for name in _WEIGHTS}
    for table in _TABLES:
        links = getattr(known, table)
        arrays |= {f"{table}.{f.name}": getattr(links, f.name) for f in dataclasses.fields(Links)}
    text = np.frombuffer(json.dumps(said, ensure_ascii=False).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, said=text, cases=known.cases, **arrays)


def load_coder(path: Path) -> Coder:
    """Read a coder back; DataRefused where the file is not one, or one of another make."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        said = json.loads(arrays.pop("said").tobytes())
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        raise _refused(path, "it is not a coder's file") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise _refused(path, "it is of another make")
    if said.get("features") != list(FEATURES):
        raise _refused(path, "it was learned from other features than this version computes")
    try:
        return _coder(said, arrays)
    except (KeyError, TypeError, ValueError):
        raise _refused(path, "its parts do not fit together") from None


def _coder(said: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Coder:
    names = [field.name for field in dataclasses.fields(Links)]
    tables = [Links(*(arrays[f"{table}.{name}"] for name in names)) for table in _TABLES]
    mentions, terms = tuple(said["mentions"]), tuple(said["terms"])
    sets = tuple(tuple(words) for words in said["sets"])
    for links, held in zip(tables, (mentions, sets, terms), strict=True):
        _check(links, len(held), len(said["codes"]))
    if len(arrays["cases"]) != len(said["codes"]):
        raise ValueError
    dictionary = Dictionary(tuple(said["codes"]), arrays["cases"], mentions, sets, terms, *tables)
    thresholds = [float(said[name]) for name in ("intercept", "accept", "certain")]
    weights = Weights(arrays["mean"], arrays["scale"], arrays["slopes"], *thresholds)
    if not all(arrays[name].shape == (len(FEATURES),) for name in _WEIGHTS):
        raise ValueError
    return Coder(dictionary, weights, dict(said["card"]))


def _check(links: Links, mentions: int, codes: int) -> None:
    """Refuse numbers that would lead a lookup astray."""
    count = len(links.code)
    sizes = {len(links.words), len(links.cases), len(links.cases_alone), len(links.start) - 1}
    if sizes != {mentions} or links.start[0] != 0 or links.start[-1] != count:
        raise ValueError
    if (np.diff(links.start) < 0).any() or (count and links.code.min() < 0):
        raise ValueError
    if count and links.code.max() >= codes:
        raise ValueError
    if {len(links.annotated), len(links.coded), len(links.coded_alone)} != {count}:
        raise ValueError


def _refused(path: Path, why: str) -> DataRefused:
    return DataRefused(
        f"the file cannot be used as a coder: {why}",
        where=path.name,
        next="Learn it again: biolake coder train CASES",
    )
