"""Ranking is BM25 by its formula, whatever filter is set: compared with the plainest code."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.search.postings import TERMS, Postings, PostingsWriter
from biolake.search.query import parse
from biolake.search.ranking import fuse, rank
from biolake.search.tables import StoredTerms, write_table
from biolake.text.terms import located, terms

_WORDS = ("pain", "chest", "no", "fever", "left", "cough", "81")
TEXTS = st.lists(
    st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join), min_size=1, max_size=12
)
QUERIES = st.sampled_from(
    ["pain", "chest pain", '"chest pain"', "no fever le*", 'cough "no fever"', "c*", "zebra pain"]
)


class InMemory:
    """A table of terms that is not stored."""

    def __init__(self, writer: PostingsWriter) -> None:
        self._table = pa.Table.from_batches(writer.tables(), schema=TERMS)

    def vocabulary(self):  # type: ignore[no-untyped-def]
        return self._table["term"].to_pylist(), self._table["held_by"].to_numpy()

    def fetch(self, numbers, *, positions):  # type: ignore[no-untyped-def]
        from biolake.search.postings import Posting

        found = {}
        for number in numbers:
            lists = [np.array(self._table[n][number].as_py()) for n in TERMS.names[2:]]
            found[number] = Posting(*lists)
        return found


def postings(texts: list[str]) -> Postings:
    writer = PostingsWriter()
    for text in texts:
        writer.add([text])
    return Postings(InMemory(writer), np.array(writer.lengths))


def naive(texts: list[str], text: str, fits: list[bool]) -> dict[int, float]:
    """Return row → BM25 of the rows that fit, by the formula."""
    query, split = parse(text), [terms(one) for one in texts]
    mean = max(sum(map(len, split)) / len(split), 1.0)

    def idf(held: int) -> float:
        return math.log(1 + (len(split) - held + 0.5) / (held + 0.5))

    def often(asked: str | tuple[str, ...], row: list[str]) -> int:
        if isinstance(asked, tuple):
            places = range(len(row) - len(asked) + 1)
            return sum(tuple(row[n : n + len(asked)]) == asked for n in places)
        return row.count(asked) if asked[-1] != "*" else sum(w.startswith(asked[:-1]) for w in row)

    asked = [*query.words, *(f"{begin}*" for begin in query.beginnings), *query.phrases]
    scores: dict[int, float] = {}
    for number, row in enumerate(split):
        counts = [often(one, row) for one in asked]
        phrases = counts[len(asked) - len(query.phrases) :]
        if not fits[number] or not any(counts) or not all(phrases):
            continue
        scores[number] = 0.0
        for one, count in zip(asked, counts, strict=True):
            held = sum(often(one, other) > 0 for other in split)
            weight = idf(held)
            if isinstance(one, tuple):
                weight = sum(idf(sum(word in other for other in split)) for word in one)
            norm = 1.2 * (1 - 0.75 + 0.75 * len(row) / mean)
            scores[number] += weight * count * 2.2 / (count + norm)
    return scores


@settings(max_examples=150, deadline=None)
@given(TEXTS, QUERIES, st.data())
def test_what_is_found_under_a_filter_is_what_the_formula_says(
    texts: list[str], query: str, data: st.DataObject
) -> None:
    fits = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    wanted = naive(texts, query, fits)
    found = rank(postings(texts), parse(query), np.array(fits), 5)
    assert set(found.found.tolist()) == set(wanted)
    best = sorted(wanted, key=lambda row: (-round(wanted[row], 9), row))[:5]
    assert [round(wanted[row], 9) for row in found.rows.tolist()] == [
        round(wanted[row], 9) for row in best
    ]
    np.testing.assert_allclose(found.scores, [wanted[row] for row in found.rows.tolist()])


def test_terms_come_back_from_the_store_as_they_were_written(tmp_path: Path) -> None:
    writer = PostingsWriter()
    texts = ["chest pain, no pain", "", "心肌梗死 pain", "chest"] * 50
    for text in texts:
        writer.add(["title", text])
    write_table(tmp_path, "terms", TERMS, writer.tables())
    stored, held = StoredTerms(tmp_path), InMemory(writer)
    names, counts = stored.vocabulary()
    assert names == sorted({"title"} | {t for text in texts for t in terms(text)})
    assert (names, counts.tolist()) == (held.vocabulary()[0], held.vocabulary()[1].tolist())
    wanted = held.fetch(range(len(names)), positions=True)
    for number, posting in stored.fetch(range(len(names)), positions=True).items():
        for name in ("rows", "counts", "positions"):
            assert getattr(posting, name).tolist() == getattr(wanted[number], name).tolist()


def test_two_lists_are_one_by_the_places_in_both() -> None:
    fused = fuse(["a", "b", "c"], ["c", "a"])
    assert list(fused) == ["a", "c", "b"]
    assert fused["a"] == pytest.approx(1 / 61 + 1 / 62)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(max_examples=300, deadline=None)
@given(_TEXT)
def test_a_term_stands_where_it_is_said_to(text: str) -> None:
    found = list(located(text))
    assert [one.term for one in found] == terms(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.start <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Pt c/o chest pain s/p CABG", "pt c/o chest pain s/p cabg"),
        ("ASA 81mg b.i.d., then bid.", "asa 81mg bid then bid"),
        ("I21.4 and K 3,5", "i21.4 and k 3.5"),
        ("ST-elevation; BP 120/80", "st elevation bp 120 80"),
        ("NEUMONÍA cafe\u0301 straße", "neumonia cafe strasse"),
        ("心肌梗死CT", "心肌 肌梗 梗死 死 ct"),
        ("MODEL//ecg_rhythm//AF", "model ecg rhythm af"),
    ],
)
def test_clinical_words_stay_whole(text: str, wanted: str) -> None:
    assert terms(text) == wanted.split()
