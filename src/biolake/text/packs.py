"""Language packs: what is known of a language, as data files in `packs/<language>/`.

`pack.yaml` has the language's name, its most common words (to tell it from others), the
abbreviations whose full stop ends no sentence, and the headings of clinical notes by kind of
section. `triggers.tsv` has the words that say whether a finding is there, when, and whose. Both
name their source and licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import yaml

LANGUAGES = ("en", "es", "zh")
EFFECTS = ("negated", "possible", "hypothetical", "historical", "family", "other")
DIRECTIONS = ("", "forward", "backward", "both")


@dataclass(frozen=True)
class Trigger:
    """A phrase and what it does to findings near it.

    `effect` is one or more of `EFFECTS`, joined by commas, or `pseudo` or `stop`. `reach` is how
    many words and signs it reaches (0: to the sentence's end). `ends` are others' effects that end
    at this phrase for what lies beyond it.
    """

    phrase: str
    effect: str
    direction: str = ""
    reach: int = 0
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack:
    """What is known of one language."""

    language: str
    name: str
    source: str
    licence: str
    common_words: tuple[str, ...]
    abbreviations: tuple[str, ...]
    sections: Mapping[str, tuple[str, ...]]
    triggers: tuple[Trigger, ...]


@cache
def pack(language: str) -> Pack:
    """Read one language's pack; raises ValueError, with file and line, where it is not right."""
    folder = files("biolake.text").joinpath("packs", language)
    said = yaml.safe_load(folder.joinpath("pack.yaml").read_text(encoding="utf-8"))
    table = folder.joinpath("triggers.tsv").read_text(encoding="utf-8")
    return Pack(
        language=language,
        name=said["name"],
        source=said["source"],
        licence=said["licence"],
        common_words=tuple(said["common_words"].split()),
        abbreviations=tuple(said["abbreviations"].split()),
        sections={kind: _expanded(headings) for kind, headings in said["sections"].items()},
        triggers=tuple(read_triggers(table, f"packs/{language}/triggers.tsv")),
    )


def read_triggers(table: str, name: str) -> Iterator[Trigger]:
    """Read a table of triggers; the first of two rows for one phrase holds."""
    seen: set[str] = set()
    for number, line in enumerate(table.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            for trigger in _triggers(line):
                if trigger.phrase not in seen:
                    seen.add(trigger.phrase)
                    yield trigger
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}") from None


def _triggers(line: str) -> Iterator[Trigger]:
    """Yield the triggers of one row."""
    cells = [cell.strip() for cell in line.split("\t")]
    phrase, effect, direction, reach, last = [*cells, "", "", "", ""][:5]
    if effect not in ("pseudo", "stop") and (unknown := set(effect.split(",")) - set(EFFECTS)):
        raise ValueError(f"{min(unknown)!r} is none of {', '.join(EFFECTS)}, pseudo, stop.")
    if direction not in DIRECTIONS or (effect in ("pseudo", "stop")) == bool(direction):
        raise ValueError(f"an effect has a direction, other rows have none: not {direction!r}.")
    ends = tuple(last.split(",")) if last else EFFECTS if effect == "stop" else ()
    if unknown := set(ends) - set(EFFECTS):
        raise ValueError(f"{min(unknown)!r} is no effect that could end.")
    for one in expanded(phrase):
        yield Trigger(one, effect, direction, int(reach or 0), ends)


def expanded(phrase: str) -> tuple[str, ...]:
    """Spell out a phrase's alternatives: `{a,b} c` is `a c` and `b c`."""
    parts = [part.split(",") for part in re.split(r"[{}]", phrase)]
    for place in range(0, len(parts), 2):  # outside braces a comma is a comma
        parts[place] = [",".join(parts[place])]
    return tuple(dict.fromkeys(" ".join("".join(chosen).split()) for chosen in product(*parts)))


def _expanded(phrases: list[Any]) -> tuple[str, ...]:
    return tuple(one for phrase in phrases for one in expanded(str(phrase)))
