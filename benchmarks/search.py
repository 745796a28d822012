"""Measure the search index: what it costs to build, and each query, beside peers in the same run.

    python benchmarks/search.py all --peer-python PYTHON_WITH_TANTIVY_AND_HNSWLIB
    python benchmarks/search.py make --notes 200000 --vectors 200000
    python benchmarks/search.py build
    python benchmarks/search.py query

`make` writes a lake: 200,000 notes of 60 words each, drawn from 60,000 made-up words by Zipf's law
(exponent 1.07), of 50,000 subjects, and 200,000 vectors of 384 numbers around 2,000 centres.
Queries are 3 words of one note; vectors near a stored one. `--encode` also learns the text encoder
and encodes every note, as `biolake index build` does. Every step is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

for _setting in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_setting, "1")
os.environ.setdefault("LANCE_LOG", "off")

import numpy as np  # noqa: E402 - the threads of BLAS are set first

WORDS, PER_NOTE, EXPONENT, SUBJECTS = 60_000, 60, 1.07, 50_000
DIMENSION, CENTRES, SPREAD = 384, 2_000, 0.7
QUERIES, SHARE = 300, 100  # a cohort of one subject in so many
BARS = {
    "text, p95 wall ms": 30.0,
    "vectors, p95 wall ms": 20.0,
    "vectors, recall@10": 0.98,
    "vectors in a 1 % cohort, recall@10": 0.99,
    "index, CPU s": 300.0,
    "index, peak RSS, MB": 2000.0,
    "query, peak RSS, MB": 2000.0,
}
START = datetime(2150, 1, 1)  # noqa: DTZ001 - lake times are naive
FIRST = 1_000_000_000  # the first subject


def vocabulary() -> list[str]:
    """Return made-up words, the frequent ones first."""
    draw = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    found: set[str] = set()
    while len(found) < WORDS:
        found.add("".join(draw.choice(letters, draw.integers(3, 11))))
    words = np.array(sorted(found), dtype=object)
    draw.shuffle(words)
    return list(words)


def drawn(notes: int) -> np.ndarray:
    """Return notes × words as numbers of words."""
    share = 1.0 / np.arange(1, WORDS + 1) ** EXPONENT
    draw = np.random.default_rng(2)
    return draw.choice(WORDS, size=(notes, PER_NOTE), p=share / share.sum()).astype(np.int32)


def texts(numbers: np.ndarray) -> Iterator[str]:
    words = np.array(vocabulary(), dtype=object)
    for row in numbers:
        yield " ".join(words[row])


def vectors(count: int) -> np.ndarray:
    draw = np.random.default_rng(3)
    centres = draw.normal(size=(CENTRES, DIMENSION)).astype(np.float32)
    found = centres[draw.integers(0, CENTRES, count)]
    found += SPREAD * draw.standard_normal((count, DIMENSION), dtype=np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def make(options: argparse.Namespace) -> dict[str, Any]:
    """Write the lake."""
    from biolake.core.schema import ASSETS
    from biolake.lake.lake import init
    from biolake.testing.note_lakes import Change, MadeNote, change

    lake = init(str(options.lake))
    numbers = drawn(options.notes)

    def notes() -> Iterator[MadeNote]:
        for n, text in enumerate(texts(numbers)):
            time_ = START + timedelta(minutes=n)
            yield MadeNote(text, FIRST + n % SUBJECTS, time_, f"n{n}", "letter")

    def assets() -> Iterator[dict[str, Any]]:
        for n in range(options.vectors):
            yield dict.fromkeys(ASSETS.names) | {
                "asset_id": f"{n:064x}",
                "subject_id": FIRST + n % SUBJECTS,
                "time": START + timedelta(minutes=n),
                "modality": "ecg",
                "format": "wfdb",
                "attributes": "{}",
                "files": 1,
                "bytes": 1,
                "site_id": "main",
                "load_id": "L1",
                "source_key": str(n),
            }

    def fill(to: Change) -> None:
        to.subjects(range(FIRST, FIRST + SUBJECTS))
        to.notes(notes())
        to.rows("assets", assets(), ASSETS)
        found = vectors(options.vectors)
        for begin in range(0, len(found), 20_000):
            block = found[begin : begin + 20_000]
            to.vectors([f"{begin + n:064x}" for n in range(len(block))], block, "made")

    change(lake, fill)
    return {"notes": options.notes, "vectors": options.vectors}


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Build the index from nothing and say what each part cost."""
    from biolake.core.catalogue import discover
    from biolake.lake.door import open_view
    from biolake.lake.lake import open_lake
    from biolake.learning.text_encoder import open_notes
    from biolake.search.building import build_text
    from biolake.search.home import drop, home_of
    from biolake.search.rows import Sources
    from biolake.search.vectors import build_vectors, encoders

    lake = open_lake(str(options.lake))
    drop(lake)
    cost: dict[str, float] = {}
    if options.encode:
        _encode(options, cost)
    with open_view(lake) as view:
        sources = Sources(open_notes(discover("biolake.readers")))
        for name in ("codes", "notes", "spans", "assets"):
            begun = time.process_time()
            build_text(view, sources, name)
            cost[f"index {name}, CPU s"] = time.process_time() - begun
        for encoded in encoders(view):
            begun = time.process_time()
            build_vectors(view, encoded)
            cost[f"index {encoded.part}, CPU s"] = time.process_time() - begun
    files = [path.stat().st_size for path in home_of(lake).rglob("*") if path.is_file()]
    total = sum(cost.values())
    return {**cost, "index, CPU s": total, "index, MB": sum(files) / 1e6, **peak("index")}


