"""Cut, match and judge text: MB per CPU second of each step, and pyahocorasick for the matching.

The texts are one field of a file of JSON lines, repeated to at least 20 MB; phrases are drawn from
them by a seed: one to three neighbouring words. One thread; a first pass compiles and is not timed.

    pip install pyahocorasick
    python benchmarks/text.py notes.jsonl --field text --phrases 1000
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

import argparse
import json
import random
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from biolake.text.context import contexts
from biolake.text.language import languages
from biolake.text.matching import Matcher
from biolake.text.run import TextRun
from biolake.text.sections import sections
from biolake.text.sentences import sentences

LEAST_MB = 20


def drawn(texts: list[str], count: int) -> list[str]:
    """Draw phrases of one to three words that stand in the texts."""
    draw = random.Random(1)
    found: set[str] = set()
    while len(found) < count:
        words = re.findall(r"\w+", draw.choice(texts))
        if len(words) > 3:
            at = draw.randrange(len(words) - 3)
            found.add(" ".join(words[at : at + draw.randint(1, 3)]).lower())
    return sorted(found)


def timed(step: Callable[[], object], runs: int) -> float:
    """Return the median CPU seconds of a step."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return median(seconds)


def ahocorasick_of(phrases: list[str]) -> Callable[[list[str]], int]:
    """Return a count of matches by pyahocorasick: lower case, whole words, longest of a place."""
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for number, phrase in enumerate(phrases):
        automaton.add_word(phrase, (len(phrase), number))
    automaton.make_automaton()

    def count(texts: list[str]) -> int:
        found = 0
        for text in texts:
            lower = text.lower()
            for last, (length, _) in automaton.iter_long(lower):
                start = last - length
                before = start < 0 or not lower[start].isalnum()
                found += before and not lower[last + 1 : last + 2].isalnum()
        return found

    return count


def main() -> None:
    """Print the figures of each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("--field", default="text")
    parser.add_argument("--phrases", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    lines = options.texts.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)[options.field] for line in lines]
    phrases = drawn(texts, options.phrases)
    texts *= 1 + int(LEAST_MB * 1e6 / sum(map(len, texts)))
    size = sum(len(text.encode()) for text in texts) / 1e6
    matcher, run = Matcher(phrases), TextRun.of(texts)
    found, within = matcher.find(run), sections(run)
    cut = sentences(run, within)
    contexts(run, found.item[:1], found.start[:1], found.end[:1])
    peer = ahocorasick_of(phrases)
    steps = {
        "cut into words": lambda: TextRun.of(texts).tokens,
        "cut, and match": lambda: matcher.find(TextRun.of(texts)),
        "match alone": lambda: matcher.find(run),
        "pyahocorasick": lambda: peer(texts),
        "language": lambda: languages(run),
        "sections": lambda: sections(run),
        "sentences": lambda: sentences(run, within),
        "cut, and sentences": lambda: sentences(TextRun.of(texts)),
        "context of all matches": lambda: contexts(
            run, found.item, found.start, found.end, within=within, cut=cut
        ),
    }
    print(f"{len(texts)} texts, {size:.1f} MB; {len(cut)} sentences, {len(within)} sections")
    print(f"{len(phrases)} phrases: {len(found)} matches, by pyahocorasick {peer(texts)}")
    for name, step in steps.items():
        print(f"{name:24} {size / timed(step, options.runs):8.1f} MB per CPU-s")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
