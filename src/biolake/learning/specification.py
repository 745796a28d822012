"""A model's specification: which assets, what makes a label true, by which method, judged how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biolake.core.assets import EncoderInput
from biolake.core.errors import DataRefused


class ModelInvalid(DataRefused):
    """A model's specification says something that has no meaning."""

    code = "model_invalid"


@dataclass(frozen=True)
class AssetChoice:
    """Which assets a model is for."""

    modality: str
    kind: str = ""
    rate: tuple[float, float] | None = None  # Hz, least and most
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodesNear:
    """Events of these codes between `before` and `after` (microseconds) of an asset's time.

    A code ending in `*` stands for all that begin so. `least` and `most` bound the value.
    """

    codes: tuple[str, ...]
    before: int = 0
    after: int = 0
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class CohortRows:
    """A label that a cohort's rows tell: a MEDS label file, and how far back an asset may lie."""

    file: str
    name: str  # of the label
    lookback: int  # microseconds


@dataclass(frozen=True)
class Grouping:
    """How rows are told apart in the report: by the index, or by an event near the asset.

    `what` is site, sex, age, device, year, or `code`: the last part of the code found, or with
    `cuts` the band its value lies in.
    """

    name: str
    what: str
    near: CodesNear | None = None
    cuts: tuple[float, ...] = ()


@dataclass(frozen=True)
class ModelSpec:
    """Everything that is decided before a model sees data."""

    name: str
    assets: AssetChoice
    labels: Mapping[str, CodesNear]  # empty where a cohort's rows are the label
    method: str
    among: CodesNear | None = None  # only assets near one of these were looked at for labels
    inputs: EncoderInput | None = None
    encoder: str = ""
    extractor: str = ""
    folds: int = 5
    fold_code: CodesNear | None = None
    groups: tuple[Grouping, ...] = ()
    facts: tuple[Grouping, ...] = ()  # more facts of the files for the shortcut audit
    level: float = 0.9  # of conformal sets
    seed: int = 0
    description: str = ""
    text: str = field(default="", repr=False)  # as it was written
    cohort: CohortRows | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(self.labels) if self.cohort is None else (self.cohort.name,)
