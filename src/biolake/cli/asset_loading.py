"""What a load did with the assets of its source, as data and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.ingest.pipeline import IngestReport
    from biolake.lake.lake import Lake

_FATES = (
    "added",
    "known",
    "grown",
    "corrected",
    "linked",
    "unlinked",
    "ambiguous",
    "linked_later",
    "relinked",
    "conflicts",
    "forgotten",
    "untimed",
    "sampled",
    "samples_linked",
    "samples_unlinked",
    "samples_linked_later",
    "samples_moved",
    "bytes_stored",
    "packs",
)
# Told only where there are any.
_WORDS = {
    "grown": "got more files",
    "corrected": "corrected by their source: other bytes under the same name",
    "known": "known already",
    "linked_later": "of earlier loads, now linked",
    "relinked": "corrected by a list or by the files: now another subject's",
    "conflicts": "given to a second subject: they stay with the first",
    "ambiguous": "not linked: the identifier names two subjects",
    "forgotten": "refused: of a subject the lake forgot",
    "untimed": "linked without a time: no event was made",
    "sampled": "with samples of many subjects",
    "samples_linked": "samples linked to their subject",
    "samples_unlinked": "samples waiting for their subject",
    "samples_linked_later": "samples of earlier loads, now linked",
    "samples_moved": "samples that are another subject's now",
}


def assets_data(lake: Lake, report: IngestReport) -> dict[str, Any] | None:
    """Return what became of the assets; None where the source holds none.

    `waiting` are those not linked whose identifier may still come to be known.
    """
    found, commit = report.assets, report.load.commit
    if report.plan.assets is None and not (found.added or found.known):
        return None
    return {
        **{name: getattr(found, name) for name in _FATES},
        "waiting": _waiting(lake, commit.loads) if commit and found.unlinked else 0,
        "modalities": dict(found.modalities.most_common()),
        "notes": dict(found.notes.most_common()),
    }


def _waiting(lake: Lake, loads: tuple[str, ...]) -> int:
    from biolake.lake.door import open_view

    with open_view(lake) as view:
        ((count,),) = view.rows(
            "SELECT count(*) FROM assets WHERE subject_id IS NULL"
            " AND NOT starts_with(subject_key, 'either:') AND list_contains(?, load_id)",
            [list(loads)],
        )
    return int(count)


def assets_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    """Yield what became of the assets, and what to do for those that wait."""
    from biolake.cli.pages import counted, facts, figure, size

    kinds = ", ".join(f"{count:,} {name}" for name, count in data["modalities"].items())
    waiting, unnamed = data["waiting"], data["unlinked"] - data["waiting"]
    stored = f"{size(data['bytes_stored'])} in {counted(data['packs'], 'pack')}"
    yield facts(
        [
            ("assets added", f"{data['added']:,}" + (f" ({kinds})" if kinds else "")),
            ("linked to their subject", figure(data["linked"]) if data["linked"] else None),
            ("waiting for their subject", figure(waiting) if waiting else None),
            ("without an identifier", figure(unnamed) if unnamed else None),
            *((words, figure(data[n]) if data[n] else None) for n, words in _WORDS.items()),
            ("stored", stored if data["packs"] else None),
        ]
    )
    if waiting:
        yield (
            "Assets that wait are linked by the load that brings their subject's identifier,"
            " or make new subjects with --new-subjects. See them: biolake assets list --unlinked"
        )
