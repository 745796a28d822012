"""Take an annotation file into a lake, and say how its rows meet the variants there."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from biolake.core.errors import DataRefused, WrongUse, did_you_mean
from biolake.core.schema import QUARANTINE, VARIANT_ANNOTATIONS
from biolake.genetics.annotated import fate
from biolake.genetics.annotation_files import Faulty, Told, read_annotations
from biolake.genetics.listing import Annotation, Row, rows_at
from biolake.genetics.shortest import Variant, shortest
from biolake.lake.asset_rows import without
from biolake.lake.commits import Commit
from biolake.lake.door import Access, View, open_view
from biolake.lake.lake import Lake, actor
from biolake.lake.locking import writer
from biolake.lake.transaction import Transaction, clear_scratch, scratch_folder
from biolake.omics.genotypes.builds import BUILDS

TABLE = "variant_annotations"
UNNAMED = "no variant of the lake has this name"
ALLELE = "the variant of this name has other alleles"
_KEPT_FAULTS = 1000  # rows named in the quarantine; beyond, only counted
_AT_ONCE = 200_000


@dataclass
class Annotated:
    """What a load of annotations did: every row of the file has one fate."""

    source: str
    build: str
    commit: Commit | None = None
    rows: int = 0
    annotations: int = 0
    replaced: bool = False
    fates: Counter[str] = field(default_factory=Counter)
    faults: list[Faulty] = field(default_factory=list)
    faulty: Counter[str] = field(default_factory=Counter)

    def fault(self, row: int, column: str, reason: str) -> None:
        self.faulty[reason] += 1
        if len(self.faults) < _KEPT_FAULTS:
            self.faults.append(Faulty(row, column, reason))


def annotate(
    lake: Lake, path: Path, build: str, *, source: str = "", wait: float = 0.0
) -> Annotated:
    """Load a file of annotations; what its name brought before goes."""
    if build not in BUILDS:
        raise WrongUse(
            f"'{build}' is no reference build.{did_you_mean(build, BUILDS)}",
            next=f"Known: {', '.join(BUILDS)}.",
        )
    report = Annotated(source or path.name, build)
    with writer(lake.store, "annotate variants", wait):
        clear_scratch(lake)
        base = lake.commit()
        with open_view(lake, base, access=Access(actor(), "annotate variants")) as view:
            refuse_other_build(view, build, path.name)
            label = f"A{base.number + 1:010d}"
            with scratch_folder(lake) as scratch:
                tx = Transaction(lake, base, scratch, label)
                without(tx, TABLE, [report.source], "source")
                report.replaced = TABLE in tx.removes
                _take(view, tx, path, report, label)
                tx.append("quarantine", _quarantine(report, path, label))
                counts = {**base.counts, "added": 0, "replaced": 0, "removed": 0}
                message = f"annotations of variants: {report.source} ({build})"
                report.commit = tx.publish("annotate", message, counts)
    return report


def refuse_other_build(view: View, build: str, where: str) -> None:
    """Raise DataRefused where the lake's variants are of another build alone."""
    rows = view.rows("SELECT DISTINCT build FROM variants WHERE build IS NOT NULL")
    held = sorted(found for (found,) in rows)
    if held and build not in held:
        raise DataRefused(
            f"these are annotations in {build}, and the lake's variants are in {', '.join(held)}",
            where=where,
            next=f"Annotate against {held[0]}, or lift the file over to it.",
        )


def _take(view: View, tx: Transaction, path: Path, report: Annotated, label: str) -> None:
    """Read the file some rows at a time, and write what of it can be kept."""
    waiting: list[Told] = []
    for each in read_annotations(path):
        report.rows += 1
        if isinstance(each, Faulty):
            report.fault(each.row, each.column, each.reason)
            continue
        waiting.append(each)
        if len(waiting) == _AT_ONCE:
            tx.append(TABLE, _table(_placed(view, waiting, report), report, label))
            waiting = []
    tx.append(TABLE, _table(_placed(view, waiting, report), report, label))


def _placed(view: View, told: list[Told], report: Annotated) -> list[Annotation]:
    """Give every row its variant, and count how it stands to those of the lake."""
    made = [(each, _annotation(each, report)) for each in told if each.position]
    made += _by_name(view, [each for each in told if not each.position], report)
    places = sorted({(a.variant.chromosome, a.variant.position) for _, a in made})
    at: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows_at(view, places):
        at[row.chromosome, row.shortest.position].append(row)
    for _, each in made:
        way, _ = fate(each, at[each.variant.chromosome, each.variant.position])
        report.fates[way] += 1
    report.annotations += len(made)
    return [each for _, each in made]


def _annotation(told: Told, report: Annotated) -> Annotation:
    variant = shortest(told.chromosome, told.position, told.ref, told.alt)
    facts = (told.gene, told.consequence, told.impact)
    return Annotation(report.build, variant, *facts, report.source)


def _by_name(view: View, told: list[Told], report: Annotated) -> list[tuple[Told, Annotation]]:
    """Place rows that only name a variant, by the lake's variants of that name."""
    if not told:
        return []
    names = pa.table({"variant": pa.array(sorted({each.name for each in told}), pa.string())})
    view.con.register("named", names)
    try:
        rows = view.rows(
            "SELECT DISTINCT variant, chromosome, position, ref, alt FROM variants"
            " SEMI JOIN named USING (variant) WHERE build = ? ORDER BY ALL",
            [report.build],
        )
    finally:
        view.con.unregister("named")
    known: dict[str, list[Variant]] = defaultdict(list)
    for name, *place in rows:
        known[name].append(shortest(*place))
    made = []
    for each in told:
        found = known.get(each.name, [])
        fitting = [
            v if each.alt in ("", v.alt) else v.turned
            for v in found
            if each.alt in ("", v.alt, v.ref)
        ]
        if not fitting:
            report.fault(each.row, "variant", ALLELE if found else UNNAMED)
            continue
        for variant in dict.fromkeys(fitting):
            facts = (each.gene, each.consequence, each.impact)
            made.append((each, Annotation(report.build, variant, *facts, report.source)))
    return made


def _table(found: list[Annotation], report: Annotated, label: str) -> pa.Table:
    columns = {
        "build": [report.build] * len(found),
        "chromosome": [each.variant.chromosome for each in found],
        "position": [each.variant.position for each in found],
        "ref": [each.variant.ref for each in found],
        "alt": [each.variant.alt for each in found],
        "gene": [each.gene for each in found],
        "consequence": [each.consequence for each in found],
        "impact": [each.impact for each in found],
        "source": [report.source] * len(found),
        "load_id": [label] * len(found),
    }
    return pa.table(columns, schema=VARIANT_ANNOTATIONS)


def _quarantine(report: Annotated, path: Path, label: str) -> pa.Table:
    rows = [
        {
            "load_id": label,
            "site_id": "",
            "table": TABLE,
            "file": path.name,
            "row": each.row,
            "column": each.column,
            "reason": each.reason,
        }
        for each in report.faults
    ]
    return pa.Table.from_pylist(rows, QUARANTINE)
