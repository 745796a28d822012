"""YAML read with the line and column of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn

import yaml

from biolake.core.errors import BiolakeError, DataRefused, did_you_mean

_NULL = "tag:yaml.org,2002:null"
_TRUE, _FALSE = {"true", "yes", "on"}, {"false", "no", "off"}
_MAX_DEPTH = 12
_MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Where:
    """A position in a file, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def after(self, characters: int) -> Where:
        return Where(self.file, self.line, self.column + characters)


@dataclass(frozen=True)
class Document:
    """A named YAML file, what it is called in messages, and the error it raises."""

    file: str
    what: str
    error: type[BiolakeError] = DataRefused
    # An error that keeps the value, for a document that is judged on without it.
    refused: Callable[[Value, str, str], BiolakeError] | None = None


@dataclass(frozen=True)
class Value:
    """One YAML node of a document."""

    node: yaml.Node
    document: Document
    name: str = ""

    @property
    def where(self) -> Where:
        mark = self.node.start_mark
        return Where(self.document.file, mark.line + 1, mark.column + 1)

    @property
    def content(self) -> Where:
        """Where the first character of a text stands, past its quote or block mark."""
        style = getattr(self.node, "style", None)
        if style in ('"', "'"):
            return self.where.after(1)
        if style in ("|", ">"):
            return Where(self.document.file, self.where.line + 1, 1)
        return self.where

    @property
    def missing(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _NULL

    @property
    def is_text(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and not self.missing

    @property
    def is_block(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def refuse(self, message: str, next: str = "") -> NoReturn:
        if self.document.refused:
            raise self.document.refused(self, message, next)
        raise self.document.error(message, where=str(self.where), next=next)

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode):
            self.refuse(f"'{self.name}' must be a text")
        return str(self.node.value)

    def flag(self) -> bool:
        text = self.text().lower()
        if text not in _TRUE | _FALSE:
            self.refuse(f"'{self.name}' must be true or false")
        return text in _TRUE

    def number(self) -> float:
        try:
            return float(self.text())
        except ValueError:
            self.refuse(f"'{self.name}' must be a number")

    def choice(self, *allowed: str) -> str:
        text = self.text()
        if text not in allowed:
            near = did_you_mean(text, allowed)
            self.refuse(f"'{self.name}' must be {' or '.join(allowed)}, not '{text}'.{near}")
        return text

    def items(self) -> list[Value]:
        """Return the members of a list; a single text is a list of one."""
        if isinstance(self.node, yaml.MappingNode) or self.missing:
            self.refuse(f"'{self.name}' must be a list")
        if isinstance(self.node, yaml.ScalarNode):
            return [self]
        return [Value(node, self.document, self.name) for node in self.node.value]

    def entries(self) -> list[tuple[Value, Value]]:
        """Return key and value of every entry; the same key twice is refused."""
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(f"'{self.name}' must be a block of `key: value` entries")
        found: dict[str, tuple[Value, Value]] = {}
        for key_node, node in self.node.value:
            key = Value(key_node, self.document, self.name)
            text = key.text()
            if text in found:
                key.refuse(f"'{text}' is given twice")
            found[text] = key, Value(node, self.document, text)
        return list(found.values())

    def block(self, allowed: Iterable[str], required: Iterable[str] = ()) -> dict[str, Value]:
        """Return the entries by key; an unknown key or a missing one is refused."""
        known = set(allowed) | set(required)
        found: dict[str, Value] = {}
        for key, value in self.entries():
            if key.text() not in known:
                key.refuse(
                    f"'{key.text()}' is not known here.{did_you_mean(key.text(), known)}",
                    next=f"Known: {', '.join(sorted(known))}.",
                )
            if not value.missing:
                found[key.text()] = value
        for name in required:
            if name not in found:
                self.refuse(f"'{name}' is missing")
        return found


def parse_document(text: str, document: Document) -> Value:
    """Parse one YAML document and return its root."""
    error, file, what = document.error, document.file, document.what
    if len(text) > _MAX_BYTES:
        raise error(f"the {what} is larger than 4 MB", where=file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as problem:
        raise error(_plain(problem), where=_place(problem, file)) from None
    except RecursionError:
        raise error(f"the {what} is nested too deeply", where=file) from None
    if node is None:
        raise error(f"the {what} is empty", where=f"{file}:1:1")
    _check_nesting(Value(node, document), 0, {})
    return Value(node, document, what)


def _check_nesting(value: Value, depth: int, seen: dict[int, int]) -> None:
    # An alias may point at its own parent: depth is what bounds the walk. Nor is a node walked
    # again unless it lies deeper: aliases of aliases would multiply the walks.
    if depth > _MAX_DEPTH:
        value.refuse(f"the {value.document.what} is nested too deeply")
    if seen.get(id(value.node), -1) >= depth:
        return
    seen[id(value.node)] = depth
    if isinstance(value.node, yaml.SequenceNode):
        children = list(value.node.value)
    elif isinstance(value.node, yaml.MappingNode):
        children = [child for _, child in value.node.value]
    else:
        children = []
    for child in children:
        _check_nesting(Value(child, value.document), depth + 1, seen)


def _plain(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or "not readable"
    return f"this is not YAML: {problem}"


def _place(error: yaml.YAMLError, file: str) -> str:
    mark = getattr(error, "problem_mark", None)
    return str(Where(file, mark.line + 1, mark.column + 1)) if mark else file
