"""Which columns exist, and in which unit: learned on training subjects, then fixed and saved."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from biolake.core.errors import DataRefused, WrongUse
from biolake.retrieval.definition import VALUED, Definition, Group
from biolake.retrieval.survey import Survey

Kind = Literal["group", "static", "sex", "age", "embedding"]
Measure = tuple[str | None, str]  # window, aggregation

_SHOWN = 5


@dataclass(frozen=True)
class Item:
    """What a set of columns is about: a code (None = all codes of the group), and its unit."""

    code: str | None
    unit: str | None = None


@dataclass(frozen=True)
class Encoded:
    """Whose vectors the columns of an embedding are: encoder, its version, numbers a vector."""

    encoder: str
    version: str
    dimension: int


@dataclass(frozen=True)
class Block:
    """Columns of one kind: every item has one column for every measure.

    `codes` are those the block looks for: its items' codes, or all that share its one item.
    `encoded` is None but for embeddings.
    """

    kind: Kind
    name: str
    items: tuple[Item, ...]
    measures: tuple[Measure, ...]
    codes: tuple[str, ...]
    encoded: Encoded | None = None

    @property
    def width(self) -> int:
        return len(self.items) * len(self.measures)

    @property
    def unit_of(self) -> dict[str, str | None]:
        """The unit a code's values must have, for every code whose values are used."""
        if not any(name in VALUED for _, name in self.measures):
            return {}
        if self.items and self.items[0].code is None:
            return dict.fromkeys(self.codes, self.items[0].unit)
        return {item.code: item.unit for item in self.items if item.code is not None}


