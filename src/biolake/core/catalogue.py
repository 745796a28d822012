"""Extensions: one file each, found by looking into a package and the entry points."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from biolake.core.errors import BiolakeError, WrongUse, did_you_mean
from biolake.core.reading import ReadContext, Reading

Kind = Literal["reader", "extractor", "encoder", "analysis", "generator"]
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
        name = function.__name__.replace("_", "-")
        return Extension(
            "reader", name, title, function, function.__module__, extra=extra, detect=detect
        )

    return register


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
