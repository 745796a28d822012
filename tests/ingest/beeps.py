"""A small asset format for tests: JSON files named `.beep` that say what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import Catalogue, Extension, asset_reader
from biolake.core.media import Recording, Signal
from biolake.core.reading import SourceFile
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake

NOON = datetime(2150, 3, 1, 12)  # noqa: DTZ001 - lake times are naive
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def micros(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def _claims(name: str, head: bytes) -> bool:
    return name.endswith(".beep")


def _find(
    files: Sequence[SourceFile], around: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Give one asset a file, or one a `key`; a `part` lies beside it."""
    grouped: dict[str, list[tuple[SourceFile, dict[str, object]]]] = {}
    for file in files:
        try:
            said = json.loads(file.path.read_bytes())
        except ValueError:
            yield UnreadableFile(file, "it is no JSON", "header")
            continue
        if said.get("ignored"):
            continue
        if said.get("explodes"):
            raise ZeroDivisionError
        grouped.setdefault(str(said.get("key") or file.name), []).append((file, said))
    for key, members in grouped.items():
        yield _asset(key, members, around)


def _asset(
    key: str, members: list[tuple[SourceFile, dict[str, object]]], around: Surroundings
) -> FoundAsset:
    first, said = members[0]
    beside = [around.beside(first, str(part)) for part in said.get("parts", ())]  # type: ignore[attr-defined]
    parts = [part for part in beside if part is not None]
    facts = Facts(
        kind=str(said.get("kind") or ("volume" if said.get("key") else "beep")),
        seconds=10.0,
        rate=np.float64(100.0),
        shape=tuple(said.get("shape") or (len(members), 4)),  # type: ignore[arg-type]
        attributes={"leads": np.array([1, 2])},
    )
    return FoundAsset(
        modality=str(said.get("modality", "ecg")),
        files=(*(file for file, _ in members), *parts),
        facts=facts,
        source_key=str(said.get("key") or ""),
        subject=said.get("subject"),  # type: ignore[arg-type]
        system=str(said.get("system", "")),
        encounter=said.get("encounter"),  # type: ignore[arg-type]
        start=said.get("start"),  # type: ignore[arg-type]
        utc_offset=said.get("offset"),  # type: ignore[arg-type]
        listed=bool(said.get("listed")),
        file_keys=tuple(str(each.get("file_key", "")) for _, each in members) + ("",) * len(parts),
    )


@asset_reader("Beeps, for tests", claims=_claims, find=_find)
def beep(content: Content) -> Recording:
    samples = np.frombuffer(content.read(content.names[0]), dtype=np.uint8).astype(np.float32)
    return Recording((Signal(samples[None], 100.0, ("I",), ("mV",)),))


READER: Extension = beep
CATALOGUE = Catalogue((READER,))


def catalogue(version: str = "1") -> Catalogue:
    return Catalogue((replace(READER, version=version),))


def write(folder: Path, name: str, **said: object) -> Path:
    """Write one file; its time is noon unless said."""
    said.setdefault("start", micros(NOON))
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said | {"name": name}))
    return path


def take(lake: Lake, source: Path, *, reader: Catalogue = CATALOGUE, **how: object) -> IngestReport:
    return ingest(lake, str(source), reader, **how)  # type: ignore[arg-type]


def rows(lake: Lake, sql: str) -> list[tuple]:
    with open_view(lake) as view:
        return view.rows(sql)
