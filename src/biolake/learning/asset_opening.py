"""Open a lake's assets one after another and make something of each; what fails is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from biolake.core.catalogue import Catalogue
from biolake.core.errors import BiolakeError, SetupMissing
from biolake.core.media import Opened, Recording
from biolake.lake.assets import AssetFile, AssetRow, PackReader, StoredContent
from biolake.lake.door import View
from biolake.lake.packs import Place

Made = TypeVar("Made")
Progress = Callable[[int, int], None]
_AT_ONCE = 2000  # assets whose files are looked up together


@dataclass(frozen=True)
class Failure:
    """Why an asset could not be used; tells no subject's value."""

    asset_id: str
    reason: str


def each_opened(
    view: View,
    catalogue: Catalogue,
    rows: Sequence[AssetRow],
    make: Callable[[Opened], Made],
    progress: Progress = lambda _done, _of: None,
) -> Iterator[tuple[int, Made | Failure]]:
    """Yield each asset's number with what was made of it, or why nothing could be.

    A missing installation extra stops everything: it is no fault of an asset.
    """
    with PackReader(view.lake) as packs:
        for begin in range(0, len(rows), _AT_ONCE):
            part = rows[begin : begin + _AT_ONCE]
            files = _files_of(view, [row.asset_id for row in part])
            for number, row in enumerate(part, begin):
                yield number, _one(view, catalogue, row, packs, files, make)
                progress(number + 1, len(rows))


def reasons(failures: Sequence[Failure]) -> dict[str, int]:
    """Return how many assets failed for each reason, the most frequent first."""
    return dict(Counter(failure.reason for failure in failures).most_common())


def _one(
    view: View,
    catalogue: Catalogue,
    row: AssetRow,
    packs: PackReader,
    files: dict[str, list[AssetFile]],
    make: Callable[[Opened], Made],
) -> Made | Failure:
    opened: Opened | None = None
    try:
        reader = catalogue.get("asset-reader", row.format)
        listed = files.get(row.asset_id, [])
        with StoredContent(view, row.asset_id, packs=packs, files=listed) as content:
            opened = reader.call(content)
            return make(opened)
    except SetupMissing:
        raise
    except BiolakeError as error:
        return Failure(row.asset_id, error.message)
    except Exception as error:  # a damaged asset must not end the run
        return Failure(row.asset_id, f"it could not be opened ({type(error).__name__})")
    finally:
        _close(opened)


def _close(opened: Opened | None) -> None:
    close = getattr(opened, "close", None)
    if close is not None and not isinstance(opened, Recording):
        close()


def _files_of(view: View, ids: Sequence[str]) -> dict[str, list[AssetFile]]:
    found: dict[str, list[AssetFile]] = {}
    for asset_id, name, sha256, pack, offset, length in view.rows(
        'SELECT asset_id, name, sha256, pack, "offset", length FROM asset_files'
        " WHERE asset_id IN (SELECT unnest(?)) ORDER BY asset_id, number",
        [list(ids)],
    ):
        found.setdefault(asset_id, []).append(AssetFile(name, sha256, Place(pack, offset, length)))
    return found
