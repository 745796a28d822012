"""Open one DICOM asset as what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from biolake.core.assets import Content
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Opened
from biolake.readers._dicom import functional_groups, kinds, stack
from biolake.readers._dicom.header import Header, parse
from biolake.readers._dicom.image import image
from biolake.readers._dicom.refusals import KeptNotOpened, MixedSeries
from biolake.readers._dicom.segmentation import labels
from biolake.readers._dicom.waveform import recording


def opened(content: Content) -> Opened:
    """Open an asset; every error names its file."""
    if not content.names:
        raise SourceUnreadable("the asset has no file")
    name = content.names[0]
    try:
        return open_as_it_is(content, content.read(name))
    except BiolakeError as error:
        if error.where in content.names:
            raise
        message = f"{error.where}: {error.message}" if error.where else error.message
        raise type(error)(message, where=name, next=error.next) from None
    except (ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        # A library's own error on damaged bytes; its words may quote them.
        reason = f"damaged in a way not foreseen ({type(error).__name__})"
        raise SourceUnreadable(reason, where=name) from None


def open_as_it_is(content: Content, data: bytes) -> Opened:
    """Open by SOP class; errors may lack their file."""
    header = parse(data)
    kind = kinds.kind(header)
    if kind == "volume" and not kinds.is_enhanced(header):
        return stack.volume(content)
    if len(content.names) > 1:
        raise MixedSeries("several files that are not slices of one volume")
    if kind == kinds.WAVEFORM:
        return recording(data)
    open_as = _PICTURES.get(kind)
    if open_as is None:
        raise KeptNotOpened(f"a DICOM {kind} is kept, not opened")
    return open_as(header, data)


_PICTURES: Mapping[str, Callable[[Header, bytes], Opened]] = {
    "volume": functional_groups.volume,
    kinds.SEGMENTATION: labels,
    "image": image,
    "frames": image,
}
