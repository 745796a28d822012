"""Speed of the note rules and of the coder, and the coder's figures by cross-validation.

    python benchmarks/notes.py speed FOLDER [--copies 4]
    python benchmarks/notes.py coder FOLDER
    python benchmarks/notes.py peer FOLDER            # quantulum3, where it is installed

FOLDER holds `summ_aci_bench`, `icd_codiesp` and `deid_injected_en` (JSON lines). CPU seconds are
user and system of one process; a MB is 10^6 bytes of UTF-8.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from biolake.core.catalogue import discover
from biolake.core.media import Note
from biolake.learning.mention_coding import Case, fit, judge

EXTRACTORS = ("note-sections", "note-measurements", "note-medications", "note-diagnoses")
FOLDS = 10
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def corpus(folder: Path) -> list[str]:
    """Return the mixed notes: English visits, Spanish and English cases, injected identifiers."""
    found = [
        str(row["note"])
        for part in ("train", "valid")
        for row in rows(folder / "summ_aci_bench" / f"{part}.jsonl")
    ]
    cases = rows(folder / "icd_codiesp" / "train.jsonl")
    found += [str(row[key]) for row in cases for key in ("text_en", "text_es")]
    found += [str(row["text"]) for row in rows(folder / "deid_injected_en" / "notes.jsonl")]
    np.random.default_rng(0).shuffle(found)
    return found


def timed(work: Callable[..., object], *given: object) -> float:
    started = time.process_time()
    work(*given)
    return time.process_time() - started


def speed(folder: Path, copies: int) -> None:
    texts = corpus(folder) * copies
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} notes, {size:.1f} MB")
    known = discover("biolake.extractors")
    calls = {name: known.get("extractor", name).call for name in EXTRACTORS}
    for name, call in calls.items():
        first = timed(call, [Note(text) for text in texts[:40]])
        spent = sum(timed(call, run) for run in _runs(texts))
        print(_line(f"{name} alone", size, len(texts), spent), f"(first call {first:.1f} s)")
    # As the engine asks: each run of notes is opened once and shown to every extractor in turn.
    together = sum(timed(call, run) for run in _runs(texts) for call in calls.values())
    print(_line("all four", size, len(texts), together))
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _runs(texts: Sequence[str]) -> Iterator[list[Note]]:
    for at in range(0, len(texts), 500):
        yield [Note(text) for text in texts[at : at + 500]]


def _line(name: str, size: float, notes: int, spent: float) -> str:
    return f"{name:20} {size / spent:8.1f} MB/CPU-s {notes / spent:10,.0f} notes/CPU-s"


def cases_of(folder: Path) -> list[Case]:
    return [
        Case(
            str(row["text_es"]),
            tuple(sorted(set(row["icd10_diag"]))),  # type: ignore[call-overload]
            tuple(
                (one["code"], one["mention"])
                for one in row["evidence_es"]  # type: ignore[attr-defined]
                if one["kind"] == "DIAGNOSTICO"
            ),
        )
        for row in rows(folder / "icd_codiesp" / "train.jsonl")
    ]


def coder(folder: Path) -> None:
    """Cross-validate the coder beside the plain dictionary filtered by training precision."""
    cases = cases_of(folder)
    order = np.random.default_rng(0).permutation(len(cases))
    figures: dict[str, list[tuple[float, float, float, int]]] = {}
    for fold in range(FOLDS):
        left = set(order[fold::FOLDS].tolist())
        train = [case for i, case in enumerate(cases) if i not in left]
        judged = [cases[i] for i in sorted(left)]
        found = {"plain dictionary ≥ 0.5": plain(train, judged)}
        for name, terms in (("coder, no shipped terms", []), ("coder", None)):
            fitted = fit(train, terms)
            for kind, certain in ((name, False), (f"{name}, certain only", True)):
                one = judge(fitted, judged, certain=certain)
                found[kind] = (one.precision, one.recall, one.f1, one.given)
        for name, one in found.items():
            figures.setdefault(name, []).append(one)
    given = sum(one[3] for one in figures["coder"])
    for name, folds in figures.items():
        precision, recall, f1, _ = np.mean(folds, axis=0)
        share = sum(one[3] for one in folds) / given
        print(f"{name:40} P {precision:.3f} R {recall:.3f} F1 {f1:.3f}, given/coder's {share:.2f}")
    fitted, texts = fit(cases), [case.text for case in cases] * 8
    fitted.code(texts[:20])
    spent = timed(lambda: fitted.code(texts))
    print(_line("coder", sum(len(t.encode()) for t in texts) / 1e6, len(texts), spent))


def words(text: str) -> tuple[str, ...]:
    apart = unicodedata.normalize("NFD", text.lower())
    return tuple(re.findall(r"\w+", "".join(c for c in apart if not unicodedata.combining(c))))


def plain(train: Sequence[Case], judged: Sequence[Case]) -> tuple[float, float, float, int]:
    """Code by longest matches of marked mentions that are right in half of their cases."""
    marked: dict[tuple[str, ...], Counter[str]] = {}
    for case in train:
        for code, mention in case.mentions:
            marked.setdefault(words(mention), Counter())[code] += 1
    best = {mention: count.most_common(1)[0][0] for mention, count in marked.items() if mention}
    longest = max(map(len, best))

    def found(text: str) -> set[tuple[str, ...]]:
        tokens, at, hits = words(text), 0, set[tuple[str, ...]]()
        while at < len(tokens):
            sizes = range(min(longest, len(tokens) - at), 0, -1)
            size = next((n for n in sizes if tokens[at : at + n] in best), 0)
            if size:
                hits.add(tokens[at : at + size])
            at += size or 1
        return hits

    seen, right = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for case in train:
        hits = found(case.text)
        seen.update(hits)
        right.update(mention for mention in hits if best[mention] in case.codes)
    kept = {mention for mention, count in seen.items() if right[mention] >= 0.5 * count}
    told = [{best[m] for m in found(case.text) if m in kept} for case in judged]
    given = sum(map(len, told))
    good = sum(len(t & set(case.codes)) for t, case in zip(told, judged, strict=True))
    coded = sum(len(case.codes) for case in judged)
    return good / given, good / coded, 2 * good / (given + coded), given


def peer(folder: Path) -> None:
    """Time quantulum3's quantities on a sample; it finds numbers with units of any kind."""
    from quantulum3 import parser  # type: ignore[import-not-found]

    texts = corpus(folder)[:40]
    parser.parse(texts[0])
    spent = timed(lambda: [parser.parse(text) for text in texts])
    print(_line("quantulum3", sum(len(t.encode()) for t in texts) / 1e6, len(texts), spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "coder", "peer"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    chosen = parser.parse_args()
    if any(os.environ.get(name) != "1" for name in THREADS):
        parser.error(f"Set {', '.join(THREADS)} to 1, so that CPU seconds are comparable.")
    if chosen.what == "speed":
        speed(chosen.folder, chosen.copies)
    else:
        {"coder": coder, "peer": peer}[chosen.what](chosen.folder)


if __name__ == "__main__":
    main()
