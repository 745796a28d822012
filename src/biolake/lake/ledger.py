"""The load ledger: where every source row went, line by line, adding up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

import pyarrow as pa

from biolake.core.errors import BiolakeError, DataRefused
from biolake.core.schema import LOADS, QUALITY, QUARANTINE, SITES
from biolake.lake.commits import Commit
from biolake.lake.door import View, open_view
from biolake.lake.intake import Intake
from biolake.lake.lake import Lake
from biolake.lake.merging import Outcome

if TYPE_CHECKING:
    from biolake.lake.loading import LoadRequest
    from biolake.lake.measures import Row


_NONE: dict[str, int] = {}  # one for all lines: there may be a million


@dataclass(frozen=True, slots=True)
class Line:
    """One source file of one table: rows = event_rows + part_rows + skipped + quarantined,
    and events = added + repeated + superseded + known + retracted + forgotten."""

    load_id: str
    site_id: str
    layout: str
    layout_hash: str
    table: str
    file: str
    content_hash: str
    rows: int
    event_rows: int
    part_rows: int
    skipped: dict[str, int]
    quarantined_rows: int
    events: int
    added: int
    repeated: int
    superseded: int
    known: int
    retracted: int
    forgotten: int
    started: int
    subjects_by: str

    @property
    def unexplained(self) -> int:
        explained = self.event_rows + self.part_rows + self.quarantined_rows
        return self.rows - explained - sum(self.skipped.values())


def lines(
    intake: Intake, request: LoadRequest, outcome: Outcome, added: Counter[int], started: int
) -> list[Line]:
    return [
        Line(
            load_id=intake.load,
            site_id=intake.site,
            layout=request.layout,
            layout_hash=part.reading_hash,
            table=part.table,
            file=part.file,
            content_hash=part.content_hash,
            rows=part.tally.rows,
            event_rows=part.tally.event_rows,
            part_rows=part.tally.part_rows,
            skipped=dict(part.tally.skipped) if part.tally.skipped else _NONE,
            quarantined_rows=len(part.tally.rejects),
            events=part.events + part.refused,
            added=added[number],
            repeated=outcome.repeated[number],
            superseded=outcome.superseded[number],
            known=outcome.known[number],
            retracted=outcome.retracted[number],
            forgotten=part.refused,
            started=started,
            subjects_by=request.subjects.name,
        )
        for number, part in enumerate(intake.parts)
    ]


def table(lines: Sequence[Line]) -> pa.Table:
    """Return ledger lines as rows of the `loads` table."""
    told = {
        "skipped": [json.dumps(line.skipped) if line.skipped else "{}" for line in lines],
        "skipped_rows": [sum(line.skipped.values()) for line in lines],
    }
    columns = {n: told.get(n) or list(map(attrgetter(n), lines)) for n in LOADS.names}
    return pa.table(columns, schema=LOADS)


def quarantine(intake: Intake, load: str) -> pa.Table:
    """Return every rejected row of a load: file, row, column, reason; never a value."""
    rows = [
        (load, intake.site, part.table, part.file, reject.row, reject.column, reject.reason)
        for part in intake.parts
        for reject in part.tally.rejects
    ]
    columns = zip(*rows, strict=True) if rows else [[] for _ in QUARANTINE]
    return pa.table(dict(zip(QUARANTINE.names, columns, strict=True)), schema=QUARANTINE)


def quality(rows: Sequence[Row], intake: Intake, load: str, ledger: Sequence[Line]) -> pa.Table:
    """Return raw quality counts of a load, with the ledger's own checks first."""
    conservation: Counter[str] = Counter()
    for line in ledger:
        conservation[line.table] += line.rows
    own: list[Row] = []
    for name, total in conservation.items():
        mine = [line for line in ledger if line.table == name]
        own.append(("unexplained rows", name, sum(x.unexplained for x in mine), total, ""))
        own.append(("quarantined rows", name, sum(x.quarantined_rows for x in mine), total, ""))
        repeated = sum(x.repeated for x in mine)
        own.append(("repeated rows", name, repeated, sum(x.events for x in mine), ""))
        forgotten = sum(x.forgotten for x in mine)
        if forgotten:
            events = sum(x.events for x in mine)
            own.append(("subject was forgotten", name, forgotten, events, ""))
    own += _dropped(intake)
    people = len(intake.linkage.registry)
    own.append(("identity conflicts", "people", intake.linkage.conflicts, people, ""))
    columns = zip(*((load, intake.site, *row) for row in [*own, *rows]), strict=True)
    return pa.table(dict(zip(QUALITY.names, columns, strict=True)), schema=QUALITY)


def _dropped(intake: Intake) -> Iterator[Row]:
    """Yield, by table, events that their rows should have given too, of all they should have."""
    dropped: dict[str, Counter[str]] = {}
    events: Counter[str] = Counter()
    for part in intake.parts:
        dropped.setdefault(part.table, Counter()).update(part.tally.dropped)
        events[part.table] += part.events + part.refused
    for name, found in dropped.items():
        count = found.total()
        if count:
            rules = ", ".join(f"{rule} {n}" for rule, n in found.most_common())
            yield "events dropped", name, count, events[name] + count, rules


def sites(view: View, site: str, clock: str, zone: str | None) -> pa.Table | None:
    """Return the sites table with this site's clock and zone, or None when it says so already."""
    held = view.table("SELECT site_id, clock, zone FROM sites").to_pylist()
    before = [row for row in held if row["site_id"] == site]
    if before and zone in (None, before[0]["zone"]):
        return None
    others = [row for row in held if row["site_id"] != site]
    return pa.Table.from_pylist([*others, {"site_id": site, "clock": clock, "zone": zone}], SITES)


def refuse_other_clock(lake: Lake, base: Commit, site: str, clock: str) -> None:
    """Refuse to mix, within one site, times in UTC and times as the site's clock showed them."""
    with open_view(lake, base) as view:
        held = view.rows("SELECT clock FROM sites WHERE site_id = ?", [site])
    if held and held[0][0] != clock:
        raise DataRefused(
            f"site '{site}' keeps times in {_clock(held[0][0])}; this source gives {_clock(clock)}",
            next=_OTHER_CLOCK[clock],
        )


# A site's clock stands from its first load on: a zone named later changes only what a load gives.
_OTHER_CLOCK = {
    "utc": "Load it as another --site. To keep one site, load the site anew under another --site:"
    " its first load needs --zone.",
    "local": "Load it as another --site, or name this source's time zone with --zone.",
}


def _clock(clock: str) -> str:
    return "UTC" if clock == "utc" else "local time without offset"


def refuse_unexplained(intake: Intake) -> None:
    """Refuse a load in which some row of some file has no fate: a fault of the reader."""
    for part in intake.parts:
        if part.tally.unexplained:
            raise BiolakeError(
                f"{part.tally.unexplained} of {part.tally.rows} rows are unaccounted for",
                where=part.file,
                next="Nothing was changed. Please report this: the reader lost count.",
            )


def now_microseconds() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000_000)