def _encode(options: argparse.Namespace, cost: dict[str, float]) -> None:
    from biolake.core.catalogue import discover
    from biolake.lake.door import open_view
    from biolake.lake.lake import open_lake
    from biolake.learning.encoding import encode
    from biolake.learning.text_encoder import (
        NAME,
        learn_text_encoder,
        text_encoder,
        with_text_encoder,
    )

    lake, catalogue = open_lake(str(options.lake)), discover("biolake.readers")
    with open_view(lake) as view:
        known = text_encoder(view)
    begun = time.process_time()
    if known is None:
        learn_text_encoder(lake, catalogue)
        cost["text encoder: learned, CPU s"] = time.process_time() - begun
    begun = time.process_time()
    with open_view(lake) as view:
        every = with_text_encoder(view, catalogue)
    encode(lake, every, NAME)
    cost["text encoder: notes encoded, CPU s"] = time.process_time() - begun


def query(options: argparse.Namespace) -> dict[str, Any]:
    """Ask each kind of query and say what it cost, and how much of the truth it found."""
    from biolake.lake.door import open_view
    from biolake.lake.lake import open_lake

    numbers = drawn(options.notes)
    with open_view(open_lake(str(options.lake))) as view:
        found = words(view, numbers)
    with open_view(open_lake(str(options.lake))) as view:
        return found | near(view, options.vectors)


def words(view: Any, numbers: np.ndarray) -> dict[str, Any]:
    """Search notes by words."""
    from biolake.search.owned import Filters
    from biolake.search.query import parse
    from biolake.search.searching import Searcher

    known, asked = vocabulary(), text_queries(numbers)
    begun = time.process_time()
    searcher = Searcher(view)
    searcher.search(parse(asked[0]), "notes")
    found: dict[str, Any] = {"text, the first query, CPU s": time.process_time() - begun}
    plain = [parse(text) for text in asked]
    phrases = [" ".join(known[w] for w in numbers[n, 5:8]) for n in range(QUERIES)]
    begins = [f"{text.split()[0][:3]}*" for text in asked]
    everybody = FIRST + np.arange(SUBJECTS)
    for name, queries, among in (
        ("text", plain, None),
        ("text in a 1 % cohort", plain, everybody[::SHARE]),
        ("text in a cohort of a third", plain, everybody[::3]),
        ("phrase of 3 words", [parse(f'"{one}"') for one in phrases], None),
        ("beginning of a word", [parse(one) for one in begins], None),
    ):
        filters = Filters(subjects=among)
        found |= timed(name, queries, lambda q, f=filters: searcher.search(q, "notes", filters=f))
    found["note found by its 3 rarest words, first"] = known_items(searcher, numbers, known)
    if "vectors/note-text" in searcher.state.parts:
        found |= hybrid(view, searcher, plain)
    return found


