"""The compiled loop that gathers what the triggers of a sentence say of each target in it."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled

FORWARD, BACKWARD = 1, 2
FAR = 120  # words and signs: no trigger reaches farther, whatever a text without stops


@compiled
def depths(digest: np.ndarray, of_token: np.ndarray, brackets: np.ndarray) -> np.ndarray:
    """Return how many brackets each token of a sentence stands in; a bracket is outside itself."""
    depth = np.zeros(len(digest), np.int16)
    now = 0
    for at in range(len(digest)):
        if at == 0 or of_token[at] != of_token[at - 1]:
            now = 0
        if digest[at] == brackets[1] and now > 0:
            now -= 1
        depth[at] = now
        if digest[at] == brackets[0]:
            now += 1
    return depth


@compiled
def outward(
    edge: int, trigger: int, until: int, step: int, near: np.ndarray, depth: np.ndarray,
    effects: np.ndarray, ends: np.ndarray, direction: np.ndarray, reach: np.ndarray,
) -> int:  # fmt: skip
    """Return the effects on a target of the triggers on one side of it, the nearest first.

    `near` is each trigger's token nearest to the target, `edge` the target's own. What a trigger
    ends, it ends for whatever lies beyond. Neither a trigger that overlaps the target nor one in
    brackets that the target is not in says anything.
    """
    way = FORWARD if step < 0 else BACKWARD
    held, still = 0, 255
    at, level = edge, depth[edge]
    while trigger != until:
        if (near[trigger] - edge) * step > FAR:
            break
        if (near[trigger] - edge) * step > 0:
            while at != near[trigger]:
                at += step
                level = min(level, depth[at])
            if depth[at] <= level:
                if direction[trigger] & way and abs(at - edge) <= reach[trigger]:
                    held |= effects[trigger] & still
                still &= ~ends[trigger]
        trigger += step
    return held


@compiled
def gather(
    first: np.ndarray, last: np.ndarray, low: np.ndarray, high: np.ndarray, depth: np.ndarray,
    trigger_first: np.ndarray, trigger_last: np.ndarray, effects: np.ndarray, ends: np.ndarray,
    direction: np.ndarray, reach: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return the effects that hold for each target, as bits.

    `first` and `last` are a target's tokens, `low` and `high` the triggers of its sentence.
    """
    held = np.zeros(len(first), np.uint8)
    for target in range(len(first)):
        middle = low[target] + np.searchsorted(
            trigger_first[low[target] : high[target]], first[target]
        )
        before = outward(
            first[target], middle - 1, low[target] - 1, -1, trigger_last, depth, effects, ends,
            direction, reach,
        )  # fmt: skip
        after = outward(
            last[target], middle, high[target], 1, trigger_first, depth, effects, ends, direction,
            reach,
        )  # fmt: skip
        held[target] = before | after
    return held
