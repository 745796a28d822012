"""A run of texts as one array of characters, cut into tokens once for all that reads it.

Sections, sentences, phrases and contexts are all decided on the tokens of a `TextRun`: loops over
numbers, for many notes at once. Offsets are characters (code points) of each text, as Python
counts them; `run.place` and `run.within` go between a text's offsets and the run's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from biolake.core.media import Note
from biolake.text import _tokens
from biolake.text.characters import table

SEPARATOR = "\0"
LONGEST = 2**31 - 1


@dataclass(frozen=True)
class Tokens:
    """Words, Chinese characters and signs in order; `start` and `end` count the run's characters.

    `digest` hashes what the token is compared as (see `characters`); `kind` and `flags` are those
    of `_tokens`. An empty line and the end of a text are tokens of kind `IS_BREAK`.
    """

    start: np.ndarray  # int32
    end: np.ndarray  # int32
    digest: np.ndarray  # uint64
    kind: np.ndarray  # uint8
    flags: np.ndarray  # uint8

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class TextRun:
    """Some texts, laid end to end with a separator between them.

    `languages` are BCP 47 subtags as the sources tell them, or empty; `sections` are those the
    sources mark themselves (`Note.sections`).
    """

    texts: tuple[str, ...]
    languages: tuple[str, ...]
    sections: tuple[tuple[tuple[str, int, int], ...], ...]

    @staticmethod
    def of(texts: Sequence[str]) -> TextRun:
        """Take texts alone; their languages are found out."""
        return TextRun(tuple(texts), ("",) * len(texts), ((),) * len(texts))

    @staticmethod
    def of_notes(notes: Sequence[Note]) -> TextRun:
        """Take notes with what their sources say of them."""
        return TextRun(
            tuple(note.text for note in notes),
            tuple(note.language for note in notes),
            tuple(note.sections for note in notes),
        )

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def offsets(self) -> np.ndarray:
        """Where each text begins in the run (int64), and, last, where the run ends."""
        lengths = np.fromiter((len(text) + 1 for text in self.texts), np.int64, len(self.texts))
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])

    @cached_property
    def codes(self) -> np.ndarray:
        """The code points of all texts, uint32, each text with a separator after it."""
        if self.offsets[-1] > LONGEST:
            raise ValueError("A run holds at most 2 G characters; take fewer texts at a time.")
        joined = SEPARATOR.join([*self.texts, ""])
        return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of all texts in order."""
        codes = self.codes
        most = len(codes) + 1
        columns = (
            np.empty(most, np.int32),
            np.empty(most, np.int32),
            np.empty(most, np.uint64),
            np.empty(most, np.uint8),
            np.empty(most, np.uint8),
        )
        count = _tokens.cut(codes, table(), *columns)
        return Tokens(*(column[:count].copy() for column in columns))

    def item_of(self, places: np.ndarray) -> np.ndarray:
        """Return which text each place of the run lies in (int32)."""
        return np.asarray(np.searchsorted(self.offsets, places, side="right") - 1, np.int32)

    def within(self, items: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return places of the run as offsets in their texts (int32)."""
        return np.asarray(places - self.offsets[items], np.int32)

    def place(self, items: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return offsets in texts as places of the run (int64)."""
        return np.asarray(np.add(offsets, self.offsets[items]), np.int64)

    def first_token(self, places: np.ndarray) -> np.ndarray:
        """Return, for places of the run, the number of the token there, or of the next one."""
        return np.asarray(np.searchsorted(self.tokens.end, places, side="right"), np.int32)

    def quote(self, item: int, start: int, end: int) -> str:
        """Return the characters of one span."""
        return self.texts[item][start:end]
