"""Read with pydicom what the byte scanner doubts, into the same raw values."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from biolake.core.errors import SourceUnreadable
from biolake.core.installed import require
from biolake.readers._dicom import tags
from biolake.readers._dicom.scan import DEFLATED, UNDEFINED, PixelElement, Scanned

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_DEFLATED = 1 << 21  # bytes: pydicom inflates all of it, up to 1,032 times as much
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom: its warnings quote values."""
    log = logging.getLogger("pydicom")
    was = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = was


def dataset(data: bytes, to_pixels: bool = True) -> Dataset:
    """Read a whole data set; `SourceUnreadable` says why not, without quoting the file."""
    require("imaging", "pydicom", to="read this DICOM file")
    import pydicom

    if not data:
        raise SourceUnreadable("the file is empty")
    if data[128:132] != b"DICM" and data[:2] not in _FIRST_GROUPS:
        raise SourceUnreadable("this is not DICOM", next="Is it encrypted, or named wrongly?")
    if len(data) > _MOST_DEFLATED and DEFLATED.encode() in data[:1024]:
        raise SourceUnreadable("a large deflated file that is not as the standard says")
    try:
        with quiet():
            return pydicom.dcmread(BytesIO(data), stop_before_pixels=not to_pixels, force=True)
    except MemoryError:
        raise
    except Exception as error:
        # Its message may quote a value, so only its kind is told.
        raise SourceUnreadable(f"not readable as DICOM ({type(error).__name__})") from None


def read_with_pydicom(data: bytes, to_pixels: bool, doubt: str) -> Scanned:
    """Return the raw values as pydicom understands them: little endian, UTF-8."""
    read = dataset(data, to_pixels)
    values: dict[int, bytes] = {}
    with quiet():
        for tag in (*tags.VRS, *tags.NOTED):
            if tag in read:
                values[tag] = _raw(read, tag)
        syntax = _syntax(read)
    if not values:
        raise SourceUnreadable(f"no element of an image or report in it: {doubt}")
    pixels, start = _pixels(read) if to_pixels else (None, b"")
    # A cut file ends without pixels too; then it is the doubt that tells.
    return Scanned(values, syntax, False, pixels, start, ended=to_pixels and pixels is None)


def _syntax(read: Dataset) -> str:
    meta = getattr(read, "file_meta", None)
    named = str(meta.get("TransferSyntaxUID", "") or "") if meta is not None else ""
    if named:
        return named
    implicit, little = read.original_encoding
    if little is False:
        return "1.2.840.10008.1.2.2"
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"


def _raw(read: Dataset, tag: int) -> bytes:
    """Return a value as the bytes the standard would write."""
    try:
        value: Any = read[tag].value
    except Exception:
        # Malformed: it must be seen that it is there, and is no number.
        return b"?"
    if tag in tags.NOTED:
        return b"\0\0"
    several = value if isinstance(value, list | tuple) or _is_multiple(value) else [value]
    if tag in tags.SHORTS:
        first: Any = several[0] if len(several) else None
        return first.to_bytes(2, "little") if _is_short(first) else b""
    return "\\".join("" if part is None else str(part) for part in several).encode()


def _is_multiple(value: Any) -> bool:
    from pydicom.multival import MultiValue

    return isinstance(value, MultiValue)


def _is_short(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 16


def _pixels(read: Dataset) -> tuple[PixelElement | None, bytes]:
    """Return the pixel element, counted in its own bytes."""
    from pydicom.dataelem import RawDataElement

    for tag in tags.PIXEL_TAGS:
        if tag not in read:
            continue
        try:
            found = read.get_item(tag)
        except Exception:
            return None, b""
        value = found.value if found is not None else None
        if not isinstance(value, bytes) or found is None:
            return None, b""
        endless = isinstance(found, RawDataElement) and found.length == UNDEFINED
        little = found.is_little_endian if isinstance(found, RawDataElement) else True
        vr = str(found.VR or "OW").encode()
        size = UNDEFINED if endless else len(value)
        return PixelElement(tag, vr, 0, size, not little), value
    return None, b""
