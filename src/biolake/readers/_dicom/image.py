"""Open pictures and films: grey values as measured and bright when high, colour as RGB."""

from __future__ import annotations

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Image
from biolake.readers._dicom import tags
from biolake.readers._dicom.fallback import dataset, quiet
from biolake.readers._dicom.header import Header
from biolake.readers._dicom.picture import Picture, picture_of, stored_pixels
from biolake.readers._dicom.values import Scale, rescaled, scale_of


def image(header: Header, data: bytes) -> Image:
    """Open one file: rows × columns (× 3), after the frames when it has several.

    Palettes and the Modality LUT are applied; MONOCHROME1 is turned so that high is bright.
    """
    how = picture_of(header)
    pixels = stored_pixels(header)
    if how.photometric == "PALETTE COLOR":
        pixels = _coloured(pixels, data)
    elif how.samples == 1:
        pixels = _measured(header, how, pixels, data)
    return Image(
        pixels=pixels if how.frames > 1 else pixels[0],
        spacing=_spacing(header),
        frames=how.frames,
    )


def _coloured(pixels: np.ndarray, data: bytes) -> np.ndarray:
    """Look colours up in the file's palette; 16-bit ones are cut to 8."""
    from pydicom.pixels.processing import apply_color_lut

    read = dataset(data, to_pixels=False)
    try:
        with quiet():
            found = np.asarray(apply_color_lut(pixels, read))[..., :3]
    except Exception:
        raise SourceUnreadable("the colour palette is missing or damaged") from None
    return (found >> 8).astype(np.uint8) if found.dtype == np.uint16 else found


def _measured(header: Header, how: Picture, pixels: np.ndarray, data: bytes) -> np.ndarray:
    if tags.MODALITY_LUT in header:
        values = _looked_up(pixels, data)
        low, high = float(values.min()), float(values.max())
    else:
        scale = scale_of(header)
        values = pixels
        if scale != Scale(told=scale.told):
            values = rescaled(pixels, [scale] * len(pixels))
        low, high = _range(how, scale)
    if how.photometric != "MONOCHROME1":
        return values
    if how.floating:
        raise SourceUnreadable("MONOCHROME1 of floating-point pixels has no known range")
    turned = low + high - values.astype(np.float64)
    return turned.astype(values.dtype)


def _range(how: Picture, scale: Scale) -> tuple[float, float]:
    """Return the lowest and highest value the stored bits can mean."""
    low = -(1 << (how.stored - 1)) if how.signed else 0
    high = low + (1 << how.stored) - 1
    return low * scale.slope + scale.intercept, high * scale.slope + scale.intercept


def _looked_up(pixels: np.ndarray, data: bytes) -> np.ndarray:
    from pydicom.pixels.processing import apply_modality_lut

    try:
        with quiet():
            return np.asarray(apply_modality_lut(pixels, dataset(data, to_pixels=False)))
    except Exception:
        raise SourceUnreadable("the Modality LUT is missing or damaged") from None


def _spacing(header: Header) -> tuple[float, float] | None:
    """Return mm between rows and columns: calibrated, else at the detector."""
    for tag in (tags.PIXEL_SPACING, tags.IMAGER_SPACING):
        found = header.numbers(tag)
        if len(found) == 2 and min(found) > 0:
            return found[0], found[1]
    return None
