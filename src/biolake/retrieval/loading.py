"""Read a feature definition file (FEATURES.yaml); an unknown word is refused where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from biolake.core.assets import MODALITIES
from biolake.core.errors import SetupMissing, did_you_mean
from biolake.core.schema import DEATH
from biolake.core.yaml_positions import Document, Value, parse_document
from biolake.retrieval.definition import (
    AGGREGATIONS,
    DAY,
    CodeSelection,
    Definition,
    Embedding,
    FeaturesInvalid,
    Group,
    Pick,
    Selector,
    Static,
    Window,
)

SEX_PREFIXES = ("GENDER//", "SEX//")

_WORDS = (
    "version", "description", "units", "age", "sex", "windows", "groups", "static", "embeddings",
)  # fmt: skip
_LENGTHS = {"min": DAY // 1440, "h": DAY // 24, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d{1,6})\s*(min|h|d|w)", re.ASCII)


def load_definition(path: Path) -> Definition:
    """Read a feature definition; code set files are looked for beside it."""
    if not path.is_file():
        raise SetupMissing("there is no feature definition here", where=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FeaturesInvalid("the definition is not UTF-8 text", where=str(path)) from None
    return parse_definition(text, path.name, path.parent)


def parse_definition(
    text: str, file: str = "FEATURES.yaml", folder: Path | None = None
) -> Definition:
    """Parse a feature definition; without a folder it may name no code set file."""
    root = parse_document(text, Document(file, "feature definition", FeaturesInvalid))
    said = root.block(_WORDS, ("features",))
    windows = _windows(said["windows"]) if "windows" in said else {}
    groups = said["groups"].entries() if "groups" in said else []
    definition = Definition(
        name=said["features"].text(),
        version=said["version"].text() if "version" in said else "1",
        groups=tuple(_group(key.text(), value, windows, folder) for key, value in groups),
        static=_static(said["static"], folder) if "static" in said else None,
        age="age" in said and said["age"].flag(),
        sex=_sex(said["sex"]) if "sex" in said else (),
        majority_unit="units" in said and said["units"].choice("refuse", "majority") == "majority",
        description=said["description"].text() if "description" in said else "",
        embeddings=_embeddings(said["embeddings"], windows) if "embeddings" in said else (),
    )
    asked = (definition.groups, definition.static, definition.age, definition.sex)
    if not (any(asked) or definition.embeddings):
        root.refuse(
            "the definition asks for no feature",
            next="Add groups, static, age, sex or embeddings.",
        )
    return definition


def _windows(value: Value) -> dict[str, Window]:
    return {key.text(): _window(key.text(), entry) for key, entry in value.entries()}


def _window(name: str, value: Value) -> Window:
    said = value.block(("gap", "end"), ("lookback",))
    unbounded = said["lookback"].text() == "unbounded"
    lookback = None if unbounded else _duration(said["lookback"])
    if lookback == 0:
        said["lookback"].refuse("a lookback of nothing sees nothing")
    cut = _duration(said["gap"]) if "gap" in said else 0
    if "end" in said:
        cut += said["end"].choice("inclusive", "exclusive") == "exclusive"
    return Window(name, lookback, cut)


def _duration(value: Value) -> int:
    match = _DURATION.fullmatch(value.text().strip())
    if match is None:
        value.refuse(
            f"'{value.name}' must be a whole number and a unit of time",
            next="Write for example 30min, 6h, 1d, 365d or 2w.",
        )
    return int(match[1]) * _LENGTHS[match[2]]


def _group(name: str, value: Value, windows: dict[str, Window], folder: Path | None) -> Group:
    said = value.block(("columns", "min_subjects", "top"), ("codes", "windows", "aggregations"))
    each = "columns" not in said or said["columns"].choice("each", "one") == "each"
    for key in ("min_subjects", "top"):
        if key in said and not each:
            said[key].refuse(f"'{key}' chooses among codes, but all codes share one column here")
    min_subjects, top = _limits(said)
    return Group(
        name=name,
        codes=_codes(said["codes"], folder),
        windows=tuple(windows[word] for word in _chosen(said["windows"], windows)),
        aggregations=tuple(_chosen(said["aggregations"], AGGREGATIONS)),
        each=each,
        min_subjects=min_subjects,
        top=top,
    )


def _limits(said: Mapping[str, Value]) -> tuple[int, int | None]:
    least = _whole(said["min_subjects"]) if "min_subjects" in said else 1
    return least, _whole(said["top"]) if "top" in said else None


def _whole(value: Value) -> int:
    text = value.text()
    if not (text.isascii() and text.isdecimal() and int(text)):
        value.refuse(f"'{value.name}' must be a whole number from 1")
    return int(text)


def _chosen(value: Value, known: Iterable[str]) -> list[str]:
    """Return the words of a list, each known and none twice."""
    found: list[str] = []
    for item in value.items():
        word = item.text()
        if word not in known:
            names = ", ".join(known) or "none"
            near = did_you_mean(word, known)
            item.refuse(f"'{word}' is none of the {value.name}.{near}", next=f"Known: {names}.")
        if word in found:
            item.refuse(f"'{word}' is given twice")
        found.append(word)
    if not found:
        value.refuse(f"'{value.name}' is an empty list")
    return found


def _codes(value: Value, folder: Path | None) -> CodeSelection:
    if value.is_text and value.text() == "all":
        return CodeSelection("all")
    if not value.is_block:
        return CodeSelection("list", _texts(value))
    said = value.block(("prefix", "regex", "ancestor", "file"))
    if len(said) != 1:
        value.refuse("'codes' is all, a list, or one of prefix, regex, ancestor and file")
    ((how, words),) = said.items()
    if how == "file":
        return CodeSelection("list", _code_set(words, folder))
    return CodeSelection(cast(Selector, how), _texts(words))


def _texts(value: Value) -> tuple[str, ...]:
    texts = tuple(dict.fromkeys(item.text() for item in value.items()))
    if not texts or not all(texts):
        value.refuse(f"'{value.name}' must be a list of texts, none of them empty")
    return texts


def _code_set(value: Value, folder: Path | None) -> tuple[str, ...]:
    """Read a code set file: one code a line; empty lines and lines that start with # are not."""
    if folder is None:
        value.refuse("a code set file needs a definition that is itself a file")
    try:
        lines = (folder / value.text()).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        value.refuse("the code set file cannot be read", next="It lies beside the definition.")
    codes = tuple(dict.fromkeys(s for line in lines if (s := line.strip()) and s[0] != "#"))
    if not codes:
        value.refuse("the code set file lists no code")
    return codes


