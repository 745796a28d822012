"""Write DICOM files: explicit VR, little endian, uncompressed (PS3.5, PS3.10)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import compact

if TYPE_CHECKING:
    from collections.abc import Iterable

Element = tuple[int, str, object]

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLEMENTATION = "2.25.184529461874512064920181274"
CR_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_LONG = ("OB", "OW", "SQ", "UN", "UT")


def uid(*parts: object) -> str:
    """Return the UID of what these parts name: a UUID's number under 2.25 (PS3.5 B.2)."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


@dataclass(frozen=True)
class Examination:
    """Whose an examination is, when it was done, and what its files share."""

    patient: str
    male: bool
    age: int
    born: str  # YYYYMMDD
    start: int  # seconds since 1970, on the site's clock
    zone: str  # +hhmm of that clock, or empty
    study: str  # UID
    number: int  # accession
    institution: str

    def elements(self) -> list[Element]:
        """Return the elements of the patient and study modules (PS3.3 C.7.1, C.7.2)."""
        (stamp,) = compact(np.array([self.start]))
        day, time = stamp[:8], stamp[8:]
        found: list[Element] = [
            *((tag, "DA", day) for tag in (0x00080020, 0x00080021, 0x00080022, 0x00080023)),
            *((tag, "TM", time) for tag in (0x00080030, 0x00080031, 0x00080032, 0x00080033)),
            (0x00080050, "SH", f"A{self.number}"),
            (0x00080080, "LO", self.institution),
            (0x00080090, "PN", ""),
            (0x00100010, "PN", "Subject^Synthetic"),
            (0x00100020, "LO", self.patient),
            (0x00100030, "DA", self.born),
            (0x00100040, "CS", "M" if self.male else "F"),
            (0x00101010, "AS", f"{self.age:03d}Y"),
            (0x0020000D, "UI", self.study),
            (0x00200010, "SH", f"S{self.number}"),
        ]
        return [*found, (0x00080201, "SH", self.zone)] if self.zone else found


def pixel_elements(pixels: np.ndarray, bits: int) -> list[Element]:
    """Return the image pixel module of one grey picture, 16 bits a pixel (PS3.3 C.7.6.3)."""
    signed = np.issubdtype(pixels.dtype, np.signedinteger)
    return [
        (0x00280002, "US", 1),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280010, "US", pixels.shape[0]),
        (0x00280011, "US", pixels.shape[1]),
        (0x00280100, "US", 16),
        (0x00280101, "US", bits),
        (0x00280102, "US", bits - 1),
        (0x00280103, "US", int(signed)),
        (0x7FE00010, "OW", pixels.astype("<i2" if signed else "<u2").tobytes()),
    ]


def dicom_file(sop_class: str, instance: str, elements: Iterable[Element]) -> bytes:
    """Return a whole file: preamble, file meta information and the data set in order of tags."""
    meta = _encoded(
        [
            (0x00020001, "OB", b"\x00\x01"),
            (0x00020002, "UI", sop_class),
            (0x00020003, "UI", instance),
            (0x00020010, "UI", EXPLICIT_LITTLE),
            (0x00020012, "UI", IMPLEMENTATION),
        ]
    )
    own: list[Element] = [(0x00080016, "UI", sop_class), (0x00080018, "UI", instance)]
    length = _encoded([(0x00020000, "UL", len(meta))])
    return b"\0" * 128 + b"DICM" + length + meta + _encoded([*own, *elements])


def _encoded(elements: Iterable[Element]) -> bytes:
    return b"".join(_element(*one) for one in sorted(elements, key=lambda one: one[0]))


def _element(tag: int, vr: str, value: object) -> bytes:
    content = _value(vr, value)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG:
        return head + struct.pack("<HI", 0, len(content)) + content
    return head + struct.pack("<H", len(content)) + content


def _value(vr: str, value: object) -> bytes:
    """Encode one value, or several joined by backslashes, to an even length."""
    if isinstance(value, bytes):
        return value + b"\0" * (len(value) % 2)
    if vr == "US":
        return struct.pack("<H", value)
    if vr == "UL":
        return struct.pack("<I", value)
    parts = value if isinstance(value, tuple | list) else (value,)
    text = "\\".join(f"{p:.10g}" if isinstance(p, float) else str(p) for p in parts).encode()
    return text + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)
