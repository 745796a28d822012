"""One asset of a batch, and whether it is of another subject than the stored one it would join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from biolake.core.assets import FoundAsset
from biolake.core.reading import SourceFile
from biolake.lake.asset_growth import Member
from biolake.lake.asset_owners import Owner
from biolake.lake.asset_rows import Row, is_text
from biolake.lake.linkage import EITHER, Linkage

OTHERS = "its series is that of another subject here"


@dataclass
class Found:
    """One asset of a batch: what was found, and whose it is."""

    asset: FoundAsset
    reader: str
    files: tuple[SourceFile, ...]  # distinct by content
    members: list[Member]  # the same, with their keys
    id: str
    source_key: str
    lines: list[int]  # ledger lines of its files
    subject: int | None = None
    key: str | None = None  # under which it waits for its subject
    encounter: int | None = None
    ambiguous: bool = False
    clockless: bool = False  # its time cannot be told on the site's clock
    corrects: bool = False  # it takes the place of other bytes under its name
    described: Row = field(default_factory=dict)
    samples: Sequence[Owner] = ()

    @property
    def is_row(self) -> bool:
        """Whether it is the text of a row that has a key: a note of a table or message."""
        return self.asset.listed and bool(self.text_key)

    @property
    def text_key(self) -> str:
        """The key that goes into its id: of texts that others' may repeat word for word."""
        return self.source_key if is_text(self.asset) else ""


def is_of_another(one: Found, old: Row, linkage: Linkage, option: str) -> bool:
    """Say whether files name another subject than the stored asset they would join.

    `option` is the system the load was told. Who is named nowhere is no other. A name not known yet
    differs from a known subject: no asset may hold two people's data, and files turned away can be
    given again.
    """
    value = (one.asset.subject or "").strip()
    held = _marks(old["subject_id"], old["subject_key"], linkage)
    if not value or not held:
        return False
    systems = {"", option, one.asset.system, linkage.system.name}
    waits = {linkage.waiting_key(old["site_id"], value, system) for system in systems}
    return held.isdisjoint(waits | _marks(one.subject, one.key, linkage))


def _marks(subject: int | None, key: str | None, linkage: Linkage) -> set[str]:
    """Return what stands for each subject that an asset is, or may be, of."""
    if subject is not None:
        key = linkage.either([subject])
    return set(key.removeprefix(EITHER).split(",")) if key else set()
