"""YAML read with the line and column of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import yaml

from biolake.core.errors import MappingInvalid, did_you_mean
from biolake.ingest.mapping.definition import Expression, Where

_NULL = "tag:yaml.org,2002:null"
_TRUE, _FALSE = {"true", "yes", "on"}, {"false", "no", "off"}
_MAX_DEPTH = 12
_MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Value:
    """One YAML node of a named file."""

    node: yaml.Node
    file: str
    name: str = ""

    @property
    def where(self) -> Where:
        mark = self.node.start_mark
        return Where(self.file, mark.line + 1, mark.column + 1)

    @property
    def missing(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _NULL

    def refuse(self, message: str, next: str = "") -> NoReturn:
        raise NodeRefused(self, message, next)

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode):
            self.refuse(f"'{self.name}' must be a text")
        return str(self.node.value)

    def expression(self) -> Expression:
        text = self.text()
        if not text.strip():
            self.refuse(f"'{self.name}' is empty: an SQL expression is needed")
        where = self.where
        style = getattr(self.node, "style", None)
        if style in ('"', "'"):
            where = where.after(1)
        elif style in ("|", ">"):
            where = Where(where.file, where.line + 1, 1)
        return Expression(text, where)

    def flag(self) -> bool:
        text = self.text().lower()
        if text not in _TRUE | _FALSE:
            self.refuse(f"'{self.name}' must be true or false")
        return text in _TRUE

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
        return [Value(node, self.file, self.name) for node in self.node.value]

    def entries(self) -> list[tuple[Value, Value]]:
        """Return key and value of every entry; the same key twice is refused."""
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(f"'{self.name}' must be a block of `key: value` entries")
        found: dict[str, tuple[Value, Value]] = {}
        for key_node, node in self.node.value:
            key = Value(key_node, self.file, self.name)
            text = key.text()
            if text in found:
                key.refuse(f"'{text}' is given twice")
            found[text] = key, Value(node, self.file, text)
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


class NodeRefused(MappingInvalid):
    """One node of the document is wrong; the others can still be judged."""

    def __init__(self, value: Value, message: str, next: str) -> None:
        super().__init__(message, where=str(value.where), next=next)
        self.value = value


def without(root: Value, wrong: Value) -> bool:
    """Take one node out of a document; false when it is the root."""
    parents = [root.node]
    while parents:
        node = parents.pop()
        if isinstance(node, yaml.ScalarNode):
            continue
        for child in list(node.value):
            pair = child if isinstance(child, tuple) else (child,)
            if any(part is wrong.node for part in pair):
                node.value = [other for other in node.value if other is not child]
                return True
            parents.append(pair[-1])
    return False


def parse_document(text: str, file: str) -> Value:
    """Parse one YAML document and return its root."""
    if len(text) > _MAX_BYTES:
        raise MappingInvalid("the mapping is larger than 4 MB", where=file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise MappingInvalid(_plain(error), where=_place(error, file)) from None
    except RecursionError:
        raise MappingInvalid("the mapping is nested too deeply", where=file) from None
    if node is None:
        raise MappingInvalid("the mapping is empty", where=f"{file}:1:1")
    _check_nesting(node, file, 0, {})
    return Value(node, file, "mapping")


def _check_nesting(node: yaml.Node, file: str, depth: int, seen: dict[int, int]) -> None:
    # An alias may point at its own parent: depth is what bounds the walk. Nor is a node walked
    # again unless it lies deeper: aliases of aliases would multiply the walks.
    if depth > _MAX_DEPTH:
        Value(node, file).refuse("the mapping is nested too deeply")
    if seen.get(id(node), -1) >= depth:
        return
    seen[id(node)] = depth
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_nesting(child, file, depth + 1, seen)
    elif isinstance(node, yaml.MappingNode):
        for _, child in node.value:
            _check_nesting(child, file, depth + 1, seen)


def _plain(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or "not readable"
    return f"this is not YAML: {problem}"


def _place(error: yaml.YAMLError, file: str) -> str:
    mark = getattr(error, "problem_mark", None)
    return str(Where(file, mark.line + 1, mark.column + 1)) if mark else file
