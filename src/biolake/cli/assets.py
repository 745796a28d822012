"""Find assets (ECGs, images, slides, wearables, notes), look at them, and get their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.asset_lookup import (
    asset_data,
    chosen_rows,
    chosen_sums,
    find_id,
    note_data,
    opened,
    stored_content,
)
from biolake.cli.grammar import Section, Session, pass_session
from biolake.core.errors import WrongUse, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.core.assets import Content
    from biolake.export.assets import Asset
    from biolake.lake.door import View

SHOWN_ID = 12  # characters of an id on a page
ORIGINALS = "Original files may name the person in their headers or on a slide's label."


def _modality(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    from biolake.core.assets import MODALITIES

    if value is None or value in MODALITIES:
        return value
    near = did_you_mean(value, MODALITIES)
    raise click.UsageError(
        f"'{value}' is no modality.{near} Known: {', '.join(MODALITIES)}.", context
    )


MODALITY = click.option(
    "--modality", metavar="KIND", callback=_modality, help="ecg, ct, xray, slide, note …"
)
SUBJECT = click.option("--subject", type=int, metavar="ID", help="Only this subject's.")
UNLINKED = click.option("--unlinked", is_flag=True, help="Only those whose subject is not known.")


@click.group("assets", cls=Section, examples=["biolake assets list --modality ecg"])
def assets() -> None:
    """Find ECGs, images, slides and wearables; see them, get them."""


@assets.command(
    "list",
    reads=True,
    examples=["biolake assets list --modality ecg", "biolake assets list --unlinked --limit 0"],
)
@MODALITY
@SUBJECT
@UNLINKED
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Assets; 0 = all."
)
@pass_session
def list_assets(
    session: Session, modality: str | None, subject: int | None, unlinked: bool, limit: int
) -> None:
    """List assets in order of time, and count them by kind."""
    chosen = {"modality": modality, "subject": subject, "unlinked": unlinked}
    with session.view("list assets") as view:
        _refuse_subject(view, subject)
        sums, rows = chosen_sums(view, chosen), chosen_rows(view, chosen, limit)
    data = {"found": sum(row["assets"] for row in sums), "modalities": sums, "assets": rows}
    session.show(data, _list_page)


def _refuse_subject(view: View, subject: int | None) -> None:
    from biolake.cli.asking import refuse_unknown_subject

    if subject is not None:
        refuse_unknown_subject(view, subject)


def _list_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import size, table

    if not data["found"]:
        yield "There is no such asset in the lake."
        return
    yield table(
        ["id", "modality", "kind", "!time", ">subject", "extent", ">files", ">size"],
        (
            [
                row["asset_id"][:SHOWN_ID],
                row["modality"],
                row["kind"],
                _moment(row["time"]),
                _subject(row),
                _extent(row),
                row["files"],
                size(row["bytes"]),
            ]
            for row in data["assets"]
        ),
    )
    yield table(
        ["modality", ">assets", ">subjects", ">subject not known", ">size"],
        (
            [row["modality"], row["assets"], row["subjects"], row["unlinked"], size(row["bytes"])]
            for row in data["modalities"]
        ),
    )
    if data["found"] > len(data["assets"]):
        yield f"{len(data['assets']):,} of {data['found']:,} assets; all of them with --limit 0."


def _moment(time: str | None) -> str:
    return time.replace("T", " ")[:19] if time else ""


def _subject(row: dict[str, Any]) -> str:
    if row["subject_id"] is not None:
        return str(row["subject_id"])
    if row["samples"]:
        return f"({row['linked']:,} of {row['samples']:,} samples linked)"
    return "(not known yet)" if row["waiting"] else "(none named)"


def _extent(row: dict[str, Any]) -> str:
    """Say how much an asset holds: channels and time, or pixels and slices."""
    if row["seconds"] is not None:
        from biolake.signals.drawing import duration

        parts = [f"{row['channels']} ch" if row["channels"] else "", duration(row["seconds"])]
        parts.append(f"{row['rate']:g} Hz" if row["rate"] else "")
        return ", ".join(part for part in parts if part)
    unit = " characters" if row["modality"] == "note" else ""
    return " × ".join(f"{n:,}" for n in row["shape"] or ()) + unit * bool(row["shape"])


@assets.command(
    "show",
    reads=True,
    examples=[
        "biolake assets show 3f2a91c4",
        "biolake assets show 3f2a91c4 --png ecg.png",
        "biolake assets show 8c1d77e0 --text",
    ],
)
@click.argument("asset")
@click.option(
    "--png",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw it: an ECG on its paper, slices, a slide.",
)
@click.option("--text", is_flag=True, help="Read a note: it tells of the person.")
@pass_session
def show(session: Session, asset: str, png: Path | None, text: bool) -> None:
    """Show what is known of an asset; draw it with --png, read a note with --text."""
    with session.view("read a note" if text else "show an asset") as view:
        data = asset_data(view, find_id(view, asset))
        if text:
            with stored_content(view, data["asset_id"]) as content:
                data |= note_data(data, content)
        if png is not None:
            with stored_content(view, data["asset_id"]) as content:
                data["png"] = str(_draw(data, content, png))
    session.show(data, _asset_page)


def _draw(row: dict[str, Any], content: Content, png: Path) -> Path:
    from biolake.cli.pictures import picture_of

    title = f"{row['modality']} {row['asset_id'][:SHOWN_ID]}   {_moment(row['time'])}"
    media = opened(row, content)
    try:
        picture = picture_of(media, title.strip())
    finally:
        if hasattr(media, "close"):
            media.close()
    try:
        png.write_bytes(picture)
    except OSError as error:
        raise WrongUse(
            f"the picture cannot be written ({error.strerror})", where=str(png)
        ) from None
    return png


def _asset_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    from biolake.cli.pages import counted, facts, size, table
    from biolake.core.assets import MODALITIES

    kind = MODALITIES.get(data["modality"], data["modality"])
    yield facts(
        [
            ("asset", data["asset_id"]),
            ("is", f"{kind} ({data['kind']})" if data["kind"] else kind),
            ("subject", _subject(data)),
            ("encounter", str(data["encounter_id"]) if data["encounter_id"] else None),
            ("time", " to ".join(_moment(data[n]) for n in ("time", "end_time") if data[n])),
            ("extent", _extent(data)),
            ("units", data["units"]),
            ("device", data["device"]),
            *((name.replace("_", " "), _plain(value)) for name, value in _told(data)),
            ("read by", data["format"]),
            ("site", data["site_id"]),
            ("load", data["load_id"]),
            ("stored", f"{counted(data['files'], 'file')}, {size(data['bytes'])}"),
        ]
    )
    yield from _figures(data["attributes"])
    shown = data["contents"][:10]
    yield table(["file", ">size"], ([file["name"], size(file["bytes"])] for file in shown))
    if len(shown) < len(data["contents"]):
        yield f"{len(shown)} of {counted(len(data['contents']), 'file')}; all of them with --json."
    if "png" in data:
        yield f"Drawn in {data['png']}."
    if "text" in data:
        yield Text(data["text"])


_TABLES = ("per_sample", "cell_types")  # of cells: shown as tables
_FIGURES = (
    "cells", "counts_per_cell", "genes_per_cell", "mitochondrial_share", "few_genes_share",
    "high_mitochondrial_share",
)  # fmt: skip


def _told(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data["attributes"].items():
        if value not in (None, "", [], {}) and name not in _TABLES:
            yield name, value


def _figures(attributes: dict[str, Any]) -> Iterator[RenderableType]:
    """Yield the quality of each sample of cells, in the asset's own order, and its cell types."""
    from biolake.cli.pages import table

    samples, types = (attributes.get(name) or {} for name in _TABLES)
    if samples:
        names = [name for name in _FIGURES if name in samples]
        rows = list(zip(*(samples[name] for name in names), strict=True))
        columns = [">sample", *(f">{name.replace('_', ' ')}" for name in names)]
        yield table(columns, ([n, *row] for n, row in enumerate(rows[:20], start=1)))
        if len(rows) > 20:
            yield f"20 of {len(rows):,} samples; all of them with --json."
    if types:
        often = sorted(types.items(), key=lambda each: -each[1])
        yield table(["!cell type", ">cells"], often[:20])
        if len(types) > 20:
            yield f"20 of {len(types):,} cell types; all of them with --json."


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="FOLDER",
    help="Where to write; nothing there is overwritten.",
)


