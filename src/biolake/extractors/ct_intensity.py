"""What a CT shows of the body as a whole: how much of it, and what it is made of by density."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.core.media import Opened, Volume

if TYPE_CHECKING:
    from biolake.imaging.density import Density

_HU = "[hnsf'U]"
# Shares of the body: code, from and below which HU, and what lies there.
_RANGES = (
    ("CT//body_air", float("-inf"), -400.0, "below −400 HU: lungs, airways and bowel gas"),
    ("CT//body_fat", -190.0, -29.0, "from −190 to −30 HU: fat (Kvist et al., AJCN 1988;48:1351)"),
    (
        "CT//body_muscle_range",
        -29.0,
        151.0,
        "from −29 to 150 HU: muscle, organs and blood (Mitsiopoulos et al., JAP 1998;85:115)",
    ),
    ("CT//body_dense", 151.0, float("inf"), "above 150 HU: bone, contrast agent and metal"),
)
_CODES = (
    FoundCode("CT//body_volume", "Volume of the body in view, with all that it encloses", "mL"),
    FoundCode("CT//body_density_mean", "Mean density of the body in view", _HU),
    FoundCode("CT//body_density_median", "Median density of the body in view", _HU),
    FoundCode("CT//body_density_deviation", "Standard deviation of the body's density", _HU),
    *(FoundCode(code, f"Share of the body in view {what}", "%") for code, _, _, what in _RANGES),
)


@extractor(
    "Body in CT: volume and density",
    needs="ct",
    version="1",
    codes=_CODES,
    extra="imaging",
)
def ct_intensity(opened: Opened) -> Sequence[Finding]:
    """Measure the body in any CT in Hounsfield units, without table and surroundings.

    Every share is of what is in view, so scans of different parts are not comparable.
    """
    if not isinstance(opened, Volume) or opened.units != "HU":
        return []
    require("imaging", "scipy")
    try:
        found, millilitres = _body(opened)
    except DataRefused:
        return []
    if found is None:
        return []
    return [
        Finding("CT//body_volume", millilitres, "mL"),
        Finding("CT//body_density_mean", found.mean, _HU),
        Finding("CT//body_density_median", found.percentile(50.0), _HU),
        Finding("CT//body_density_deviation", found.deviation, _HU),
        *(Finding(code, found.share(low, high), "%") for code, low, high, _ in _RANGES),
    ]


def _body(volume: Volume) -> tuple[Density | None, float]:
    """Return the density of the body's voxels and their volume in mL; None without a whole body."""
    from biolake.imaging.body import body_of, coarse, spread
    from biolake.imaging.density import density, summed

    small = coarse(volume)
    body = body_of(small)
    filled = body.filled
    if body.cut or not filled.any():  # open at the side, lungs would not count as body
        return None, 0.0
    parts = []
    for number, section in enumerate(volume.voxels):
        inside = filled[min(number // small.step[0], len(filled) - 1)]
        parts.append(density(section[spread(inside, small.step, volume.voxels.shape)]))
    found = summed(parts)
    each = volume.spacing[0] * volume.spacing[1] * volume.spacing[2] / 1000.0
    return (found, found.voxels * each) if found.voxels else (None, 0.0)
