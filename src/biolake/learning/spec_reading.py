"""Read a model's specification (MODEL.yaml); an unknown word is refused where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from biolake.core.assets import MODALITIES, EncoderInput, ImageInput, SignalInput
from biolake.core.errors import SetupMissing
from biolake.core.yaml_positions import Document, Value, parse_document
from biolake.learning.specification import (
    AssetChoice,
    CodesNear,
    CohortRows,
    Grouping,
    ModelInvalid,
    ModelSpec,
)

_MINUTE = 60_000_000
_LENGTHS = {
    "min": _MINUTE,
    "h": 60 * _MINUTE,
    "d": 1440 * _MINUTE,
    "w": 10080 * _MINUTE,
    "y": 525960 * _MINUTE,
}
_DURATION = re.compile(r"(\d{1,6})\s*(min|h|d|w|y)", re.ASCII)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_PLAIN_GROUPS = ("site", "sex", "age", "device", "year")
_SIGNAL_METHODS, _IMAGE_METHODS = ("ensemble", "kernels", "resnet1d"), ("cnn",)
_VECTOR_METHODS = ("logistic", "mil")
_OPTIONAL = (
    "description", "among", "inputs", "encoder", "extractor", "split", "groups", "facts",
    "level", "seed", "labels", "cohort",
)  # fmt: skip
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_ECG = SignalInput(100.0, TWELVE, 10.0)  # unfiltered: the ST segment lives below 0.5 Hz


def load_spec(path: Path) -> ModelSpec:
    """Read a specification file."""
    if not path.is_file():
        raise SetupMissing("there is no model specification here", where=str(path))
    try:
        spec = parse_spec(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise ModelInvalid("the specification is not UTF-8 text", where=str(path)) from None
    if spec.cohort is None:
        return spec
    beside = str(path.parent / spec.cohort.file)  # an absolute path stays as it is
    return replace(spec, cohort=replace(spec.cohort, file=beside))


def parse_spec(text: str, file: str = "MODEL.yaml") -> ModelSpec:
    """Parse a specification."""
    root = parse_document(text, Document(file, "model specification", ModelInvalid))
    said = root.block(_OPTIONAL, ("model", "assets", "method"))
    assets = _assets(said["assets"])
    method = said["method"].choice(*_SIGNAL_METHODS, *_IMAGE_METHODS, *_VECTOR_METHODS)
    encoder, extractor = (said[w].text() if w in said else "" for w in ("encoder", "extractor"))
    _refuse_misfit(said["method"], method, encoder, extractor)
    _refuse_two_labellings(root, said)
    folds, fold_code = _split(said.get("split"))
    return ModelSpec(
        name=_name(said["model"]),
        assets=assets,
        labels=_labels(said["labels"]) if "labels" in said else {},
        method=method,
        among=_near(said["among"]) if "among" in said else None,
        inputs=_inputs(said.get("inputs"), said["method"], method, assets),
        encoder=encoder,
        extractor=extractor,
        folds=folds,
        fold_code=fold_code,
        groups=_groupings(said["groups"]) if "groups" in said else (),
        facts=_groupings(said["facts"]) if "facts" in said else (),
        level=_between(said["level"], 0.5, 0.999) if "level" in said else 0.9,
        seed=_whole(said["seed"]) if "seed" in said else 0,
        description=said["description"].text() if "description" in said else "",
        text=text,
        cohort=_cohort(said["cohort"]) if "cohort" in said else None,
    )


def _name(value: Value) -> str:
    name = value.text()
    if not _NAME.fullmatch(name):
        value.refuse(
            "a model's name has small letters, digits and hyphens", next="For example ecg-infarct."
        )
    return name


def _assets(value: Value) -> AssetChoice:
    said = value.block(("kind", "rate", "sites"), ("modality",))
    rate = None
    if "rate" in said:
        limits = said["rate"].block(("min", "max"))
        rate = (
            limits["min"].number() if "min" in limits else 0.0,
            limits["max"].number() if "max" in limits else float("inf"),
        )
    return AssetChoice(
        said["modality"].choice(*MODALITIES),
        said["kind"].text() if "kind" in said else "",
        rate,
        tuple(item.text() for item in said["sites"].items()) if "sites" in said else (),
    )


def _labels(value: Value) -> Mapping[str, CodesNear]:
    found = {key.text(): _near(entry) for key, entry in value.entries()}
    if not found:
        value.refuse("a model needs a label")
    for name in found:
        _refuse_label_name(value, name)
    return found


def _refuse_label_name(at: Value, name: str) -> None:
    if not re.fullmatch(r"[\w .+-]{1,60}", name):
        at.refuse("a label's name has letters, digits, spaces, and . + - _")


def _cohort(value: Value) -> CohortRows:
    said = value.block((), ("file", "name", "lookback"))
    name = said["name"].text()
    _refuse_label_name(said["name"], name)
    lookback = duration(said["lookback"])
    if not lookback:
        said["lookback"].refuse("a lookback is longer than nothing", next="For example 30d.")
    return CohortRows(said["file"].text(), name, lookback)


def _refuse_two_labellings(root: Value, said: Mapping[str, Value]) -> None:
    if ("labels" in said) == ("cohort" in said):
        root.refuse("a model has either `labels` (codes) or a `cohort` (a file of labelled rows)")
    if "cohort" in said and "among" in said:
        said["among"].refuse(
            "the rows of a cohort say themselves who was judged: leave out `among`"
        )


def _near(value: Value) -> CodesNear:
    said = value.block(("within", "min", "max"), ("codes",))
    before = after = 0
    if "within" in said:
        within = said["within"].block(("before", "after"))
        before = duration(within["before"]) if "before" in within else 0
        after = duration(within["after"]) if "after" in within else 0
    codes = tuple(item.text() for item in said["codes"].items())
    if not codes or any(not code.rstrip("*") for code in codes):
        said["codes"].refuse("codes are needed, each with more than a star")
    least, most = (said[w].number() if w in said else None for w in ("min", "max"))
    return CodesNear(codes, before, after, least, most)


def duration(value: Value) -> int:
    """Return microseconds of `12h`, `30d` or the like."""
    match = _DURATION.fullmatch(value.text().strip())
    if match is None:
        value.refuse(
            f"'{value.name}' must be a whole number and a unit of time",
            next="Write for example 0d, 6h, 30d or 1y.",
        )
    return int(match[1]) * _LENGTHS[match[2]]


def _split(value: Value | None) -> tuple[int, CodesNear | None]:
    if value is None:
        return 5, None
    said = value.block(("folds", "column"))
    if len(said) != 1:
        value.refuse("a split names either folds (a number) or column (an event's value)")
    if "column" in said:
        column = said["column"]
        return 0, _near(column) if column.is_block else CodesNear((column.text(),))
    folds = _whole(said["folds"])
    if not 2 <= folds <= 20:
        said["folds"].refuse("between 2 and 20 folds can be made")
    return folds, None


def _groupings(value: Value) -> tuple[Grouping, ...]:
    if not value.is_block:
        return tuple(
            Grouping(word, word) for word in (item.choice(*_PLAIN_GROUPS) for item in value.items())
        )
    found = []
    for key, entry in value.entries():
        name = key.text()
        if not entry.is_block:
            found.append(Grouping(name, entry.choice(*_PLAIN_GROUPS)))
            continue
        said = entry.block(("cuts", "within"), ("codes",))
        cuts = tuple(item.number() for item in said["cuts"].items()) if "cuts" in said else ()
        near = _near(_without_cuts(entry))
        found.append(Grouping(name, "code", near, tuple(sorted(cuts))))
    return tuple(found)


def _without_cuts(value: Value) -> Value:
    import yaml

    kept = [pair for pair in value.node.value if pair[0].value != "cuts"]
    node = yaml.MappingNode(value.node.tag, kept, value.node.start_mark, value.node.end_mark)
    return Value(node, value.document, value.name)


def _inputs(
    value: Value | None, at: Value, method: str, assets: AssetChoice
) -> EncoderInput | None:
    if method in _SIGNAL_METHODS:
        if value is not None:
            return _signal(value)
        if assets.modality != "ecg":
            at.refuse("recordings other than an ECG need `inputs`: rate, leads, seconds")
        return _ECG
    if method in _IMAGE_METHODS:
        return _image(value) if value is not None else ImageInput(64)
    if value is not None:
        value.refuse("an encoder or extractor declares its inputs itself")
    return None


def _signal(value: Value) -> SignalInput:
    said = value.block(("normalisation", "band", "unit"), ("rate", "leads", "seconds"))
    band = None
    if "band" in said:
        edges = [item.number() for item in said["band"].items()]
        if len(edges) != 2 or not 0 < edges[0] < edges[1]:
            said["band"].refuse("a band has a lower and an upper frequency: [0.5, 40]")
        band = edges[0], edges[1]
    known = ("none", "lead-zscore", "lead-robust", "recording-zscore")
    return SignalInput(
        _between(said["rate"], 0.1, 100_000.0),
        tuple(item.text() for item in said["leads"].items()),
        _between(said["seconds"], 0.1, 86_400.0),
        said["normalisation"].choice(*known) if "normalisation" in said else "none",
        band,
        said["unit"].text() if "unit" in said else "mV",
    )


def _image(value: Value) -> ImageInput:
    said = value.block(("normalisation", "window"), ("size",))
    window = None
    if "window" in said:
        numbers = [item.number() for item in said["window"].items()]
        if len(numbers) != 2 or numbers[1] <= 0:
            said["window"].refuse("a window has a centre and a width in HU: [-600, 1500]")
        window = numbers[0], numbers[1]
    how = said["normalisation"].choice("unit", "zscore") if "normalisation" in said else "unit"
    return ImageInput(int(_between(said["size"], 16, 512)), how, window)


def _refuse_misfit(at: Value, method: str, encoder: str, extractor: str) -> None:
    if method in _VECTOR_METHODS and bool(encoder) == bool(extractor):
        at.refuse(f"the method {method} reads vectors: name one encoder, or one extractor")
    if method == "mil" and extractor:
        at.refuse("the method mil reads the items of an encoder: name an encoder")
    if method not in _VECTOR_METHODS and (encoder or extractor):
        at.refuse(f"the method {method} reads the asset itself, without encoder or extractor")


def _between(value: Value, low: float, high: float) -> float:
    number = value.number()
    if not low <= number <= high:
        value.refuse(f"'{value.name}' must lie between {low:g} and {high:g}")
    return number


def _whole(value: Value) -> int:
    number = value.number()
    if number != int(number) or number < 0:
        value.refuse(f"'{value.name}' must be a whole number")
    return int(number)
