"""Encode the lake's assets: each becomes vectors that models and feature tables read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.assets import MODALITY
from biolake.cli.grammar import Session, command, pass_session
from biolake.core.errors import SetupMissing, WrongUse, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.core.catalogue import Catalogue, Extension
    from biolake.lake.lake import Lake


@command(
    "encode",
    examples=["biolake encode --list", "biolake encode", "biolake encode ecg-kernels"],
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@MODALITY
@click.option("--list", "listed", is_flag=True, help="Show the encoders and what they read.")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another writer.")
@pass_session
def encode(
    session: Session, names: tuple[str, ...], modality: str | None, listed: bool, wait: float
) -> None:
    """Turn ECGs, images, slides into vectors.

    Without NAME every encoder runs. Each encodes an asset once, as soon as its subject is known;
    a new version of an encoder encodes all of them again. Features and models read the vectors.
    """
    from biolake.core.catalogue import discover

    catalogue = discover("biolake.readers", "biolake.encoders")
    chosen = _chosen(catalogue, names, modality)
    if listed:
        session.show({"encoders": [_listed(encoder) for encoder in chosen]}, _list_page)
        return
    lake = session.lake()
    rows = [_encoded(session, lake, catalogue, one, bool(names), wait) for one in chosen]
    committed = any(row["encoded"] for row in rows)
    data = {"commit": lake.commit().number, "committed": committed, "encoders": rows}
    session.show(data, _page)


def _chosen(catalogue: Catalogue, names: Sequence[str], modality: str | None) -> list[Extension]:
    """Return the encoders named, or all, that read the modality, by name."""
    every = sorted(catalogue.of("encoder"), key=lambda encoder: encoder.name)
    named = [catalogue.get("encoder", name) for name in sorted(set(names))] if names else every
    fitting = [encoder for encoder in named if modality in (None, encoder.needs)]
    if not fitting:
        read = sorted({encoder.needs for encoder in named})
        who, they = ("none of the encoders named", "They") if names else ("no encoder", "Encoders")
        raise WrongUse(
            f"{who} reads '{modality}'.{did_you_mean(str(modality), read)}",
            next=f"{they} read: {', '.join(read)}.",
        )
    return fitting


def _encoded(
    session: Session, lake: Lake, catalogue: Catalogue, encoder: Extension, named: bool, wait: float
) -> dict[str, Any]:
    """Run one encoder; one that was not named and is not installed is told, not refused."""
    from biolake.cli.pages import steps
    from biolake.learning.encoding import encode as run

    row = {"encoder": encoder.name, "reads": encoder.needs, "version": encoder.version}
    try:
        with steps(session.json) as shown:
            step = partial(shown, encoder.name)
            report = run(lake, catalogue, encoder.name, wait=wait, progress=step)
    except SetupMissing as error:
        if named:
            raise
        waiting = " ".join(part for part in (error.message, error.next) if part)
        return {**row, "encoded": 0, "known": 0, "failed": {}, "waiting": waiting}
    done = {"encoded": report.encoded, "known": report.known, "failed": report.failed}
    return {**row, **done, "waiting": ""}


def _listed(encoder: Extension) -> dict[str, Any]:
    from biolake.cli.doctor import missing_of

    missing = missing_of(encoder.extra)
    return {
        "encoder": encoder.name,
        "title": encoder.title,
        "needs": encoder.needs,
        "version": encoder.version,
        "dimension": encoder.dimension,
        "licence": encoder.licence,
        "about": cleandoc(encoder.doc),
        "extra": encoder.extra,
        "installed": not missing,
        "install": f"pip install 'biolake[{encoder.extra}]'" if missing else "",
    }


def _list_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    found = data["encoders"]
    yield table(
        ["!encoder", "!reads", "!version", ">numbers", "gives", "state"],
        (
            [
                row["encoder"],
                row["needs"],
                row["version"],
                row["dimension"],
                row["title"],
                "installed" if row["installed"] else f"missing: {row['install']}",
            ]
            for row in found
        ),
    )
    if len(found) == 1:
        yield found[0]["about"]
        yield ""
        yield f"Licence of its weights: {found[0]['licence']}"


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    rows = data["encoders"]
    looked = [row for row in rows if row["encoded"] or row["known"] or row["failed"]]
    if looked:
        yield table(
            ["!encoder", "!version", ">encoded", ">had been before", ">failed"],
            (
                [
                    row["encoder"],
                    row["version"],
                    row["encoded"],
                    row["known"],
                    sum(row["failed"].values()) or None,
                ]
                for row in looked
            ),
        )
    failed = [(row["encoder"], why, n) for row in rows for why, n in row["failed"].items()]
    if failed:
        yield table(["!encoder", "not encoded because", ">assets"], failed)
    for row in rows:
        if row["waiting"]:
            yield f"{row['encoder']} did not run: {row['waiting']}"
    if data["committed"]:
        yield f"The lake is at commit {data['commit']}."
    else:
        yield f"Nothing new to encode. The lake stays at commit {data['commit']}."
