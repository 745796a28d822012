"""Radiomics of the lungs in chest CT: 107 features under their pyradiomics names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.core.media import Opened, Volume
from biolake.imaging.radiomics.names import FAMILIES, NAMES, unit

_HU = "[hnsf'U]"
_SPACING = (2.0, 2.0, 2.0)  # mm: as IBSI's configurations C to E resample
_THICKEST = 5.0  # mm: of thicker slices texture along the body is interpolation
_FAMILY_NAMES = dict(
    zip(
        FAMILIES,
        (
            "first-order",
            "shape",
            "grey level co-occurrence",
            "grey level dependence",
            "grey level run length",
            "grey level size zone",
            "neighbouring grey tone difference",
        ),
        strict=True,
    )
)


def _described(name: str) -> FoundCode:
    _, family, feature = name.split("_")
    what = f"Radiomics of both lungs: {_FAMILY_NAMES[family]} {feature}"
    return FoundCode(f"RADIOMICS//{name}", what, unit(name, _HU))


@extractor(
    "Radiomics of the lungs in chest CT",
    needs="ct",
    version="1",
    codes=[_described(name) for name in NAMES],
    extra="imaging",
)
def radiomics(opened: Opened) -> Sequence[Finding]:
    """Measure both lungs with 107 radiomics features; nothing when they are not wholly in view.

    The CT is resampled to 2 mm (linear), its mask with it (nearest), and binned by 25 HU; features
    are those of pyradiomics 3 on that region. Texture depends on slice thickness, dose and kernel:
    compare scans of one protocol, or harmonise first.
    """
    if not isinstance(opened, Volume) or max(opened.spacing) > _THICKEST:
        return []
    require("imaging", "numba", "scipy")
    from biolake.imaging.lungs import lungs_of
    from biolake.imaging.radiomics.features import radiomics as features_of
    from biolake.imaging.resample import resampled

    try:
        lungs = lungs_of(opened)
    except DataRefused:
        return []
    if lungs.missing:
        return []
    mask = replace(opened, voxels=lungs.full(opened.voxels.shape))
    inside = resampled(mask, _SPACING, "nearest").voxels > 0
    found = features_of(resampled(opened, _SPACING), inside)
    return [Finding(f"RADIOMICS//{name}", value, unit(name, _HU)) for name, value in found.items()]
