"""Random loads, late links, corrections and forgetting, against a plain dictionary."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.ingest.beeps import rows, take
from tests.ingest.cohorts import CATALOGUE, write_cohort
from tests.ingest.test_extraction_columns import doses
from tests.ingest.test_extraction_columns import run as measure
from tests.lake.build import chunk, event, load, subject_of

from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

PEOPLE = [f"p{n}" for n in range(5)]
NAMES = [f"s{n}" for n in range(7)]
Owner = str | frozenset[str] | None  # a person, those it may be, or nobody yet


@dataclass
class Model:
    """What the lake should hold: files by name, whose each sample is, what each name means."""

    known: dict[str, set[str]] = field(default_factory=dict)  # name → people
    files: dict[str, list[tuple[str, Owner]]] = field(default_factory=dict)
    calls: dict[str, list[int]] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)

    def take(self, file: str, names: list[str], calls: list[int]) -> bool:
        """Take a file in, unless a name in it is a forgotten person's."""
        people = [frozenset(self.known.get(name, ())) for name in names]
        if any(who & self.forgotten for who in people):
            return False
        self.files[file] = [(n, self._owner(who)) for n, who in zip(names, people, strict=True)]
        self.calls[file] = calls
        return True

    @staticmethod
    def _owner(who: frozenset[str]) -> Owner:
        return next(iter(who)) if len(who) == 1 else who or None

    def bring(self, person: str, name: str) -> None:
        self.known.setdefault(name, set()).add(person)
        for samples in self.files.values():
            samples[:] = [(n, person if n == name and o is None else o) for n, o in samples]

    def forget(self, person: str) -> None:
        self.forgotten.add(person)
        for file, samples in list(self.files.items()):
            if any(o == person or (isinstance(o, frozenset) and person in o) for _, o in samples):
                del self.files[file], self.calls[file]

    def owners(self) -> list[list[str | None]]:
        return sorted(
            ([o if isinstance(o, str) else None for _, o in s] for s in self.files.values()),
            key=repr,
        )

    def findings(self) -> Counter[tuple[str, int]]:
        found: Counter[tuple[str, int]] = Counter()
        for file, samples in self.files.items():
            for (_, owner), call in zip(samples, self.calls[file], strict=True):
                if isinstance(owner, str):
                    found[owner, call] += 1
        return found


class Machine:
    """The lake and the model, taking the same steps."""

    def __init__(self, root: Path, seed: int) -> None:
        self.draw, self.root, self.model = random.Random(seed), root, Model()
        self.lake: Lake = init(str(root / "lake"))
        load(self.lake, chunk([event(name, code=f"IS//{name}") for name in PEOPLE]))
        self.ids = {subject_of(self.lake, f"IS//{name}"): name for name in PEOPLE}
        self.steps = 0
        self.given: dict[tuple[str, str], str] = {}  # name and scope → the person that has it

    def step(self) -> None:
        self.steps += 1
        act = self.draw.choice([self.file, self.file, self.sheet, self.sheet, self.forget])
        act()

    def file(self) -> None:
        """Give a new file, or other bytes under the name of an earlier one."""
        names = self.draw.choices(NAMES, k=self.draw.randint(1, 4))
        calls = [self.draw.randint(0, 2) for _ in names]
        held = sorted(self.model.files)
        key = self.draw.choice(held) if held and self.draw.random() < 0.3 else f"f{self.steps}"
        said = {"key": key, "calls": [calls], "n": self.steps}
        folder = self.root / f"source-{self.steps}"
        write_cohort(folder, key, *names, **said)
        taken = self.model.take(key, names, calls)
        report = take(self.lake, folder, reader=CATALOGUE).assets
        assert (report.forgotten == 0) == taken

    def sheet(self) -> None:
        alive = [name for name in PEOPLE if name not in self.model.forgotten]
        person, name = self.draw.choice(alive), self.draw.choice(NAMES)
        scope = self.draw.choice(["site", "global"])
        given = self.given.setdefault((name, scope), person)
        if given != person or self.model.known.get(name, set()) & self.model.forgotten:
            return
        people = [(person, "sample", name, scope)]
        load(self.lake, chunk(people=people, file=f"sheet{self.steps}.csv"))
        self.model.bring(person, name)

    def forget(self) -> None:
        alive = [name for name in PEOPLE if name not in self.model.forgotten]
        if len(alive) < 3 or self.steps < 5:
            return
        person = self.draw.choice(alive)
        (subject,) = (i for i, name in self.ids.items() if name == person)
        assert forget(self.lake, subject).scan.hits == ()
        self.model.forget(person)

    def agree(self) -> None:
        found: dict[str, list[str | None]] = {}
        for asset, subject in rows(
            self.lake, "SELECT asset_id, subject_id FROM asset_samples ORDER BY asset_id, number"
        ):
            found.setdefault(asset, []).append(self.ids.get(subject))
        assert sorted(found.values(), key=repr) == self.model.owners()
        assert rows(self.lake, "SELECT count(*) FROM assets") == [(len(self.model.files),)]

    def agree_on_findings(self) -> None:
        measure(self.lake, doses)
        told = rows(
            self.lake, "SELECT subject_id, numeric_value FROM events WHERE source = 'doses'"
        )
        assert Counter((self.ids[s], int(v)) for s, v in told) == self.model.findings()


@pytest.mark.parametrize("seed", [0, 1, 2, 19])
def test_samples_are_whose_a_plain_dictionary_says(tmp_path: Path, seed: int) -> None:
    machine = Machine(tmp_path, seed)
    for _ in range(12):
        machine.step()
        machine.agree()
        if machine.steps % 4 == 0:
            machine.agree_on_findings()
    machine.agree_on_findings()
    assert verify(machine.lake).problems == ()
