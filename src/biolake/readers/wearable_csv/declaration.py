"""The declaration `wearables.yaml`: which CSV files there are, and what their columns hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from biolake.core.errors import MappingInvalid, did_you_mean
from biolake.core.units import to_ucum
from biolake.signals.channels import modality_of

DECLARATION = "wearables.yaml"
KINDS = (
    "ppg", "ecg", "eda", "respiration", "temperature", "heart rate", "interbeat interval",
    "oxygen saturation", "steps", "sleep stage", "accelerometer x", "accelerometer y",
    "accelerometer z", "other",
)  # fmt: skip
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0}
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "None")
RATES = (1e-6, 100_000.0)  # Hz
_MOST_DECLARATION = 1 << 20
_RULE_KEYS = (
    "file", "path", "subject", "subject_column", "delimiter", "header", "skip", "comment",
    "encoding", "rate", "grid", "start", "time", "device", "missing", "columns",
)  # fmt: skip
_TIME_KEYS = ("column", "unit", "since", "format", "zone", "first_only")
_COLUMN_KEYS = ("kind", "channel", "unit", "values", "rate", "grid")


@dataclass(frozen=True)
class Column:
    """What one column holds; `rate` or `grid` when it is sampled more slowly than its rows."""

    place: str | int
    kind: str
    channel: str
    unit: str
    values: Mapping[str, float] = field(default_factory=dict)
    rate: float | None = None
    grid: float | None = None


@dataclass(frozen=True)
class Clock:
    """How the time column is to be read."""

    column: str | int
    unit: str = ""
    epoch: bool = False
    form: str = ""
    zone: tzinfo | None = None
    first_only: bool = False


@dataclass(frozen=True)
class Rule:
    """One entry of the declaration: which files, and how they are read."""

    file: re.Pattern[str]
    columns: tuple[Column, ...]
    path: re.Pattern[str] | None = None
    subject: str | None = None
    subject_column: str | int | None = None
    delimiter: str = ","
    header: bool = True
    skip: int = 0
    comment: str = ""
    encoding: str = "utf-8-sig"
    rate: float | None = None
    grid: float | None = None
    start: datetime | None = None
    clock: Clock | None = None
    device: str = ""
    missing: tuple[str, ...] = _MISSING


def declared(data: bytes) -> tuple[Rule, ...]:
    """Read a declaration; `MappingInvalid` names the entry at fault."""
    if len(data) > _MOST_DECLARATION:
        raise MappingInvalid("the declaration is over a megabyte")
    try:
        said = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise MappingInvalid("the declaration is not YAML") from None
    entries = said.get("files") if isinstance(said, dict) else None
    if not isinstance(entries, list) or not entries:
        raise MappingInvalid("the declaration has no list 'files'")
    return tuple(_rule(_Entry(entry, f"files[{n}]", _RULE_KEYS)) for n, entry in enumerate(entries))


class _Entry:
    """A table of the declaration, whose values are asked for with their type."""

    def __init__(self, said: object, where: str, known: Sequence[str]):
        if not isinstance(said, dict):
            raise MappingInvalid(f"{where} is not a table")
        for key in said:
            if key not in known:
                hint = did_you_mean(str(key), known)
                raise MappingInvalid(f"{where} has an unknown key '{key}'.{hint}")
        self.said, self.where = said, where

    def get(self, key: str, *types: type, default: Any = None) -> Any:
        value = self.said.get(key, default)
        if value is not default and (
            not isinstance(value, types) or (isinstance(value, bool) and bool not in types)
        ):
            raise MappingInvalid(f"{self.where}.{key} is of the wrong type")
        return value

    def pattern(self, key: str) -> re.Pattern[str] | None:
        said = self.get(key, str)
        try:
            return None if said is None else re.compile(said)
        except re.error:
            raise MappingInvalid(f"{self.where}.{key} is not a regular expression") from None

    def rate(self, key: str) -> float | None:
        said = self.get(key, int, float)
        if said is not None and not RATES[0] <= said <= RATES[1]:
            raise MappingInvalid(f"{self.where}.{key} is not a possible rate in Hz")
        return None if said is None else float(said)


def _rule(entry: _Entry) -> Rule:
    file = entry.pattern("file")
    columns = entry.get("columns", dict)
    if file is None or not columns:
        raise MappingInvalid(f"{entry.where} needs 'file' and 'columns'")
    subject = entry.get("subject", str, int)
    missing = entry.get("missing", list, default=None)
    rule = Rule(
        file,
        tuple(
            _column(place, _Entry(said, f"{entry.where}.columns.{place}", _COLUMN_KEYS))
            for place, said in columns.items()
        ),
        entry.pattern("path"),
        None if subject is None else str(subject),
        entry.get("subject_column", str, int),
        entry.get("delimiter", str, default=","),
        entry.get("header", bool, default=True),
        entry.get("skip", int, default=0),
        entry.get("comment", str, default=""),
        entry.get("encoding", str, default="utf-8-sig"),
        entry.rate("rate"),
        entry.rate("grid"),
        entry.get("start", datetime),
        _clock(_Entry(entry.said["time"], f"{entry.where}.time", _TIME_KEYS))
        if "time" in entry.said
        else None,
        entry.get("device", str, default=""),
        _MISSING if missing is None else tuple(str(each) for each in missing),
    )
    _check(rule, entry.where)
    return rule


def _check(rule: Rule, where: str) -> None:
    names = [column.channel for column in rule.columns]
    if len(set(names)) < len(names):
        raise MappingInvalid(f"{where} gives one channel twice; tell them apart by 'channel'")
    if len(rule.delimiter) != 1 or not 0 <= rule.skip <= 10_000:
        raise MappingInvalid(f"{where} has an impossible delimiter or skip")
    try:
        "".encode(rule.encoding)
    except LookupError:
        raise MappingInvalid(f"{where} has an unknown encoding") from None
    if (rule.clock is None or rule.clock.first_only) and rule.rate is None:
        raise MappingInvalid(f"{where} has neither a rate nor a time column to tell it")
    if rule.rate is not None and rule.grid is not None:
        raise MappingInvalid(f"{where} has both a rate and a grid: samples are regular or not")


def _column(place: object, entry: _Entry) -> Column:
    kind = entry.get("kind", str, default="")
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        raise MappingInvalid(f"{entry.where} has no known kind.{hint} Known: {', '.join(KINDS)}")
    values = entry.get("values", dict, default={})
    if not all(isinstance(value, int | float) for value in values.values()):
        raise MappingInvalid(f"{entry.where}.values gives something that is no number")
    unit = entry.get("unit", str)
    if unit is None:
        raise MappingInvalid(f'{entry.where} has no unit ("1" where there is none)')
    return Column(
        place if isinstance(place, int) else str(place),
        kind,
        _channel(kind, entry.get("channel", str, default=kind)),
        to_ucum(unit),
        {str(key): float(value) for key, value in values.items()},
        entry.rate("rate"),
        entry.rate("grid"),
    )


def _channel(kind: str, name: str) -> str:
    """Return a channel's name that tells its kind, as extractors ask for it: green → ppg green."""
    told = kind == "other" or name.lower().startswith(kind)
    return name if told or modality_of((name,)) == kind else f"{kind} {name}"


def _clock(entry: _Entry) -> Clock:
    unit, form = entry.get("unit", str, default=""), entry.get("format", str, default="")
    zone, since = entry.get("zone", str), entry.get("since", str, default="start")
    if entry.get("column", str, int) is None or bool(unit) == bool(form):
        raise MappingInvalid(f"{entry.where} needs 'column' and either 'unit' or 'format'")
    if (unit and unit not in TIME_UNITS) or since not in ("start", "epoch"):
        raise MappingInvalid(f"{entry.where} has an unknown unit or 'since' (start, epoch)")
    try:
        named = ZoneInfo(zone) if zone else None
    except (KeyError, ValueError, OSError):
        raise MappingInvalid(f"{entry.where}.zone is not a time zone") from None
    first_only = entry.get("first_only", bool, default=False)
    return Clock(entry.said["column"], unit, since == "epoch", form, named, first_only)