def text_queries(numbers: np.ndarray) -> list[str]:
    """Return queries of three words of one note."""
    draw, known = np.random.default_rng(4), vocabulary()
    rows = draw.integers(0, len(numbers), QUERIES)
    return [" ".join(known[w] for w in draw.choice(numbers[row], 3)) for row in rows]


def known_items(searcher: Any, numbers: np.ndarray, known: list[str]) -> float:
    """Return the share of notes that come first for the three rarest of their words."""
    from biolake.search.query import parse
    from biolake.testing.note_lakes import MadeNote

    hits = 0
    for row in range(200):
        rarest = sorted(set(numbers[row].tolist()))[-3:]
        answer = searcher.search(parse(" ".join(known[w] for w in rarest)), "notes", limit=1)
        text = " ".join(known[w] for w in numbers[row])
        hits += answer.hits[0].id == MadeNote(text, key=f"n{row}").asset_id
    return hits / 200


def hybrid(view: Any, searcher: Any, plain: list[Any]) -> dict[str, float]:
    """Search notes by words and by the vectors of the lake's text encoder."""
    from biolake.learning.text_encoder import NAME, text_encoder
    from biolake.search.vectors import unit

    encoder = text_encoder(view)
    assert encoder is not None

    def both(query: Any) -> object:
        asked = unit(encoder.call(np.array([query.text], dtype=object)))[0]
        return searcher.search(query, "notes", vector=(NAME, asked))

    return timed("text and vectors (hybrid)", plain, both)


def near(view: Any, count: int) -> dict[str, Any]:
    """Search by vectors, against brute force over the same vectors in float32."""
    from biolake.search.owned import Filters
    from biolake.search.searching import Searcher

    begun = time.process_time()
    opened, known = Searcher(view).vectors("made")
    cost = {"vectors opened, CPU s": time.process_time() - begun}
    cost |= peak("query")  # before brute force takes memory of its own
    true, asked = standardised(count)
    among = Filters(subjects=FIRST + np.arange(0, SUBJECTS, SHARE))
    inside = np.flatnonzero(known.fitting(among))
    for name, rows in (("vectors", None), ("vectors in a 1 % cohort", inside)):

        def ask(q: np.ndarray, rows: np.ndarray | None = rows) -> np.ndarray:
            return opened.quantised.nearest(q, 10, rows)[0]

        cost |= timed(name, list(asked), ask)
        cost[f"{name}, recall@10"] = recall(true, asked, [ask(q) for q in asked], rows)
    return cost


