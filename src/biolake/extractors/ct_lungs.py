"""Lungs in a chest CT: their volume, how much is emphysema, how much is denser than air-filled."""

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
    from biolake.imaging.lungs import Lungs

_HU = "[hnsf'U]"
_LARGEST = 12_000.0  # mL: beyond any total lung capacity
# Shares of the lungs: code, from and below which HU, what that means and who says so.
_RANGES = (
    (
        "CT//lung_emphysema",
        float("-inf"),
        -950.0,
        "below −950 HU: emphysema (Gevenois et al., AJRCCM 1996;154:187)",
    ),
    (
        "CT//lung_well_aerated",
        -950.0,
        -700.0,
        "from −950 to −700 HU: well aerated (Colombi et al., Radiology 2020;296:E86)",
    ),
    (
        "CT//lung_high_attenuation",
        -600.0,
        -250.0,
        "from −600 to −250 HU: high attenuation (Lederer et al., AJRCCM 2009;180:407)",
    ),
    (
        "CT//lung_ground_glass_range",
        -750.0,
        -300.0,
        "from −750 to −300 HU, the density of ground glass; small vessels count too",
    ),
    (
        "CT//lung_consolidation_range",
        -300.0,
        50.0,
        "from −300 to 50 HU, the density of consolidation; vessels inside the lung count too",
    ),
)
_CODES = (
    FoundCode(
        "CT//lung_coverage",
        "Whether the lungs are in view from end to end (1) or not (0), and what is missing",
        "1",
    ),
    FoundCode(
        "CT//lung_mask_doubt",
        "Whether lung may be missing from the measurement (1) or not (0), and why: dense tissue at "
        "the chest wall is not counted as lung",
        "1",
    ),
    FoundCode("CT//lung_volume", "Volume of both lungs, without the main airways", "mL"),
    FoundCode("CT//lung_volume_right", "Volume of the right lung", "mL"),
    FoundCode("CT//lung_volume_left", "Volume of the left lung", "mL"),
    FoundCode("CT//lung_density_mean", "Mean density of the lungs", _HU),
    FoundCode("CT//lung_density_deviation", "Standard deviation of the lungs' density", _HU),
    FoundCode("CT//lung_density_percentile_15", "15th percentile of the lungs' density", _HU),
    *(FoundCode(code, f"Share of the lungs {what}", "%") for code, _, _, what in _RANGES),
)


@extractor(
    "Lungs in chest CT: volume, emphysema, density",
    needs="ct",
    version="2",
    codes=_CODES,
    extra="imaging",
)
def ct_lungs(opened: Opened) -> Sequence[Finding]:
    """Measure the lungs of a CT that shows them whole; say what is missing when it does not.

    The lungs are found by threshold and connected parts, at about 1.5 mm; densities are read at
    full resolution. Effusion and consolidation that reach the chest wall are not counted as lung:
    there volumes and dense shares are lower bounds, and `lung_mask_doubt` is 1 when one lung is
    too small beside the other or lacks a piece of its outer edge; effusions that are small, or
    alike on both sides, leave it 0. For the outermost voxel in the slice (1.5 mm, or what a voxel
    has when that is more), where chest wall is mixed with air and would pass for ground glass,
    the next one inside stands. Densities depend on the dose, the reconstruction kernel and the
    depth of breath: compare like with like.
    """
    if not isinstance(opened, Volume):
        return []
    require("imaging", "numba", "scipy")
    from biolake.imaging.lungs import lungs_of

    try:
        lungs = lungs_of(opened)
    except DataRefused as refusal:
        return [Finding("CT//lung_coverage", 0.0, "1", text=f"not measured: {refusal.message}")]
    if lungs.missing or lungs.volume > _LARGEST:
        return [Finding("CT//lung_coverage", 0.0, "1", text=_told(lungs))]
    return [
        Finding("CT//lung_coverage", 1.0, "1", text="complete"),
        _doubt(lungs),
        *_volumes(lungs),
        *_densities(_density(opened, lungs)),
    ]


def _told(lungs: Lungs) -> str:
    """Say why lungs are not measured."""
    if "all" in lungs.missing:
        return "no lungs in view"
    if not lungs.missing:
        return "not measured: larger than any lungs, so parts are something else"
    cut = [end for end in lungs.missing if end in ("top", "bottom", "sides")]
    told = [f"lungs cut at the {' and '.join(cut)}"] if cut else []
    told += [f"{side} lung not found" for side in lungs.missing if side in ("left", "right")]
    return "; ".join(told)


def _doubt(lungs: Lungs) -> Finding:
    from biolake.imaging.plausible import doubts

    found = doubts(lungs)
    told = "; ".join(found) if found else "none"
    return Finding("CT//lung_mask_doubt", float(bool(found)), "1", text=told)


def _volumes(lungs: Lungs) -> list[Finding]:
    from biolake.imaging.lungs import LEFT, RIGHT, UNPARTED

    found = [Finding("CT//lung_volume", lungs.volume, "mL")]
    if not lungs.volume_of(UNPARTED):
        for name, label in (("right", RIGHT), ("left", LEFT)):
            found.append(Finding(f"CT//lung_volume_{name}", lungs.volume_of(label), "mL"))
    return found


def _density(volume: Volume, lungs: Lungs) -> Density:
    from biolake.imaging.density import density, summed

    slices = enumerate(volume.voxels)
    return summed([density(lungs.values(number, section)) for number, section in slices])


def _densities(found: Density) -> list[Finding]:
    if not found.voxels:  # all edge, or no numbers in it
        return []
    return [
        Finding("CT//lung_density_mean", found.mean, _HU),
        Finding("CT//lung_density_deviation", found.deviation, _HU),
        Finding("CT//lung_density_percentile_15", found.percentile(15.0), _HU),
        *(Finding(code, found.share(low, high), "%") for code, low, high, _ in _RANGES),
    ]
