"""Tissue on a pathology slide: how much, how stained, how sharp, and what else is on the glass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.core.media import Opened, Slide

if TYPE_CHECKING:
    from biolake.imaging.tissue import Tissue

_TILES, _TILE, _MPP = 24, 256, 1.0  # what sharpness is judged on

_CODES = (
    FoundCode("SLIDE//tissue", "Share of the slide that is tissue", "%"),
    FoundCode("SLIDE//tissue_area", "Area of tissue", "mm2"),
    FoundCode("SLIDE//pen", "Share of the slide covered with ink marks", "%"),
    FoundCode("SLIDE//haematoxylin", "Mean optical density of haematoxylin over tissue", "1"),
    FoundCode("SLIDE//eosin", "Mean optical density of eosin over tissue", "1"),
    FoundCode(
        "SLIDE//stain_residual", "Mean optical density that neither stain explains: other dyes", "1"
    ),
    FoundCode("SLIDE//red", "Mean red of tissue, 0 to 255", "1"),
    FoundCode("SLIDE//green", "Mean green of tissue, 0 to 255", "1"),
    FoundCode("SLIDE//blue", "Mean blue of tissue, 0 to 255", "1"),
    FoundCode("SLIDE//sharpness", "Median sharpness of tissue tiles at 1 µm a pixel", "1"),
    FoundCode("SLIDE//blurred", "Share of tissue tiles that are out of focus", "%"),
)


@extractor(
    "Tissue, stain and focus of pathology slides",
    needs="slide",
    version="2",
    codes=_CODES,
    extra="slides",
)
def slide_tissue(opened: Opened) -> Sequence[Finding]:
    """Measure tissue on a whole-slide image; a blank slide has only its share, 0 per cent.

    Tissue is what is denser than the slide's own glass and has colour, pale stroma included; stroma
    within 15 grey levels of the glass is not told from it.
    Stains are unmixed with the standard haematoxylin and eosin vectors, so that on other stains
    the residual is high and the two amounts mean little. Areas and sharpness need a slide that
    tells its resolution.
    """
    if not isinstance(opened, Slide):
        return []
    require("slides,imaging", "scipy")
    from biolake.imaging.tissue import resolution_of, tissue_of

    try:
        tissue = tissue_of(opened)
    except DataRefused:
        return []
    found = [
        Finding("SLIDE//tissue", 100.0 * tissue.share, "%"),
        Finding("SLIDE//pen", 100.0 * tissue.pen_share, "%"),
    ]
    if not tissue.mask.any():
        return found
    found += _stains(tissue)
    resolution = resolution_of(opened)
    if resolution is not None:
        found.append(Finding("SLIDE//tissue_area", tissue.area(resolution), "mm2"))
        found += _sharpness(opened, tissue)
    return found


def _stains(tissue: Tissue) -> list[Finding]:
    from biolake.imaging.stains import stains_of

    stains = stains_of(tissue.overview[tissue.mask])
    return [
        Finding("SLIDE//haematoxylin", stains.haematoxylin, "1"),
        Finding("SLIDE//eosin", stains.eosin, "1"),
        Finding("SLIDE//stain_residual", stains.residual, "1"),
        Finding("SLIDE//red", stains.red, "1"),
        Finding("SLIDE//green", stains.green, "1"),
        Finding("SLIDE//blue", stains.blue, "1"),
    ]


def _sharpness(slide: Slide, tissue: Tissue) -> list[Finding]:
    from statistics import mean, median

    from biolake.imaging.sharpness import blurred, sharpness_of
    from biolake.imaging.tiles import read_tiles, tissue_tiles

    places = tissue_tiles(slide, _TILE, _MPP, _TILES, tissue=tissue)
    sharp = [sharpness_of(tile) for tile in read_tiles(slide, places, _TILE, _MPP)]
    if not sharp:
        return []
    return [
        Finding("SLIDE//sharpness", median(sharp), "1"),
        Finding("SLIDE//blurred", 100.0 * mean(blurred(each) for each in sharp), "%"),
    ]
