"""What becomes of a row: event, part of something, left out, taken back, or quarantined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from biolake.core.bounds import FIRST_TIME, LAST_TIME, TOO_LARGE, TOO_SMALL
from biolake.ingest.mapping.definition import Expression

Kind = Literal["event", "part", "skip", "retract", "reject"]
_FIRST_TIME, _LAST_TIME = (f"make_timestamp({n})" for n in (FIRST_TIME, LAST_TIME))
_NO_YEAR = "a time outside the years 1 to 9999"
_INFINITE = "not a finite number"
_NO_FLOAT = "a number beyond what float32 holds"


@dataclass(frozen=True)
class Fate:
    """One outcome of a row; `reason` is the why of a skip or retraction, or the reject's."""

    kind: Kind
    column: str = ""
    reason: str = ""


@dataclass
class Fates:
    """An ordered list of conditions: the first that holds decides. A fate's code is its place."""

    known: list[Fate] = field(default_factory=lambda: [Fate("event"), Fate("part")])
    _cases: list[str] = field(default_factory=list)

    def when(self, condition: str, fate: Fate) -> None:
        code = len(self.known)
        if fate.kind in ("event", "part"):
            code = 0 if fate.kind == "event" else 1
        else:
            self.known.append(fate)
        self._cases.append(f"WHEN {condition} THEN {code}")

    def sql(self, otherwise: Fate) -> str:
        """Return the CASE expression that gives the code of a row's fate."""
        self.known.append(otherwise)
        last = len(self.known) - 1
        cases = "\n".join(self._cases)
        return f"(CASE {cases} ELSE {last} END)::USMALLINT" if cases else f"{last}::USMALLINT"


def bounded_time(fates: Fates, when: str, name: str, expression: Expression) -> None:
    """State that a time nobody can say is refused."""
    beyond = f"{name} NOT BETWEEN {_FIRST_TIME} AND {_LAST_TIME}"
    fates.when(f"{when}{beyond}", Fate("reject", expression.text, _NO_YEAR))


def bounded_number(fates: Fates, when: str, name: str, expression: Expression) -> None:
    """State that a number that cannot be stored is refused."""
    fates.when(f"{when}NOT isfinite({name})", Fate("reject", expression.text, _INFINITE))
    size = f"abs({name})"
    beyond = f"({size} >= {TOO_LARGE!r}::DOUBLE OR {size} <= {TOO_SMALL!r}::DOUBLE AND {size} > 0)"
    fates.when(f"{when}{beyond}", Fate("reject", expression.text, _NO_FLOAT))
