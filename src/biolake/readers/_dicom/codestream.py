"""What a compressed frame says of itself, read before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from biolake.core.errors import SourceUnreadable

_NO_SIZE = frozenset((0xC4, 0xC8, 0xCC))


@dataclass(frozen=True)
class Codestream:
    """Size, components and depth of one compressed frame."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    components: bytes = b""  # JPEG component identifiers
    adobe: int | None = None  # JPEG: colour transform named by an Adobe marker
    transformed: bool = False  # JPEG 2000: the codestream undoes its own colour transform


def describe(frame: bytes) -> Codestream:
    """Read the frame header of JPEG, JPEG-LS or JPEG 2000; refuse anything else."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame)
    at = frame.find(b"\xff\x4f\xff\x51")
    if at >= 0:
        return _jpeg2000(frame, at)
    raise SourceUnreadable("a compressed frame does not begin as one")


def _jpeg(frame: bytes) -> Codestream:
    """Walk the markers of ISO 10918-1 B.2 up to the frame header."""
    at, adobe = 2, None
    while at + 4 <= len(frame):
        if frame[at] != 0xFF:
            break
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        body = frame[at + 4 : at + 2 + length]
        if (0xC0 <= marker <= 0xCF and marker not in _NO_SIZE) or marker == 0xF7:
            return _frame_header(body, adobe)
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        at += 2 + length
    raise SourceUnreadable("a JPEG frame has no frame header")


def _frame_header(body: bytes, adobe: int | None) -> Codestream:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise SourceUnreadable("a JPEG frame header is cut short")
    return Codestream(
        rows=int.from_bytes(body[1:3], "big"),
        columns=int.from_bytes(body[3:5], "big"),
        samples=body[5],
        precision=body[0],
        components=body[6 : 6 + 3 * body[5] : 3],
        adobe=adobe,
    )


def _jpeg2000(frame: bytes, at: int) -> Codestream:
    """Read the SIZ and COD markers of ISO 15444-1 A.5, A.6."""
    size = frame[at + 6 :]
    if len(size) < 37:
        raise SourceUnreadable("a JPEG 2000 frame header is cut short")
    right, lower, left, upper = (int.from_bytes(size[k : k + 4], "big") for k in (2, 6, 10, 14))
    samples, depth = int.from_bytes(size[34:36], "big"), size[36]
    cod = frame.find(b"\xff\x52", at, at + 4096)
    return Codestream(
        rows=lower - upper,
        columns=right - left,
        samples=samples,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        transformed=cod >= 0 and frame[cod + 8 : cod + 9] == b"\x01",
    )
