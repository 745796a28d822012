"""Keep chosen variants as events: one dosage a linked subject, without a time.

Kept again, they change only where the files, their links or the allele counted have changed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused
from biolake.core.keys import row_key
from biolake.core.reading import Chunk, SourceFile, SubjectSystem, Tally
from biolake.core.schema import MAPPED, MAPPED_CODES
from biolake.genetics.agreeing import Agreement
from biolake.genetics.carriers import Dosages, read_dosages
from biolake.lake.door import Access, View, open_view
from biolake.lake.lake import Lake, actor
from biolake.lake.loading import Loading, LoadReport, LoadRequest
from biolake.lake.locking import writer
from biolake.lake.transaction import clear_scratch, scratch_folder

LAYOUT = "genotypes"
SOURCE = "genotypes kept"
OWN_IDS = SubjectSystem("lake", integer=True, direct=True)
_STORED = "SELECT row_key FROM events WHERE site_id = ? AND source = ? AND code = ?"
_LAST = """
SELECT layout_hash FROM loads WHERE site_id = ? AND content_hash = ? ORDER BY load_id DESC LIMIT 1
"""
_EVENTS = pa.schema(
    [pa.field(f.name, pa.int64() if f.name in ("subject", "encounter") else f.type) for f in MAPPED]
)

Choose = Callable[[View], Sequence[Agreement]]


@dataclass
class Kept:
    """What was kept: dosages by variant, and one load a site that changed."""

    dosages: list[Dosages]
    loads: dict[str, LoadReport] = field(default_factory=dict)

    @property
    def added(self) -> int:
        return sum(load.added for load in self.loads.values())


def keep(lake: Lake, catalogue: Catalogue, choose: Choose, *, wait: float = 0.0) -> Kept:
    """Write `GENOTYPE//variant//allele` of every linked subject that has a call.

    `choose` names the variants on a view of the lake. A subject whose files contradict each other
    gets none. The name of a code is the variant's in the files, or its place and alleles.
    """
    with writer(lake.store, "keep genotypes", wait):
        clear_scratch(lake)
        with open_view(lake, access=Access(actor(), "keep genotypes")) as view:
            agreements = list(choose(view))
            _refuse_doubles(agreements)
            kept = Kept(read_dosages(view, catalogue, agreements))
            sites = sorted({s.row.site_id for a in agreements for s in a.sources})
            chunks = {site: _chunks(view, kept.dosages, site) for site in sites}
        for site, mine in chunks.items():
            if mine:
                kept.loads[site] = _load(lake, site, mine)
    return kept


def _refuse_doubles(agreements: Sequence[Agreement]) -> None:
    codes = Counter(each.code for each in agreements)
    for each in agreements:
        if codes[each.code] > 1:
            raise DataRefused(
                f"two variants would be kept as {each.code}",
                next="Keep them by place and alleles (19:45412079:C:T), one at a time.",
            )


def _chunks(view: View, dosages: Sequence[Dosages], site: str) -> list[Chunk]:
    """Return a chunk a variant of which the site's events are not yet as they should be."""
    made = []
    for one in dosages:
        mine = {s: c for s, c in sorted(one.dosage.items()) if one.home[s] == site}
        code = one.agreement.code
        keys = np.array([row_key(SOURCE, code, subject) for subject in mine], dtype=np.int64)
        stored = view.table(_STORED, [site, SOURCE, code])["row_key"].to_numpy()
        gone = np.setdiff1d(stored, keys)
        how = hashlib.sha256(repr(list(mine.items())).encode()).hexdigest()
        last = view.rows(_LAST, [site, f"{SOURCE}/{code}"])
        same = len(stored) == len(keys) and not len(gone) and last == [(how,)]
        if not same and (mine or len(gone)):
            made.append(_chunk(one, mine, keys, gone, how))
    return made


def _chunk(
    one: Dosages, mine: dict[int, int], keys: np.ndarray, gone: np.ndarray, how: str
) -> Chunk:
    code, count = one.agreement.code, len(mine)
    columns: dict[str, object] = {
        name: pa.nulls(count, _EVENTS.field(name).type) for name in _EVENTS.names
    }
    columns["subject"] = pa.array(list(mine), pa.int64())
    columns["code"] = pa.array([code] * count, pa.string())
    columns["numeric_value"] = pa.array(list(mine.values()), pa.float64())
    columns["unit"] = pa.array(["1"] * count, pa.string())
    columns["row_key"] = pa.array(keys, pa.int64())
    tally = Tally(rows=1, event_rows=1) if count else Tally(rows=1)
    if not count:
        tally.skipped["no linked subject has a call any more"] = 1
    files = sorted({source.row.asset_id[:12] for source in one.agreement.sources})
    name = f"{'+'.join(files)}/{one.agreement.label}"
    return Chunk(
        SourceFile(Path(), name, f"{SOURCE}/{code}", how),
        SOURCE,
        tally,
        events=pa.table(columns, schema=_EVENTS),
        codes=_described(one.agreement),
        retracted=gone if len(gone) else None,
    )


def _described(agreement: Agreement) -> pa.Table:
    variant, build = agreement.variant, agreement.build or "build not known"
    text = f"Copies of {variant.alt} at {variant.chromosome}:{variant.position} ({build})"
    row = {"code": agreement.code, "description": text, "parent_codes": []}
    return pa.Table.from_pylist([row], MAPPED_CODES)


def _load(lake: Lake, site: str, chunks: list[Chunk]) -> LoadReport:
    base = lake.commit()
    with open_view(lake, base) as view:
        found = view.rows("SELECT clock FROM sites WHERE site_id = ?", [site])
    request = LoadRequest(
        site=site,
        layout=LAYOUT,
        subjects=OWN_IDS,
        clock=found[0][0] if found else "local",
        expected_rows=sum(chunk.events.num_rows for chunk in chunks if chunk.events),
        message=f"genotypes kept: {len(chunks)} variants at site {site}",
    )
    with scratch_folder(lake) as scratch:
        return Loading(lake, base, request, scratch).run(iter(chunks))
