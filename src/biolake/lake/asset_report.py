"""How a load is to understand its assets, and what it did with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from biolake.core.keys import row_key

NEW_SYSTEM = "asset"  # of identifiers in files that name no system
OF_FORGOTTEN = (
    "assets stored earlier prove to be of a forgotten subject: forget that subject once more to"
    " remove them"
)
CHANGED = (
    "run: biolake extract (until then the lake has what was found in these assets before they were"
    " corrected, moved in time or given to another subject)"
)


@dataclass(frozen=True)
class AssetOptions:
    """How identifiers in asset files are understood."""

    new_subjects: bool = False
    subject_system: str | None = None


@dataclass
class AssetReport:
    """What a load did with its assets. `linked` and `unlinked` tell of those added."""

    added: int = 0
    known: int = 0  # in the lake already, with the same content
    grown: int = 0  # got more files
    corrected: int = 0  # other bytes under the source's own name took their place
    linked: int = 0
    unlinked: int = 0
    ambiguous: int = 0  # unlinked: the identifier names two subjects
    linked_later: int = 0  # of earlier loads (or told twice), now linked
    outdated: int = 0  # texts that a later row of the same load replaced
    relinked: int = 0  # corrected by a list or by the files: now another subject's
    conflicts: int = 0  # content given to a second subject: it stays with the first
    forgotten: int = 0  # refused: of a subject the lake forgot
    untimed: int = 0  # linked, and without a time: no event was made
    bytes_stored: int = 0
    packs: int = 0
    sampled: int = 0  # of those added: they hold samples of many subjects, and have none themselves
    samples_linked: int = 0
    samples_unlinked: int = 0
    samples_linked_later: int = 0  # of earlier loads, now linked
    samples_moved: int = 0  # a corrected sheet says that they are another subject's
    modalities: Counter[str] = field(default_factory=Counter)  # of those added
    notes: Counter[str] = field(default_factory=Counter)


def asset_key(site: str, source_key: str, name: str) -> int:
    """Return the row key of an asset's event: it outlives the asset's growth."""
    return row_key("asset", site, source_key or name)
