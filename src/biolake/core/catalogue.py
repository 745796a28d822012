"""Extensions: one file each, found by looking into a package and the entry points."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from biolake.core.assets import (
    AssetOpener,
    Claim,
    EncoderInput,
    Extract,
    ExtractMany,
    Finder,
    FoundCode,
)
from biolake.core.errors import BiolakeError, WrongUse, did_you_mean
from biolake.core.reading import ReadContext, Reading

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["reader", "asset-reader", "extractor", "encoder", "analysis", "generator"]
ENTRY_POINT_GROUP = "biolake.extensions"

Opener = Callable[[Path, ReadContext], Reading]
Detector = Callable[[Path], bool]


@dataclass(frozen=True)
class Extension:
    """One thing Biolake can do, and what it needs to do it."""

    kind: Kind
    name: str
    title: str
    call: Callable[..., Any]
    module: str
    needs: str = ""
    extra: str = ""
    detect: Detector | None = None
    version: str = "1"
    claims: Claim | None = None  # asset readers: which files are theirs
    find: Finder | None = None  # asset readers: what these files hold
    codes: tuple[FoundCode, ...] = ()  # extractors: what they may find
    many: bool = False  # extractors: asked for a run of assets at once
    inputs: EncoderInput | None = None  # encoders: how they want their batches
    dimension: int = 0  # encoders: length of a vector
    licence: str = ""  # encoders: of their weights

    @property
    def doc(self) -> str:
        return (self.call.__doc__ or "").strip()


@dataclass(frozen=True)
class Catalogue:
    """All extensions by kind and name; the same name twice is an error that names both files."""

    extensions: tuple[Extension, ...] = ()
    _index: dict[tuple[str, str], Extension] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for extension in self.extensions:
            key = (extension.kind, extension.name)
            if key in self._index:
                raise BiolakeError(
                    f"two {extension.kind}s are named '{extension.name}':"
                    f" {self._index[key].module} and {extension.module}",
                    next="Rename one of them.",
                )
            self._index[key] = extension

    def of(self, kind: Kind) -> list[Extension]:
        return [extension for extension in self.extensions if extension.kind == kind]

    def get(self, kind: Kind, name: str) -> Extension:
        try:
            return self._index[kind, name]
        except KeyError:
            names = [extension.name for extension in self.of(kind)]
            raise WrongUse(
                f"no {kind} is named '{name}'.{did_you_mean(name, names)}",
                next=f"Known: {', '.join(sorted(names))}.",
            ) from None


def reader(title: str, *, detect: Detector, extra: str = "") -> Callable[[Opener], Extension]:
    """Make a function `(path, context) -> Reading` a reader of a source layout."""

    def register(function: Opener) -> Extension:
        name = _name(function)
        return Extension(
            "reader", name, title, function, function.__module__, extra=extra, detect=detect
        )

    return register


def asset_reader(
    title: str, *, claims: Claim, find: Finder, extra: str = "", version: str = "1"
) -> Callable[[AssetOpener], Extension]:
    """Make a function `(content) -> opened` the reader of an asset format.

    A mended reader needs a new `version`: files it could not read, and what was measured in those
    it could, are then looked at again.
    """

    def register(function: AssetOpener) -> Extension:
        name = _name(function)
        return Extension(
            "asset-reader",
            name,
            title,
            function,
            function.__module__,
            extra=extra,
            version=version,
            claims=claims,
            find=find,
        )

    return register


def extractor(
    title: str, *, needs: str, version: str, codes: Sequence[FoundCode], extra: str = ""
) -> Callable[[Extract], Extension]:
    """Make a function `(opened) -> findings` an extractor of one modality (`needs`).

    A changed answer needs a new `version`: what the old one found is then found again.
    """

    return _extractor(title, needs, version, codes, extra, many=False)


def batch_extractor(
    title: str, *, needs: str, version: str, codes: Sequence[FoundCode], extra: str = ""
) -> Callable[[ExtractMany], Extension]:
    """Make a function `(run of opened assets) -> Measured` an extractor of one modality (`needs`).

    For what is quicker over many small assets at once: rules over notes.
    """

    return _extractor(title, needs, version, codes, extra, many=True)


def _extractor(
    title: str, needs: str, version: str, codes: Sequence[FoundCode], extra: str, *, many: bool
) -> Callable[[Callable[..., Any]], Extension]:
    def register(function: Callable[..., Any]) -> Extension:
        return Extension(
            "extractor",
            _name(function),
            title,
            function,
            function.__module__,
            needs=needs,
            extra=extra,
            version=version,
            codes=tuple(codes),
            many=many,
        )

    return register


def encoder(
    title: str,
    *,
    needs: str,
    version: str,
    inputs: EncoderInput,
    dimension: int,
    licence: str,
    extra: str = "",
) -> Callable[[Callable[[np.ndarray], np.ndarray]], Extension]:
    """Make a function `(batch) -> n × dimension` an encoder of one modality (`needs`)."""

    def register(function: Callable[[np.ndarray], np.ndarray]) -> Extension:
        return Extension(
            "encoder",
            _name(function),
            title,
            function,
            function.__module__,
            needs=needs,
            extra=extra,
            version=version,
            inputs=inputs,
            dimension=dimension,
            licence=licence,
        )

    return register


def _name(function: Callable[..., Any]) -> str:
    return function.__name__.replace("_", "-")


def discover(*packages: str) -> Catalogue:
    """Collect the extensions of the packages named and of every installed third party."""
    found: list[Extension] = []
    for package in packages:
        for module in _modules(importlib.import_module(package)):
            found.extend(_extensions(module))
    for point in entry_points(group=ENTRY_POINT_GROUP):
        loaded = point.load()
        found.extend(_extensions(loaded) if isinstance(loaded, ModuleType) else [loaded])
    return Catalogue(tuple(found))


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def _extensions(module: ModuleType) -> Iterable[Extension]:
    values = vars(module).values()
    return [v for v in values if isinstance(v, Extension) and v.module == module.__name__]
