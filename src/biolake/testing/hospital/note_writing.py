"""Write one note of a stay, and keep what is true of every part of it by its characters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from biolake.testing.hospital.note_phrases import MEDICINES, NAMES, ROUTES, WRITINGS, Fate, Writing
from biolake.testing.hospital.terms import DIAGNOSES, DRUGS, diagnosis, dotted

if TYPE_CHECKING:
    import numpy as np

_ASSERTIONS: dict[Fate, tuple[str, str, str]] = {
    "main": ("affirmed", "recent", "patient"),
    "past": ("affirmed", "historical", "patient"),
    "negated": ("negated", "recent", "patient"),
    "possible": ("possible", "recent", "patient"),
    "hypothetical": ("hypothetical", "recent", "patient"),
    "family": ("affirmed", "historical", "family"),
}


@dataclass(frozen=True)
class Stay:
    """What a note is about: rows of terms.DIAGNOSES and terms.DRUGS, and how the heart pumps."""

    main: int
    past: tuple[int, ...]
    drugs: tuple[int, ...]
    failing: bool


@dataclass
class Draft:
    """Text under way; `spans` say what stands at which characters."""

    text: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)

    def say(self, words: str) -> None:
        self.text += words

    def mark(self, words: str, label: str, **facts: object) -> None:
        start = len(self.text)
        self.text += words
        self.spans.append({"start": start, "end": len(self.text), "label": label, **facts})

    def fill(self, sentence: str, *marked: tuple[str, dict[str, Any]]) -> None:
        """Say a sentence; each `{}` becomes the next marked words."""
        before, *after = sentence.replace("{a}", "{}").replace("{b}", "{}").split("{}")
        self.say(before)
        for (words, facts), rest in zip(marked, after, strict=True):
            self.mark(words, **facts)
            self.say(rest)


class Writer:
    """Writes the notes of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._said: Writing = WRITINGS[language]
        self._names = {diagnosis(name): words for name, words in NAMES[language].items()}

    def write(self, rng: np.random.Generator, stay: Stay) -> Draft:
        """Write a discharge summary."""
        draft = Draft()
        draft.say(f"{self._said.title}\n")
        free = [row for row in self._names if row not in (stay.main, *stay.past)]
        others = [free[i] for i in rng.permutation(len(free))]
        self._section(draft, "reason", [stay.main], "main", rng)
        self._section(draft, "history", others[:1], "negated", rng)
        if len(others) > 2:
            self._pair(draft, others[1], others[2], rng)
        self._section(draft, "past", [row for row in stay.past if row in self._names], "past", rng)
        self._section(draft, "family", others[3:4], "family", rng)
        self._medications(draft, stay)
        self._exam(draft, stay, rng)
        self._section(draft, "plan", others[4:5], "possible", rng)
        self._sentences(draft, others[5:6], "hypothetical", rng)
        return draft

    def _section(
        self, draft: Draft, name: str, rows: list[int], fate: Fate, rng: np.random.Generator
    ) -> None:
        known = [row for row in rows if row in self._names]
        if known:
            draft.say(f"\n{self._said.headings[name]}\n")
            self._sentences(draft, known, fate, rng)

    def _sentences(
        self, draft: Draft, rows: list[int], fate: Fate, rng: np.random.Generator
    ) -> None:
        choices = self._said.sentences[fate]
        for row in rows:
            draft.fill(choices[rng.integers(len(choices))], self._named(row, fate, rng))
            draft.say("\n")

    def _pair(self, draft: Draft, a: int, b: int, rng: np.random.Generator) -> None:
        choices = self._said.pairs
        pair = (self._named(a, "negated", rng), self._named(b, "negated", rng))
        draft.fill(choices[rng.integers(len(choices))], *pair)
        draft.say("\n")

    def _named(self, row: int, fate: Fate, rng: np.random.Generator) -> tuple[str, dict[str, Any]]:
        words = self._names[row]
        assertion, temporality, experiencer = _ASSERTIONS[fate]
        return words[rng.integers(len(words))], {
            "label": "diagnosis",
            "code": f"ICD10CM//{dotted(DIAGNOSES[row].icd10)}",
            "assertion": assertion,
            "temporality": temporality,
            "experiencer": experiencer,
        }

    def _medications(self, draft: Draft, stay: Stay) -> None:
        if not stay.drugs:
            return
        draft.say(f"\n{self._said.headings['medications']}\n")
        for row in stay.drugs:
            drug = DRUGS[row]
            route = ROUTES[drug.route][self.language]
            line = self._said.drug.format(name="{}", dose=drug.dose, unit=drug.unit, route=route)
            facts = {
                "label": "medication",
                "ingredient": drug.name,
                "dose": float(drug.dose),
                "unit": drug.unit,
                "route": drug.route,
            }
            draft.fill(line, (MEDICINES[self.language].get(drug.name, drug.name), facts))
            draft.say("\n")

    def _exam(self, draft: Draft, stay: Stay, rng: np.random.Generator) -> None:
        said, high = self._said, int(rng.normal(132, 14))
        low, rate = int(high * rng.uniform(0.55, 0.65)), int(rng.normal(78, 10))
        ejection = int(rng.normal(34, 5) if stay.failing else rng.normal(60, 4))
        draft.say(f"\n{said.headings['exam']}\n")
        facts = {"label": "measurement"}
        draft.mark(
            said.pressure.format(high=high, low=low), **facts, what="blood pressure",
            value=high, second=low, unit="mm[Hg]",
        )  # fmt: skip
        draft.say(", ")
        draft.mark(said.rate.format(rate), **facts, what="heart rate", value=rate, unit="/min")
        draft.say(". ")
        draft.mark(
            said.ejection.format(ejection), **facts, what="ejection fraction", value=ejection,
            unit="%",
        )  # fmt: skip
        draft.say(".\n")
