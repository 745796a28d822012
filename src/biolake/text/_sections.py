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
ACRONYM = 4  # letters: `PSA: 4` is a result, no heading
LONG_SENTENCE = 8  # words
OTHER = 1


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
    at: int, opening: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray,
    kind: np.ndarray, flags: np.ndarray, signs: np.ndarray, kin: np.ndarray,
) -> int:  # fmt: skip
    """Return the last token of words that look like a heading of no known kind, or -1."""
    shouted = bool(flags[at] & CAPITAL)
    n, longest = len(digest), 0
    for last in range(at, min(n - 1, at + LONGEST) if shouted else at):
        after = last + 1
        wraps = flags[after] & LINE_START or kind[after] == IS_BREAK
        if wraps or not may_be_in_heading(last, digest, kind, signs, kin):
            return -1
        if kind[last] == IS_WORD and not flags[last] & ALL_CAPITALS:
            shouted = False
        longest = max(longest, end[last] - start[last])
        if digest[after] == signs[COLON]:
            alone = after + 1 >= n or flags[after + 1] & LINE_START or kind[after + 1] == IS_BREAK
            named = kind[last] != IS_SIGN and longest > ACRONYM
            return last if named and (shouted or (alone and opening == 2)) else -1
    return -1


@compiled
def goes_on(
    at: int, digest: np.ndarray, kind: np.ndarray, signs: np.ndarray, kin: np.ndarray
) -> bool:
    """Tell whether the sentence that begins here may be of a family history: kin, or few words."""
    words = 0
    for here in range(at, len(kind)):
        if kind[here] == IS_BREAK or digest[here] == signs[STOP]:
            break
        place = np.searchsorted(kin, digest[here])
        if place < len(kin) and kin[place] == digest[here]:
            return True
        words += kind[here] == IS_WORD
    return words < LONG_SENTENCE


@compiled
def end_of_part(
    body: int, prose: bool, digest: np.ndarray, kind: np.ndarray, flags: np.ndarray,
    signs: np.ndarray, kin: np.ndarray,
) -> int:  # fmt: skip
    """Return the token after a body that ends with its paragraph or before.

    In prose it is one sentence; elsewhere it ends before a sentence that speaks of nobody's kin.
    """
    begins = CAPITAL | AFTER_SPACE
    for at in range(body, len(kind)):
        if kind[at] == IS_BREAK:
            return at
        stopped = at > body and digest[at - 1] == signs[STOP] and flags[at] & begins == begins
        if stopped and (prose or not goes_on(at, digest, kind, signs, kin)):
            return at
    return len(kind)


@compiled
def heading_at(
    at: int, known: int, opening: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray,
    kind: np.ndarray, flags: np.ndarray, signs: np.ndarray, kin: np.ndarray,
) -> tuple[int, int]:  # fmt: skip
    """Return the last token of the heading that begins here, and its body's first; or -1, -1.

    `known` is the last token of a known phrase that begins here, or -1.
    """
    if known >= 0 and (flags[at] & CAPITAL or opening == 2 or kind[at] == IS_HAN):
        body = body_after(known, opening, start, end, digest, kind, flags, signs)
        if body >= 0:
            return known, body
    last = unknown_end(at, opening, start, end, digest, kind, flags, signs, kin)
    return last, last + 2 if last >= 0 else -1


@compiled
def headings(
    start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray, flags: np.ndarray,
    first: np.ndarray, last: np.ndarray, of: np.ndarray, signs: np.ndarray, kin: np.ndarray,
    brief: int, kept: np.ndarray,
) -> int:  # fmt: skip
    """Fill, for each heading, its first and last token, its body's first and the next, its kind.

    `first`, `last` and `of` are the known phrases found, and their kinds; `brief` is the kind that
    goes on beyond an empty line only if its heading has a line to itself.
    """
    n = len(start)
    count = phrase = at = 0
    inline = True  # whether the section we are in has its text on the heading's line
    while at < n:
        while phrase < len(first) and first[phrase] < at:
            phrase += 1
        known = last[phrase] if phrase < len(first) and first[phrase] == at else -1
        opening = 0
        if kind[at] != IS_BREAK and (known >= 0 or flags[at] & CAPITAL):
            opening = opens(at, start, end, digest, kind, flags, signs)
        finish = body = -1
        if opening:
            finish, body = heading_at(
                at, known, opening, start, end, digest, kind, flags, signs, kin
            )
        alone = body >= n or kind[body] == IS_BREAK or flags[body] & LINE_START != 0
        section = of[phrase] if finish >= 0 and finish == known else OTHER
        if body >= 0 and (section != OTHER or alone or inline):
            prose = opening == 1 and not flags[at] & ALL_CAPITALS and kind[at] != IS_HAN
            part = prose or (section == brief and not alone)
            kept[0, count], kept[1, count], kept[2, count] = at, finish, body
            kept[3, count] = (
                end_of_part(body, prose, digest, kind, flags, signs, kin) if part else n
            )
            kept[4, count] = section
            count += 1
            inline = not alone
        at = max(at + 1, body)
    return count
