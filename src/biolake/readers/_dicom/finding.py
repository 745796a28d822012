"""Find the assets among DICOM files: every file becomes part of one, or gets a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from biolake.core.assets import Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.core.media import Recording
from biolake.core.reading import SourceFile
from biolake.readers._dicom import kinds, tags, times
from biolake.readers._dicom.facts import facts
from biolake.readers._dicom.grouping import GROUPING, Group, Indexed, groups
from biolake.readers._dicom.header import Header, read_header
from biolake.readers._dicom.picture import picture_of
from biolake.readers._dicom.scan import UNDEFINED
from biolake.readers._dicom.waveform import recording

_PICTURES = ("volume", "image", "frames", kinds.SEGMENTATION)


def find(
    files: Sequence[SourceFile], around: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Index DICOM files by their headers and group slices into volumes."""
    indexed: list[Indexed] = []
    known: dict[bytes, bytes] = {}
    for file in files:
        read = _read(file, known)
        if isinstance(read, UnreadableFile):
            yield read
        else:
            indexed.append(read)
    shared = _shared_series(indexed)
    mixed = [each for each in indexed if each.header.text(tags.SERIES_UID) in shared]
    yield from (UnreadableFile(each.file, _SHARED, _SERIES) for each in mixed)
    own = [each for each in indexed if each.header.text(tags.SERIES_UID) not in shared]
    own, doubles = _told_apart(own)
    yield from (UnreadableFile(each.file, _DOUBLE, tags.name(tags.SOP_UID)) for each in doubles)
    for group in groups(own):
        try:
            yield _asset(group)
        except (DataRefused, OSError) as error:
            reason = error.message if isinstance(error, DataRefused) else "cannot be read"
            for each in group.members:
                yield UnreadableFile(each.file, reason)


def _read(file: SourceFile, known: dict[bytes, bytes]) -> Indexed | UnreadableFile:
    """Index one file, or tell why it cannot be."""
    try:
        header = read_header(file.path)
        _check(header)
        return Indexed(file, _slim(header, known), times.taken(header))
    except DataRefused as refusal:
        return UnreadableFile(file, refusal.message, refusal.where)
    except (OSError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return UnreadableFile(file, f"cannot be read ({type(error).__name__})")


def _shared_series(indexed: Sequence[Indexed]) -> set[str]:
    """Return the series UIDs that more than one patient has: one of them must be wrong."""
    owners: dict[str, tuple[str, str]] = {}
    shared: set[str] = set()
    for each in indexed:
        series = each.header.text(tags.SERIES_UID)
        owner = (each.header.text(tags.PATIENT_ID), each.header.text(tags.ISSUER))
        if series and owners.setdefault(series, owner) != owner:
            shared.add(series)
    return shared


def _told_apart(indexed: Sequence[Indexed]) -> tuple[list[Indexed], list[Indexed]]:
    """Part files from those whose SOP Instance UID an earlier one, by name, has with other bytes.

    An archive sends an object again when its header was corrected; which of two found together
    is right nobody can say.
    """
    first: dict[str, SourceFile] = {}
    for each in indexed:
        uid, file = each.header.text(tags.SOP_UID), each.file
        if uid and file.name < first.setdefault(uid, file).name:
            first[uid] = file
    own: list[Indexed] = []
    doubles: list[Indexed] = []
    for each in indexed:
        kept = first.get(each.header.text(tags.SOP_UID), each.file)
        alike = kept.content_hash == each.file.content_hash
        (own if alike else doubles).append(each)
    return own, doubles


def _slim(header: Header, known: dict[bytes, bytes]) -> Header:
    """Keep of a slice what groups it, equal values once."""
    if not kinds.is_slice(header):
        return header
    all_values = header.values
    values = {
        tag: known.setdefault(all_values[tag], all_values[tag])
        for tag in GROUPING
        if tag in all_values
    }
    return Header(values, header.syntax, header.big)


def _check(header: Header) -> None:
    """Refuse by header what could never be opened."""
    if tags.SOP_CLASS not in header and tags.ROWS not in header:
        raise SourceUnreadable("no image, waveform or report in it (a DICOMDIR lists others)")
    kind = kinds.kind(header)
    if header.cut:
        raise SourceUnreadable("the file ends before its pixel data do", where=_PIXELS)
    if kind not in _PICTURES:
        return
    if header.lacks_pixels or tags.ROWS not in header:
        raise SourceUnreadable("an image without pixel data", where=_PIXELS)
    at = header.pixels
    if at is None:
        return
    how = picture_of(header)
    halved = how.photometric == "YBR_FULL_422"
    values = how.rows * how.columns * (2 if halved else how.samples) * how.frames
    if at.length != UNDEFINED and 8 * at.length < values * how.allocated:
        raise SourceUnreadable("fewer pixels than rows, columns and frames need", where=_PIXELS)


_SHARED = "its series UID names several patients"
_DOUBLE = "another file of this load has the same SOP Instance UID and other bytes"
_PIXELS, _SERIES = tags.name(tags.PIXELS), tags.name(tags.SERIES_UID)


def _asset(group: Group) -> FoundAsset:
    first, last = group.members[0].header, group.members[-1].header
    if kinds.is_slice(first):
        first = read_header(group.members[0].file.path)
    start, offset = times.earliest([each.taken for each in group.members])
    told, end = facts(first, last, group.places), None
    if told.kind == kinds.WAVEFORM:
        told = _described(told, recording(group.members[0].file.path.read_bytes()))
        end = None if start is None else start + round((told.seconds or 0) * 1_000_000)
    return FoundAsset(
        modality=kinds.modality(first),
        files=tuple(each.file for each in group.members),
        facts=told,
        source_key=group.key,
        subject=first.text(tags.PATIENT_ID) or None,
        system=first.text(tags.ISSUER),
        start=start,
        end=end,
        utc_offset=offset,
        notes=_notes(first, told.kind),
        file_keys=tuple(each.header.text(tags.SOP_UID) for each in group.members),
    )


def _described(told: Facts, opened: Recording) -> Facts:
    """Add what only the waveforms themselves tell."""
    fastest = max(opened.signals, key=lambda signal: signal.rate)
    leads = list(dict.fromkeys(name for signal in opened.signals for name in signal.channels))
    return replace(
        told,
        seconds=opened.seconds,
        rate=fastest.rate,
        channels=len(leads),
        shape=fastest.samples.shape,
        units=fastest.units[0] if len(set(fastest.units)) == 1 else "",
        attributes={**told.attributes, "leads": leads},
    )


def _notes(header: Header, kind: str) -> tuple[str, ...]:
    found = []
    if kinds.is_secondary(header):
        found.append("a secondary capture: its pixels may show names")
    if header.text(tags.BURNED_IN) == "YES":
        found.append("annotation is burned into the pixels")
    if kind == "image" and kinds.modality(header) in ("ct", "mr", "pet"):
        found.append("kept as a single picture: a scout view, or no place in the header")
    return tuple(found)
