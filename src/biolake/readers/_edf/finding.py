"""What the index says of an EDF or BDF file."""

from __future__ import annotations

from datetime import datetime, timedelta
from mmap import ACCESS_READ, mmap

from biolake.core.assets import Facts, FoundAsset
from biolake.core.reading import SourceFile
from biolake.readers._edf.header import Header, header_bytes, read_header
from biolake.readers._edf.recording import Timeline, timeline_of
from biolake.signals.channels import channel_name, channel_unit, is_twelve_lead, modality_of

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the file's own clock


def found_asset(file: SourceFile) -> FoundAsset:
    """Return the asset a file is; raises `SourceUnreadable`."""
    size = file.path.stat().st_size
    with file.path.open("rb") as stream:
        start = stream.read(256)
        start += stream.read(header_bytes(start) - len(start))
        header = read_header(start, size)
        timeline = timeline_of(header, mmap(stream.fileno(), 0, access=ACCESS_READ))
    begins = None
    if header.start is not None:
        begins = (header.start - _EPOCH) // timedelta(microseconds=1)
        begins += round(timeline.offset * 1e6)
    facts = _facts(header, timeline)
    return FoundAsset(
        modality_of(facts.attributes["leads"]),
        (file,),
        facts,
        subject=_subject(header),
        start=begins,
        end=None if begins is None else begins + round(timeline.seconds * 1e6),
        notes=header.notes,
    )


def _subject(header: Header) -> str | None:
    """Return EDF+'s patient code; EDF's free text is not taken for one."""
    code = header.patient[0] if header.patient else "X"
    return None if code == "X" else code.replace("_", " ")


def _facts(header: Header, timeline: Timeline) -> Facts:
    channels = [channel for channel in header.channels if not channel.is_annotation]
    names = [channel_name(channel.label) for channel in channels]
    units = {channel_unit(channel.unit) for channel in channels}
    samples = {channel.samples for channel in channels}
    attributes: dict[str, object] = {"leads": names, "bits": 8 * header.width}
    if len(timeline.runs) > 1:
        attributes["gaps"] = len(timeline.runs) - 1
    if timeline.annotations:
        attributes["annotations"] = ["edf"]
    one_rate = len(samples) == 1 and len(timeline.runs) == 1
    return Facts(
        kind="12-lead" if is_twelve_lead(names) else "",
        seconds=timeline.seconds if header.duration else None,
        rate=max(samples) / header.duration if samples else None,
        channels=len(channels),
        shape=(len(channels), header.records * max(samples)) if one_rate else (),
        units=units.pop() if len(units) == 1 else "",
        device=header.equipment,
        attributes=attributes,
    )
