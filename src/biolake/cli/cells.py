"""Hand on matrices of cells as files that other tools open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.group("cells", cls=Section, examples=["biolake cells export 3f2a91c4 --to cells.h5ad"])
def cells() -> None:
    """Hand on single cells and spots, as other tools open them."""


@cells.command(
    "export",
    reads=True,
    examples=[
        "biolake cells export 3f2a91c4 --to cells.h5ad",
        "biolake cells export 3f2a91c4 --to cells-mtx",
    ],
)
@click.argument("asset")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="A new .h5ad file, or a new folder: Matrix Market as 10x writes it.",
)
@pass_session
def export(session: Session, asset: str, to: Path) -> None:
    """Write one asset's matrix, cells and features as AnnData or as a 10x folder.

    Values are exact. Where the file holds normalised values and counts, it is the counts. Columns
    of cells and features come along; barcodes and columns may name the person.
    """
    from biolake.cli.asset_lookup import asset_data, find_id, opened, stored_content
    from biolake.core.errors import WrongUse
    from biolake.core.media import Cells
    from biolake.export.cells import write_cells

    with session.view("export cells") as view:
        row = asset_data(view, find_id(view, asset))
        if row["modality"] not in ("cells", "spatial"):
            raise WrongUse(
                f"the asset is of modality {row['modality']}, and holds no cells",
                next="List those that do: biolake assets list --modality cells",
            )
        with stored_content(view, row["asset_id"]) as content:
            media = opened(row, content)
            assert isinstance(media, Cells)  # noqa: S101 - its reader opens nothing else
            written = write_cells(media, to)
    data = {
        "asset_id": row["asset_id"],
        "to": str(to),
        "files": [str(path) for path in written.files],
        "cells": written.shape[0],
        "features": written.shape[1],
        "taken_from": row["attributes"].get("taken_from"),
        "values": row["attributes"].get("values"),
        "notes": list(written.notes),
    }
    session.show(data, _page)


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    yield (
        f"Wrote {counted(data['cells'], 'cell')} × {counted(data['features'], 'feature')} of asset"
        f" {data['asset_id'][:12]} ({data['values']} of {data['taken_from']}) to {data['to']}."
    )
    for note in data["notes"]:
        yield f"Note: {note}"
