"""What a row of the index is, for every part that is searched by its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from biolake.core.media import Note
from biolake.lake.door import View

# `owner` is what changes as a whole: a code, an asset, a name. Rows are in the order of `key`.
ROWS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("owner", pa.string(), nullable=False),
        pa.field("fingerprint", pa.int64(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("words", pa.string(), nullable=False),  # all else that is searched
        pa.field("code", pa.string()),  # of a code, or of what was found in a note
        pa.field("details", pa.string(), nullable=False),  # JSON, shown and not searched
        pa.field("length", pa.int32(), nullable=False),  # in terms
    ]
)
FIELDS = ("title", "text", "words")

# Notes by asset id: what they say, or why they cannot be read.
Notes = Callable[[View, Sequence[str]], Iterator[tuple[str, Note | str]]]


@dataclass(frozen=True)
class Named:
    """Something that a lake knows by a name: a cohort, a study, a model."""

    name: str
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """Where the rows come from, besides the lake's tables; a surface hands it in."""

    notes: Notes
    named: Mapping[str, Sequence[Named]] = field(default_factory=dict)  # by part
