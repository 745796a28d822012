"""Finds WFDB records in a source: one asset a record, with all its files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NoReturn

from biolake.core.assets import Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import SetupMissing, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers._wfdb.annotations import LAST_CODE, Marks, read_marks
from biolake.readers._wfdb.files import inside, missing
from biolake.readers._wfdb.header import ABSENT, MOST_BYTES, Header, read_header
from biolake.readers._wfdb.recording import annotator_of, checksum_notes, signal_files, start_of
from biolake.readers._wfdb.samples import read_digital
from biolake.readers._wfdb.segments import Layout, check_sizes, layout_of
from biolake.signals.channels import is_twelve_lead, modality_of

# Larger records are checked for their size only: their samples are read when they are opened.
_VERIFIED_BYTES = 64 << 20
# Endings in use for annotation files: one that cannot be read is reported, not passed over.
ANNOTATORS = frozenset((
    "atr", "qrs", "ecg", "ari", "ann", "wabp", "wqrs", "gqrs", "gqrsh", "gqrsl", "sqrs", "xqrs",
    "jqrs", "man", "q1c", "q2c", "qt1", "qt2", "pu", "pu0", "pu1", "sta", "stb", "stc", "st",
    "apn", "16a", "cor", "blh", "blm", "alh", "alm", "qrsc", "bph", "bpm",
))  # fmt: skip


def find_records(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Yield every record of these headers; a segment of another record is part of that one.

    What belongs to a record that is refused is refused with it. Raises `SetupMissing` at the end
    where a record's format needs an extra that is not installed.
    """
    headers, refused = _headers(files)
    parts = _segment_names(headers)
    companions = _by_record(surroundings)
    whole: set[str] = set()
    broken: list[tuple[_Finder, str]] = []
    missing_extra: SetupMissing | None = None
    for file in files:
        header = headers.get(file.name)
        # A header that has segments itself is no segment: it is read, and refused, as its own.
        if file.name in parts and not (header and header.segments):
            continue
        finder = _Finder(file, surroundings, companions)
        try:
            found = finder.asset(header or _refused(refused[file.name]))
        except SetupMissing as error:
            missing_extra = error
            continue
        except SourceUnreadable as error:
            yield UnreadableFile(file, error.message, error.where)
            broken.append((finder, error.message))
            continue
        whole |= finder.taken.keys()
        yield from finder.unreadable
        yield found
    yield from _with_broken(broken, headers, whole)
    if missing_extra is not None:
        raise missing_extra


def _headers(
    files: Sequence[SourceFile],
) -> tuple[dict[str, Header], dict[str, SourceUnreadable]]:
    headers: dict[str, Header] = {}
    refused: dict[str, SourceUnreadable] = {}
    for file in files:
        try:
            headers[file.name] = _header(file)
        except SourceUnreadable as error:
            refused[file.name] = error
    return headers, refused


def _refused(error: SourceUnreadable) -> NoReturn:
    raise error


def _with_broken(
    broken: Sequence[tuple[_Finder, str]], headers: Mapping[str, Header], whole: set[str]
) -> Iterator[UnreadableFile]:
    """Yield the files of refused records that no other record has."""
    for finder, reason in broken:
        record = PurePosixPath(finder.file.name).name
        for file in finder.belongings(headers.get(finder.file.name)):
            if file.name not in whole:
                yield UnreadableFile(
                    file, f"belongs to record {record}, which cannot be read: {reason}"
                )


def _header(file: SourceFile) -> Header:
    if file.path.stat().st_size > MOST_BYTES:
        raise SourceUnreadable("the header is larger than 32 MiB")
    return read_header(file.path.read_bytes())


def _segment_names(headers: Mapping[str, Header]) -> set[str]:
    return {
        (PurePosixPath(name).parent / f"{segment.name}.hea").as_posix()
        for name, header in headers.items()
        for segment in header.segments
    }


def _by_record(surroundings: Surroundings) -> dict[str, list[SourceFile]]:
    """Return the files of each path without its last ending."""
    found: dict[str, list[SourceFile]] = defaultdict(list)
    for name, file in surroundings.files.items():
        stem, dot, _ = name.rpartition(".")
        if dot:
            found[stem].append(file)
    return found


