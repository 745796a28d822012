"""What is made of variants: who carries them, what files say of them, which are kept as events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Session, pass_session
from biolake.cli.variants import (
    CONSEQUENCE,
    GENE,
    IMPACT,
    agreements_named,
    fates_table,
    met,
    variants,
)
from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.core.catalogue import Catalogue
    from biolake.genetics.agreeing import Agreement
    from biolake.genetics.annotating import Annotated
    from biolake.genetics.carriers import Dosages
    from biolake.genetics.keeping import Kept
    from biolake.lake.door import View

_WAIT = click.option(
    "--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer."
)


@variants.command(
    "carriers",
    reads=True,
    examples=[
        "biolake variants carriers rs7412",
        "biolake variants carriers rs7412 --least 2 --subjects carriers.csv",
        "biolake variants carriers --gene APOE --consequence missense_variant",
    ],
)
@click.argument("variant", required=False)
@GENE
@CONSEQUENCE
@IMPACT
@click.option("--allele", metavar="BASES", help="Count this allele.  [default: alt]")
@click.option(
    "--least", type=click.IntRange(1, 2), default=1, show_default=True, help="Copies at least."
)
@click.option(
    "--subjects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write who they are: subject_id and copies (.csv or .parquet).",
)
@pass_session
def carriers(
    session: Session,
    variant: str | None,
    gene: str | None,
    consequence: str | None,
    impact: str | None,
    allele: str | None,
    least: int,
    subjects: Path | None,
) -> None:
    """Count the subjects who carry an allele, of one variant or of any in a gene.

    Reads only the variants asked for. Files in which a variant is written the other way round are
    turned; those on the other strand, of another build, or A/T and C/G near one half are not
    taken, and named.
    """
    from biolake.core.catalogue import discover
    from biolake.genetics.carriers import read_dosages

    annotated = bool(gene or consequence or impact)
    if (variant is None) == (not annotated) or (annotated and allele):
        raise WrongUse(
            "name a variant, or --gene, --consequence, --impact",
            next="biolake variants carriers rs7412",
        )
    _refuse_file(subjects)
    with session.view("variant carriers") as view:
        fates: dict[str, int] = {}
        if variant is not None:
            chosen = [_chosen(view, variant, allele)]
        else:
            from biolake.genetics.annotated import agreements

            met_here = met(view, gene, consequence, impact)
            chosen, fates = agreements(met_here), dict(met_here.fates)
        found = read_dosages(view, discover("biolake.readers"), chosen)
        data = _carried(found, least) | {"commit": view.commit.number, "annotations": fates}
        if subjects is not None:
            _write_subjects(found, least, subjects)
            data["out"] = str(subjects)
    session.show(data, _carriers_page)


def _chosen(view: View, text: str, allele: str | None) -> Agreement:
    from biolake.genetics.agreeing import counted, only

    return counted(only(agreements_named(view, text), text), allele)


def _refuse_file(path: Path | None) -> None:
    if path is None:
        return
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise WrongUse("subjects are written as .csv or .parquet", where=path.name)
    if not path.parent.is_dir():
        raise WrongUse("there is no such folder to write the subjects to", where=str(path.parent))


def _copies(found: Sequence[Dosages], least: int) -> dict[int, int]:
    """Return who carries any of the variants, with the most copies of one."""
    copies: dict[int, int] = {}
    for one in found:
        for subject in one.carriers(least):
            copies[subject] = max(copies.get(subject, 0), one.dosage[subject])
    return copies


def _carried(found: Sequence[Dosages], least: int) -> dict[str, Any]:
    everybody = {s for one in found for s in (*one.dosage, *one.missing, *one.contradictory)}
    return {
        "least": least,
        "carriers": len(_copies(found, least)),
        "subjects": len(everybody),
        "variants": [
            {
                "variant": str(one.agreement.variant),
                "name": one.agreement.name,
                "counted": one.agreement.variant.alt,
                "carriers": len(one.carriers(least)),
                **one.counts(),
                "turned_files": sum(source.turned for source in one.agreement.sources),
                "refused": [
                    {"asset_id": each.row.asset_id, "reason": each.reason}
                    for each in one.agreement.refused
                ],
            }
            for one in found
        ],
    }


def _write_subjects(found: Sequence[Dosages], least: int, path: Path) -> None:
    import os
    import secrets

    copies = dict(sorted(_copies(found, least).items()))
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        if path.suffix.lower() == ".csv":
            lines = ["subject_id,copies", *(f"{s},{c}" for s, c in copies.items())]
            part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            _write_parquet(copies, part.absolute())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_parquet(copies: dict[int, int], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "subject_id": pa.array(list(copies), pa.int64()),
        "copies": pa.array(list(copies.values()), pa.int8()),
    }
    pq.write_table(pa.table(columns), path)


def _carriers_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, share, table

    columns = ["!variant", "counted", ">carriers", ">0 copies", ">1", ">2", ">no call",
               ">contradictory", ">unlinked samples"]  # fmt: skip
    yield table(
        columns,
        (
            [
                each["name"] or each["variant"], each["counted"], each["carriers"], each["none"],
                each["one"], each["two"], each["missing"], each["contradictory"],
                each["unlinked_samples"],
            ]
            for each in data["variants"]
        ),
    )  # fmt: skip
    for each in data["variants"]:
        if each["turned_files"]:
            files = counted(each["turned_files"], "file")
            yield f"{each['variant']}: {files} had its alleles the other way round: turned."
        for refused in each["refused"]:
            asset, reason = refused["asset_id"][:12], refused["reason"]
            yield f"{each['variant']}: asset {asset} not taken: {reason}."
    what = "a copy" if data["least"] == 1 else "two copies"
    of = counted(data["subjects"], "subject")
    part = share(data["carriers"], data["subjects"])
    yield f"{data['carriers']:,} of {of} with genotypes here carry {what} ({part})."
    yield from fates_table(data["annotations"])
    if "out" in data:
        yield f"Subjects: {data['out']}"


@variants.command(
    "annotate",
    examples=[
        "biolake variants annotate vep.tsv.gz --build GRCh37",
        "biolake variants annotate sample.hg38_multianno.txt --build GRCh38",
    ],
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--build", required=True, metavar="BUILD", help="GRCh37, GRCh38 or NCBI36.")
@click.option("--source", default="", metavar="TEXT", help="What to call it.  [default: its name]")
@_WAIT
@pass_session
def annotate(session: Session, file: Path, build: str, source: str, wait: float) -> None:
    """Load what is known of variants: gene, consequence, impact.

    FILE is VEP's tab format, a table of ANNOVAR, or a TSV or CSV with the columns chromosome,
    position, ref, alt (or rsid), gene, consequence, impact; plain or gzipped. Loading a name again
    replaces it.
    """
    from biolake.genetics.annotating import annotate as run

    done = run(session.lake(), file, build, source=source, wait=wait)
    session.show(_annotated(done), _annotated_page)


def _annotated(done: Annotated) -> dict[str, Any]:
    return {
        "commit": done.commit.number if done.commit else None,
        "source": done.source,
        "build": done.build,
        "rows": done.rows,
        "annotations": done.annotations,
        "replaced": done.replaced,
        "meet": dict(sorted(done.fates.items())),
        "quarantined": dict(sorted(done.faulty.items())),
        "first_quarantined": [vars(each) for each in done.faults[:10]],
    }


def _annotated_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, table

    rows, made = counted(data["rows"], "row"), counted(data["annotations"], "annotation")
    again = ", in place of those it brought before" if data["replaced"] else ""
    yield f"{data['source']} ({data['build']}): {rows}, {made}{again}."
    yield from fates_table(data["meet"])
    if data["quarantined"]:
        yield table(["quarantined", ">rows"], data["quarantined"].items())
        first = data["first_quarantined"][0]
        yield f"The first: row {first['row']}, column {first['column'] or '(all)'}."
    yield f"The lake is at commit {data['commit']}."


@variants.command(
    "keep", examples=["biolake variants keep rs7412 rs429358", "biolake variants keep 6:26093141"]
)
@click.argument("names", nargs=-1, required=True, metavar="VARIANT...")
@click.option("--allele", metavar="BASES", help="Count this allele (of one VARIANT).")
@_WAIT
@pass_session
def keep(session: Session, names: tuple[str, ...], allele: str | None, wait: float) -> None:
    """Keep variants as events, for cohorts, features and studies.

    Every linked subject with a call gets `GENOTYPE//rs7412//T` with its copies (0, 1, 2), true at
    any time. Keep them again when genotypes or links have changed: only what differs is written.
    """
    from biolake.core.catalogue import discover
    from biolake.genetics.keeping import keep as run

    if allele is not None and len(names) != 1:
        raise WrongUse("--allele is of one variant", next="Keep the variants one by one.")
    catalogue: Catalogue = discover("biolake.readers")
    kept = run(
        session.lake(),
        catalogue,
        lambda view: [_chosen(view, name, allele) for name in names],
        wait=wait,
    )
    session.show(_kept(session, kept), _kept_page)


def _kept(session: Session, kept: Kept) -> dict[str, Any]:
    return {
        "commit": session.lake().commit().number,
        "added": kept.added,
        "replaced": sum(load.outcome.replaced for load in kept.loads.values()),
        "removed": sum(load.outcome.removed for load in kept.loads.values()),
        "kept": [
            {"code": one.agreement.code, **one.counts(), "refused": len(one.agreement.refused)}
            for one in kept.dosages
        ],
    }


def _kept_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, table

    columns = ["!code", ">0 copies", ">1", ">2", ">no call", ">contradictory", ">files not taken"]
    names = ("code", "none", "one", "two", "missing", "contradictory", "refused")
    yield table(columns, ([each[name] for name in names] for each in data["kept"]))
    yield (
        f"{counted(data['added'], 'event')} added, {data['replaced']:,} replaced,"
        f" {data['removed']:,} removed. The lake is at commit {data['commit']}."
    )
