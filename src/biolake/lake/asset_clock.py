"""Times of assets on their site's clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from biolake.core.assets import FoundAsset
from biolake.core.bounds import FIRST_TIME, LAST_TIME, is_sayable
from biolake.core.reading import Clock
from biolake.core.schema import MICROSECONDS
from biolake.lake.intake import as_utc

CLOCKLESS = "assets without their time: it is local, this site keeps UTC; name the zone by --zone"
_MINUTE = 60_000_000
_FARTHEST = 18 * 60  # minutes between two clocks; what tells of more is no offset


@dataclass(frozen=True)
class SiteTime:
    """The clock a site keeps: local time as written, or UTC.

    At a UTC site the offset that a file tells counts, else the zone; where neither is known, the
    asset has no time, for a guess could put it before what it followed.
    """

    clock: Clock
    zone: str | None = None

    def of(self, found: FoundAsset) -> tuple[FoundAsset, bool]:
        """Return an asset with its times on this clock; True: they were left out."""
        if self.clock == "local" or found.start is found.end is None:
            return found, False
        offset = found.utc_offset
        if offset is not None and abs(offset) <= _FARTHEST:
            start, end = _shifted(found.start, offset), _shifted(found.end, offset)
        elif self.zone is not None:
            local = pa.array([found.start, found.end], pa.int64()).cast(MICROSECONDS)
            start, end = as_utc(local, self.zone).cast(pa.int64()).to_pylist()
        else:
            return replace(found, start=None, end=None), True
        return replace(found, start=start, end=end), False


def _shifted(time: int | None, offset: int) -> int | None:
    if time is None:
        return None
    return max(FIRST_TIME, min(LAST_TIME, time - offset * _MINUTE))


def end_of(found: FoundAsset) -> int | None:
    """Return when an asset ends: as told, or as long after its start as it lasts."""
    if found.end is not None or found.start is None or found.facts.seconds is None:
        return found.end
    end = found.start + round(found.facts.seconds * 1e6)
    return end if is_sayable(end) else None