def standardised(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors as the index compares them, and vectors near some of them."""
    raw, draw = vectors(count), np.random.default_rng(5)
    true = raw - raw.mean(axis=0)
    true /= raw.std(axis=0)
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    noise = draw.normal(size=(QUERIES, DIMENSION)) / np.sqrt(DIMENSION)
    asked = true[draw.integers(0, count, QUERIES)] + 0.3 * noise
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return true, asked.astype(np.float32)


def recall(
    true: np.ndarray, asked: np.ndarray, answers: list[np.ndarray], rows: np.ndarray | None
) -> float:
    held, hits = np.arange(len(true)) if rows is None else rows, 0
    inside = true[held]
    for q, answer in zip(asked, answers, strict=True):
        best = held[np.argpartition(-(inside @ q), 10)[:10]]
        hits += len(set(best.tolist()) & set(np.asarray(answer).tolist()))
    return hits / (10 * len(asked))


def timed(name: str, queries: list[Any], ask: Callable[[Any], object]) -> dict[str, float]:
    """Ask each query once, after five that only warm."""
    for one in queries[:5]:
        ask(one)
    cpu, wall = [], []
    for one in queries:
        c, w = time.process_time(), time.perf_counter()
        ask(one)
        cpu.append(1e3 * (time.process_time() - c))
        wall.append(1e3 * (time.perf_counter() - w))
    return {
        f"{name}, mean CPU ms": float(np.mean(cpu)),
        f"{name}, p95 CPU ms": float(np.quantile(cpu, 0.95)),
        f"{name}, p50 wall ms": float(np.median(wall)),
        f"{name}, p95 wall ms": float(np.quantile(wall, 0.95)),
    }


def peak(step: str) -> dict[str, float]:
    return {f"{step}, peak RSS, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def tantivy(options: argparse.Namespace) -> dict[str, Any]:
    """Do the same text queries with tantivy (the peer's Python)."""
    import tantivy as peer

    numbers = drawn(options.notes)
    begun = time.process_time()
    schema = peer.SchemaBuilder().add_text_field("text").add_integer_field("n", stored=True).build()
    index = peer.Index(schema)
    writer = index.writer(200_000_000, 1)
    for n, text in enumerate(texts(numbers)):
        writer.add_document(peer.Document(text=text, n=n))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    cost: dict[str, Any] = {"tantivy, index, CPU s": time.process_time() - begun}
    searcher = index.searcher()

    def ask(text: str) -> object:
        return searcher.search(index.parse_query(text, ["text"]), 10).hits

    return cost | timed("tantivy, text", text_queries(numbers), ask) | peak("tantivy")


def hnsw(options: argparse.Namespace) -> dict[str, Any]:
    """Do the same vector queries with hnswlib and with NumPy (the peer's Python)."""
    import hnswlib

    true, asked = standardised(options.vectors)
    begun = time.process_time()
    index = hnswlib.Index(space="ip", dim=DIMENSION)
    index.init_index(len(true), ef_construction=120, M=16, random_seed=1)
    index.set_num_threads(1)
    index.add_items(true)
    index.set_ef(64)
    cost: dict[str, Any] = {"hnswlib, index, CPU s": time.process_time() - begun}
    cost |= timed("hnswlib", list(asked), lambda q: index.knn_query(q, 10))
    answers = [index.knn_query(q, 10)[0][0] for q in asked]
    cost["hnswlib, recall@10"] = recall(true, asked, answers, None)
    some = list(asked[:50])
    cost |= timed("NumPy float32", some, lambda q: np.argpartition(-(true @ q), 10)[:10])
    return cost | peak("hnswlib")


STEPS = {"make": make, "build": build, "query": query, "tantivy": tantivy, "hnsw": hnsw}
PEERS = ("tantivy", "hnsw")


def child(step: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one step in a process of its own."""
    python = options.peer_python if step in PEERS else sys.executable
    command = [python, __file__, step, "--lake", str(options.lake), "--json"]
    command += ["--notes", str(options.notes), "--vectors", str(options.vectors)]
    command += ["--encode"] if options.encode else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def judged(found: dict[str, Any]) -> Iterator[str]:
    """Yield a line a figure; those with a bar say whether it is met."""
    for name, value in found.items():
        bar = BARS.get(name)
        met = "" if bar is None else _verdict(value, bar, higher="recall" in name)
        yield f"{name:48} {value:12,.4g}{met}"


def _verdict(value: float, bar: float, *, higher: bool) -> str:
    fine = value >= bar if higher else value <= bar
    return f"   bar {bar:g}: {'met' if fine else 'MISSED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=["all", *STEPS])
    parser.add_argument("--lake", type=Path, default=Path("search-lake"))
    parser.add_argument("--notes", type=int, default=200_000)
    parser.add_argument("--vectors", type=int, default=200_000)
    parser.add_argument("--encode", action="store_true", help="also the text encoder")
    parser.add_argument("--peer-python", help="a Python with tantivy, hnswlib and NumPy")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.step != "all":
        found = STEPS[options.step](options)
    else:
        steps = [step for step in STEPS if options.peer_python or step not in PEERS]
        steps = [step for step in steps if step != "make" or not options.lake.exists()]
        found = {name: value for step in steps for name, value in child(step, options).items()}
    print(json.dumps(found) if options.json else "\n".join(judged(found)))


if __name__ == "__main__":
    main()
