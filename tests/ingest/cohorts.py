"""Two asset formats for tests: `.cohort` holds samples of many subjects, `.lines` a note a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from biolake.core.assets import (
    Content,
    Facts,
    FoundAsset,
    FoundSample,
    Surroundings,
    UnreadableFile,
)
from biolake.core.catalogue import Catalogue, asset_reader
from biolake.core.media import Note
from biolake.core.reading import SourceFile
from biolake.testing.spoilt import GivenGenotypes


def _is_cohort(name: str, head: bytes) -> bool:
    return name.endswith(".cohort")


def _cohorts(
    files: Sequence[SourceFile], around: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    for file in files:
        said = json.loads(file.path.read_bytes())
        times = said.get("times", {})
        samples = [FoundSample(n, said.get("system", ""), times.get(n)) for n in said["samples"]]
        yield FoundAsset(
            "genotype",
            (file,),
            source_key=said.get("key", ""),
            samples=tuple(samples),
            listed=bool(said.get("listed")),
            start=said.get("start"),
        )


@asset_reader("Cohorts, for tests", claims=_is_cohort, find=_cohorts)
def cohort(content: Content) -> GivenGenotypes:
    said = json.loads(content.read(content.names[0]))
    calls = np.array(said.get("calls", [[1] * len(said["samples"])]), dtype=np.int8)
    return GivenGenotypes.of(calls)


def _is_lines(name: str, head: bytes) -> bool:
    return name.endswith(".lines")


def _lines(
    files: Sequence[SourceFile], around: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Find `subject|time|text` in each line; the note is the text where it stands."""
    for file in files:
        at = 0
        for number, line in enumerate(file.path.read_bytes().splitlines(keepends=True), 1):
            subject, time, text = line.rstrip(b"\n").split(b"|")
            start = at + len(subject) + len(time) + 2
            at += len(line)
            part = SourceFile(file.place, file.name, size=len(text), start=start, inside=True)
            if not text:
                yield UnreadableFile(part, "it holds no text", "text", number)
                continue
            yield FoundAsset(
                "note",
                (part,),
                Facts(kind="letter"),
                source_key=f"{file.name}/{number}",
                subject=subject.decode() or None,
                start=int(time) if time else None,
                row=number,
            )


@asset_reader("Notes a line, for tests", claims=_is_lines, find=_lines)
def lines(content: Content) -> Note:
    return Note(content.read(content.names[0]).decode())


CATALOGUE = Catalogue((cohort, lines))


def write_cohort(folder: Path, name: str, *samples: str, **said: object) -> Path:
    path = folder / f"{name}.cohort"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"samples": samples} | said))
    return path


def write_lines(folder: Path, name: str, *notes: tuple[str, object, str]) -> Path:
    path = folder / f"{name}.lines"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{who}|{when or ''}|{text}\n" for who, when, text in notes))
    return path