def _static(value: Value, folder: Path | None) -> Static:
    said = value.block(("min_subjects", "top", "values"), ("codes",))
    codes = _codes(said["codes"], folder)
    if codes.how == "list" and DEATH in codes.words:
        said["codes"].refuse(f"{DEATH} without a time tells the future and is never a feature")
    return Static(codes, *_limits(said), values="values" in said and said["values"].flag())


def _sex(value: Value) -> tuple[str, ...]:
    if value.is_text and value.text() in ("true", "false"):
        return SEX_PREFIXES if value.flag() else ()
    return _texts(value)


def _embeddings(value: Value, windows: Mapping[str, Window]) -> tuple[Embedding, ...]:
    found: dict[str, Embedding] = {}
    for item in value.items():
        said = item.block(
            ("pick", "components", "encoder_version"), ("name", "encoder", "modality", "window")
        )
        one = _embedding(said, windows)
        if one.name in found:
            said["name"].refuse(f"two embeddings are named '{one.name}'")
        found[one.name] = one
    if not found:
        value.refuse("'embeddings' is an empty list")
    return tuple(found.values())


def _embedding(said: Mapping[str, Value], windows: Mapping[str, Window]) -> Embedding:
    for key in ("name", "encoder", "encoder_version"):
        if key in said and not said[key].text():
            said[key].refuse(f"'{key}' is empty")
    modality = said["modality"].text()
    if modality not in MODALITIES:
        near = did_you_mean(modality, MODALITIES)
        known = ", ".join(MODALITIES)
        said["modality"].refuse(f"there is no modality '{modality}'.{near}", next=f"Known: {known}")
    picks = ("latest", "mean")
    return Embedding(
        name=said["name"].text(),
        encoder=said["encoder"].text(),
        modality=modality,
        window=_one_window(said["window"], windows),
        pick=cast(Pick, said["pick"].choice(*picks)) if "pick" in said else "latest",
        components=_whole(said["components"]) if "components" in said else None,
        encoder_version=said["encoder_version"].text() if "encoder_version" in said else None,
    )


def _one_window(value: Value, windows: Mapping[str, Window]) -> Window:
    """Return a window given where it is used, or one of the named ones."""
    if value.is_block:
        return _window("", value)
    name = value.text()
    if name not in windows:
        near = did_you_mean(name, windows)
        value.refuse(
            f"'{name}' is none of the windows.{near}",
            next="Name one of 'windows', or write one: {lookback: 365d, gap: 0d}.",
        )
    return windows[name]
