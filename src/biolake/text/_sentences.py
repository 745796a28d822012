"""The compiled loop that numbers sentences."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled
from biolake.text._tokens import (
    AFTER_SPACE,
    CAPITAL,
    IS_BREAK,
    IS_HAN,
    IS_NUMBER,
    IS_SIGN,
    IS_WORD,
    LINE_START,
)
from biolake.text._walk import get

SIGNS = '.!?。)-*•:"·'
STOP, SHOUT, ASK, HAN_STOP, CLOSE, DASH, STAR, BULLET, COLON, QUOTE, DOT = range(len(SIGNS))
WRAPPED = 50  # characters: a line that ends sooner was ended on purpose


@compiled
def is_marker(
    at: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray,
    flags: np.ndarray, signs: np.ndarray,
) -> bool:  # fmt: skip
    """Tell whether a list item begins here: a number or letter with `.` or `)`, or a bullet."""
    if at + 2 >= len(start):
        return False
    if kind[at] == IS_SIGN:
        bullet = digest[at] in (signs[DASH], signs[STAR], signs[BULLET], signs[DOT])
        return bool(bullet and flags[at + 1] & AFTER_SPACE and kind[at + 1] != IS_BREAK)
    longest = 2 if kind[at] == IS_NUMBER else 1 if kind[at] == IS_WORD else 0
    if end[at] - start[at] > longest or start[at + 1] != end[at]:
        return False
    if digest[at + 1] not in (signs[STOP], signs[CLOSE]):
        return False
    return bool(flags[at + 2] & AFTER_SPACE and kind[at + 2] != IS_BREAK)


@compiled
def is_label(
    at: int, digest: np.ndarray, kind: np.ndarray, flags: np.ndarray, signs: np.ndarray
) -> bool:
    """Tell whether a line begins with up to four words and a colon: `Heart sounds:`."""
    if not flags[at] & CAPITAL:
        return False
    for after in range(at + 1, min(len(kind), at + 5)):
        if kind[after] == IS_SIGN:
            return bool(digest[after] == signs[COLON])
        if kind[after] == IS_BREAK:
            return False
    return False


@compiled
def stops(
    at: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray,
    flags: np.ndarray, signs: np.ndarray, held: np.ndarray, slots: np.ndarray, shift: int,
) -> bool:  # fmt: skip
    """Tell whether the full stop at this token, followed by space, ends a sentence."""
    before, after = at - 1, at + 1
    if start[at] != end[before]:
        return True
    if get(digest[before], held, slots, shift) >= 0:
        return False
    length = end[before] - start[before]
    if kind[after] == IS_WORD and not flags[after] & CAPITAL:
        return bool(length > 3)  # before a small letter, a short word is an abbreviation
    if kind[before] == IS_NUMBER and length < 3 and before > 0:
        return bool(digest[before - 1] != signs[COLON])  # a list's number after a heading
    if kind[before] == IS_WORD and length == 1 and flags[before] & CAPITAL:
        # An initial after a title (Mr. J. Smith). Elsewhere it ends one: hepatitis C. She
        return bool(before == 0 or digest[before - 1] != signs[STOP])
    return True


@compiled
def ends_line(
    at: int, line: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray,
    flags: np.ndarray, signs: np.ndarray,
) -> bool:  # fmt: skip
    """Tell whether a sentence ends with the line before this token; `line` is where that began."""
    if is_marker(at, start, end, digest, kind, flags, signs):
        return True
    if is_label(at, digest, kind, flags, signs):
        return True
    short = end[at - 1] - line < WRAPPED
    if kind[at - 1] == IS_HAN or kind[at] == IS_HAN:
        return bool(short)
    if digest[at - 1] == signs[COLON]:
        return True
    return bool(short and (flags[at] & CAPITAL or kind[at] != IS_WORD))


@compiled
def ends(
    at: int, marker: int, start: np.ndarray, end: np.ndarray, digest: np.ndarray,
    kind: np.ndarray, flags: np.ndarray, signs: np.ndarray, held: np.ndarray, slots: np.ndarray,
    shift: int,
) -> bool:  # fmt: skip
    """Tell whether a sentence ends with this token, which is not the last."""
    if kind[at] != IS_SIGN or at == marker:
        return False
    sign = digest[at]
    if sign == signs[HAN_STOP]:
        return True
    spaced = flags[at + 1] & (AFTER_SPACE | LINE_START)
    if sign in (signs[SHOUT], signs[ASK]):
        return bool(spaced or kind[at + 1] == IS_HAN)
    if not spaced or at == 0 or kind[at - 1] == IS_BREAK:
        return False
    if sign == signs[STOP]:
        return stops(at, start, end, digest, kind, flags, signs, held, slots, shift)
    closing = sign in (signs[CLOSE], signs[QUOTE]) and start[at] == end[at - 1]
    return bool(closing and digest[at - 1] == signs[STOP] and flags[at + 1] & CAPITAL)


@compiled
def number(
    start: np.ndarray, end: np.ndarray, digest: np.ndarray, kind: np.ndarray, flags: np.ndarray,
    begins: np.ndarray, signs: np.ndarray, held: np.ndarray, slots: np.ndarray, shift: int,
    of_token: np.ndarray, first: np.ndarray,
) -> int:  # fmt: skip
    """Fill each token's sentence and each sentence's first token; return how many there are."""
    count = line = 0
    marker = -1
    ended = True
    for at in range(len(start)):
        if kind[at] == IS_BREAK:
            of_token[at] = -1
            ended = True
            continue
        if flags[at] & LINE_START:
            if not ended:
                ended = ends_line(at, line, start, end, digest, kind, flags, signs)
            line = start[at]
        ended = ended or begins[at]
        if ended:
            marked = is_marker(at, start, end, digest, kind, flags, signs)
            marker = at + 1 if marked and kind[at] != IS_SIGN else -1
            first[count] = at
            count += 1
        of_token[at] = count - 1
        ended = at + 1 < len(start) and ends(
            at, marker, start, end, digest, kind, flags, signs, held, slots, shift
        )
    return count
