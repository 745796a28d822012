"""Cut a long text into chunks that one vector can stand for."""

from __future__ import annotations

import re
from itertools import pairwise

LONGEST = 1000  # characters: some 150 words
# Where a chunk may end, the best first: a paragraph, a line, a sentence, a word.
_ENDS = tuple(map(re.compile, (r"\n\s*\n", r"\n", r"[.;!?。；！？]\s*", r"\s+")))


def chunk_places(text: str) -> list[tuple[int, int]]:
    """Return start and end of each chunk; together they are the whole text.

    A text without a character has one empty chunk.
    """
    starts = [0]
    while len(text) - starts[-1] > LONGEST:
        starts.append(_next(text, starts[-1]))
    return list(pairwise([*starts, len(text)]))


def _next(text: str, start: int) -> int:
    """Return where the next chunk starts: after the last good end in the second half."""
    half, most = start + LONGEST // 2, start + LONGEST
    for ends in _ENDS:
        found = [match.end() for match in ends.finditer(text, half, most)]
        if found:
            return found[-1]
    return most
