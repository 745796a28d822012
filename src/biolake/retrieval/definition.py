"""A feature definition: windows × aggregations × codes, what is asked of each subject's past.

A window ends at the prediction time less its gap. Its end is *inclusive* unless it says
`end: exclusive`: MEDS 0.4 lets a prediction use data "up to and including" its time. Its start is
exclusive, `(end - lookback, end]`, so that windows laid end to end share no event. An exclusive end
moves both bounds back by one microsecond, the grain of time in the lake.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from biolake.core.errors import DataRefused

DAY = 86_400_000_000  # microseconds
FOREVER = 4000 * 366 * DAY  # longer than any record, and far from the end of int64

COUNTING = ("count", "presence", "time_since")
VALUED = ("n", "observed", "first", "last", "min", "max", "sum", "mean", "sd", "slope")
AGGREGATIONS = (*COUNTING, *VALUED)

Selector = Literal["all", "list", "prefix", "regex", "ancestor"]
Pick = Literal["latest", "mean"]


class FeaturesInvalid(DataRefused):
    """A feature definition says something that cannot be carried out."""

    code = "features_invalid"


@dataclass(frozen=True)
class Window:
    """A stretch of the past: events of age `cut` ≤ age < `until`, in microseconds."""

    name: str
    lookback: int | None
    cut: int = 0

    @property
    def until(self) -> int:
        return FOREVER if self.lookback is None else self.cut + self.lookback


@dataclass(frozen=True)
class CodeSelection:
    """Which codes: all, those listed, or those that match any of the words."""

    how: Selector
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Codes and what is asked of them; `each` code has its own columns, or all share one set."""

    name: str
    codes: CodeSelection
    windows: tuple[Window, ...]
    aggregations: tuple[str, ...]
    each: bool = True
    min_subjects: int = 1
    top: int | None = None

    @property
    def valued(self) -> bool:
        return any(name in VALUED for name in self.aggregations)

    @property
    def cut(self) -> int:
        """The least age of an event that any of its windows sees."""
        return min(window.cut for window in self.windows)


@dataclass(frozen=True)
class Static:
    """Facts without a time, one column a code: whether there is one, or with `values` its number.

    A code without any number tells its presence all the same.
    """

    codes: CodeSelection
    min_subjects: int = 1
    top: int | None = None
    values: bool = False


@dataclass(frozen=True)
class Embedding:
    """Vectors that an encoder made of a subject's assets of one modality, in one window.

    `pick` is the latest asset or the mean of all; `components` the numbers that a fixed projection
    keeps of each vector, or None for all. `encoder_version` is None while the lake may say.
    """

    name: str
    encoder: str
    modality: str
    window: Window
    pick: Pick = "latest"
    components: int | None = None
    encoder_version: str | None = None


@dataclass(frozen=True)
class Definition:
    """A feature definition as read; `sex` lists the prefixes of the codes that tell it."""

    name: str
    version: str = "1"
    groups: tuple[Group, ...] = ()
    static: Static | None = None
    age: bool = False
    sex: tuple[str, ...] = ()
    majority_unit: bool = False
    description: str = ""
    embeddings: tuple[Embedding, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of what the definition says, whatever its layout and comments."""
        said = asdict(self)
        # Definitions without embeddings keep the hash they had before there were any.
        if not self.embeddings:
            del said["embeddings"]
        if self.static and not self.static.values:
            del said["static"]["values"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
