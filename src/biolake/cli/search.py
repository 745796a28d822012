"""Search the lake: codes, notes, what was found in them, assets, cohorts, studies, models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from biolake.cli.assets import MODALITY, SUBJECT
from biolake.cli.grammar import Session, command, pass_session
from biolake.cli.index import KINDS, kinds
from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    import numpy as np

    from biolake.core.catalogue import Extension
    from biolake.lake.door import View
    from biolake.search.owned import Filters
    from biolake.search.query import Query
    from biolake.search.searching import Searcher

_DAY = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@command(
    "search",
    reads=True,
    examples=[
        'biolake search "chest pain"',
        "biolake search 'troponin infarct*' --kind notes,spans --limit 20",
        "biolake search fever --cohort labels.parquet --since 2020-01-01",
        "biolake search --like 3f2a91c4 --subjects",
    ],
)
@click.argument("text", nargs=-1)
@click.option("--kind", metavar="KINDS", callback=kinds, help=f"Only of these: {', '.join(KINDS)}.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Hits of each kind; of --like: hits.",
)
@click.option(
    "--cohort",
    metavar="COHORT",
    help="Only of its subjects: a label file, a task (YAML), a cohort's name.",
)
@SUBJECT
@click.option("--since", type=_DAY, metavar="DAY", help="Only what began on this day or later.")
@click.option("--until", type=_DAY, metavar="DAY", help="Only what began before this day.")
@MODALITY
@click.option("--code", metavar="CODE", help="Only what is about this code, or these: ICD10CM//I2*")
@click.option("--like", metavar="ASSET", help="Assets like this one, in place of words.")
@click.option("--subjects", is_flag=True, help="With --like: subjects, by their nearest asset.")
@click.option("--encoder", metavar="NAME", help="Compare by the vectors of this encoder.")
@click.option("--words-only", is_flag=True, help="Do not compare notes by their vectors.")
@click.option("--no-text", is_flag=True, help="Show ids and why, no text of any subject.")
@pass_session
def search(session: Session, text: tuple[str, ...], **asked: Any) -> None:
    """Find anything in the lake, and see why it was found.

    Rows that hold more of the words, and rarer ones, come first; "in quotes" they must stand side
    by side; a word* ends in anything. Notes are also found by the vectors of a text encoder. A
    subject that was forgotten is in no answer.
    """
    if bool(text) == bool(asked["like"]):
        raise WrongUse(
            "name either words to search for, or an asset with --like",
            next='As in: biolake search "chest pain"',
        )
    from biolake.cli.search_page import like_page, words_page

    if asked["like"]:
        with session.view("search for what is like an asset") as view:
            data = _like(view, asked)
        session.show(data, like_page)
        return
    if asked["subjects"]:
        raise WrongUse("--subjects goes with --like")
    from biolake.search.query import parse

    query = parse(" ".join(text))
    with session.view("search by words") as view:
        data = _words(view, query, asked)
    session.show(data, words_page)


def _filters(view: View, asked: dict[str, Any]) -> Filters:
    from biolake.cli.asking import refuse_unknown_subject
    from biolake.cli.search_cohort import subjects_of
    from biolake.search.owned import Filters

    among = None
    if asked["cohort"] is not None:
        among = subjects_of(view, asked["cohort"])
    if asked["subject"] is not None:
        import numpy as np

        refuse_unknown_subject(view, asked["subject"])
        mine = np.array([asked["subject"]], dtype=np.int64)
        among = mine if among is None else np.intersect1d(among, mine)
    return Filters(among, asked["since"], asked["until"], asked["modality"], asked["code"])


def _words(view: View, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    from biolake.cli.search_page import answer_data, behind_data
    from biolake.search.searching import Searcher
    from biolake.search.suggesting import behind, near_words

    searcher = Searcher(view)
    filters = _filters(view, asked)
    chosen = _chosen(searcher, filters, asked["kind"])
    vector, note = None, ""
    if "notes" in chosen and not asked["words_only"]:
        vector, note = _vector(searcher, query, asked["encoder"])
    answers = [
        searcher.search(query, kind, limit=asked["limit"], filters=filters, vector=vector)
        for kind in chosen
    ]
    # The nearest word may be one that a single note holds.
    near = near_words(searcher, query, [k for k in chosen if not asked["no_text"] or k == "codes"])
    late = [one for one in (behind(searcher, kind) for kind in chosen) if one]
    return {
        "query": query.text,
        "commit": view.commit.number,
        "did_you_mean": near,
        "results": [answer_data(answer, text=not asked["no_text"]) for answer in answers],
        "behind": [behind_data(one) for one in late],
        "notes": [note] if note else [],
    }


def _chosen(searcher: Searcher, filters: Filters, named: tuple[str, ...]) -> list[str]:
    """Return the kinds to search; one that is named and cannot answer is refused with why."""
    able = searcher.kinds(filters)
    for kind in named:
        if kind not in searcher.state.parts:
            raise WrongUse(
                f"'{kind}' is not in the index", next=f"biolake index build --only {kind}"
            )
        if kind not in able:
            raise WrongUse(f"the filters do not fit '{kind}'", next="Leave one of them out.")
    chosen = [kind for kind in able if not named or kind in named]
    if not chosen:
        raise WrongUse("no part of the index fits the filters", next="biolake index status")
    return chosen


def _vector(
    searcher: Searcher, query: Query, name: str | None
) -> tuple[tuple[str, np.ndarray] | None, str]:
    """Return the query as a vector of the encoder named, or of the best there is for notes."""
    from biolake.core.errors import SetupMissing
    from biolake.search.vectors import unit

    known = _text_encoders(searcher)
    if name is not None and name not in known:
        raise WrongUse(
            f"the index has no vectors of notes by '{name}'",
            next=f"It has: {', '.join(known) or 'none'}.",
        )
    if not known:
        return None, "Notes are found by words only: no text encoder has vectors in the index."
    encoder = known[name] if name is not None else next(iter(known.values()))
    import numpy as np

    try:
        found = unit(np.asarray(encoder.call(np.array([query.text], dtype=object)))[0])
    except SetupMissing as error:
        return None, f"Notes are found by words only: {error.message}"
    if not found.any():
        return None, "The text encoder knows none of these words: notes are found by words only."
    return (encoder.name, found), ""


def _text_encoders(searcher: Searcher) -> dict[str, Extension]:
    """Return the encoders of notes whose vectors are in the index; the lake's own comes last."""
    from biolake.core.catalogue import discover
    from biolake.learning.text_encoder import NAME, text_encoder
    from biolake.search.vectors import PREFIX

    found = {one.name: one for one in discover("biolake.encoders").of("encoder")}
    own = text_encoder(searcher.view)
    if own is not None:
        found[NAME] = own
    return {
        name: one
        for name, one in found.items()
        if one.needs == "note"
        and (part := searcher.state.parts.get(f"{PREFIX}{name}")) is not None
        and part.told.get("encoder_version") == one.version
    }


