"""Negation, temporality and experiencer against negspaCy and medspaCy, on the same sentences.

Each side is a child process of its own, one thread, that finds the marked condition in each
sentence and says what is said of it. CPU seconds include cutting the sentences and placing the
condition; a first pass over a few sentences, not timed, compiles and loads. The sentences are JSON
lines with `sentence`, `condition`, `negation`, `temporality`, `experiencer`. `--half` takes one of
two halves drawn by a fixed seed: the rules were written on the first alone. Some sentences are in
both, with another condition marked; `unseen` is the second half without them.

    python benchmarks/negation.py sentences.jsonl --half second \\
        --peer-python /path/to/venv/with/negspacy/and/medspacy/bin/python

A peer's venv: `pip install negspacy==1.1.0 medspacy==1.3.1 "numpy<2"`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SOURCE = Path(__file__).resolve().parent.parent / "src"
SEED = 20260
WARM = 50
GOLD = {
    "negated": lambda row: row["negation"] == "Negated",
    "historical": lambda row: row["temporality"] == "Historical",
    "hypothetical": lambda row: row["temporality"] == "Not particular",
    "not the patient": lambda row: row["experiencer"] != "Patient",
}
Row = dict[str, str]
Answer = list[bool]  # in the order of GOLD; negspaCy answers the first alone


def rows_of(path: Path, half: str) -> list[Row]:
    """Read the sentences, or half of them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(SEED).shuffle(rows)
    middle = len(rows) // 2
    first, second = rows[:middle], rows[middle:]
    read = {" ".join(row["sentence"].lower().split()) for row in first}
    unseen = [row for row in second if " ".join(row["sentence"].lower().split()) not in read]
    return {"first": first, "second": second, "unseen": unseen, "all": rows}[half]


def place(row: Row) -> tuple[int, int]:
    """Return where the condition is marked: in capitals, and rather not as a heading."""
    sentence, condition = row["sentence"], row["condition"].strip()
    start = sentence.find(condition.upper())
    if sentence[start + len(condition) :].startswith(":"):
        start = max(start, sentence.find(condition.upper(), start + 1))
    if start < 0:
        start = sentence.lower().find(condition.lower())
    return (start, start + len(condition)) if start >= 0 else (0, len(sentence))


def ours(rows: Sequence[Row]) -> list[Answer]:
    """Say it with Biolake."""
    import numpy as np

    from biolake.text.context import ASSERTIONS, contexts
    from biolake.text.run import TextRun

    places = np.array([place(row) for row in rows])
    run = TextRun.of([row["sentence"] for row in rows])
    found = contexts(run, np.arange(len(rows)), places[:, 0], places[:, 1])
    negated = found.assertion == ASSERTIONS.index("negated")
    hypothetical = found.assertion == ASSERTIONS.index("hypothetical")
    columns = (negated, found.temporality == 1, hypothetical, found.experiencer > 0)
    return np.stack(columns, axis=1).tolist()


def spacy_documents(nlp, rows: Sequence[Row]):
    """Yield each sentence as the peers want it, the condition as an entity."""
    from spacy.tokens import Span

    for row in rows:
        doc = nlp.make_doc(row["sentence"])
        found = doc.char_span(*place(row), label="CONDITION", alignment_mode="expand")
        doc.ents = [found if found is not None else Span(doc, 0, len(doc), label="CONDITION")]
        yield nlp.get_pipe("sentencizer")(doc)


def negspacy() -> Callable[[Sequence[Row]], list[Answer]]:
    """Say it with negspaCy, its clinical terms."""
    import spacy
    from negspacy.negation import Negex  # noqa: F401 - registers the component
    from negspacy.termsets import termset

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    terms = termset("en_clinical").get_patterns()
    judge = nlp.add_pipe("negex", config={"neg_termset": terms})
    return lambda rows: [[bool(judge(doc).ents[0]._.negex)] for doc in spacy_documents(nlp, rows)]


def medspacy() -> Callable[[Sequence[Row]], list[Answer]]:
    """Say it with medspaCy's ConText, its default rules."""
    import spacy
    from medspacy.context import ConText

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    judge = ConText(nlp)
    names = ("is_negated", "is_historical", "is_hypothetical", "is_family")
    return lambda rows: [
        [bool(getattr(judge(doc).ents[0]._, name)) for name in names]
        for doc in spacy_documents(nlp, rows)
    ]


SIDES = {"biolake": lambda: ours, "negspacy": negspacy, "medspacy": medspacy}


def child(side: str, path: Path, half: str, repeats: int) -> dict:
    """Answer for every sentence, timed."""
    rows = rows_of(path, half)
    answer = SIDES[side]()
    answer(rows[:WARM])
    start = time.process_time()
    answers = answer(rows * repeats)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = len(rows) * repeats / seconds
    return {"answers": answers[: len(rows)], "per_second": rate, "peak_mb": peak}


def scores(rows: Sequence[Row], answers: Sequence[Answer]) -> dict[str, tuple[float, ...]]:
    """Return precision, recall, F1 and number of each kind."""
    found = {}
    for number, (name, is_so) in enumerate(list(GOLD.items())[: len(answers[0])]):
        gold, said = [is_so(row) for row in rows], [one[number] for one in answers]
        right = sum(a and b for a, b in zip(gold, said, strict=True))
        precision, recall = right / max(1, sum(said)), right / max(1, sum(gold))
        f1 = 2 * right / max(1, sum(gold) + sum(said))
        found[name] = (precision, recall, f1, sum(gold))
    return found


def run_side(side: str, python: str, options: argparse.Namespace) -> dict:
    """Run one side as a child, one thread."""
    repeats = options.repeats if side == "biolake" else 1
    command = [python, __file__, str(options.sentences), "--half", options.half]
    command += ["--side", side, "--repeats", str(repeats)]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    if side == "biolake":
        environment["PYTHONPATH"] = str(SOURCE)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run every side and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--half", choices=("first", "second", "unseen", "all"), default="all")
    parser.add_argument("--peer-python", help="a Python with negspacy and medspacy")
    parser.add_argument("--repeats", type=int, default=20, help="of the sentences, ours only")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(child(options.side, options.sentences, options.half, options.repeats)))
        return
    rows = rows_of(options.sentences, options.half)
    print(f"{len(rows)} sentences ({options.half})")
    for side in SIDES if options.peer_python else ("biolake",):
        python = sys.executable if side == "biolake" else options.peer_python
        figures = run_side(side, python, options)
        print(f"{side}: {figures['per_second']:,.0f} sentences per CPU-s, "
              f"peak {figures['peak_mb']:.0f} MB")  # fmt: skip
        for name, (precision, recall, f1, count) in scores(rows, figures["answers"]).items():
            print(f"  {name:16} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  of {count}")


if __name__ == "__main__":
    main()
