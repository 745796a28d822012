"""How good a radiograph is as a picture, before anyone or anything reads it."""

from __future__ import annotations

from collections.abc import Sequence

from biolake.core.assets import Finding, FoundCode
from biolake.core.catalogue import extractor
from biolake.core.errors import DataRefused
from biolake.core.installed import require
from biolake.core.media import Image, Opened

_CODES = (
    FoundCode(
        "XRAY//exposure", "Median brightness within the picture's range, 0 dark to 1 bright", "1"
    ),
    FoundCode(
        "XRAY//contrast", "Brightness from the 5th to the 95th percentile, of the range", "1"
    ),
    FoundCode("XRAY//clipped_dark", "Share of the exposed field at the darkest value", "%"),
    FoundCode("XRAY//clipped_bright", "Share of the exposed field at the brightest value", "%"),
    FoundCode(
        "XRAY//sharpness", "Laplacian variance over the picture's variance, at 512 pixels", "1"
    ),
    FoundCode("XRAY//border", "Share of the picture taken by even borders (collimation)", "%"),
    FoundCode("XRAY//aspect", "Width over height", "1"),
    FoundCode(
        "XRAY//turned_suspected", "Whether a chest seems to lie on its side (1) or not (0)", "1"
    ),
    FoundCode(
        "XRAY//inverted_suspected", "Whether a chest seems shown negative (1) or not (0)", "1"
    ),
    FoundCode(
        "XRAY//text_suspected",
        "Whether a line of letters seems burnt into the picture (1) or not seen (0)",
        "1",
    ),
)


@extractor(
    "Picture quality of radiographs",
    needs="xray",
    version="1",
    codes=_CODES,
    extra="imaging",
)
def xray_quality(opened: Opened) -> Sequence[Finding]:
    """Measure exposure, contrast, clipping, sharpness and borders of a single radiograph.

    The three suspicions are heuristics for frontal chests. That no text was suspected does not
    make a picture free of names: never use it to release pictures.
    """
    if not isinstance(opened, Image) or opened.frames != 1:
        return []
    require("imaging", "scipy")
    from biolake.imaging.radiograph import quality_of

    try:
        found = quality_of(opened.pixels, opened.spacing)
    except DataRefused:
        return []
    return [
        Finding("XRAY//exposure", found.exposure, "1"),
        Finding("XRAY//contrast", found.contrast, "1"),
        Finding("XRAY//clipped_dark", 100.0 * found.clipped_dark, "%"),
        Finding("XRAY//clipped_bright", 100.0 * found.clipped_bright, "%"),
        Finding("XRAY//sharpness", found.sharpness, "1"),
        Finding("XRAY//border", 100.0 * found.border, "%"),
        Finding("XRAY//aspect", found.aspect, "1"),
        Finding("XRAY//turned_suspected", float(found.turned), "1"),
        Finding("XRAY//inverted_suspected", float(found.inverted), "1"),
        Finding("XRAY//text_suspected", float(found.text), "1"),
    ]