def _like(view: View, asked: dict[str, Any]) -> dict[str, Any]:
    from biolake.cli.asset_lookup import find_id
    from biolake.cli.search_page import like_data
    from biolake.search.likeness import encoders_of, like
    from biolake.search.searching import Searcher

    asset_id = find_id(view, asked["like"])
    searcher = Searcher(view)
    if asked["code"] is not None or asked["kind"]:
        raise WrongUse("--code and --kind go with words, not with --like")
    names = [asked["encoder"]] if asked["encoder"] else encoders_of(searcher, asset_id)
    if not names:
        raise WrongUse(
            "the index has no vector of this asset",
            where=asset_id[:12],
            next="Encode it, then bring the index up to date: biolake encode; biolake index build",
        )
    if f"vectors/{names[0]}" not in searcher.state.parts:
        raise WrongUse(f"the index has no vectors of '{names[0]}'", next="biolake index status")
    found = like(
        searcher,
        asset_id,
        names[0],
        limit=asked["limit"],
        filters=_filters(view, asked),
        by_subject=asked["subjects"],
    )
    return {
        "like": asset_id,
        "commit": view.commit.number,
        "encoder": names[0],
        "other_encoders": names[1:],
        "by_subject": asked["subjects"],
        "found": [like_data(one) for one in found],
    }
