"""Diagnosis models: train on a lake's assets, judge elsewhere, apply, show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from biolake.cli.grammar import Section, Session, pass_session

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WAIT = click.option(
    "--wait", type=float, default=0.0, help="Seconds to wait for another writer.", show_default=True
)
VERSION = click.option("--version", type=click.IntRange(1), help="Not the latest version.")


@click.group("model", cls=Section, examples=["biolake model train ecg.yaml"])
def model() -> None:
    """Learn diagnoses from signals and images, and judge them honestly."""


@model.command("train", examples=["biolake model train ecg.yaml --threads 2"])
@click.argument("spec", metavar="SPEC", type=FILE)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Cores.")
@WAIT
@pass_session
def train(session: Session, spec: Path, threads: int, wait: float) -> None:
    """Train the model a specification describes, judge it, and keep it in the lake.

    It is judged by cross-validation by subject; the card tells how well, for whom, and whether
    facts of the files alone would have told the same.
    """
    from biolake.core.catalogue import discover
    from biolake.learning.shelf import shelve
    from biolake.learning.spec_reading import load_spec
    from biolake.learning.training import train_model

    lake = session.lake()
    catalogue = discover("biolake.readers", "biolake.encoders", "biolake.extractors")
    trained = train_model(
        lake,
        load_spec(spec),
        catalogue,
        threads=threads,
        wait=wait,
        say=lambda said: session.say(f"… {said}"),
    )
    shelved, commit = shelve(lake, trained, wait=wait)
    session.show({"commit": commit.number, "folder": shelved.folder, **shelved.card}, _card)


@model.command("list", reads=True, examples=["biolake model list"])
@pass_session
def list_models(session: Session) -> None:
    """List the lake's models."""
    from biolake.learning.shelf import shelved_models

    with session.view("list models") as view:
        found = [dataclasses.asdict(one) for one in shelved_models(view)]
    for one in found:
        one["macro_auroc"] = one.pop("card")["macro_auroc"]
    session.show(found, _listed)


@model.command("show", reads=True, examples=["biolake model show ecg --html ecg.html"])
@click.argument("name")
@VERSION
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the card as a page."
)
@pass_session
def show(session: Session, name: str, version: int | None, html: Path | None) -> None:
    """Show a model's card."""
    from biolake.learning.model_card import as_html
    from biolake.learning.shelf import shelved_model

    with session.view(f"show model {name}") as view:
        one = shelved_model(view, name, version)
    if html is not None:
        html.write_text(as_html(one.card), encoding="utf-8")
        session.say(f"read it: {html}")
    session.show({"folder": one.folder, **one.card}, _card)


@model.command(
    "evaluate",
    reads=True,
    examples=[
        "biolake model evaluate ecg --site north",
        "biolake model evaluate ecg --on ../other/lake",
    ],
)
@click.argument("name")
@VERSION
@click.option("--site", help="Only assets of this site.")
@click.option("--unseen", is_flag=True, help="Leave out what it may have seen in training.")
@click.option("--on", metavar="LAKE", help="Assets of another lake: external validation.")
@pass_session
def evaluate(
    session: Session,
    name: str,
    version: int | None,
    site: str | None,
    unseen: bool,
    on: str | None,
) -> None:
    """Judge a model on other assets than it was trained on; nothing is fitted to them.

    The labels of the other lake are told by the same codes; figures stand beside those of training.
    """
    from biolake.core.catalogue import discover
    from biolake.lake.lake import open_lake
    from biolake.learning.evaluating import evaluate_model
    from biolake.learning.shelf import shelved_model, take_down

    catalogue = discover("biolake.readers", "biolake.encoders", "biolake.extractors")
    own = session.lake()
    with session.view(f"evaluate model {name}") as view:
        one = shelved_model(view, name, version)
    other = open_lake(on) if on is not None else own
    at = session.at if on is None else None
    diagnosis = take_down(own, one, catalogue)
    found = evaluate_model(other, one, diagnosis, catalogue, site=site, unseen=unseen, at=at)
    session.show(found, _evaluation)


