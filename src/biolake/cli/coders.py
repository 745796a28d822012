"""Coders: learn to code notes from coded cases, judge them, code new notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(dir_okay=False, path_type=Path)
_CODER = click.option("--coder", type=FILE, required=True, help="A coder's file.")


def _field(option: str, default: str, text: str) -> Callable[[Any], Any]:
    return click.option(option, default=default, show_default=True, metavar="FIELD", help=text)


def _case_fields(command: Any) -> Any:
    for one in (
        _field("--mention-field", "mention", "Field of a mention's words."),
        _field("--mentions-field", "mentions", "Field of the marked mentions."),
        _field("--codes-field", "codes", "Field of the list of codes."),
        _field("--text-field", "text", "Field of the text."),
    ):
        command = one(command)
    return command


@click.group("coder", cls=Section, examples=["biolake coder train cases.jsonl --to coder.npz"])
def coder() -> None:
    """Learn to code notes from coded cases; each code has a probability."""


@coder.command(
    "train",
    examples=[
        "biolake coder train cases.jsonl --to coder.npz",
        "biolake coder train cases.jsonl --to coder.npz --text-field text_es",
    ],
)
@click.argument("cases", type=FILE)
@click.option("--to", type=NEW, required=True, metavar="FILE", help="Where to keep the coder.")
@_case_fields
@pass_session
def train(
    session: Session,
    cases: Path,
    to: Path,
    text_field: str,
    codes_field: str,
    mentions_field: str,
    mention_field: str,
) -> None:
    """Learn a coder from coded cases, and keep it in a file.

    CASES has a case a line, in JSON: its text, its codes, and the marked mentions (code and words)
    they were given for. The file holds those words: guard it like the notes. The figures told are
    of cases left out of what judges them.
    """
    from biolake.core.installed import require

    require("notes", "numba", to="learn a coder")
    from biolake.learning.mention_coding import fit
    from biolake.learning.mention_coding_cases import Fields, read_cases
    from biolake.text.coding_files import save_coder

    fields = Fields(
        text=text_field, codes=codes_field, mentions=mentions_field, words=mention_field
    )
    learned = fit(read_cases(cases, fields))
    save_coder(learned, to)
    session.show({"file": str(to), **learned.card}, _learned)


@coder.command(
    "evaluate",
    examples=[
        "biolake coder evaluate others.jsonl --coder coder.npz",
        "biolake coder evaluate cases.jsonl --folds 10",
    ],
)
@click.argument("cases", type=FILE)
@click.option("--coder", "kept", type=FILE, help="A coder's file.")
@click.option("--folds", type=click.IntRange(2, 100), help="Cross-validate instead.")
@_case_fields
@pass_session
def evaluate(
    session: Session,
    cases: Path,
    kept: Path | None,
    folds: int | None,
    text_field: str,
    codes_field: str,
    mentions_field: str,
    mention_field: str,
) -> None:
    """Judge a coder on cases it has not learned from, or cross-validate on these.

    Figures are over pairs of text and code. Coverage is the share of the codes given of which the
    coder is certain.
    """
    from biolake.core.errors import WrongUse
    from biolake.core.installed import require

    require("notes", "numba", to="judge a coder")
    from biolake.learning import mention_coding_cases as reading
    from biolake.learning.mention_coding import judge
    from biolake.text.coding_files import load_coder

    if (kept is None) == (folds is None):
        raise WrongUse("name a coder, or a number of folds", next="--coder FILE, or --folds 10")
    fields = reading.Fields(
        text=text_field, codes=codes_field, mentions=mentions_field, words=mention_field
    )
    read = reading.read_cases(cases, fields)
    if kept is not None:
        one = load_coder(kept)
        found: dict[str, Any] = {
            name: reading.figures(judge(one, read, certain=name == "certain"))
            for name in ("all", "certain")
        }
    else:
        found = reading.cross_validate(read, folds or 2)
    session.show({"cases": len(read), "folds": folds, **found}, _judged)


@coder.command(
    "apply",
    examples=[
        "biolake coder apply notes.jsonl --coder coder.npz",
        "biolake coder apply notes.jsonl --coder coder.npz --certain --json",
    ],
)
@click.argument("texts", type=FILE)
@_CODER
@click.option("--certain", is_flag=True, help="Only codes of which the coder is certain.")
@_field("--text-field", "text", "Field of the text.")
@_field("--id-field", "id", "Field that names a text.")
@pass_session
def apply(
    session: Session, texts: Path, coder: Path, certain: bool, text_field: str, id_field: str
) -> None:
    """Code texts: each code with its probability and the characters of its best mention.

    TEXTS has a text a line, in JSON. A code is certain where the coder may go without a person's
    look: such codes were right in 95 % and more of the cases left out.
    """
    from biolake.core.installed import require

    require("notes", "numba", to="code texts")
    from biolake.learning.mention_coding_cases import Fields, read_texts
    from biolake.text.coding_files import load_coder

    ids, read = read_texts(texts, Fields(text=text_field, id=id_field))
    coded = load_coder(coder).code(read)
    columns = (coded.item, coded.code, coded.probability, coded.certain, coded.start, coded.end)
    rows = [
        {"id": ids[item], "code": code, "probability": round(probability, 4), "certain": sure,
         "start": start, "end": end}
        for item, code, probability, sure, start, end in zip(
            *(column.tolist() for column in columns), strict=True
        )
        if sure or not certain
    ]  # fmt: skip
    session.show({"texts": len(read), "codes": rows}, _codes)


def _learned(data: dict[str, Any]) -> Iterator[RenderableType]:
    yield f"Learned from {data['cases']:,} cases with {data['codes']:,} codes: {data['file']}"
    yield from _table(data)


def _judged(data: dict[str, Any]) -> Iterator[RenderableType]:
    how = f"cross-validated in {data['folds']} folds" if data["folds"] else "judged"
    yield f"{data['cases']:,} cases, {how}"
    yield from _table(data)


def _table(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    given = data["all"]["given"] or 1
    heads = ["!codes", ">given", ">right", ">coverage", ">precision", ">recall", ">F1"]
    rows = (
        [
            name,
            one["given"],
            one["right"],
            f"{one['given'] / given:.2f}",
            *(f"{one[share]:.3f}" for share in ("precision", "recall", "f1")),
        ]
        for name, one in (("all", data["all"]), ("certain", data["certain"]))
    )
    yield table(heads, rows)


def _codes(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    heads = ["!text", "!code", ">probability", "certain", ">start", ">end"]
    rows = (
        [
            row["id"], row["code"], f"{row['probability']:.2f}", "yes" if row["certain"] else "",
            row["start"], row["end"],
        ]
        for row in data["codes"]
    )  # fmt: skip
    yield table(heads, rows)
    yield f"{len(data['codes']):,} codes of {data['texts']:,} texts."