@dataclass(frozen=True)
class Vocabulary:
    """The blocks of a feature set, in column order, and what they were learned on."""

    definition_hash: str
    lake_id: str
    commit: int
    train_subjects: int
    blocks: tuple[Block, ...]

    @property
    def encoders(self) -> dict[str, str]:
        """The encoder and its version of each embedding, by the embedding's name."""
        made = {block.name: block.encoded for block in self.blocks}
        return {name: f"{one.encoder} {one.version}" for name, one in made.items() if one}

    def to_json(self) -> str:
        said = asdict(self)
        for block in said["blocks"]:
            if block["encoded"] is None:
                del block["encoded"]
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    def save(self, path: Path) -> None:
        path.write_text(self.to_json(), encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Vocabulary:
        """Read a saved vocabulary, to build the same columns from other labels or another lake."""
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            blocks = tuple(_block(block) for block in raw.pop("blocks"))
            return Vocabulary(**raw, blocks=blocks)
        except FileNotFoundError:
            raise WrongUse("there is no such vocabulary", where=str(path)) from None
        except (ValueError, KeyError, TypeError):
            raise DataRefused("this is not a saved vocabulary", where=str(path)) from None

    def expect(self, definition: Definition) -> None:
        if self.definition_hash != definition.hash:
            raise DataRefused(
                "the vocabulary was learned for another feature definition",
                next="Use the definition it was learned with, or learn a new vocabulary.",
            )


def _block(raw: Mapping[str, Any]) -> Block:
    items = tuple(Item(**item) for item in raw["items"])
    measures = tuple((window, name) for window, name in raw["measures"])
    encoded = Encoded(**raw["encoded"]) if "encoded" in raw else None
    return Block(raw["kind"], raw["name"], items, measures, tuple(raw["codes"]), encoded)


def choose(
    codes: Iterable[str], subjects: Mapping[str, int], least: int, top: int | None
) -> list[str]:
    """Return the codes enough training subjects have; of these the `top` most common, by name."""
    kept = [code for code in codes if subjects.get(code, 0) >= max(1, least)]
    kept.sort(key=lambda code: (-subjects[code], code))
    return sorted(kept[:top])


def learn_group(group: Group, codes: list[str], found: Survey) -> Block:
    """Return the columns of a group, each code in the unit most of its training values have."""
    measures = tuple((window.name, name) for window in group.windows for name in group.aggregations)
    subjects = dict(zip(found.codes, found.subjects.tolist(), strict=True))
    kept = choose(codes, subjects, group.min_subjects, group.top)
    numbers = {code: number for number, code in enumerate(found.codes)}
    units = _by_code(found.train_units)
    if not group.each:
        pooled = Counter[str | None]()
        for code in kept:
            pooled.update(units.get(numbers[code], {}))
        return Block("group", group.name, (Item(None, _majority(pooled)),), measures, tuple(kept))
    items = tuple(Item(code, _majority(units.get(numbers[code], Counter()))) for code in kept)
    return Block("group", group.name, items, measures, tuple(kept))


def _by_code(units: Counter[tuple[int, str | None]]) -> dict[int, Counter[str | None]]:
    found: dict[int, Counter[str | None]] = {}
    for (code, unit), count in units.items():
        found.setdefault(code, Counter())[unit] += count
    return found


def _majority(units: Counter[str | None]) -> str | None:
    """Return the most frequent unit; of equally frequent ones the first by name, none last."""
    if not units:
        return None
    return min(units, key=lambda unit: (-units[unit], unit is None, unit or ""))


VALUES: tuple[Measure, ...] = ((None, "value"),)  # of facts without a time that are numbers


def value_block(units: Mapping[str, Sequence[str | None]]) -> Block:
    """Return the columns of numbers without a time, each code in its unit."""
    items = tuple(Item(code, units[code][0]) for code in sorted(units))
    return Block("static", "static", items, VALUES, tuple(sorted(units)))


def refuse_other_units(block: Block, units: Mapping[str, Sequence[str | None]]) -> None:
    """Refuse numbers without a time in another unit than their column's."""
    faults = []
    for item in block.items:
        others = [unit for unit in units.get(item.code or "", ()) if unit != item.unit]
        if others:
            faults.append(f"{item.code} ({_spelled(item.unit, others)})")
    if faults:
        _refuse_units(block.name, faults, majority=False)


@dataclass(frozen=True)
class Strays:
    """Values met in another unit than the vocabulary's, by code; and codes that never occurred."""

    values: Mapping[str, int]
    missing: tuple[str, ...]


def check(block: Block, found: Survey, majority: bool) -> Strays:
    """Find what does not fit a block; refuse values in another unit, or leave them out."""
    expected, units = block.unit_of, _by_code(found.units)
    numbers = {code: number for number, code in enumerate(found.codes)}
    strays: dict[str, int] = {}
    faults: list[str] = []
    for code, unit in expected.items():
        met = units.get(numbers[code], Counter())
        others = {other: count for other, count in met.items() if other != unit}
        if others:
            strays[code] = sum(others.values())
            if not majority or unit not in met:
                faults.append(f"{code} ({_spelled(unit, others)})")
    if faults:
        _refuse_units(block.name, faults, majority)
    events = dict(zip(found.codes, np.asarray(found.events).tolist(), strict=True))
    return Strays(strays, tuple(code for code in block.codes if not events[code]))


def _spelled(unit: str | None, others: Iterable[str | None]) -> str:
    first, *rest = [unit, *sorted(others, key=str)]
    return " and ".join([first or "no unit", *(other or "no unit" for other in rest)])


def _refuse_units(name: str, faults: list[str], majority: bool) -> None:
    more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    listed = ", ".join(faults[:_SHOWN]) + more
    if majority:
        raise DataRefused(
            f"group '{name}': no value of these codes has the unit learned in training: {listed}",
            next="Convert the values when they are ingested, or learn a new vocabulary.",
        )
    raise DataRefused(
        f"group '{name}': values of one column come in several units: {listed}",
        next="Convert them when they are ingested, split the codes, or say `units: majority`"
        " to leave out the values in any but the most frequent unit.",
    )
