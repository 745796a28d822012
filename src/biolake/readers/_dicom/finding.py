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
    for each in indexed:
        if each.header.text(tags.SERIES_UID) in shared:
            yield UnreadableFile(each.file, "its series UID names several patients", _SERIES)
    own = [each for each in indexed if each.header.text(tags.SERIES_UID) not in shared]
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


_PIXELS, _SERIES = tags.name(tags.PIXELS), tags.name(tags.SERIES_UID)


def _asset(group: Group) -> FoundAsset:
    first, last = group.members[0].header, group.members[-1].header
    if kinds.is_slice(first):
        first = read_header(group.members[0].file.path)
    known = [each.taken for each in group.members if each.taken[0] is not None]
    # Local and UTC moments cannot be compared: then the series has no start.
    clocks = {utc for _, utc in known}
    start = min(at for at, _ in known if at is not None) if len(clocks) == 1 else None
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
        utc=clocks == {True},
        notes=_notes(first, told.kind),
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
