"""Assets, and subjects, like one that is named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from biolake.core.errors import WrongUse
from biolake.lake.columns import NO_TIME
from biolake.search.owned import Filters, Owned
from biolake.search.searching import Searcher
from biolake.search.vectors import PREFIX, OpenVectors, unit


@dataclass(frozen=True)
class Like:
    """An asset that is like another: the cosine of their vectors, and whose it is."""

    asset_id: str
    cosine: float
    modality: str
    subject: int | None
    time: int | None
    item: int
    assets: int = 1  # of the subject, where subjects were asked for


def encoders_of(searcher: Searcher, asset_id: str) -> list[str]:
    """Return the encoders whose vectors of this asset are in the index."""
    names = [name.removeprefix(PREFIX) for name in searcher.state.parts if name.startswith(PREFIX)]
    return [name for name in names if len(_rows_of(searcher.vectors(name)[0], asset_id))]


def like(
    searcher: Searcher,
    asset_id: str,
    encoder: str,
    *,
    limit: int = 10,
    filters: Filters = Filters(),  # noqa: B008 - frozen
    by_subject: bool = False,
) -> list[Like]:
    """Return what is most like an asset, the most alike first.

    By subject, each counts by the asset of his that is most alike, and the asset's own subject is
    left out.
    """
    opened, known = searcher.vectors(encoder)
    mine = _rows_of(opened, asset_id)
    if not len(mine):
        raise WrongUse(
            f"the index has no vector of this asset by {encoder}",
            where=asset_id[:12],
            next="Encode it, then bring the index up to date: biolake encode; biolake index build",
        )
    asked = unit(opened.quantised.exact(mine).mean(axis=0))
    fits = known.fitting(filters)
    fits[mine] = False
    if by_subject:
        fits &= known.known & (known.subject != known.subject[mine[0]])
    rows = np.flatnonzero(fits)
    # Of one asset, or one subject, several rows may be among the nearest.
    count = limit * 8
    while True:
        found, cosine = opened.quantised.nearest(asked, count, rows)
        kept = _first_of_each(opened, known, found, cosine, by_subject)
        if len(kept) >= limit or count >= len(rows):
            return _with_counts(kept[:limit], known, fits) if by_subject else kept[:limit]
        count *= 8


def _rows_of(opened: OpenVectors, asset_id: str) -> np.ndarray:
    return np.flatnonzero(pc.equal(opened.assets, asset_id).to_numpy(zero_copy_only=False))


def _first_of_each(
    opened: OpenVectors, known: Owned, found: np.ndarray, cosine: np.ndarray, by_subject: bool
) -> list[Like]:
    kept: dict[object, Like] = {}
    for row, alike in zip(found.tolist(), cosine.tolist(), strict=True):
        asset_id = opened.assets[row].as_py()
        subject = int(known.subject[row]) if known.known[row] else None
        time = int(known.time[row])
        one = Like(
            asset_id,
            alike,
            str(known.modality[row]),
            subject,
            None if time == NO_TIME else time,
            int(opened.items[row]),
        )
        kept.setdefault(subject if by_subject else asset_id, one)
    return list(kept.values())


def _with_counts(found: list[Like], known: Owned, fits: np.ndarray) -> list[Like]:
    """Say how many vectors each subject has among those that fit."""
    from dataclasses import replace

    return [
        replace(one, assets=int(np.count_nonzero(fits & (known.subject == one.subject))))
        for one in found
    ]
