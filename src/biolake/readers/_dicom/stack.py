"""Open a series of single-frame files as one volume."""

from __future__ import annotations

from biolake.core.assets import Content
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Volume
from biolake.readers._dicom import kinds, tags
from biolake.readers._dicom.header import Header, parse
from biolake.readers._dicom.picture import stored_pixels
from biolake.readers._dicom.refusals import MixedSeries
from biolake.readers._dicom.values import scale_of, units_of
from biolake.readers._dicom.volume import Slice, build


def volume(content: Content) -> Volume:
    """Read every file of the series, one after another; errors name the file."""
    slices, units = [], []
    for name in content.names:
        try:
            header = parse(content.read(name))
            slices.append(slice_of(header))
            units.append(units_of(header))
        except BiolakeError as error:
            raise type(error)(error.message, where=name, next=error.next) from None
    if len(set(units)) > 1:
        raise MixedSeries("the slices' values are in different units")
    return build(slices, units[0])


def slice_of(header: Header) -> Slice:
    """Return one file's slice; refused when it is colour, several frames, or has no place."""
    if not kinds.is_slice(header):
        raise MixedSeries("this file is not one slice of a volume")
    if tags.MODALITY_LUT in header:
        raise SourceUnreadable("a slice with a Modality LUT is not made part of a volume")
    spacing = header.numbers(tags.PIXEL_SPACING)
    if len(spacing) != 2:
        raise SourceUnreadable("two numbers are needed", where=tags.name(tags.PIXEL_SPACING))
    pixels = stored_pixels(header)
    if pixels.ndim != 3 or len(pixels) != 1:
        raise MixedSeries("a slice of a volume is one grey picture")
    mark = f"{header.text(tags.PHOTOMETRIC)} {header.text(tags.SERIES_UID)}"
    return Slice(
        position=header.numbers(tags.POSITION),
        orientation=header.numbers(tags.ORIENTATION),
        spacing=spacing,
        pixels=pixels[0],
        scale=scale_of(header),
        thickness=header.number(tags.SLICE_THICKNESS),
        between=header.number(tags.SLICE_SPACING),
        tilt=header.number(tags.TILT),
        original=header.texts(tags.IMAGE_TYPE)[:1] == ("ORIGINAL",),
        mark=mark,
    )
