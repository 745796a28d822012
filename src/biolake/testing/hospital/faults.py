"""What goes wrong between hospital and file: re-sent rows, corrections and planted faults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import DAY, HOUR, NEVER
from biolake.testing.hospital.columns import stack
from biolake.testing.hospital.encounters import Encounters, ordinals
from biolake.testing.hospital.items import LABS, item
from biolake.testing.hospital.measurements import Measurements, rows
from biolake.testing.hospital.terms import EMERGENCY

if TYPE_CHECKING:
    from biolake.testing.hospital.population import Population

NONE, DUPLICATE, CORRECTION, OUT_OF_RANGE, AFTER_DEATH, ORPHAN = range(6)
KINDS = {
    DUPLICATE: "duplicate_rows",
    CORRECTION: "corrected_values",
    OUT_OF_RANGE: "value_out_of_range",
    AFTER_DEATH: "event_after_death",
    ORPHAN: "orphan_encounter",
}
ENDS_BEFORE_START = "encounter_ends_before_start"

IMPOSSIBLE_POTASSIUM = 99.9
NO_ENCOUNTER = 900_000_000
"""Orphans name an encounter from here on; the hospital numbers none so high."""
KEYS_PER_SUBJECT = 100_000


def reverse_some(rng: np.random.Generator, found: Encounters) -> Encounters:
    """Let a few emergency contacts end a day before they start."""
    bad = (found.setting == EMERGENCY) & (rng.random(len(found)) < 0.02) & ~found.died
    return replace(found, end=np.where(bad, found.start - DAY, found.end))


def finish(
    rng: np.random.Generator,
    people: Population,
    found: Encounters,
    measured: Measurements,
    death: np.ndarray,
) -> Measurements:
    """Order and number the values, plant the faults, then append re-sent and corrected rows."""
    measured = stack([measured, _planted(rng, people, found, death)])
    where = np.lexsort((measured.item, measured.time, measured.subject))
    measured = measured.take(where)
    key = people.index[measured.subject] * KEYS_PER_SUBJECT + ordinals(measured.subject) + 1
    measured = replace(measured, key=key)
    lab = (measured.item < len(LABS)) & (measured.fault == NONE)
    fate = rng.random(len(measured))
    again = measured.take(lab & (fate < 0.004))
    again = replace(again, fault=np.full(len(again), DUPLICATE))
    return _corrected(measured, lab & (fate > 0.997), again)


def _corrected(measured: Measurements, which: np.ndarray, again: Measurements) -> Measurements:
    """Send these values wrong at first, and right in a later row with the same key."""
    right = measured.take(which)
    right = replace(right, fault=np.full(len(right), CORRECTION))
    decimals = np.array([i.decimals for i in LABS])[right.item]
    wrong = measured.value.copy()
    wrong[which] = np.round(right.value * 1.3 * 10.0**decimals + 1) / 10.0**decimals
    return stack([replace(measured, value=wrong), again, right])


def _planted(
    rng: np.random.Generator, people: Population, found: Encounters, death: np.ndarray
) -> Measurements:
    potassium = item("potassium")
    picked = np.flatnonzero((rng.random(len(found)) < 0.004) & (found.end > found.start + HOUR))
    # An odd second keeps planted rows apart from draws, which fall on whole minutes.
    wild = rows(
        found.subject[picked],
        picked,
        found.start[picked] + 1801,
        potassium,
        np.full(len(picked), IMPOSSIBLE_POTASSIUM),
    )
    late = np.flatnonzero((death < NEVER) & (rng.random(len(people)) < 0.05))
    none = np.full(len(late), -1)
    after = rows(late, none, death[late] + 30 * DAY, potassium, np.full(len(late), 4.4))
    lost = np.flatnonzero(rng.random(len(people)) < 0.02)
    nowhere = np.full(len(lost), -1)
    orphan = rows(lost, nowhere, people.entry[lost] + 1801, potassium, np.full(len(lost), 4.2))
    return stack(
        [
            replace(wild, fault=wild.fault + OUT_OF_RANGE),
            replace(after, fault=after.fault + AFTER_DEATH),
            replace(orphan, fault=orphan.fault + ORPHAN),
        ]
    )
