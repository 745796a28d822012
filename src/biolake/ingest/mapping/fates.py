"""What becomes of a row: event, part of something, left out, taken back, or quarantined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["event", "part", "skip", "retract", "reject"]


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
