"""Build features: what the lake knew of each subject at each prediction time, and nothing later.

One shard group after another is joined with its samples; a chunk of samples bounds the memory, so
a lake may have any number of subjects.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from biolake.core.errors import WrongUse
from biolake.core.schema import BIRTH, DEATH
from biolake.lake.door import View
from biolake.retrieval import queries
from biolake.retrieval.codes import resolve
from biolake.retrieval.definition import Definition, Group
from biolake.retrieval.matrix import FeatureSet, describe, part_path
from biolake.retrieval.samples import Chunk, Samples, arrange, chunks
from biolake.retrieval.survey import Survey, static_survey, survey
from biolake.retrieval.vocabulary import (
    Block,
    Item,
    Strays,
    Vocabulary,
    check,
    choose,
    learn_group,
)
from biolake.retrieval.workers import code_type, each, settings

MEMORY = "600MB"
CHUNK_HITS = 3_000_000  # events × samples that one query may meet

_FEW_CODES = 200  # that many are looked up by code; more are found by reading the subjects' events


@dataclass(frozen=True)
class _Building:
    """One feature set under construction."""

    view: View
    definition: Definition
    samples: Samples
    chunks: list[Chunk]
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
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WrongUse("the folder for the features is not empty", where=str(out))
    if vocabulary is not None:
        vocabulary.expect(definition)
    samples = arrange(view, labels, train_subjects)
    parts = chunks(samples, samples.events, chunk_hits)
    with _staged(out) as folder, settings(view, memory):
        building = _Building(view, definition, samples, parts, folder, threads)
        learned, strays = _vocabulary(building, vocabulary)
        for number, block in enumerate(learned.blocks):
            _write(building, number, block, strays)
        describe(folder, view, definition, samples, parts, learned, strays)
    return FeatureSet.load(out)


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """Lend a folder that becomes `out` only when everything in it is there."""
    folder = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    folder.mkdir(parents=True)
    try:
        yield folder
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _vocabulary(
    building: _Building, given: Vocabulary | None
) -> tuple[Vocabulary, dict[str, Strays]]:
    """Return the vocabulary, given or learned here, and what of these samples does not fit it."""
    blocks: list[Block] = []
    strays: dict[str, Strays] = {}
    for group, codes, found in _surveys(building, given):
        block = _named(given, "group", group.name) if given else learn_group(group, codes, found)
        strays[group.name] = check(block, found, building.definition.majority_unit)
        blocks.append(block)
    if given is not None:
        return given, strays
    blocks += _learn_facts(building)
    samples, view = building.samples, building.view
    return Vocabulary(
        building.definition.hash,
        view.lake.lake_id,
        view.commit.number,
        len(np.unique(samples.subject_id[samples.train])),
        tuple(blocks),
    ), strays


def _surveys(
    building: _Building, given: Vocabulary | None
) -> Iterator[tuple[Group, list[str], Survey]]:
    """Yield each group, its codes and what the samples see; groups that see alike are read once."""
    view, groups = building.view, building.definition.groups
    codes = {
        group.name: list(_named(given, "group", group.name).codes)
        if given
        else resolve(view, group.codes)
        for group in groups
    }
    seen: dict[int, Survey] = {}
    for group in groups:
        if group.cut not in seen:
            alike = [codes[other.name] for other in groups if other.cut == group.cut]
            wanted = sorted({code for names in alike for code in names})
            seen[group.cut] = survey(view, building.samples, wanted, group.cut, building.threads)
        yield group, codes[group.name], seen[group.cut]


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
        blocks.append(Block("static", "static", tuple(map(Item, kept)), measures, tuple(kept)))
    if definition.sex:
        codes = [code for code in found if code.startswith(definition.sex)]
        kept = choose(codes, found, 1, None)
        blocks.append(Block("sex", "sex", tuple(map(Item, kept)), measures, tuple(kept)))
    if definition.age:
        blocks.append(Block("age", "age", (Item(BIRTH, "a"),), ((None, "age"),), (BIRTH,)))
    return blocks


def _write(building: _Building, number: int, block: Block, strays: dict[str, Strays]) -> None:
    """Write the parts of one block; an empty block has none."""
    if not block.codes:
        return
    view, folder = building.view, building.folder
    part_path(folder, number, 0).parent.mkdir(parents=True)
    source, only = _source(block.codes)
    with ExitStack() as stack:
        codes = stack.enter_context(code_type(view, "biolake_wanted", block.codes))
        pairs = ""
        if block.kind == "group" and strays[block.name].values:
            allowed = [f"{c}{chr(queries.PAIRED)}{u or ''}" for c, u in block.unit_of.items()]
            pairs = stack.enter_context(code_type(view, "biolake_pairs", allowed))

        def work(con: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
            if block.kind == "group":
                group = next(g for g in building.definition.groups if g.name == block.name)
                sql = queries.group_sql(group, chunk, codes, source, only, pairs)
            elif block.kind == "age":
                sql = queries.age_sql(chunk)
            else:
                sql = queries.static_sql(chunk, codes, source, only)
            _answer(con, building.samples, chunk, sql, part_path(folder, number, chunk.number))

        for _ in each(view, building.threads, work, building.chunks):
            pass


def _source(codes: Sequence[str]) -> tuple[str, str]:
    """Return the table to read, and a condition on codes if it is read by code.

    The choice may not depend on how many events there are: it fixes the order in which values are
    added up, and no feature may change by a bit with what happens later.
    """
    if len(codes) > _FEW_CODES:
        return "events", ""
    listed = ", ".join("'" + code.replace("'", "''") + "'" for code in codes)
    return "events_by_code", f" AND code IN ({listed})"


def _answer(
    con: duckdb.DuckDBPyConnection, samples: Samples, chunk: Chunk, sql: str, path: Path
) -> None:
    """Run the query of one chunk and write what it answers."""
    rows = np.arange(chunk.start, chunk.stop)
    mine = pa.table(
        {
            "sample": rows.astype(np.int32),
            "subject_id": samples.subject_id[rows],
            "time": samples.time[rows],
        }
    )
    con.register("biolake_arrow", mine)
    con.execute("CREATE OR REPLACE TEMP TABLE biolake_samples AS SELECT * FROM biolake_arrow")
    con.unregister("biolake_arrow")
    quoted = str(path).replace("'", "''")
    con.execute(f"COPY ({sql}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)")
