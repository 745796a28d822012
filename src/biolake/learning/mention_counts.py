"""Count, over coded cases, what each mention means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from biolake.text._tokens import IS_BREAK
from biolake.text.coding import Dictionary
from biolake.text.coding_evidence import Known, Links, spread
from biolake.text.coding_mentions import Scattered, Seen, whole
from biolake.text.coding_words import StemmedRun, stems
from biolake.text.matching import Matcher
from biolake.text.run import TextRun

Mentions = Sequence[tuple[str, str]]  # code, words
Words = tuple[str, ...]
Marked = dict[Words, dict[str, set[int]]]  # what is marked → code → the cases it is marked in
COMMON = 0.5  # words of more cases than this share are no part of a scattered mention


def count_mentions(
    run: TextRun,
    codes: Sequence[Sequence[str]],
    mentions: Sequence[Mentions],
    terms: Iterable[tuple[str, str]] = (),
) -> tuple[Dictionary, tuple[Seen, Seen, Seen], Known]:
    """Return the dictionary of marked mentions and terms, what it sees in the cases, and theirs."""
    stemmed = StemmedRun.over(run)
    marked, listed = _marked(mentions), _listed(terms)
    sets = _sets(marked, _common(stemmed), COMMON * len(run))
    vocabulary = {code for case in codes for code in case}
    vocabulary |= {code for table in (marked, listed) for meant in table.values() for code in meant}
    number = {code: i for i, code in enumerate(sorted(vocabulary))}
    coded = _keys(((case, code) for case, has in enumerate(codes) for code in has), number)
    phrases, lists = [" ".join(words) for words in marked], [" ".join(words) for words in listed]
    seen = (
        whole(Matcher(phrases), stemmed),
        Scattered(list(sets)).find(stemmed),
        whole(Matcher(lists), stemmed),
    )
    tables = (marked, sets, listed)
    links = [_links(t, one, coded, number) for t, one in zip(tables, seen, strict=True)]
    cases = np.bincount(coded % len(number), minlength=len(number))
    dictionary = Dictionary(tuple(number), cases, tuple(phrases), tuple(sets), tuple(lists), *links)
    known = Known(
        coded, [_annotated(t, len(one.code)) for t, one in zip(tables, links, strict=True)]
    )
    return dictionary, seen, known


def _keys(pairs: Iterable[tuple[int, str]], number: dict[str, int]) -> np.ndarray:
    """Return case · codes + code of every code of every case, once, sorted."""
    return np.asarray(sorted({case * len(number) + number[code] for case, code in pairs}), np.int64)


def _annotated(table: Marked, links: int) -> np.ndarray:
    """Return case · links + link of every link somebody marked, sorted."""
    marks = (cases for meant in table.values() for _, cases in sorted(meant.items()))
    keys = {case * links + link for link, cases in enumerate(marks) for case in cases}
    return np.asarray(sorted(keys), np.int64)


def _marked(mentions: Sequence[Mentions]) -> Marked:
    """Gather, for each marked phrase as stems, the codes it was marked for and the cases."""
    flat = [(case, code, words) for case, marks in enumerate(mentions) for code, words in marks]
    found: Marked = {}
    for (case, code, _), words in zip(flat, stems([words for _, _, words in flat]), strict=True):
        if words:
            found.setdefault(words, {}).setdefault(code, set()).add(case)
    return found


def _listed(terms: Iterable[tuple[str, str]]) -> Marked:
    """Gather, for each listed phrase as stems, the codes it means; no case marked it."""
    pairs = list(terms)
    found: Marked = {}
    for (_, code), words in zip(pairs, stems([phrase for phrase, _ in pairs]), strict=True):
        if words:
            found.setdefault(words, {}).setdefault(code, set())
    return found


def _common(run: StemmedRun) -> dict[int, int]:
    """Return in how many cases each word stands, by its hash."""
    item = run.item_of(run.tokens.start).astype(np.uint64)
    pairs = np.unique(np.stack([run.tokens.digest, item]), axis=1)
    words, cases = np.unique(pairs[0], return_counts=True)
    return dict(zip(words.tolist(), cases.tolist(), strict=True))


def _sets(marked: Marked, common: dict[int, int], most: float) -> Marked:
    """Return the phrases as sets of two words and more that are not too common, rarest first."""
    vocabulary = sorted({word for words in marked for word in words})
    tokens = TextRun.of(vocabulary).tokens
    digests = tokens.digest[tokens.kind != IS_BREAK].tolist()
    cases = {word: common.get(d, 0) for word, d in zip(vocabulary, digests, strict=True)}
    found: Marked = {}
    for words, meant in marked.items():
        rare = sorted({w for w in words if cases[w] <= most}, key=lambda w: (cases[w], w))
        if len(rare) > 1:
            into = found.setdefault(tuple(rare), {})
            for code, marks in meant.items():
                into.setdefault(code, set()).update(marks)
    return found


def _links(table: Marked, seen: Seen, coded: np.ndarray, number: dict[str, int]) -> Links:
    """Count each mention's cases, and those of each code it may mean."""
    meant = [sorted(codes.items()) for codes in table.values()]
    start = np.cumsum([0, *map(len, meant)])
    code = np.asarray([number[c] for codes in meant for c, _ in codes], np.int64)
    empty = np.zeros(len(table), np.int64), np.zeros(len(code), np.int64)
    links = Links(
        np.asarray([len(words) for words in table], np.int64),
        start,
        code,
        np.asarray([len(cases) for codes in meant for _, cases in codes], np.int64),
        empty[0], empty[0], empty[1], empty[1],
    )  # fmt: skip
    row, link = spread(links, seen)
    has = np.isin(seen.item[row] * len(number) + code[link], coded)
    counted = {
        "cases": np.bincount(seen.mention, minlength=len(table)),
        "cases_alone": np.bincount(seen.mention[seen.alone], minlength=len(table)),
        "coded": np.bincount(link[has], minlength=len(code)),
        "coded_alone": np.bincount(link[has & seen.alone[row]], minlength=len(code)),
    }
    return replace(links, **counted)
