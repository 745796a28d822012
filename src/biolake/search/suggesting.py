"""What may have been meant by a word that the index does not hold, and how old the index is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biolake.search.query import Query
from biolake.search.searching import Searcher


def near_words(searcher: Searcher, query: Query, kinds: Sequence[str]) -> dict[str, str]:
    """Return, for words that no part holds, the word most like each that some part holds."""
    unknown = [
        word
        for word in (*query.words, *(w for one in query.phrases for w in one))
        if not any(searcher.part(kind).postings.number(word) is not None for kind in kinds)
    ]
    near: dict[str, str] = {}
    for word in dict.fromkeys(unknown):
        found = _nearest_word(searcher, word, kinds)
        if found:
            near[word] = found
    return near


_NEAREST = """
SELECT term FROM biolake_words
WHERE abs(length(term) - length($word)) <= $most
    AND damerau_levenshtein(term, $word) <= $most
ORDER BY damerau_levenshtein(term, $word), held_by DESC, term LIMIT 1
"""


def _nearest_word(searcher: Searcher, word: str, kinds: Sequence[str]) -> str | None:
    """Return the most used of the words that differ by the fewest letters, two at most."""
    if not kinds or not 4 <= len(word) <= 40:
        return None
    held = [searcher.part(kind).postings for kind in kinds]
    words = pa.table(
        {
            "term": pa.array([term for one in held for term in one.terms], pa.string()),
            "held_by": np.concatenate([one.held_by for one in held]),
        }
    )
    con = searcher.view.con
    con.register("biolake_words", words)
    try:
        asked = {"word": word, "most": 1 if len(word) < 6 else 2}
        found = con.execute(_NEAREST, asked).fetchall()
    finally:
        con.unregister("biolake_words")
    return str(found[0][0]) if found else None


@dataclass(frozen=True)
class Behind:
    """A part that was built at another commit than the one that is read."""

    kind: str
    built: int  # commit
    new: int | None = None  # not in the index; None: not counted
    gone: int | None = None  # in the index, and not shown


_ASSETS = """
SELECT count(DISTINCT asset_id) FROM assets WHERE (modality = 'note') = $notes
"""


def behind(searcher: Searcher, kind: str) -> Behind | None:
    """Return how far a part is from the view's commit, None if it is of that commit."""
    part, view = searcher.part(kind), searcher.view
    if part.built.commit == view.commit.number:
        return None
    if kind not in ("notes", "assets") or part.owned is None:
        return Behind(kind, part.built.commit)
    there = int(np.count_nonzero(part.owned.there))
    now = view.con.execute(_ASSETS, {"notes": kind == "notes"}).fetchall()[0][0]
    return Behind(kind, part.built.commit, max(now - there, 0), len(part.owned.there) - there)