@model.command("apply", examples=["biolake model apply ecg"])
@click.argument("name")
@VERSION
@WAIT
@pass_session
def apply(session: Session, name: str, version: int | None, wait: float) -> None:
    """Answer for every asset the model is for; the answers become events.

    Their codes are MODEL//NAME//LABEL, with the probability as value. Assets answered already by
    this version are passed over.
    """
    from biolake.core.catalogue import discover
    from biolake.learning.applying import apply_model

    catalogue = discover("biolake.readers", "biolake.encoders", "biolake.extractors")
    done = apply_model(session.lake(), name, catalogue, version=version, wait=wait)
    data = {
        **dataclasses.asdict(dataclasses.replace(done, commits=())),
        "commits": [commit.number for commit in done.commits],
    }
    session.show(data, _applied)


def _card(card: Mapping[str, Any]) -> list[Any]:
    from biolake.cli.pages import table

    lines: list[Any] = [
        f"{card['model']}, version {card['version']}: {card['method']} on {card['assets']:,}"
        f" {card['modality']} assets of {card['subjects']:,} subjects,"
        f" {card['folds']}-fold cross-validation by subject"
    ]
    lines += [f"left out: {count:,} because {why}" for why, count in card["left_out"].items()]
    lines.append(_figures(table, card["figures"]))
    from biolake.learning.model_card import interval

    lines.append(f"macro AUROC {interval(card['macro_auroc'])}")
    lines.append(_audit(table, card["shortcuts"]))
    lines += [f"Warning: {said}" for said in card["warnings"]]
    return lines


def _audit(table: Any, shortcuts: Sequence[Mapping[str, Any]]) -> Any:
    from biolake.learning.model_card import interval

    rows = [
        (
            one["label"],
            interval(one["by_facts"]),
            one["strongest"] or "–",
            interval(one["by_model"]),
        )
        for one in shortcuts
    ]
    heads = ("label", "AUROC of the files' facts alone", "strongest fact", "of the model")
    return table(heads, rows)


def _figures(table: Any, figures: Sequence[Mapping[str, Any]]) -> Any:
    from biolake.learning.model_card import interval

    rows = [
        (
            one["name"],
            f"{one['positive']:,}",
            f"{one['rows']:,}",
            interval(one["auroc"]),
            interval(one["calibration_slope"]),
            interval(one["covered_events"]),
        )
        for one in figures
    ]
    heads = ("label", "with it", "of", "AUROC", "calibration slope", "truth held, with it")
    return table(heads, rows)


def _evaluation(found: Mapping[str, Any]) -> list[Any]:
    from biolake.cli.pages import table
    from biolake.learning.model_card import interval

    before = {one["name"]: one for one in found["trained"]}
    rows = [
        (
            one["name"],
            f"{one['positive']:,}",
            f"{one['rows']:,}",
            interval(one["auroc"]),
            interval(before[one["name"]]["auroc"]),
            interval(one["calibration_slope"]),
        )
        for one in found["figures"]
    ]
    heads = ("label", "with it", "of", "AUROC here", "AUROC in training", "calibration slope")
    said = f"{found['model']}, version {found['version']}, on {found['assets']:,} assets"
    return [said, table(heads, rows), *(f"Warning: {one}" for one in found["warnings"])]


def _listed(found: Sequence[Mapping[str, Any]]) -> list[Any]:
    from biolake.cli.pages import table
    from biolake.learning.model_card import interval

    if not found:
        return ["The lake has no models.", "Train one: biolake model train SPEC"]
    rows = [
        (
            one["model"],
            str(one["version"]),
            one["modality"],
            one["method"],
            ", ".join(one["labels"]),
            interval(one["macro_auroc"]),
        )
        for one in found
    ]
    heads = ("model", "version", "reads", "method", "labels", "macro AUROC")
    return [table(heads, rows)]


def _applied(done: Mapping[str, Any]) -> list[Any]:
    lines = [
        f"{done['model']}, version {done['version']}: {done['answered']:,} assets answered,"
        f" {done['known']:,} had been before"
    ]
    lines += [f"not answered: {count:,} because {why}" for why, count in done["failed"].items()]
    if done["commits"]:
        lines.append(f"The lake is at commit {done['commits'][-1]}.")
    return lines
