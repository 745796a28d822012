"""Tie the analyses a study names to the catalogue: every option known, typed, in its bounds."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import did_you_mean
from biolake.core.params import Param
from biolake.studies.definition import Analysis, Option, Study, StudyInvalid


@dataclass(frozen=True)
class Call:
    """An analysis with the options it will be called with."""

    extension: Extension
    options: dict[str, Any]
    fits: bool  # whether it makes models: those run before the held-out outcomes are opened


def bind(study: Study, catalogue: Catalogue) -> list[Call]:
    """Return the calls of a study, in its order; a wrong name or value is a StudyInvalid."""
    return [_call(analysis, catalogue) for analysis in study.analyses]


def options_of(extension: Extension) -> dict[str, Any]:
    """Return the annotated type of every option of an analysis."""
    hints = get_type_hints(extension.call, include_extras=True)
    names = list(inspect.signature(extension.call).parameters)[1:]
    return {name: hints[name] for name in names}


def _call(analysis: Analysis, catalogue: Catalogue) -> Call:
    known = {extension.name: extension for extension in catalogue.of("analysis")}
    if analysis.name not in known:
        raise StudyInvalid(
            f"no analysis is named '{analysis.name}'.{did_you_mean(analysis.name, known)}",
            where=str(analysis.where),
            next=f"Known: {', '.join(sorted(known))}.",
        )
    extension = known[analysis.name]
    hints = options_of(extension)
    given = {}
    for name, option in analysis.options.items():
        if name not in hints:
            raise StudyInvalid(
                f"{analysis.name} has no option '{name}'.{did_you_mean(name, hints)}",
                where=str(option.where),
                next=f"Known: {', '.join(hints) or 'none'}.",
            )
        given[name] = _value(name, option, hints[name])
    _complete(analysis, extension, given)
    return Call(extension, given, _fits(extension))


def _complete(analysis: Analysis, extension: Extension, given: dict[str, Any]) -> None:
    for name, parameter in list(inspect.signature(extension.call).parameters.items())[1:]:
        if parameter.default is inspect.Parameter.empty and name not in given:
            raise StudyInvalid(
                f"{analysis.name} needs the option '{name}'", where=str(analysis.where)
            )


def _fits(extension: Extension) -> bool:
    """An analysis makes models when the context it asks for can fit them."""
    first = next(iter(inspect.signature(extension.call).parameters))
    return hasattr(get_type_hints(extension.call)[first], "fit")


def _value(name: str, option: Option, hint: Any) -> Any:
    bare, bounds = hint, None
    if get_origin(hint) is Annotated:
        bare, *extras = get_args(hint)
        bounds = next((extra for extra in extras if isinstance(extra, Param)), None)
    if get_origin(bare) is tuple:
        given = option.value if isinstance(option.value, tuple) else (option.value,)
        return tuple(_one(name, value, get_args(bare)[0], bounds, option) for value in given)
    return _one(name, option.value, bare, bounds, option)


def _one(name: str, value: Any, kind: Any, bounds: Param | None, option: Option) -> Any:
    if get_origin(kind) is Literal:
        allowed = get_args(kind)
        if value not in allowed:
            near = did_you_mean(str(value), allowed)
            _refuse(option, f"'{name}' must be {_or(allowed)}, not '{value}'.{near}")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is str and isinstance(value, NoneType):
        value = ""
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        _refuse(option, f"'{name}' must be {_WORDS.get(kind, kind.__name__)}")
    if bounds is not None and isinstance(value, int | float):
        low, high = bounds.ge, bounds.le
        if (low is not None and value < low) or (high is not None and value > high):
            limits = [f"at least {low:g}"] if low is not None else []
            limits += [f"at most {high:g}"] if high is not None else []
            _refuse(option, f"'{name}' must be {' and '.join(limits)}")
    return value


_WORDS = {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}


def _refuse(option: Option, message: str) -> None:
    raise StudyInvalid(message, where=str(option.where))


def _or(words: Sequence[str]) -> str:
    return " or ".join(words)
