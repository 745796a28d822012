"""Build features: what the lake knew of each subject at each prediction time, and nothing later.

The events are read once, a run of subjects after another: they are counted, which gives the
vocabulary, and kept as plain arrays, from which chunks of samples are then worked out. Runs and
chunks bound the memory, so a lake may have any number of subjects.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from biolake.core.folders import fresh_folder
from biolake.core.schema import BIRTH, DEATH
from biolake.lake.door import View
from biolake.retrieval.codes import resolve
from biolake.retrieval.definition import Definition, Group
from biolake.retrieval.facts import write_facts
from biolake.retrieval.matrix import FeatureSet, describe, part_path
from biolake.retrieval.parts import Wanted, group_part, write_part
from biolake.retrieval.reading import Reading, read_past
from biolake.retrieval.samples import Chunk, Samples, arrange, chunks
from biolake.retrieval.survey import static_survey, static_units
from biolake.retrieval.vectors import AssetVectors, read_vectors
from biolake.retrieval.vocabulary import (
    VALUES,
    Block,
    Item,
    Strays,
    Vocabulary,
    check,
    choose,
    learn_group,
    refuse_other_units,
    value_block,
)
from biolake.retrieval.workers import each, settings

MEMORY = "600MB"
CHUNK_HITS = 3_000_000  # events × samples that one part may meet

_VECTORS = "vectors"  # folder of the vectors while a feature set is made


@dataclass(frozen=True)
class _Building:
    """One feature set under construction."""

    view: View
    definition: Definition
    samples: Samples
    chunks: list[Chunk]
    reading: Reading
    vectors: list[AssetVectors]
    folder: Path
    threads: int


def build_features(
    view: View,
    labels: pa.Table,
    definition: Definition,
    *,
    out: Path,
    vocabulary: Vocabulary | None = None,
    train_subjects: Collection[int] | None = None,
    threads: int = 2,
    memory: str = MEMORY,
    chunk_hits: int = CHUNK_HITS,
) -> FeatureSet:
    """Build the features of every label's (subject, prediction time) and write them to `out`.

    The vocabulary is learned on `train_subjects` (all, if not given) unless a saved one is handed
    in. Raise `DataRefused` when values of one column come in several units.
    """
    if vocabulary is not None:
        vocabulary.expect(definition)
    samples = arrange(view, labels, train_subjects)
    with fresh_folder(out) as folder, settings(view, memory):
        codes = _codes(view, definition, vocabulary)
        reading = read_past(view, samples, definition.groups, codes, folder / "past", threads)
        vectors = _vectors(view, samples, definition, vocabulary, folder)
        # A long vector costs a sample as much as as many events.
        cost = samples.events + sum(found.width for found in vectors)
        parts = chunks(samples, cost, chunk_hits, reading.run_of)
        building = _Building(view, definition, samples, parts, reading, vectors, folder, threads)
        learned, strays = _vocabulary(building, codes, vocabulary)
        _write(building, learned, strays)
        shutil.rmtree(reading.folder, ignore_errors=True)
        shutil.rmtree(folder / _VECTORS, ignore_errors=True)
        assets = {found.embedding.name: found.said() for found in vectors}
        describe(folder, view, definition, samples, parts, learned, strays, assets)
    return FeatureSet.load(out)


def _codes(view: View, definition: Definition, given: Vocabulary | None) -> dict[str, list[str]]:
    """Return the codes that each group may have columns of."""
    return {
        group.name: list(_named(given, "group", group.name).codes)
        if given
        else resolve(view, group.codes)
        for group in definition.groups
    }


def _vectors(
    view: View, samples: Samples, definition: Definition, given: Vocabulary | None, folder: Path
) -> list[AssetVectors]:
    """Read the vectors of every embedding, of the version a vocabulary was learned with."""
    if definition.embeddings:
        (folder / _VECTORS).mkdir()
    found = []
    for number, embedding in enumerate(definition.embeddings):
        known = _named(given, "embedding", embedding.name).encoded if given else None
        path = folder / _VECTORS / f"{number}.npy"
        found.append(read_vectors(view, samples, embedding, known, path))
    return found


def _vocabulary(
    building: _Building, codes: dict[str, list[str]], given: Vocabulary | None
) -> tuple[Vocabulary, dict[str, Strays]]:
    """Return the vocabulary, given or learned here, and what of these samples does not fit it."""
    blocks: list[Block] = []
    strays: dict[str, Strays] = {}
    for group in building.definition.groups:
        found, mine = building.reading.surveys[group.cut], codes[group.name]
        block = _named(given, "group", group.name) if given else learn_group(group, mine, found)
        strays[group.name] = check(block, found, building.definition.majority_unit)
        blocks.append(block)
    if given is not None:
        return given, strays
    blocks += [*_learn_facts(building), *(found.block() for found in building.vectors)]
    samples, view = building.samples, building.view
    return Vocabulary(
        building.definition.hash,
        view.lake.lake_id,
        view.commit.number,
        len(np.unique(samples.subject_id[samples.train])),
        tuple(blocks),
    ), strays


def _named(vocabulary: Vocabulary | None, kind: str, name: str) -> Block:
    blocks = vocabulary.blocks if vocabulary else ()
    return next(block for block in blocks if (block.kind, block.name) == (kind, name))


def _learn_facts(building: _Building) -> list[Block]:
    """Return the blocks that are not groups: static facts, sex, age."""
    definition, view = building.definition, building.view
    blocks = []
    measures = ((None, "presence"),)
    found = static_survey(view, building.samples) if definition.static or definition.sex else {}
    if definition.static:
        static = definition.static
        codes = [c for c in resolve(view, static.codes) if c not in (BIRTH, DEATH)]
        kept = choose(codes, found, static.min_subjects, static.top)
        numbers = static_units(view, kept) if static.values else {}
        told = [code for code in kept if code not in numbers]
        blocks.append(Block("static", "static", tuple(map(Item, told)), measures, tuple(told)))
        if numbers:
            blocks.append(value_block(numbers))
    if definition.sex:
        codes = [code for code in found if code.startswith(definition.sex)]
        kept = choose(codes, found, 1, None)
        blocks.append(Block("sex", "sex", tuple(map(Item, kept)), measures, tuple(kept)))
    if definition.age:
        blocks.append(Block("age", "age", (Item(BIRTH, "a"),), ((None, "age"),), (BIRTH,)))
    return blocks


def _write(building: _Building, vocabulary: Vocabulary, strays: dict[str, Strays]) -> None:
    """Write the parts of every block; an empty block has none."""
    groups = {group.name: group for group in building.definition.groups}
    vectors = {found.embedding.name: found for found in building.vectors}
    wanted: dict[int, tuple[Group, Wanted]] = {}
    for number, block in enumerate(vocabulary.blocks):
        if block.kind == "embedding":
            _write_vectors(building, number, vectors[block.name])
        elif not block.codes:
            continue
        elif block.kind == "group":
            unit_of = block.unit_of if strays[block.name].values else {}
            names, units = building.reading.codes, building.reading.units
            wanted[number] = groups[block.name], Wanted.of(names, units, block.codes, unit_of)
        else:
            if block.measures == VALUES:
                refuse_other_units(block, static_units(building.view, block.codes))
            write_facts(
                building.view,
                building.samples,
                building.chunks,
                building.folder,
                number,
                block,
                building.threads,
            )
    _write_groups(building, wanted)


def _write_vectors(building: _Building, number: int, vectors: AssetVectors) -> None:
    """Write the parts of one embedding."""
    samples, folder, numbers = building.samples, building.folder, building.samples.subjects()
    part_path(folder, number, 0).parent.mkdir(parents=True)

    def work(_: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
        rows = slice(chunk.start, chunk.stop)
        part = vectors.part(numbers[rows], samples.time[rows], chunk.start)
        write_part(part, part_path(folder, number, chunk.number))

    for _ in each(building.view, building.threads, work, building.chunks):
        pass


def _write_groups(building: _Building, wanted: dict[int, tuple[Group, Wanted]]) -> None:
    """Write the parts of the groups, each of a block's number."""
    samples, folder = building.samples, building.folder
    for number in wanted:
        part_path(folder, number, 0).parent.mkdir(parents=True)

    def work(_: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
        past, subject = building.reading.past(chunk)
        time = samples.time[chunk.start : chunk.stop]
        for number, (group, asked) in wanted.items():
            part = group_part(group, asked, past, subject, time, chunk.start)
            write_part(part, part_path(folder, number, chunk.number))

    for _ in each(building.view, building.threads, work, building.chunks if wanted else []):
        pass
