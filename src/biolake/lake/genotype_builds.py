"""One reference build a lake: genotypes of another would put variants at the wrong places."""

from __future__ import annotations

from biolake.core.assets import FoundAsset
from biolake.lake.door import View

_HELD = """
SELECT f.sha256, a.attributes ->> '$.build' AS build
FROM assets a JOIN asset_files f ON f.asset_id = a.asset_id AND f.number = 0
WHERE a.modality = 'genotype' AND coalesce(a.attributes ->> '$.build', '') <> ''
"""


class GenotypeBuilds:
    """The builds of the lake's genotypes, by the file that opens each; asked for when needed."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._held: dict[str, str] | None = None

    def fault(self, found: FoundAsset) -> str:
        """Say why genotypes do not belong beside those the lake has, or nothing.

        The same genotypes may come again with a build that was corrected. Genotypes whose build
        nobody knows are taken: they meet others by name alone.
        """
        build = str(found.facts.attributes.get("build") or "")
        if found.modality != "genotype" or not build:
            return ""
        if self._held is None:
            self._held = dict(self._view.rows(_HELD))
        opens = found.files[0].content_hash
        others = sorted({held for sha, held in self._held.items() if sha != opens} - {build})
        if others:
            return (
                f"its variants are in {build}, and the lake's genotypes in {others[0]}: lift it"
                f" over to {others[0]}, or keep it in a lake of its own"
            )
        self._held[opens] = build
        return ""
