"""Apply a stored model to a lake's assets: its answers become events of their subjects."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.catalogue import Catalogue
from biolake.core.keys import row_key
from biolake.core.reading import Chunk, Clock, Reject, SourceFile, SubjectSystem, Tally
from biolake.core.schema import MAPPED, MAPPED_CODES
from biolake.lake.assets import AssetRow
from biolake.lake.commits import Commit
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake
from biolake.lake.loading import Loading, LoadRequest
from biolake.lake.locking import writer
from biolake.lake.transaction import clear_scratch, scratch_folder
from biolake.learning.asset_opening import Failure, Progress, each_opened
from biolake.learning.asset_selection import Selection, select_assets
from biolake.learning.diagnosis import Diagnosis, set_name
from biolake.learning.shelf import Shelved, seen_in_training, shelved_model, take_down
from biolake.learning.spec_reading import parse_spec

_AT_ONCE = 256  # assets answered together


@dataclass(frozen=True)
class ApplyReport:
    """What an application did; `commits` is empty when every asset had its answers already."""

    model: str
    version: int
    answered: int
    known: int
    failed: dict[str, int]  # reason → assets
    commits: tuple[Commit, ...]


def apply_model(
    lake: Lake,
    name: str,
    catalogue: Catalogue,
    *,
    version: int | None = None,
    wait: float = 0.0,
    progress: Progress = lambda _done, _of: None,
) -> ApplyReport:
    """Answer for every asset the model is for that this version has not answered: a load a site.

    Each answer is an event `MODEL//name//label` at the asset's time: the probability as its value,
    and the conformal set (yes, no, undecided, neither) with the version as its text, which also
    says where the model may have seen the asset in training: such answers are too good to judge it
    by. A later version's answers replace those of an earlier one.
    """
    with open_view(lake) as view:
        one = shelved_model(view, name, version)
        diagnosis = take_down(lake, one, catalogue)
        sites = sorted({row.site_id for row in _chosen(view, one).rows})
    known, answered = 0, 0
    failed: Counter[str] = Counter()
    commits: list[Commit] = []
    for site in sites:
        done = _Site(lake, one, diagnosis, catalogue, site, progress)
        commit = done.run(wait)
        commits += [commit] if commit else []
        known, answered = known + done.known, answered + done.answered
        failed.update(done.failed)
    return ApplyReport(name, one.version, answered, known, dict(failed), tuple(commits))


def _chosen(view: View, one: Shelved) -> Selection:
    return select_assets(view, parse_spec(one.card["specification"]).assets)


class _Site:
    """The answers for one site's assets, as one load."""

    def __init__(
        self,
        lake: Lake,
        one: Shelved,
        diagnosis: Diagnosis,
        catalogue: Catalogue,
        site: str,
        progress: Progress,
    ) -> None:
        self.lake, self.one, self.diagnosis = lake, one, diagnosis
        self.catalogue, self.site, self.progress = catalogue, site, progress
        self.source = f"model {one.model}"
        self.known = self.answered = 0
        self.failed: Counter[str] = Counter()

    def run(self, wait: float) -> Commit | None:
        with writer(self.lake.store, f"apply {self.one.model}", wait):
            clear_scratch(self.lake)
            base = self.lake.commit()
            with scratch_folder(self.lake) as scratch, open_view(self.lake, base) as view:
                rows = self._new(view)
                if not rows:
                    return None
                request = LoadRequest(
                    site=self.site,
                    layout="model",
                    subjects=SubjectSystem("lake", integer=True, direct=True),
                    clock=_clock(view, self.site),
                    expected_rows=len(rows) * len(self.diagnosis.labels),
                    message=f"{self.one.model}, version {self.one.version}: {len(rows)} assets",
                )
                loading = Loading(self.lake, base, request, scratch)
                return loading.run(self._chunks(view, rows)).commit

    def _new(self, view: View) -> list[AssetRow]:
        # Of several readings of an asset the latest counts: a version may be gone back to.
        seen = view.rows(
            "SELECT content_hash, arg_max(layout_hash, load_id) FROM loads WHERE site_id = ?"
            ' AND "table" = ? GROUP BY content_hash',
            [self.site, self.source],
        )
        done = {content for content, how in seen if how == self._how()}
        mine = [row for row in _chosen(view, self.one).rows if row.site_id == self.site]
        new = [row for row in mine if self._content(row) not in done]
        self.known = len(mine) - len(new)
        return new

    def _how(self) -> str:
        return f"{self.one.model} {self.one.version} {self.one.sha256}"

    def _content(self, row: AssetRow) -> str:
        # Not the asset's own id: a file of that content is known by it, with its own reading.
        return hashlib.sha256(f"{self.source}\n{row.asset_id}".encode()).hexdigest()

    def _chunks(self, view: View, rows: Sequence[AssetRow]) -> Iterator[Chunk]:
        waiting: list[tuple[AssetRow, np.ndarray]] = []
        opened = each_opened(view, self.catalogue, rows, self.diagnosis.reading.one, self.progress)
        for number, made in opened:
            if isinstance(made, Failure):
                self.failed[made.reason] += 1
                yield self._failed(rows[number], made)
                continue
            waiting.append((rows[number], made))
            if len(waiting) >= _AT_ONCE:
                yield from self._answers(waiting)
                waiting = []
        yield from self._answers(waiting)

    def _answers(self, waiting: Sequence[tuple[AssetRow, np.ndarray]]) -> Iterator[Chunk]:
        if not waiting:
            return
        examples = self.diagnosis.reading.gathered([made for _, made in waiting])
        risk = self.diagnosis.risk(examples)
        sets = self.diagnosis.sets(risk)
        for n, (row, _) in enumerate(waiting):
            self.answered += 1
            tally = Tally(rows=1, event_rows=1)
            events = self._events(row, risk[n], sets[n])
            yield Chunk(self._file(row), self.source, tally, events, codes=self._codes())

    def _failed(self, row: AssetRow, failure: Failure) -> Chunk:
        tally = Tally(rows=1, rejects=[Reject(1, "", failure.reason)])
        return Chunk(self._file(row), self.source, tally)

    def _file(self, row: AssetRow) -> SourceFile:
        return SourceFile(Path(row.asset_id), row.asset_id, self._content(row), self._how(), 0)

    def _events(self, row: AssetRow, risk: np.ndarray, sets: np.ndarray) -> pa.Table:
        labels = self.diagnosis.labels
        seen = ", seen in training" if seen_in_training(self.one, self.lake, row) else ""
        said = [f"{set_name(one)} (version {self.one.version}{seen})" for one in sets]
        count = len(labels)
        return pa.table(
            {
                "subject": pa.array([row.subject_id] * count, pa.int64()),
                "time": pa.array([row.time] * count, pa.timestamp("us")),
                "end_time": pa.array([row.end_time] * count, pa.timestamp("us")),
                "code": [f"MODEL//{self.one.model}//{label}" for label in labels],
                "numeric_value": pa.array(risk, pa.float64()),
                "text_value": said,
                "unit": pa.array(["1"] * count),
                "encounter": pa.array([row.encounter_id] * count, pa.int64()),
                "row_key": pa.array(
                    [row_key("model", self.one.model, row.asset_id, label) for label in labels],
                    pa.int64(),
                ),
            }
        ).select(MAPPED.names)

    def _codes(self) -> pa.Table:
        name = self.one.model
        return pa.table(
            {
                "code": [f"MODEL//{name}//{label}" for label in self.diagnosis.labels],
                "description": [
                    f"probability of {label} by the model {name}" for label in self.diagnosis.labels
                ],
                "parent_codes": pa.array(
                    [None] * len(self.diagnosis.labels), MAPPED_CODES.field(2).type
                ),
            },
            schema=MAPPED_CODES,
        )


def _clock(view: View, site: str) -> Clock:
    found = view.rows("SELECT clock FROM sites WHERE site_id = ?", [site])
    return "utc" if found and found[0][0] == "utc" else "local"
