"""DICOM: images, volumes, waveforms, segmentations and reports (PS3.3, PS3.5, PS3.10)."""

from __future__ import annotations

from pathlib import PurePosixPath

from biolake.core.assets import Content
from biolake.core.catalogue import asset_reader
from biolake.core.media import Opened
from biolake.readers._dicom.finding import find
from biolake.readers._dicom.opening import opened

_SUFFIXES = frozenset((".dcm", ".dicom", ".ima", ".dic"))
# The first element of a data set without preamble: file meta, or group 8 up to SOP Class UID.
_FIRST_ELEMENTS = frozenset((0x00, 0x01, 0x05, 0x08, 0x12, 0x16))


def claims(name: str, head: bytes) -> bool:
    """Say whether a file is DICOM by its name and start; one that only says so is claimed too.

    A `.dcm` that holds something else must be told to someone, so it is claimed and then refused.
    """
    if head[128:132] == b"DICM":
        return True
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _SUFFIXES:
        return True
    # A name that ends in a UID has digits for a suffix.
    bare = not suffix or suffix[1:].isdecimal()
    return bare and _begins(head)


def _begins(head: bytes) -> bool:
    """Say whether the first bytes are a plausible first element."""
    if len(head) < 8 or head[3] != 0 or head[2] not in _FIRST_ELEMENTS:
        return False
    if head[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    length = int.from_bytes(head[4:8], "little")
    return head[4:6] in (b"UL", b"OB", b"CS", b"UI", b"DA") or length < 256


@asset_reader("DICOM (images, volumes, waveforms)", claims=claims, find=find, extra="imaging")
def dicom(content: Content) -> Opened:
    """Open a DICOM asset: a volume, a picture or film, or a recording.

    CT volumes are in HU; slices are sorted by position, gantry tilt is removed, touching slices at
    varying distances are resampled, repeats dropped: `notes` says so. Missing slices, mixed
    series and contradictory geometry are refused by name. A film has its frames first. Reports,
    presentation states and radiotherapy objects are kept, not opened.

    Source: DICOM PS3.3, PS3.5, PS3.10 (https://www.dicomstandard.org/current).
    """
    return opened(content)
