"""Take a terminology into a lake: one commit, in place of what was there under its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from biolake.core.errors import DataRefused, WrongUse
from biolake.core.schema import TERMINOLOGIES
from biolake.knowledge.gene_sets import read_gmt
from biolake.knowledge.icd10cm import icd10cm
from biolake.knowledge.obo import read_obo
from biolake.knowledge.omop_vocabulary import is_vocabulary, read_vocabulary
from biolake.knowledge.tables import is_gem, read_gem, read_table
from biolake.knowledge.terminology import Terminology
from biolake.lake.asset_rows import without
from biolake.lake.commits import Commit
from biolake.lake.lake import Lake
from biolake.lake.locking import writer
from biolake.lake.transaction import Transaction, clear_scratch, scratch_folder

SHIPPED = "icd10cm"

Read = Callable[[Path, str, str, str], Terminology]


@dataclass(frozen=True)
class Loaded:
    """What a load of a terminology did."""

    terminology: Terminology
    commit: Commit
    replaced: bool


def read_terminology(
    source: str, *, name: str = "", version: str = "", licence: str = ""
) -> Terminology:
    """Read `icd10cm`, or a file: OBO, GMT, a CSV or TSV of terms or maps, a GEM, an OMOP folder.

    Raises DataRefused where nobody says under which licence its terms are.
    """
    if source.lower() == SHIPPED:
        return icd10cm()
    path = Path(source).expanduser()
    if not path.exists():
        raise WrongUse(
            "there is no such file, and no terminology of this name is shipped",
            where=source,
            next=f"Shipped: {SHIPPED}. Files: .obo, .gmt, .csv, .tsv, a GEM, an OMOP folder.",
        )
    found = _reader(path)(path, name, version, licence)
    if not found.licence:
        raise DataRefused(
            "its file does not say under which licence its terms are",
            where=path.name,
            next='Look it up where the file is from, and say it: --licence "…"',
        )
    return found


def _reader(path: Path) -> Read:
    suffix = path.suffix.lower()
    if is_vocabulary(path):
        return read_vocabulary
    if suffix in (".obo", ".gmt"):
        return {".obo": read_obo, ".gmt": read_gmt}[suffix]
    if suffix in (".csv", ".tsv", ".tab"):
        return lambda p, name, version, licence: read_table(p, name or p.stem, version, licence)
    if path.is_file() and is_gem(path):
        return read_gem
    raise WrongUse(
        "this is no terminology that is known",
        where=path.name,
        next="Known: .obo, .gmt, .csv or .tsv (code,name,parents,synonyms), a GEM, an OMOP folder.",
    )


def load(lake: Lake, found: Terminology, *, wait: float = 0.0) -> Loaded:
    """Put a terminology into the lake; what had its name before goes."""
    with writer(lake.store, f"terms of {found.name}", wait):
        clear_scratch(lake)
        base = lake.commit()
        label = f"T{base.number + 1:010d}"
        with scratch_folder(lake) as scratch:
            tx = Transaction(lake, base, scratch, label)
            for table in ("terms", "term_maps", "terminologies"):
                without(tx, table, [found.name], "terminology")
            replaced = "terminologies" in tx.removes
            tx.append("terms", found.term_rows())
            tx.append("term_maps", found.map_rows())
            tx.append("terminologies", _row(found, label))
            counts = {**base.counts, "added": 0, "replaced": 0, "removed": 0}
            message = f"{found.name} {found.version}".strip()
            commit = tx.publish("terms", message, counts)
    return Loaded(found, commit, replaced)


def _row(found: Terminology, label: str) -> pa.Table:
    row = {
        "terminology": found.name,
        "version": found.version,
        "source": found.source,
        "licence": found.licence,
        "terms": len(found.terms),
        "load_id": label,
    }
    return pa.Table.from_pylist([row], TERMINOLOGIES)