@assets.command("get", reads=True, examples=["biolake assets get 3f2a91c4 --out ecg"])
@click.argument("asset")
@OUT
@pass_session
def get(session: Session, asset: str, out: Path) -> None:
    """Write one asset's original files into a folder."""
    from biolake.export.assets import LARGE, write_original

    with session.view("get an asset") as view:
        row = asset_data(view, find_id(view, asset))
        asset_id = row["asset_id"]
        with stored_content(view, asset_id) as content:
            written = write_original(content, out, large=row["bytes"] > LARGE)
    data = {
        "asset_id": asset_id,
        "folder": str(out),
        "files": [str(path) for path in written],
        "notes": [ORIGINALS],
    }
    session.show(data, _get_page)


def _get_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    files = counted(len(data["files"]), "file")
    yield f"Wrote {files} of asset {data['asset_id'][:SHOWN_ID]} to {data['folder']}."
    for note in data["notes"]:
        yield f"Note: {note}"


@assets.command(
    "export",
    reads=True,
    examples=[
        "biolake assets export --modality ecg --out ecgs",
        "biolake assets export --modality ct --format npz --out ct-arrays",
    ],
)
@MODALITY
@SUBJECT
@UNLINKED
@OUT
@click.option(
    "--format",
    "form",
    type=click.Choice(["original", "npz"]),
    default="original",
    show_default=True,
    help="original: the files as they came. npz: arrays in physical units.",
)
@pass_session
def export(
    session: Session,
    modality: str | None,
    subject: int | None,
    unlinked: bool,
    out: Path,
    form: Any,
) -> None:
    """Write many assets and a manifest.csv that says whose they are."""
    from biolake.cli.pages import steps
    from biolake.export.assets import export as write

    chosen = {"modality": modality, "subject": subject, "unlinked": unlinked}
    with session.view("export assets") as view, steps(session.json) as progress:
        _refuse_subject(view, subject)
        rows = chosen_rows(view, chosen)
        if not rows:
            raise WrongUse(
                "there is no such asset in the lake",
                next="See which there are: biolake assets list",
            )
        report = write(_stored(view, rows), len(rows), out, form, progress)
        commit = view.commit.number
    notes = [*report.notes, *([ORIGINALS] if form == "original" else [])]
    data = {
        "folder": str(out),
        "format": form,
        "commit": commit,
        "assets": report.rows,
        "files": len(report.files),
        "notes": notes,
    }
    session.show(data, _export_page)


def _stored(view: View, rows: list[dict[str, Any]]) -> Iterator[Asset]:
    from functools import partial

    from biolake.export.assets import Asset
    from biolake.lake.assets import PackReader, StoredContent

    with PackReader(view.lake) as packs:
        for row in rows:
            with StoredContent(view, row["asset_id"], packs=packs) as content:
                yield Asset(row, content, partial(opened, row))


def _export_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    yield (
        f"Wrote {counted(data['assets'], 'asset')} of commit {data['commit']} as {data['format']}:"
        f" {counted(data['files'], 'file')} in {data['folder']}, listed in manifest.csv."
    )
    for note in data["notes"]:
        yield f"Note: {note}"
