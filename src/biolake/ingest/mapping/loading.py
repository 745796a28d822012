"""From a mapping file to its definition."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from biolake.core.errors import MappingInvalid, WrongUse, did_you_mean
from biolake.core.reading import Clock
from biolake.core.yaml_positions import Value
from biolake.ingest.mapping.asset_rules import asset_rules, note_rules
from biolake.ingest.mapping.definition import (
    CodeRule,
    Column,
    Conversion,
    EncounterRule,
    EventRule,
    Expression,
    Identifier,
    Identity,
    Ignored,
    Lookup,
    Mapping,
    Options,
    PartOf,
    Retract,
    Skip,
    TableRule,
)
from biolake.ingest.mapping.document import expression, parse_mapping_document

T = TypeVar("T")
Block = dict[str, Value]

SHIPPED = Path(__file__).parent.parent / "mappings"
TYPES = {
    "VARCHAR": "VARCHAR",
    "TEXT": "VARCHAR",
    "BIGINT": "BIGINT",
    "INTEGER": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
}
_MAKES = ("events", "encounters", "people", "assets", "notes")
_ROOT_WORDS = "version description detect clock encounter epoch units convert codes ignore"
_TABLE_WORDS = """
    key columns options lookups let subject encounter skip retract part_of events encounters people
    assets notes
"""
_RULE_WORDS = ("when", "time", "end_time", "numeric_value", "text_value", "unit")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def shipped_mappings() -> list[str]:
    """Return the names of the mappings that come with Biolake."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_mapping(name_or_path: str, readers: Iterable[str] = ()) -> Mapping:
    """Read a mapping by shipped name or by path; every mistake names its line and column.

    `readers` are the other names that the person might have meant.
    """
    path = SHIPPED / f"{name_or_path}.yaml"
    if name_or_path not in shipped_mappings():
        path = Path(name_or_path)
    if not path.is_file():
        names = sorted([*shipped_mappings(), *readers])
        raise WrongUse(
            f"no mapping '{name_or_path}'.{did_you_mean(name_or_path, names)}",
            next=f"Shipped: {', '.join(names)}; or give the path of a YAML file.",
        )
    return parse_mapping(read_text(path), path)


