"""Language packs: what is known of a language, as data files in `packs/<language>/`.

`pack.yaml` has the language's name, its most common words (to tell it from others), the
abbreviations whose full stop ends no sentence, and the headings of clinical notes by kind of
section. `triggers.tsv` has the words that say whether a finding is there, when, and whose. Both
name their source and licence.

A folder named by $BIOLAKE_LANGUAGES has packs of the hospital's own: a language more, or one in
place of ours of the same name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from biolake.core.errors import DataRefused

OURS = Path(__file__).parent / "packs"
SETTING = "BIOLAKE_LANGUAGES"


def _folders() -> dict[str, Path]:
    """Return the folder of each language's pack: ours first, so that their order stays."""
    own = os.environ.get(SETTING, "")
    homes = [OURS, Path(own)] if own else [OURS]
    if own and not Path(own).is_dir():
        raise DataRefused(
            "There is no such folder of language packs.",
            where=own,
            next=f"Set {SETTING} to a folder that has one folder a language, or unset it.",
        )
    found = (path.parent for home in homes for path in sorted(home.glob("*/pack.yaml")))
    return {folder.name: folder for folder in found}


_FOLDERS = _folders()
LANGUAGES = tuple(_FOLDERS)  # BCP 47 primary subtags
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
    """Read one language's pack; raises DataRefused, with file and line, where it is not right."""
    folder = _FOLDERS[language]
    file, table = folder / "pack.yaml", folder / "triggers.tsv"
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Pack(
            language=language,
            name=said["name"],
            source=said["source"],
            licence=said["licence"],
            common_words=tuple(said["common_words"].split()),
            abbreviations=tuple(said["abbreviations"].split()),
            sections={kind: _expanded(headings) for kind, headings in said["sections"].items()},
            triggers=tuple(read_triggers(table.read_text(encoding="utf-8"), str(table))),
        )
    except KeyError as missing:
        raise _refused(file, f"It has no {missing}.") from None
    except (AttributeError, TypeError, yaml.YAMLError):
        raise _refused(file, "It is not written as a pack is.") from None
    except OSError as error:
        raise _refused(table, f"It cannot be read: {error.strerror}.") from None


def _refused(file: Path, reason: str) -> DataRefused:
    return DataRefused(
        f"A language pack cannot be used. {reason}",
        where=str(file),
        next="Compare it with that of another language: docs/how-to/add-a-language.md",
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
            raise DataRefused(
                f"This trigger cannot be used: {error}",
                where=f"{name}:{number}",
                next="Write: phrase, effect, direction, reach, effects ended; tabs between them.",
            ) from None


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
