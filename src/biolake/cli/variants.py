"""Variants of the lake's genotypes: find them, see who carries them, annotate and keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session
from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.genetics.agreeing import Agreement
    from biolake.genetics.annotated import Met
    from biolake.genetics.listing import Region, Row
    from biolake.lake.door import View

GENE = click.option("--gene", metavar="SYMBOL", help="Annotated with this gene.")
CONSEQUENCE = click.option(
    "--consequence", metavar="TERM", help="Annotated with it, as in missense_variant."
)
IMPACT = click.option("--impact", metavar="WORD", help="Annotated with it: HIGH, MODERATE …")


@click.group(
    "variants",
    cls=Section,
    examples=["biolake variants carriers rs7412", "biolake variants list --gene APOE"],
)
def variants() -> None:
    """Ask who carries which genetic variant.

    Load genotypes with `biolake ingest`, and fill in the table of variants with
    `biolake extract genotype-variants`.
    """


@variants.command(
    "list",
    reads=True,
    examples=[
        "biolake variants list --region 19:45400000-45500000",
        "biolake variants list --gene APOE --consequence missense_variant",
    ],
)
@click.option("--region", metavar="CHR:FIRST-LAST", help="Only in this stretch.")
@GENE
@CONSEQUENCE
@IMPACT
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Rows; 0 = all."
)
@pass_session
def list_variants(
    session: Session,
    region: str | None,
    gene: str | None,
    consequence: str | None,
    impact: str | None,
    limit: int,
) -> None:
    """List variants, one row a file that has it: alleles, frequency, call rate."""
    where = _region(region)
    with session.view("list variants") as view:
        if gene or consequence or impact:
            rows, fates = _annotated_rows(view, where, gene, consequence, impact)
        else:
            from biolake.genetics.listing import rows_in

            rows, fates = rows_in(view, where, limit + 1 if limit else None), None
        more = bool(limit) and len(rows) > limit
        shown = rows[:limit] if limit else rows
        data = {"variants": _told(view, shown), "more": more, "annotations": fates}
    session.show(data, _list_page)


def _region(text: str | None) -> Region | None:
    import re

    from biolake.genetics.listing import Region
    from biolake.omics.genotypes.alleles import chromosome_name

    if text is None:
        return None
    found = re.fullmatch(r"([^:\s]+)(?::([\d,]+)-([\d,]+))?", text)
    if found is None:
        raise WrongUse(f"'{text}' is no region", next="Say 19:45400000-45500000, or 19.")
    name, first, last = found.groups()
    ends = [int(end.replace(",", "")) if end else None for end in (first, last)]
    return Region(chromosome_name(name), ends[0] or 0, ends[1] or 1 << 40)


def _annotated_rows(
    view: View, where: Region | None, gene: str | None, consequence: str | None, impact: str | None
) -> tuple[list[Row], dict[str, int]]:
    found = met(view, gene, consequence, impact)
    rows = {(row.asset_id, row.number): row for _, mine in found.pairs for row in mine}
    if where is not None:
        inside = range(where.first, where.last + 1)
        rows = {
            key: row
            for key, row in rows.items()
            if row.chromosome == where.chromosome and row.position in inside
        }
    listed = sorted(rows.values(), key=lambda r: (r.chromosome, r.position, r.ref, r.alt))
    return listed, dict(found.fates)


def met(view: View, gene: str | None, consequence: str | None, impact: str | None) -> Met:
    from biolake.genetics.annotated import meet
    from biolake.genetics.listing import annotations_of

    found = annotations_of(view, gene, consequence, impact)
    if not found:
        said = ", ".join(each for each in (gene, consequence, impact) if each)
        raise WrongUse(
            f"nothing is annotated with {said}", next="See what is: biolake variants list"
        )
    return meet(view, found)


def _told(view: View, rows: Sequence[Row]) -> list[dict[str, Any]]:
    from biolake.genetics.annotated import fate
    from biolake.genetics.listing import annotations_at

    known: dict[tuple[str, int], list[Any]] = {}
    for each in annotations_at(view, rows):
        known.setdefault((each.variant.chromosome, each.variant.position), []).append(each)
    told = []
    for row in rows:
        place = (row.chromosome, row.shortest.position)
        mine = [each for each in known.get(place, []) if fate(each, [row])[1]]
        told.append(
            {
                **{name: getattr(row, name) for name in row.__dataclass_fields__},
                "annotations": [
                    {
                        "allele": each.variant.alt,
                        "gene": each.gene,
                        "consequence": each.consequence,
                        "impact": each.impact,
                        "source": each.source,
                    }
                    for each in mine
                ],
            }
        )
    return told


def _list_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    if not data["variants"]:
        yield "No variant here. Files of genotypes bring them: biolake extract genotype-variants"
    else:
        yield table(
            ["!variant", "!place", "ref", "alt", ">alt frequency", ">call rate", ">HWE p",
             "build", "annotated", "!asset"],
            (_row(each) for each in data["variants"]),
        )  # fmt: skip
    if data["more"]:
        yield "There are more: --limit 0 shows all."
    yield from fates_table(data["annotations"] or {})


def _row(each: dict[str, Any]) -> list[Any]:
    notes = {
        " ".join(part for part in (a["gene"], a["consequence"], a["impact"]) if part)
        for a in each["annotations"]
    }
    return [
        each["variant"], f"{each['chromosome']}:{each['position']}", each["ref"], each["alt"],
        each["alt_frequency"], each["call_rate"], each["hwe_p"], each["build"],
        "; ".join(sorted(notes)), each["asset_id"][:12],
    ]  # fmt: skip


def fates_table(fates: dict[str, int]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    if fates:
        yield table(["annotations", ">rows"], sorted(fates.items()))


@variants.command("show", reads=True, examples=["biolake variants show rs7412"])
@click.argument("variant")
@pass_session
def show(session: Session, variant: str) -> None:
    """Show one variant: every file that has it, and what is known of it.

    VARIANT is a name (rs7412), a place (19:45412079) or a place with alleles (19:45412079:C:T).
    """
    with session.view("show variant") as view:
        agreements = agreements_named(view, variant)
        data = {"variants": [_agreement(view, each) for each in agreements]}
    session.show(data, _show_page)


def agreements_named(view: View, text: str) -> list[Agreement]:
    from biolake.genetics.agreeing import variants_among
    from biolake.genetics.listing import rows_named
    from biolake.genetics.shortest import parse

    asked = parse(text)
    found = variants_among(rows_named(view, asked), asked)
    if not found:
        raise WrongUse(
            f"the lake holds no variant {text}", next="List variants: biolake variants list"
        )
    return found


def _agreement(view: View, agreement: Agreement) -> dict[str, Any]:
    rows = [source.row for source in agreement.sources]
    return {
        "variant": str(agreement.variant),
        "name": agreement.name,
        "build": agreement.build,
        "counted": agreement.variant.alt,
        "files": [
            {**told, "turned": source.turned}
            for source, told in zip(agreement.sources, _told(view, rows), strict=True)
        ],
        "refused": [
            {
                "asset_id": each.row.asset_id,
                "number": each.row.number,
                "alleles": f"{each.row.ref}/{each.row.alt}",
                "reason": each.reason,
            }
            for each in agreement.refused
        ],
    }


def _show_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    for each in data["variants"]:
        name = f"{each['name']}, " if each["name"] else ""
        build = each["build"] or "build not known"
        yield f"{name}{each['variant']} ({build}); {each['counted']} is counted."
        columns = ["!asset", "ref", "alt", "counts", ">alt frequency", ">call rate", ">HWE p",
                   "annotated"]  # fmt: skip
        yield table(columns, (_file(file, each["counted"]) for file in each["files"]))
        for refused in each["refused"]:
            asset, alleles = refused["asset_id"][:12], refused["alleles"]
            yield f"Not taken: asset {asset} ({alleles}): {refused['reason']}."


def _file(file: dict[str, Any], counted: str) -> list[Any]:
    told = _row(file)
    counts = f"{counted} (turned)" if file["turned"] else counted
    return [told[-1], file["ref"], file["alt"], counts, *told[4:7], told[8]]
