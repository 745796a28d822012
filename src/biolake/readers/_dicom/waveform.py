"""Open a DICOM waveform: leads in physical units, and the annotations (PS3.3 C.10.9, C.10.10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Annotation, Recording, Signal
from biolake.readers._dicom.fallback import dataset, quiet

if TYPE_CHECKING:
    from pydicom import Dataset

_TYPES = {"SS": "i2", "US": "u2", "SB": "i1", "UB": "u1", "SL": "i4", "UL": "u4"}
# Lead number → name, the same in SCP-ECG and MDC (PS3.16 CID 3001; ISO 11073-10102).
_LEADS = {
    1: "I",
    2: "II",
    **{number: f"V{number - 2}" for number in range(3, 10)},
    **{number: f"V{number - 8}R" for number in range(10, 16)},
    16: "X",
    17: "Y",
    18: "Z",
    61: "III",
    62: "aVR",
    63: "aVL",
    64: "aVF",
    66: "V8",
    67: "V9",
}
_MDC_LEADS = 131_328  # block 2, term 256: where 11073-10102 numbers its leads from
_MOST_CHANNELS = 4096


@dataclass(frozen=True)
class _Group:
    """One multiplex group: channels sampled together, and its number in the file from 1."""

    number: int
    read: Dataset
    derived: bool


def recording(data: bytes) -> Recording:
    """Open the waveforms of one file; groups that were derived (a median beat) are left out.

    Values are stored · sensitivity · correction + baseline, in the unit each channel names.
    Raises `SourceUnreadable` when the samples do not fill the channels named.
    """
    read = dataset(data)
    with quiet():
        try:
            return _recording(read)
        except (SourceUnreadable, MemoryError):
            raise
        except Exception as error:
            reason = f"the waveform is damaged ({type(error).__name__})"
            raise SourceUnreadable(reason) from None


def _recording(read: Dataset) -> Recording:
    groups = [
        _Group(number, group, str(group.get("WaveformOriginality", "")) == "DERIVED")
        for number, group in enumerate(read.get("WaveformSequence") or (), start=1)
    ]
    if not groups:
        raise SourceUnreadable("there is no waveform in it")
    taken = [group for group in groups if not group.derived] or groups
    big = read.original_encoding[1] is False
    signals = {group.number: _signal(group.read, big) for group in taken}
    marks, comments = _annotations(read, signals)
    left = len(groups) - len(taken)
    if left:
        comments.append(f"{left} derived group{'s' * (left > 1)} left out")
    return Recording(
        signals=tuple(signals.values()),
        annotations={"dicom": tuple(marks)} if marks else {},
        age=_age(str(read.get("PatientAge") or "")),
        sex=str(read.get("PatientSex") or ""),
        comments=tuple(comments),
    )


def _signal(group: Dataset, big: bool) -> Signal:
    kind = str(group.get("WaveformSampleInterpretation", ""))
    if kind not in _TYPES:
        raise SourceUnreadable("its samples are coded in a way that is not opened (audio?)")
    count, length = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    rate = float(group.SamplingFrequency)
    raw = group.WaveformData
    size = count * length * int(_TYPES[kind][1])
    if not (0 < count <= _MOST_CHANNELS and length > 0 and rate > 0 and len(raw) >= size):
        raise SourceUnreadable(f"{len(raw)} bytes of samples where {size} are needed")
    stored = np.frombuffer(raw, (">" if big else "<") + _TYPES[kind], count * length)
    stored = stored.reshape(length, count).T
    channels = list(group.ChannelDefinitionSequence)
    if len(channels) != count:
        raise SourceUnreadable(f"{count} channels, but definitions for {len(channels)}")
    samples = np.empty((count, length), np.float32)
    for at, channel in enumerate(channels):
        samples[at] = stored[at] * _gain(channel) + _number(channel, "ChannelBaseline", 0.0)
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes) and len(padding) == int(_TYPES[kind][1]):
        value = np.frombuffer(padding, (">" if big else "<") + _TYPES[kind])[0]
        samples[stored == value] = np.nan
    return Signal(
        samples=samples,
        rate=rate,
        channels=_distinct([_lead(channel, at) for at, channel in enumerate(channels)]),
        units=tuple(_unit(channel) for channel in channels),
        start=_number(group, "MultiplexGroupTimeOffset", 0.0) / 1000.0,
    )


def _gain(channel: Dataset) -> float:
    sensitivity = _number(channel, "ChannelSensitivity", 1.0)
    return sensitivity * _number(channel, "ChannelSensitivityCorrectionFactor", 1.0)


def _number(place: Dataset, name: str, otherwise: float) -> float:
    value: Any = place.get(name)
    return otherwise if value is None or value == "" else float(value)


def _first(place: Dataset, name: str) -> Dataset | None:
    found: Any = place.get(name)
    return found[0] if found else None


def _unit(channel: Dataset) -> str:
    """Return the UCUM unit; "1" where no sensitivity says what a step is."""
    unit = _first(channel, "ChannelSensitivityUnitsSequence")
    told = channel.get("ChannelSensitivity") not in (None, "")
    return str(unit.get("CodeValue", "") or "1") if unit is not None and told else "1"


def _lead(channel: Dataset, at: int) -> str:
    """Name a channel by its coded source, else by its label."""
    source = _first(channel, "ChannelSourceSequence")
    if source is not None:
        number = _lead_number(str(source.get("CodeValue", "")))
        meaning = str(source.get("CodeMeaning", "") or "").removeprefix("Lead ").strip()
        if number in _LEADS or meaning:
            return _LEADS.get(number) or meaning.split(" (")[0]
    return str(channel.get("ChannelLabel", "") or f"channel {at + 1}").strip()


def _lead_number(code: str) -> int:
    """Return the lead's number in 5.6.3-9-61 (SCPECG), 2:61 or 131389 (MDC); 0 when none."""
    for start in ("5.6.3-9-", "2:"):
        if code.startswith(start):
            code = code[len(start) :]
            return int(code) if code.isdecimal() else 0
    number = int(code) if code.isdecimal() else 0
    return number - _MDC_LEADS if _MDC_LEADS < number < _MDC_LEADS + 256 else 0


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        again = found.count(name) + sum(other.startswith(f"{name} #") for other in found)
        found.append(f"{name} #{again + 1}" if again else name)
    return tuple(found)