@dataclass
class _Finder:
    """Gathers one record's files around its header."""

    file: SourceFile
    surroundings: Surroundings
    companions: Mapping[str, list[SourceFile]]
    taken: dict[str, SourceFile] = field(default_factory=dict)
    unreadable: list[UnreadableFile] = field(default_factory=list)

    def asset(self, header: Header) -> FoundAsset:
        self.taken[self.file.name] = self.file
        for segment in header.segments:
            if segment.name != ABSENT:
                self._take(f"{segment.name}.hea")
        layout = layout_of(header, lambda name: read_header(self._bytes(f"{name}.hea")))
        check_sizes(layout, self._size)
        checksum, wrong, frames = self._samples(layout)
        annotators = self._annotations(layout, frames)
        if not layout.channels and not annotators:
            raise SourceUnreadable("the record has neither signals nor annotations")
        facts = _facts(layout, frames, checksum, annotators)
        start, fault = start_of(header)
        seconds = facts.seconds
        return FoundAsset(
            modality_of(facts.attributes["leads"]),
            tuple(self.taken.values()),
            facts,
            start=start,
            end=None if start is None or seconds is None else start + round(seconds * 1e6),
            notes=checksum_notes(wrong) + ((fault,) if fault else ()),
        )

    def belongings(self, header: Header | None) -> list[SourceFile]:
        """Return the files that are this record's as far as can be told, its header aside."""
        found = dict(self.taken)
        for segment in header.segments if header else ():
            beside = self.surroundings.files.get(self._beside(f"{segment.name}.hea"))
            if beside is not None:
                found[beside.name] = beside
        for file in self.companions.get(self.file.name.removesuffix(".hea"), ()):
            if file.name.rpartition(".")[2] in (*ANNOTATORS, "dat"):
                found[file.name] = file
        found.pop(self.file.name, None)
        return list(found.values())

    def _beside(self, name: str) -> str:
        return (PurePosixPath(self.file.name).parent / name).as_posix()

    def _take(self, name: str) -> SourceFile:
        found = self.surroundings.beside(self.file, inside(name))
        if found is None:
            raise missing(name)
        return self.taken.setdefault(found.name, found)

    def _bytes(self, name: str) -> bytes:
        return self._take(name).path.read_bytes()

    def _size(self, name: str) -> int:
        return self._take(name).path.stat().st_size

    def _samples(self, layout: Layout) -> tuple[str, int, int]:
        """Return what the checksums say, how many are wrong, and the record's frames.

        Large records are not read: their samples are checked when they are opened.
        """
        size = sum(map(self._size, signal_files(layout)))
        if layout.frames is not None and size > _VERIFIED_BYTES:
            return "not checked", 0, layout.frames
        checked = wrong = 0
        frames = layout.frames
        for part in layout.parts:
            digital = read_digital(part.header, self._bytes)
            checked, wrong = checked + digital.checked, wrong + len(digital.wrong)
            frames = digital.frames if frames is None else frames
        return "wrong" if wrong else "right" if checked else "none", wrong, frames or 0

    def _annotations(self, layout: Layout, frames: int) -> list[str]:
        """Take the annotation files of the record's name; report those known that are damaged."""
        found = []
        for file in self.companions.get(self.file.name.removesuffix(".hea"), ()):
            annotator = annotator_of(self.file.name, file.name)
            if file.name in self.taken or annotator == "hea" or not annotator:
                continue
            try:
                marks = _marks(file)
            except SourceUnreadable as error:
                if annotator in ANNOTATORS:
                    self.unreadable.append(UnreadableFile(file, error.message))
                continue
            if annotator in ANNOTATORS or _plausible(marks, frames / layout.rate, layout.rate):
                self.taken[file.name] = file
                found.append(annotator)
        return sorted(found)


def _marks(file: SourceFile) -> Marks:
    if file.path.stat().st_size > _VERIFIED_BYTES:
        raise SourceUnreadable("the annotation file is larger than 64 MiB")
    return read_marks(file.path.read_bytes())


def _plausible(marks: Marks, seconds: float, frame_rate: float) -> bool:
    """Say whether a file of unknown ending, readable as annotations, can be this record's."""
    if not len(marks.at) or marks.codes.max() > LAST_CODE or marks.at.min() < 0:
        return False
    return not seconds or bool(marks.at.max() <= (seconds + 1) * (marks.rate or frame_rate))


def _facts(layout: Layout, frames: int, checksum: str, annotators: Sequence[str]) -> Facts:
    channels = layout.channels
    leads = [channel.name for channel in channels]
    fastest = max((channel.per_frame for channel in channels), default=0)
    one_rate = all(channel.per_frame == fastest for channel in channels)
    units = {channel.unit for channel in channels}
    attributes = {
        "leads": leads,
        "formats": sorted({s.format for part in layout.parts for s in part.header.signals}),
        "checksum": checksum,
        **({"segments": len(layout.parts)} if len(layout.parts) > 1 else {}),
        **({"annotations": list(annotators)} if annotators else {}),
    }
    return Facts(
        kind="12-lead" if is_twelve_lead(leads) else "",
        seconds=frames / layout.rate if channels else None,
        rate=layout.rate * fastest if channels else None,
        channels=len(channels),
        shape=(len(channels), frames * fastest) if channels and one_rate else (),
        units=units.pop() if len(units) == 1 else "",
        attributes=attributes,
    )
