"""Stored events read back as blocks, and a shard group's files written anew from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.keys import SHARDS
from biolake.lake.building import GroupFiles, Names, Numbering
from biolake.lake.columns import Block, times_to_int, whole
from biolake.lake.commits import StoredFile
from biolake.lake.door import View
from biolake.lake.intake import ROWS_A_BUCKET, Origin
from biolake.lake.linkage import NO_ENCOUNTER, Registry
from biolake.lake.vocabulary import Terms

SELECT_EVENTS = (
    "SELECT subject_id, time, code, numeric_value, text_value, unit,"
    " end_time, encounter_id, site_id, load_id, source, row_key"
    " FROM events"
)


@dataclass
class StoredNames:
    """The subjects, codes, units and origins met in stored rows."""

    registry: Registry = field(default_factory=Registry)
    codes: Terms = field(default_factory=Terms)
    units: Terms = field(default_factory=Terms)
    origins: list[Origin] = field(default_factory=list)


def stored_rows(view: View, group: int, shards: range, names: Names) -> Block:
    """Return every stored row of a shard range as a block."""
    table = view.table(
        f"{SELECT_EVENTS} WHERE shard_group = ? AND shard BETWEEN ? AND ?",
        [group, shards.start, shards.stop - 1],
    )
    return to_block(table, names)


def to_block(table: pa.Table, names: Names) -> Block:
    """Return stored rows as a block, numbering what was not met yet."""
    column = {name: whole(table[name]) for name in table.column_names}
    missing = column["encounter_id"].fill_null(int(NO_ENCOUNTER))
    value = column["numeric_value"].to_numpy(zero_copy_only=False)
    return Block(
        subject=_subjects(column["subject_id"], names.registry),
        time=times_to_int(column["time"]),
        end_time=times_to_int(column["end_time"]),
        code=names.codes.encode(column["code"]),
        value=value.astype(np.float32),
        unit=names.units.encode(column["unit"]),
        encounter=missing.to_numpy(zero_copy_only=False),
        key=column["row_key"].to_numpy(),
        origin=_origins(column, names),
        text=column["text_value"].cast(pa.string()),
    )


def _subjects(ids: pa.Array, registry: Registry) -> np.ndarray:
    encoded = ids.dictionary_encode()
    numbers = np.array([registry.add(v) for v in encoded.dictionary.to_pylist()], dtype=np.int32)
    return np.asarray(numbers[encoded.indices.to_numpy()])


def _origins(column: dict[str, pa.Array], names: Names) -> np.ndarray:
    """Number each row's (site, load, source), looking at each distinct triple once."""
    encoded = [column[name].dictionary_encode() for name in ("site_id", "load_id", "source")]
    mixed = np.zeros(len(column["site_id"]), dtype=np.int64)
    for array in encoded:
        mixed = mixed * max(len(array.dictionary), 1) + array.indices.to_numpy()
    _, first, place = np.unique(mixed, return_index=True, return_inverse=True)
    known = {origin: number for number, origin in enumerate(names.origins)}
    numbers = []
    for row in first.tolist():
        origin = Origin(*(array[row].as_py() for array in encoded))
        if origin not in known:
            known[origin] = len(names.origins)
            names.origins.append(origin)
        numbers.append(known[origin])
    return np.asarray(np.array(numbers, dtype=np.int32)[place])


def rewrite_group(
    view: View, scratch: Path, group: int, label: str
) -> tuple[list[StoredFile], list[StoredFile]]:
    """Write all rows of a group as one file in each order; the old files stay where they are."""
    files = GroupFiles(view.lake, scratch, group, label)
    rows = sum(file.rows for file in view.commit.tables["events"].in_groups([group]))
    each = SHARDS // view.lake.shard_groups
    pieces = 1
    while pieces < each and rows / pieces > ROWS_A_BUCKET:
        pieces *= 2
    step = -(-each // pieces)
    for start in range(group * each, (group + 1) * each, step):
        names = StoredNames()
        stop = min(start + step, (group + 1) * each)
        block = stored_rows(view, group, range(start, stop), names)
        if len(block):
            files.write(block, Numbering.of(names))
    return files.finish()
