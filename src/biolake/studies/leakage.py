"""The leak guard: when everything after the index time is changed, no feature may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from biolake.cohorts.definition import Task
from biolake.core.errors import DataRefused
from biolake.lake.door import View, open_view
from biolake.retrieval.definition import Definition
from biolake.retrieval.vocabulary import Vocabulary
from biolake.studies.dataset import Dataset, build_dataset
from biolake.studies.population import Members

SAMPLES = 100
_ANSWER = "MODEL//"  # code of what a diagnosis model says of an asset

# After a subject's index time: other codes, other values, other (but still later) times.
_SHUFFLED = """
CREATE VIEW "{table}" AS
SELECT e.* REPLACE (
    CASE WHEN e.time > c.time THEN c.time + to_microseconds((
        1 + hash(e.code, e.time) % greatest(1, epoch_us(e.time) - epoch_us(c.time))::UBIGINT
    )::BIGINT) ELSE e.time END AS time,
    CASE WHEN e.time > c.time THEN coalesce(o.other, e.code) ELSE e.code END AS code,
    CASE WHEN e.time > c.time THEN (17 - 3 * e.numeric_value)::FLOAT
         ELSE e.numeric_value END AS numeric_value
)
FROM "true_{table}" e
LEFT JOIN biolake_cut c USING (subject_id)
LEFT JOIN biolake_other o USING (code)
"""

# Later assets at other (but still later) times; these and those not over yet with other vectors.
_SHUFFLED_ASSETS = """
CREATE VIEW assets AS
SELECT a.* REPLACE (
    CASE WHEN a.time > c.time THEN c.time + to_microseconds((
        1 + hash(a.asset_id) % greatest(1, 2 * (epoch_us(a.time) - epoch_us(c.time)))::UBIGINT
    )::BIGINT) ELSE a.time END AS time,
    CASE WHEN a.end_time > c.time THEN a.end_time + INTERVAL 1 DAY ELSE a.end_time END AS end_time
)
FROM true_assets a LEFT JOIN biolake_cut c USING (subject_id)
"""
_SHUFFLED_VECTORS = """
CREATE VIEW embeddings AS
SELECT e.* REPLACE (
    CASE WHEN e.asset_id IN (
        SELECT asset_id FROM true_assets a JOIN biolake_cut c USING (subject_id)
        WHERE greatest(a.time, a.end_time) > c.time
    ) THEN list_transform(e.vector, lambda x: 17 - 3 * x) ELSE e.vector END AS vector
)
FROM true_embeddings e
"""


@dataclass(frozen=True)
class ShuffleTest:
    """Whether features stayed the same, on how many samples, and which columns did not."""

    verdict: Literal["passed", "failed"]
    samples: int
    columns: tuple[str, ...] = ()


def shuffle_test(
    view: View, definition: Definition, members: Members, dataset: Dataset, folder: Path
) -> ShuffleTest:
    """Rebuild the features of some samples on a lake whose future is scrambled, and compare.

    One sample of each subject is taken: another's past may lie in this one's future.
    """
    chosen = _chosen(members)
    some = members.take(chosen)
    try:
        with _scrambled(view, some) as other:
            again = build_dataset(other, definition, some, folder, vocabulary=dataset.vocabulary)
    except DataRefused:  # units do not fit: a scrambled value was seen
        return ShuffleTest("failed", len(chosen), dataset.columns)
    same = _equal(dataset.values[chosen], again.values)
    changed = tuple(name for name, ok in zip(dataset.columns, same.tolist(), strict=True) if not ok)
    return ShuffleTest("failed" if changed else "passed", len(chosen), changed)


def met_at_once(task: Task, definition: Definition) -> bool:
    """Say whether one event can be both a feature and the outcome: at the prediction time itself.

    So it is when the label's window begins there, inclusive, and a feature's window ends there. An
    asset counts as an event: what was found in it has its time.
    """
    label, index = task.label_window, task.index_window
    if label is None or index is None or label.root != "start":
        return False
    begins = label.start.reference == f"{index.name}.{index.index}" and not label.start.moves
    windows = [window for group in definition.groups for window in group.windows]
    windows += [embedding.window for embedding in definition.embeddings]
    ends = any(not window.cut for window in windows)
    return begins and label.start_inclusive and ends


def learned_here(vocabulary: Vocabulary) -> bool:
    """Say whether answers of a lake's own diagnosis models are among the features."""
    codes = (code for block in vocabulary.blocks for code in block.codes)
    return any(code.startswith(_ANSWER) for code in codes)


def _chosen(members: Members) -> np.ndarray:
    """Spread the choice over the subjects, first sample each."""
    _, first = np.unique(members.subject_id, return_index=True)
    step = max(1, len(first) // SAMPLES)
    return np.asarray(first[::step][:SAMPLES])


def _equal(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    return np.asarray(((one == two) | (np.isnan(one) & np.isnan(two))).all(axis=0))


@contextmanager
def _scrambled(view: View, members: Members) -> Iterator[View]:
    """Open the same commit again, its events, assets and vectors replaced by scrambled ones."""
    with open_view(view.lake, view.commit, access=view.access) as other:
        other.con.register("given", members.table())
        other.con.execute(
            "CREATE TABLE biolake_cut AS SELECT subject_id, index_time AS time FROM given"
        )
        other.con.unregister("given")
        other.con.execute(
            "CREATE TABLE biolake_other AS SELECT code, coalesce(lead(code) OVER w,"
            " first_value(code) OVER w) AS other FROM codes WINDOW w AS (ORDER BY code)"
        )
        for table in ("events", "events_by_code"):
            other.con.execute(f'ALTER VIEW "{table}" RENAME TO "true_{table}"')
            other.con.execute(_SHUFFLED.format(table=table))
        for table, sql in (("assets", _SHUFFLED_ASSETS), ("embeddings", _SHUFFLED_VECTORS)):
            other.con.execute(f'ALTER VIEW "{table}" RENAME TO "true_{table}"')
            other.con.execute(sql)
        yield other
