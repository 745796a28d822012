"""HL7 version 3 XML (annotated ECG, C-CDA): parsed safely, and its time stamps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from biolake.core.errors import SourceUnreadable

_DEEPEST = 100
_MINUTE = 60_000_000  # microseconds
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?([+-]\d{4})?\Z")


@dataclass(frozen=True)
class Moment:
    """Microseconds since 1970, of UTC where the zone is given; `timed` where the hour is.

    `offset` is how many minutes east of UTC the zone is.
    """

    at: int
    timed: bool
    offset: int | None

    @property
    def zoned(self) -> bool:
        return self.offset is not None

    @property
    def written(self) -> int:
        """The moment as the file writes it."""
        return self.at + (self.offset or 0) * _MINUTE


def parse(data: bytes) -> Element:
    """Return the XML without namespaces; document types and entities are refused."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise SourceUnreadable("the XML is nested too deeply")
        builder.start(_local(tag), {_local(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(tag))

    def refuse(*_: object) -> None:
        raise SourceUnreadable("the XML has a document type, which HL7 v3 never has")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        line = getattr(error, "lineno", 0)
        raise SourceUnreadable(f"the XML is damaged or cut short, line {line}") from None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def moment(text: str | None) -> Moment | None:
    """Return an HL7 v3 time stamp (TS); None when it is missing or is none."""
    match = _TIME.match(text or "")
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, zone = match.group(7) or "", match.group(8)
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    at = int(whole.timestamp()) * 1_000_000 + int(fraction.ljust(6, "0")[:6] or 0)
    offset = None
    if zone:
        offset = (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 60 + int(zone[3:]))
        at -= offset * _MINUTE
    return Moment(at, match.group(4) is not None, offset)
