"""Rows that name files: whose asset a file is, and when it was taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa

from biolake.core.reading import SourceFile
from biolake.core.schema import MAPPED_ASSETS
from biolake.ingest.mapping.definition import AssetRule, Expression, NoteRule
from biolake.ingest.mapping.values import Output

_NOT_THERE = "the file is not in the source"


@dataclass(frozen=True)
class AssetPlan:
    """Which columns of the query hold one asset rule: the file named, and its time."""

    name: str
    file: str
    time: str | None
    modality: str | None = None


def asset_plans(rules: tuple[AssetRule, ...]) -> tuple[AssetPlan, ...]:
    return tuple(
        AssetPlan(
            rule.name,
            f"asset{number}",
            f"asset_time{number}" if rule.time else None,
            rule.modality,
        )
        for number, rule in enumerate(rules)
    )


def asset_outputs(rules: tuple[AssetRule, ...]) -> Iterator[Output]:
    """Yield the expressions of the asset rules with the columns they become."""
    for number, rule in enumerate(rules):
        yield Output(f"asset{number}", rule.file, "key text")
        if rule.time:
            yield Output(f"asset_time{number}", rule.time, "time")
        if rule.when:
            yield Output(f"when_asset{number}", rule.when, "truth")


def asset_times(
    rules: tuple[AssetRule, ...], notes: tuple[NoteRule, ...]
) -> Iterator[tuple[str, Expression]]:
    """Yield the columns that hold times of files and notes, with their expressions."""
    for number, rule in enumerate(rules):
        if rule.time:
            yield f"asset_time{number}", rule.time
    for number, note in enumerate(notes):
        if note.time:
            yield f"note_time{number}", note.time


def only_when(rules: tuple[AssetRule, ...], sql: dict[str, str]) -> None:
    """Leave the file's name empty where the rule does not hold."""
    for number, rule in enumerate(rules):
        if rule.when:
            condition = sql.pop(f"when_asset{number}")
            sql[f"asset{number}"] = f"(CASE WHEN {condition} THEN {sql[f'asset{number}']} END)"


@dataclass(frozen=True)
class SourceNames:
    """The files and folders of a source, found by the names that rows give them."""

    files: tuple[SourceFile, ...]
    _known: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def _by_name(self) -> dict[str, SourceFile]:
        return {file.name: file for file in self.files}

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(file.name for file in self.files)

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(stem for name in self._files for stem in _stems(name))

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in sorted(self._files):
            found.setdefault(name.rpartition("/")[0], []).append(name)
        return found

    def named(self, folder: str, name: str) -> tuple[str, ...]:
        """Return what a name in a table of this folder stands for; nothing when it is not there.

        A file with or without its suffix is itself, a folder is the files in it. A name is looked
        for beside the table, then from the top of the source.
        """
        key = (folder, name)
        if key not in self._known:
            places = dict.fromkeys((_joined(folder, name), _joined("", name)))
            found = (self._at(place) for place in places if place)
            self._known[key] = next((files for files in found if files), ())
        return self._known[key]

    def text_file(self, folder: str, name: str, suffixes: frozenset[str]) -> SourceFile | None:
        """Return the one text file that a name in a table of this folder stands for."""
        for place in (_joined(folder, name), _joined("", name)):
            if place in self._by_name and PurePosixPath(place).suffix.lower() in suffixes:
                return self._by_name[place]
            found = [file for end in suffixes if (file := self._by_name.get(place + end))]
            if len(found) == 1:
                return found[0]
        return None

    def _at(self, place: str) -> tuple[str, ...]:
        if place in self._files or place in self._stems:
            return (place,)
        return tuple(self._folders.get(place, ()))


def _stems(name: str) -> Iterator[str]:
    """Yield a name without its last suffix, and without both of `.nii.gz`."""
    path = PurePosixPath(name)
    yield path.with_suffix("").as_posix()
    if path.suffix.lower() == ".gz":
        yield path.with_suffix("").with_suffix("").as_posix()


def _joined(folder: str, name: str) -> str:
    """Return a path inside the source, or nothing where the name leads out of it."""
    parts: list[str] = folder.split("/") if folder else []
    for part in name.replace("\\", "/").split("/"):
        if part == ".." and not parts:
            return ""
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def asset_links(
    plans: tuple[AssetPlan, ...],
    batch: pa.RecordBatch,
    used: np.ndarray,
    table: SourceFile,
    names: SourceNames,
) -> tuple[pa.Table | None, Counter[str]]:
    """Return whose the named files are, and count those that are not in the source, by rule."""
    folder, absent = table.name.rpartition("/")[0], Counter[str]()
    found = []
    for plan in plans:
        given = used & batch.column(plan.file).is_valid().to_numpy(zero_copy_only=False)
        rows = batch.filter(pa.array(given))
        files = [names.named(folder, name) for name in rows.column(plan.file).to_pylist()]
        if missing := sum(not each for each in files):
            absent[f"{plan.name}: {_NOT_THERE}"] += missing
        found.append(_links(plan, rows, files))
    links = pa.concat_tables(found) if found else None
    return (links if links is not None and links.num_rows else None), absent


def _links(plan: AssetPlan, rows: pa.RecordBatch, files: list[tuple[str, ...]]) -> pa.Table:
    places = np.repeat(np.arange(len(files)), [len(each) for each in files])
    rows = rows.take(pa.array(places, pa.int64()))
    columns = [pa.array([name for each in files for name in each], pa.string())]
    for name, known in (("subject", "subject"), ("encounter", "encounter"), ("time", plan.time)):
        kind = MAPPED_ASSETS.field(name).type
        present = known is not None and known in rows.schema.names
        columns.append(rows.column(known).cast(kind) if present else pa.nulls(len(rows), kind))
    columns.append(pa.repeat(pa.scalar(plan.modality, pa.string()), len(rows)))
    return pa.Table.from_arrays(columns, schema=MAPPED_ASSETS)
