"""The compiled loop that finds the headings of sections."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled
from biolake.text._tokens import (
    AFTER_SPACE,
    ALL_CAPITALS,
    CAPITAL,
    IS_BREAK,
    IS_HAN,
    IS_SIGN,
    IS_WORD,
    LINE_START,
)

SIGNS = ":-.。【】[]*#_/&,)("
COLON, DASH, STOP, HAN_STOP = range(4)
LONGEST = 6  # words in a heading that no pack knows
UNKNOWN, OTHER = 0, 1


@compiled
def opens(
    at: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray,
    flags: np.ndarray, signs: np.ndarray,
) -> int:  # fmt: skip
    """Tell how a heading may begin here: 2 at a line's start, 1 at a sentence's, 0 not at all."""
    words = 0
    before = at
    while not flags[before] & LINE_START:
        before -= 1
        if before < 0 or kind[before] == IS_BREAK:
            return 2
        if kind[before] == IS_WORD or kind[before] == IS_HAN:
            words += 1
        if words > 1 or at - before > 4 or digest[before] in (signs[COLON], signs[HAN_STOP]):
            break
    else:
        if words <= (1 if kind[at] == IS_WORD else 0):
            return 2
    ended = kind[at - 1] == IS_SIGN and digest[at - 1] in (signs[STOP], signs[HAN_STOP])
    return 1 if ended or start[at] - end[at - 1] > 1 else 0


@compiled
def body_after(
    last: int, opening: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray,
    kind: np.ndarray, flags: np.ndarray, signs: np.ndarray,
) -> int:  # fmt: skip
    """Return the token at which the body begins if a heading ends at `last`, or -1."""
    n = len(start)
    after = last + 1
    while after < n and kind[after] == IS_SIGN and digest[after] in signs[5:11]:
        after += 1  # 】 ] * # _
    if after >= n:
        return after if opening == 2 else -1
    if digest[after] == signs[COLON]:
        return after + 1
    if opening < 2:
        return -1
    if digest[after] == signs[DASH] and flags[after] & AFTER_SPACE:
        return after + 1
    if kind[after] == IS_BREAK or flags[after] & LINE_START:
        return after
    closed = after > last + 1
    spaced = kind[last] == IS_HAN and flags[after] & AFTER_SPACE
    return after if closed or spaced else -1


@compiled
def may_be_in_heading(
    at: int, digest: np.ndarray, kind: np.ndarray, signs: np.ndarray, kin: np.ndarray
) -> bool:
    """Tell whether a heading of no known kind may have this token in it."""
    if kind[at] == IS_SIGN:
        return bool(digest[at] in signs[11:])
    place = np.searchsorted(kin, digest[at])
    related = place < len(kin) and kin[place] == digest[at]
    return kind[at] != IS_BREAK and not related


@compiled
def unknown_end(
    at: int, opening: int, digest: np.ndarray, kind: np.ndarray, flags: np.ndarray,
    signs: np.ndarray, kin: np.ndarray,
) -> int:  # fmt: skip
    """Return the last token of words that look like a heading of no known kind, or -1."""
    shouted = bool(flags[at] & CAPITAL)
    n = len(digest)
    for last in range(at, min(n - 1, at + LONGEST) if shouted else at):
        after = last + 1
        wraps = flags[after] & LINE_START or kind[after] == IS_BREAK
        if wraps or not may_be_in_heading(last, digest, kind, signs, kin):
            return -1
        if kind[last] == IS_WORD and not flags[last] & ALL_CAPITALS:
            shouted = False
        if digest[after] == signs[COLON]:
            alone = after + 1 >= n or flags[after + 1] & LINE_START or kind[after + 1] == IS_BREAK
            return last if shouted or (alone and opening == 2) else -1
    return -1


@compiled
def headings(
    start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray, flags: np.ndarray,
    first: np.ndarray, last: np.ndarray, of: np.ndarray, signs: np.ndarray, kin: np.ndarray,
    kept: np.ndarray,
) -> int:  # fmt: skip
    """Fill first and last token of each heading, its body's first token, and its kind.

    `first`, `last` and `of` are the known phrases found, and their kinds.
    """
    n = len(start)
    count = phrase = 0
    inline = True  # whether the section we are in has its text on the heading's line
    at = 0
    while at < n:
        while phrase < len(first) and first[phrase] < at:
            phrase += 1
        known = phrase < len(first) and first[phrase] == at
        if kind[at] == IS_BREAK or not (known or flags[at] & CAPITAL):
            at += 1
            continue
        opening = opens(at, start, end, digest, kind, flags, signs)
        finish = body = -1
        if known and opening and (flags[at] & CAPITAL or opening == 2 or kind[at] == IS_HAN):
            finish = last[phrase]
            body = body_after(finish, opening, start, end, digest, kind, flags, signs)
        section = of[phrase] if body >= 0 else OTHER
        if body < 0 and opening:
            finish = unknown_end(at, opening, digest, kind, flags, signs, kin)
            body = finish + 2 if finish >= 0 else -1
        if body < 0:
            at += 1
            continue
        alone = body >= n or kind[body] == IS_BREAK or flags[body] & LINE_START != 0
        if section != OTHER or alone or inline:
            kept[0, count], kept[1, count] = at, finish
            kept[2, count], kept[3, count] = body, section
            count += 1
            inline = not alone
        at = max(at + 1, body)
    return count