def _annotations(read: Dataset, signals: dict[int, Signal]) -> tuple[list[Annotation], list[str]]:
    """Return marks in time of the groups opened, and what is said of the whole."""
    marks: list[Annotation] = []
    said: list[str] = []
    for each in read.get("WaveformAnnotationSequence") or ():
        where = list(each.get("ReferencedWaveformChannels") or (1, 0))
        signal = signals.get(int(where[0]))
        text = _saying(each)
        if signal is None or not text:
            continue
        times = list(_times(each, signal))
        if not times:
            said.append(text)
        elif str(each.get("TemporalRangeType", "")) == "SEGMENT" and len(times) == 2:
            marks.append(Annotation(times[0], "segment", text, times[1] - times[0]))
        else:
            marks += [Annotation(time, "point", text) for time in times]
    return sorted(marks, key=lambda mark: mark.at), said


def _times(each: Dataset, signal: Signal) -> Iterator[float]:
    """Return seconds after the recording's start; samples are counted from 1."""
    for position in _many(each.get("ReferencedSamplePositions")):
        yield signal.start + (float(position) - 1) / signal.rate
    for offset in _many(each.get("ReferencedTimeOffsets")):
        yield signal.start + float(offset) / 1000.0


def _many(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return [value] if isinstance(value, int | float | str) else list(value)


def _saying(each: Dataset) -> str:
    concept = _first(each, "ConceptNameCodeSequence")
    text = str(each.get("UnformattedTextValue", "") or "")
    name = str(concept.get("CodeMeaning", "") or "") if concept is not None else ""
    value = each.get("NumericValue")
    if value is not None and value != "":
        unit = _first(each, "MeasurementUnitsCodeSequence")
        symbol = str(unit.get("CodeValue", "") or "") if unit is not None else ""
        return f"{name}: {value} {symbol}".strip()
    return f"{name}: {text}" if name and text else name or text


def _age(text: str) -> float | None:
    """Return years of an AS value: 035Y, 018M, 002W, 010D."""
    parts = {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}
    if len(text) != 4 or not text[:3].isdecimal() or text[3] not in parts:
        return None
    return int(text[:3]) / parts[text[3]]
