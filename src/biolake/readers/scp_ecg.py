"""SCP-ECG records (EN 1064, ISO 11073-91064), as electrocardiographs export them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Recording, Signal
from biolake.core.reading import SourceFile
from biolake.readers._scp.huffman import Decoder, read_tables
from biolake.readers._scp.sections import (
    HEADER,
    HUFFMAN,
    LEADS,
    RHYTHM,
    Header,
    read_header,
    sections,
)

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_LEAD_NAMES = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7", 10: "V2R",
    11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y", 18: "Z",
    61: "III", 62: "aVR", 63: "aVL", 64: "aVF", 65: "-aVR", 66: "V8", 67: "V9", 68: "V8R",
    69: "V9R",
}  # fmt: skip
_SUBTRACTED = 1  # bit of section 3: a reference beat was taken off the rhythm
_MARK = b"SCPECG"  # in the reserved bytes of section 0, which lies first
_RATES = (10.0, 100_000.0)
_MOST_SPAN = 100_000_000  # samples of all leads, with what lies between them


@dataclass(frozen=True)
class _Lead:
    name: str
    start: int  # sample, from 1
    count: int


def _read(data: bytes) -> tuple[Recording, Header]:
    parts = sections(data)
    for number, what in ((HEADER, "header"), (LEADS, "leads"), (RHYTHM, "rhythm data")):
        if number not in parts:
            raise SourceUnreadable(f"the record has no section {number} ({what})")
    header = read_header(parts[HEADER])
    leads = _leads(parts[LEADS])
    signal = _rhythm(parts[RHYTHM], leads, parts.get(HUFFMAN))
    return Recording((signal,), age=header.age, sex=header.sex), header


def _leads(body: bytes) -> list[_Lead]:
    if len(body) < 2:
        raise SourceUnreadable("section 3 (leads) is cut short")
    count, flags = body[0], body[1]
    if flags & _SUBTRACTED:
        raise SourceUnreadable(
            "its rhythm was compressed by subtracting a reference beat, which is not read",
            next="Export it without compression, or as DICOM or HL7 aECG.",
        )
    if not count or 2 + 9 * count > len(body):
        raise SourceUnreadable("section 3 (leads) has an impossible number of leads")
    leads = []
    for number in range(count):
        start, end, code = struct.unpack_from("<IIB", body, 2 + 9 * number)
        if not 1 <= start <= end:
            raise SourceUnreadable("a lead ends before it starts")
        leads.append(_Lead(_LEAD_NAMES.get(code, f"lead {code}"), start, end - start + 1))
    if len({lead.name for lead in leads}) < count:
        raise SourceUnreadable("a lead is listed twice")
    return leads


def _rhythm(body: bytes, leads: list[_Lead], tables: bytes | None) -> Signal:
    if len(body) < 6 + 2 * len(leads):
        raise SourceUnreadable("section 6 (rhythm data) is cut short")
    nanovolts, step, differences, bimodal = struct.unpack_from("<HHBB", body)
    if bimodal:
        raise SourceUnreadable(
            "its rhythm is under bimodal compression, which is not read",
            next="Export it without compression, or as DICOM or HL7 aECG.",
        )
    rate = 1e6 / step if step else 0.0
    if not nanovolts or not _RATES[0] <= rate <= _RATES[1] or differences > 2:
        raise SourceUnreadable("section 6 has an impossible scale, sampling or encoding")
    decoder = Decoder(read_tables(tables)) if tables is not None else None
    sizes = struct.unpack_from(f"<{len(leads)}H", body, 6)
    at = 6 + 2 * len(leads)
    if at + sum(sizes) > len(body):
        raise SourceUnreadable("section 6 (rhythm data) is cut short")
    begin = min(lead.start for lead in leads)
    span = max(lead.start + lead.count for lead in leads) - begin
    if span > 8 * len(body) or span * len(leads) > _MOST_SPAN:
        raise SourceUnreadable("section 3 announces more samples than section 6 can hold")
    samples = np.full((len(leads), span), np.nan, np.float32)
    for row, lead, size in zip(samples, leads, sizes, strict=True):
        values = _undone(_numbers(body[at : at + size], lead.count, decoder), differences)
        row[lead.start - begin :][: lead.count] = values * (nanovolts / 1_000)
        at += size
    return Signal(samples, rate, tuple(lead.name for lead in leads), ("uV",) * len(leads))


def _numbers(data: bytes, count: int, decoder: Decoder | None) -> np.ndarray:
    if decoder is not None:
        return np.array(decoder.decode(data, count), dtype=np.int64)
    if 2 * count > len(data):
        raise SourceUnreadable("a lead's bytes end before its last sample")
    return np.frombuffer(data, "<i2", count).astype(np.int64)


def _undone(values: np.ndarray, differences: int) -> np.ndarray:
    """Undo first or second differences; the first sample, or first two, stand as they are."""
    if differences == 1:
        return np.asarray(np.cumsum(values))
    if differences == 2 and len(values) > 2:
        slope = np.cumsum(np.concatenate([[values[1] - values[0]], values[2:]]))
        return np.concatenate([values[:1], values[0] + np.cumsum(slope)])
    return values


def claims(name: str, head: bytes) -> bool:
    """Take files named `.scp`, and any that bears the standard's mark in its first section."""
    return name.lower().endswith(".scp") or head[16:22] == _MARK


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each record whole; of the person only the number, age and sex are looked at."""
    for file in files:
        try:
            yield _found(file, *_read(file.path.read_bytes()))
        except BiolakeError as error:
            yield UnreadableFile(file, error.message)


def _found(file: SourceFile, recording: Recording, header: Header) -> FoundAsset:
    signal = recording.signals[0]
    facts = Facts(
        "12-lead" if set(STANDARD_LEADS) <= set(signal.channels) else "",
        seconds=signal.seconds,
        rate=signal.rate,
        channels=len(signal.channels),
        shape=signal.samples.shape,
        units="uV",
        device=header.device,
        attributes={"leads": list(signal.channels)},
    )
    return FoundAsset(
        "ecg",
        (file,),
        facts,
        subject=header.subject,
        start=header.start,
        end=None if header.start is None else header.start + round(signal.seconds * 1e6),
        utc_offset=header.offset,
        notes=() if header.start is not None else ("the file does not say when the ECG began",),
    )


@asset_reader("SCP-ECG records (EN 1064)", claims=claims, find=find)
def scp_ecg(content: Content) -> Recording:
    """Open an SCP-ECG record: its rhythm leads in µV, with age and sex.

    Reads sections 1, 2 (default and own Huffman tables), 3 and 6 (plain, first and second
    differences). Records compressed by reference beat subtraction or bimodal sampling are refused
    by name, as is one whose checksums are wrong; the reference beat (section 5) and the
    measurements (7 and on) are not read. Leads that start later begin with NaN. Written from the
    standard (EN 1064:2005+A1:2007) and tested on records made after it: no file of a real device
    was at hand, so compare one export of yours before relying on it. Raises `SourceUnreadable`.
    """
    name = content.names[0]
    try:
        return _read(content.read(name))[0]
    except SourceUnreadable as error:
        error.where = error.where or name
        raise
