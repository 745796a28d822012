"""A WFDB record opened: signals by rate, annotations by annotator, and what the header tells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from biolake.core.assets import Content
from biolake.core.errors import SourceUnreadable
from biolake.core.media import Annotation, Recording
from biolake.readers._wfdb.annotations import Marks, in_seconds, read_marks
from biolake.readers._wfdb.files import RecordFiles
from biolake.readers._wfdb.header import Header, read_header
from biolake.readers._wfdb.segments import Layout, layout_of, read_signals

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the file's own clock
_TIME = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,2}):)?(\d{1,2})(?:\.(\d{1,6})\d*)?")
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_AGE = re.compile(r"(?:^age|<age>)\s*:\s*(\d{1,3}(?:\.\d+)?)(?![\w.])", re.IGNORECASE)
_SEX = re.compile(
    r"(?:^(?:sex|gender)|<(?:sex|gender)>)\s*:\s*(male|female|m|f)(?!\w)", re.IGNORECASE
)


def open_record(content: Content) -> Recording:
    """Open the record of a header, the first of the files; raises `SourceUnreadable`."""
    files = RecordFiles(content)
    header = read_header(content.read(content.names[0]))
    layout = layout_of(header, files.header)
    signals, _, wrong = read_signals(layout, files.read)
    age, sex = age_and_sex(header.comments)
    return Recording(
        signals,
        _annotations(content, layout),
        age,
        sex,
        header.comments + checksum_notes(wrong),
    )


def checksum_notes(wrong: int) -> tuple[str, ...]:
    """Say that signals do not add up to their checksums: bytes changed after they were written."""
    return (f"{wrong} checksums of the header do not fit the samples",) if wrong else ()


def signal_files(layout: Layout) -> list[str]:
    """Return the names of the record's signal files, each once."""
    lines = [line for part in layout.parts for line in part.header.signals]
    return list(dict.fromkeys(line.file for line in lines))


def age_and_sex(comments: Iterable[str]) -> tuple[float | None, str]:
    """Return age in years and `male` or `female` as the header's comments label them."""
    age: float | None = None
    sex = ""
    for comment in comments:
        if age is None and (found := _AGE.search(comment)):
            age = float(found[1])
        if not sex and (found := _SEX.search(comment)):
            sex = "male" if found[1][0] in "mM" else "female"
    return age, sex


def start_of(header: Header) -> tuple[int | None, str]:
    """Return the record's start in microseconds since 1970, and why there is none if stated badly.

    A time without a date, or a date without a time, is no start.
    """
    if not header.base_time or not header.base_date:
        return None, ""
    time, date = _TIME.fullmatch(header.base_time), _DATE.fullmatch(header.base_date)
    if time is None or date is None:
        return None, "the header's base time or date is not written as WFDB asks"
    hours, minutes, seconds, fraction = time.groups()
    try:
        day = datetime(int(date[3]), int(date[2]), int(date[1]))  # noqa: DTZ001
        moment = day.replace(
            hour=int(hours or 0),
            minute=int(minutes or 0),
            second=int(seconds),
            microsecond=int((fraction or "").ljust(6, "0")),
        )
    except ValueError:
        return None, "the header's base time or date does not exist"
    return (moment - _EPOCH) // timedelta(microseconds=1), ""


def _annotations(content: Content, layout: Layout) -> dict[str, tuple[Annotation, ...]]:
    opener = content.names[0]
    folder, slash, _ = opener.rpartition("/")
    used = {folder + slash + name for name in signal_files(layout)}
    found = {}
    for name in content.names[1:]:
        annotator = annotator_of(opener, name)
        if annotator and annotator != "hea" and name not in used:
            found[annotator] = in_seconds(_marks(content, name), layout.rate)
    return found


def annotator_of(header: str, name: str) -> str:
    """Return an annotation file's annotator, the ending after the record's name; or nothing."""
    stem = header.removesuffix("hea")
    return name[len(stem) :] if name.startswith(stem) else ""


def _marks(content: Content, name: str) -> Marks:
    try:
        return read_marks(content.read(name))
    except SourceUnreadable as error:
        raise SourceUnreadable(error.message, where=PurePosixPath(name).name) from None
