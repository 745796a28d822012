"""Circe's JSON, read value by value: every refusal names the place, and no key goes unread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from biolake.core.errors import DataRefused, did_you_mean


class CirceRefused(DataRefused):
    """A Circe cohort definition says something that cannot be carried out as it says it."""

    code = "circe_refused"


@dataclass(frozen=True)
class Node:
    """One value of the document and the JSON path that leads to it."""

    value: object
    path: str = "$"

    def refuse(self, message: str, *, next: str = "") -> NoReturn:
        raise CirceRefused(message, where=self.path, next=next)

    def fields(self, *known: str, refused: Mapping[str, str] | None = None) -> dict[str, Node]:
        """Return the object's values that are not null; a key outside `known` is an error."""
        if not isinstance(self.value, dict):
            self.refuse("an object is expected here")
        found = {key: Node(value, f"{self.path}.{key}") for key, value in self.value.items()}
        for key, node in found.items():
            if refused and key in refused and node.value is not None:
                node.refuse(f"is not supported: {refused[key]}")
            if key not in known and not (refused and key in refused):
                hint = did_you_mean(key, known).strip()
                node.refuse("unknown key", next=hint or "It would be left out of the cohort.")
        return {key: node for key, node in found.items() if node.value is not None}

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            self.refuse("a list is expected here")
        return [Node(value, f"{self.path}[{place}]") for place, value in enumerate(self.value)]

    def integer(self) -> int:
        number = self.number()
        if number != int(number):
            self.refuse("a whole number is expected here")
        return int(number)

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("a number is expected here")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.refuse("a text is expected here")
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            self.refuse("true or false is expected here")
        return self.value

    def day(self) -> date:
        parts = self.text().split("-")
        try:
            year, month, day = (int(part) for part in parts)
            return date(year, month, day)
        except ValueError:
            self.refuse("a date such as 2000-12-31 is expected here")

    def one_of(self, *words: str) -> str:
        """Return the word as listed here, whatever case the document gives it in."""
        known = {word.upper(): word for word in words}
        if self.text().upper() not in known:
            self.refuse(f"'{self.text()}' is not one of {', '.join(words)}")
        return known[self.text().upper()]


def read_document(text: str) -> Node:
    """Parse JSON; a key given twice in one object is refused: one of the two would be lost."""
    try:
        return Node(json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant))
    except ValueError as error:
        raise CirceRefused(f"this is not JSON ({error})", where="$") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise CirceRefused(f"the key '{twice}' is given twice in one object", where="$")
    return found


def _no_constant(word: str) -> NoReturn:
    raise CirceRefused(f"{word} is not a number of JSON", where="$")