def read_text(path: Path) -> str:
    """Return a mapping file's text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError):
        raise MappingInvalid("the mapping is not readable as UTF-8 text", where=path.name) from None


def says_mapping(path: Path) -> bool:
    """Say whether a YAML file is meant as a mapping: whatever is wrong with it is told later."""
    try:
        lines = read_text(path).splitlines()
    except MappingInvalid:
        return False
    return all(any(line.startswith(word) for line in lines) for word in ("mapping:", "tables:"))


def parse_mapping(text: str, path: Path) -> Mapping:
    """Parse the text of a mapping file."""
    root = parse_mapping_document(text, path.name)
    return define(root, path, hashlib.sha256(text.encode()).hexdigest())


def define(root: Value, path: Path, content_hash: str) -> Mapping:
    """Turn a document into a mapping."""
    block = root.block(_ROOT_WORDS.split(), ["mapping", "subject", "tables"])
    clock: Clock = "local"
    if "clock" in block and block["clock"].choice("local", "utc") == "utc":
        clock = "utc"
    return Mapping(
        name=block["mapping"].text(),
        version=_text(block, "version"),
        description=_text(block, "description"),
        path=path,
        content_hash=content_hash,
        clock=clock,
        subject=_identity(block["subject"]),
        detect=tuple(value.text() for value in _items(block, "detect")),
        encounter=_maybe(block, "encounter", _identity),
        epoch=_maybe(block, "epoch", _epoch),
        units=_maybe(block, "units", _pairs) or (),
        conversions=tuple(_conversion(value) for value in _items(block, "convert")),
        tables=_tables(block["tables"]),
        codes=tuple(_codes(value) for value in _items(block, "codes")),
        ignore=tuple(_ignored(value) for value in _items(block, "ignore")),
    )


def _tables(value: Value) -> tuple[TableRule, ...]:
    tables = tuple(_table(key.text(), body) for key, body in value.entries())
    names = [table.name for table in tables]
    for table in tables:
        if table.part_of and table.part_of.table not in names:
            near = did_you_mean(table.part_of.table, names)
            raise MappingInvalid(
                f"part_of names no table of this mapping: '{table.part_of.table}'.{near}",
                where=str(table.where),
            )
    return tables


def _table(name: str, value: Value) -> TableRule:
    block = value.block(
        _TABLE_WORDS.split(),
        ["file"],
    )
    if not {"part_of", *_MAKES} & set(block):
        value.refuse(f"table '{name}' makes nothing: give {', '.join(_MAKES)} or part_of")
    if "part_of" in block and set(_MAKES) & set(block):
        value.refuse(f"table '{name}' is part_of another table and can make nothing itself")
    options = _maybe(block, "options", _options) or Options()
    return TableRule(
        name=name,
        file=block["file"].text(),
        where=value.where,
        file_where=block["file"].where,
        key=tuple(item.text() for item in _items(block, "key")),
        columns=_maybe(block, "columns", _columns) or (),
        options=replace(options, long_records="notes" in block),
        lookups=_maybe(block, "lookups", _lookups) or (),
        let=_maybe(block, "let", _let) or (),
        subject=_maybe(block, "subject", expression),
        encounter=_maybe(block, "encounter", expression),
        skip=tuple(_skip(item) for item in _items(block, "skip")),
        retract=_retract(block),
        part_of=_maybe(block, "part_of", _part_of),
        events=_events(block),
        encounters=_maybe(block, "encounters", _encounters),
        people=tuple(_person(item) for item in _items(block, "people")),
        assets=asset_rules(block),
        notes=note_rules(block),
    )


def _events(block: Block) -> tuple[EventRule, ...]:
    rules: list[EventRule] = []
    items = _items(block, "events")
    for item in items:
        for rule in _event(item, only=len(items) == 1):
            if rule.name in [other.name for other in rules]:
                item.refuse(f"two event rules of this table are named '{rule.name}'")
            rules.append(rule)
    return tuple(rules)


def _event(value: Value, only: bool) -> Iterator[EventRule]:
    """Yield the rule, or with `each` one rule for every text of its list."""
    block = value.block([*_RULE_WORDS, "name", "static", "each"], ["code"])
    rule = _event_rule(value, block, only and "each" not in block)
    if "each" not in block:
        yield rule
        return
    entries = block["each"].entries()
    if len(entries) != 1:
        block["each"].refuse("'each' takes one name and its list: {statement: [NORM, IMI]}")
    key, listed = entries[0]
    _check_name(key)
    for item in listed.items():
        given = {name: getattr(rule, name) for name in ("code", *_RULE_WORDS)}
        bound = ((key.text().lower(), item.text()),)
        fields = {name: replace(e, bound=bound) for name, e in given.items() if e is not None}
        yield replace(rule, name=f"{rule.name} {item.text()}", **fields)


def _event_rule(value: Value, block: Block, only: bool) -> EventRule:
    if "name" not in block and not only:
        value.refuse("a table with several event rules must name each: 'name' is missing")
    static = "static" in block and block["static"].flag()
    if "time" not in block and not static:
        value.refuse("'time' is missing", next="Facts true at any time say `static: true`.")
    return EventRule(
        name=_text(block, "name") or "event",
        code=expression(block["code"]),
        where=value.where,
        static=static,
        **{name: expression(block[name]) for name in _RULE_WORDS if name in block},
    )


def _encounters(value: Value) -> EncounterRule:
    block = value.block(["start", "end", "kind"], ["id"])
    return EncounterRule(**{name: expression(item) for name, item in block.items()})


def _person(value: Value) -> Identifier:
    block = value.block(["time"], ["system", "value", "scope"])
    scope = block["scope"].choice("site", "global")
    time = expression(block["time"]) if "time" in block else None
    return Identifier(block["system"].text(), expression(block["value"]), scope, time)


def _part_of(value: Value) -> PartOf:
    block = value.block(["why"], ["table"])
    return PartOf(block["table"].text(), _text(block, "why"))


def _skip(value: Value) -> Skip:
    block = value.block([], ["when", "why"])
    return Skip(expression(block["when"]), block["why"].text())


def _retract(block: Block) -> Retract | None:
    value = block.get("retract")
    if value is None:
        return None
    rule = value.block([], ["when", "why"])
    if not {"key", "events"} <= set(block):
        value.refuse(
            "'retract' takes back events by their key: the table needs 'key' and 'events'",
            next="Name the columns that number its rows under `key`.",
        )
    if "notes" in block:
        value.refuse(
            "'retract' takes back events only: the notes of these rows would stay",
            next="Skip the rows, or put the notes under a table of their own.",
        )
    return Retract(expression(rule["when"]), rule["why"].text())


def _lookups(value: Value) -> tuple[Lookup, ...]:
    return tuple(_lookup(key, body) for key, body in value.entries())


def _lookup(key: Value, value: Value) -> Lookup:
    _check_name(key)
    block = value.block(["options"], ["file", "on", "columns"])
    on = tuple((left.text(), right.text()) for left, right in block["on"].entries())
    options = _maybe(block, "options", _options) or Options()
    columns = _columns(block["columns"])
    return Lookup(key.text(), block["file"].text(), on, columns, options, value.where)


def _let(value: Value) -> tuple[tuple[str, Expression], ...]:
    for key, _ in value.entries():
        _check_name(key)
    return tuple((key.text(), expression(body)) for key, body in value.entries())


def _check_name(key: Value) -> None:
    if not _NAME.fullmatch(key.text()):
        key.refuse(f"'{key.text()}' is not a name: letters, digits and _ only")


def _columns(value: Value) -> tuple[Column, ...]:
    """Read `{name: TYPE}`, or a list of names that are all text."""
    try:
        entries = value.entries()
    except MappingInvalid:
        return tuple(Column(item.text(), "VARCHAR", item.where) for item in value.items())
    return tuple(Column(key.text(), _type(body), key.where) for key, body in entries)


def _type(value: Value) -> str:
    name = value.text().upper()
    if name not in TYPES:
        near = did_you_mean(name, TYPES)
        value.refuse(f"'{name}' is no column type.{near}", next=f"Known: {', '.join(TYPES)}.")
    return TYPES[name]


def _options(value: Value) -> Options:
    block = value.block(["delimiter", "quote", "nullstr", "timestampformat"])
    for name in ("delimiter", "quote"):
        if name in block and len(block[name].text().encode()) != 1:
            block[name].refuse(f"'{name}' must be one character")
    return Options(
        delimiter=_text(block, "delimiter") or None,
        quote=_text(block, "quote") or '"',
        nulls=("", *(item.text() for item in _items(block, "nullstr") if item.text())),
        time_formats=tuple(item.text() for item in _items(block, "timestampformat")),
    )


def _identity(value: Value) -> Identity:
    block = value.block(["type"], ["column", "system"])
    integer = "type" in block and block["type"].choice("integer", "text") == "integer"
    return Identity(expression(block["column"]), block["system"].text(), integer)


def _epoch(value: Value) -> datetime:
    try:
        moment = datetime.fromisoformat(value.text())
    except ValueError:
        value.refuse("'epoch' must be a date and time such as 2100-01-01 00:00:00")
    if moment.tzinfo is not None:
        value.refuse("'epoch' must have no offset")
    return moment


def _pairs(value: Value) -> tuple[tuple[str, str], ...]:
    return tuple((key.text(), body.text()) for key, body in value.entries())


def _conversion(value: Value) -> Conversion:
    block = value.block(["offset", "source"], ["codes", "from", "to", "scale"])
    codes = block["codes"].text()
    try:
        re.compile(codes)
    except re.error as error:
        block["codes"].refuse(f"'codes' is not a regular expression: {error}")
    return Conversion(
        codes=codes,
        from_unit=block["from"].text(),
        to_unit=block["to"].text(),
        scale=_number(block["scale"]),
        offset=_number(block["offset"]) if "offset" in block else 0.0,
        where=value.where,
    )


def _number(value: Value) -> float:
    try:
        number = float(value.text())
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        value.refuse(f"'{value.name}' must be a number")
    return number


def _codes(value: Value) -> CodeRule:
    block = value.block(["description", "parents", "columns", "options"], ["file", "code"])
    return CodeRule(
        file=block["file"].text(),
        code=expression(block["code"]),
        where=value.where,
        file_where=block["file"].where,
        description=_maybe(block, "description", expression),
        parents=tuple(expression(item) for item in _items(block, "parents")),
        columns=_maybe(block, "columns", _columns) or (),
        options=_maybe(block, "options", _options) or Options(),
    )


def _ignored(value: Value) -> Ignored:
    block = value.block(["why"], ["file"])
    return Ignored(block["file"].text(), _text(block, "why"))


def _text(block: Block, name: str) -> str:
    return block[name].text() if name in block else ""


def _items(block: Block, name: str) -> list[Value]:
    return block[name].items() if name in block else []


def _maybe(block: Block, name: str, parse: Callable[[Value], T]) -> T | None:
    return parse(block[name]) if name in block else None
