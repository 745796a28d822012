"""HL7 annotated ECG: the XML in which trials hand ECGs to the FDA."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

import numpy as np

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Annotation, Recording, Signal
from biolake.core.reading import SourceFile
from biolake.readers.aecg.xml import (
    SECONDS,
    Moment,
    child,
    code_of,
    moment,
    parse,
    quantity,
    value_of,
)

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_LEAD = "MDC_ECG_LEAD_"
_AUGMENTED = {"AVR": "aVR", "AVL": "aVL", "AVF": "aVF"}
_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "nV": 1e-9}
_RATES = (1.0, 200_000.0)  # Hz
_YEAR = 365.25 * 86_400 * 1e6  # µs


@dataclass(frozen=True)
class _Set:
    """One sequence set: its signal, and when its first sample was, absolute or relative."""

    signal: Signal
    head: Moment | None


def _sequence_set(element: Element, prefix: str) -> _Set:
    clock, leads = None, []
    for sequence in element.findall("component/sequence"):
        if code_of(sequence) in ("TIME_ABSOLUTE", "TIME_RELATIVE"):
            clock = sequence
        elif sequence.find("value/digits") is not None:
            leads.append(_lead(sequence))
    if clock is None or not leads:
        raise SourceUnreadable("a sequence set has no time or no leads")
    names = tuple(prefix + name for name, _, _ in leads)
    if len(set(names)) < len(names):
        raise SourceUnreadable("a lead comes twice in one sequence set")
    samples = np.full((len(leads), max(len(v) for _, v, _ in leads)), np.nan, np.float32)
    for row, (_, values, _) in zip(samples, leads, strict=True):
        row[: len(values)] = values
    start, head = _head(clock)
    units = tuple(unit for _, _, unit in leads)
    return _Set(Signal(samples, _rate(clock), names, units, start), head)


def _rate(clock: Element) -> float:
    step, unit = quantity(clock.find("value/increment"), "the increment of time", SECONDS)
    rate = 1.0 / (step * SECONDS[unit]) if step > 0 else 0.0
    if not _RATES[0] <= rate <= _RATES[1]:
        raise SourceUnreadable("the increment of time is impossible")
    return round(rate, 6)


def _head(clock: Element) -> tuple[float, Moment | None]:
    """Return when a sequence set begins: in seconds after its series, or as a time."""
    head = clock.find("value/head")
    if head is None:
        return 0.0, None
    if code_of(clock) == "TIME_ABSOLUTE":
        return 0.0, moment(head.get("value"))
    number, unit = quantity(head, "the head of time", SECONDS)
    return number * SECONDS[unit], None


def _lead(sequence: Element) -> tuple[str, np.ndarray, str]:
    """Return a lead's name, its samples (origin + digit · scale), and their unit."""
    code = code_of(sequence)
    name = code.removeprefix(_LEAD)
    name = _AUGMENTED.get(name, name)
    if not name:
        raise SourceUnreadable("a lead has no code")
    value = sequence.find("value")
    scale, unit = quantity(child(value, "scale"), f"the scale of lead {name}", _VOLTS)
    origin, other = 0.0, unit
    if child(value, "origin") is not None:
        origin, other = quantity(child(value, "origin"), f"the origin of lead {name}", _VOLTS)
    text = (value.findtext("digits") or "") if value is not None else ""
    try:
        digits = np.array(text.split(), dtype=np.float64)
    except ValueError:
        raise SourceUnreadable(f"lead {name} holds something that is no number") from None
    if not digits.size or not np.isfinite(digits).all():
        raise SourceUnreadable(f"lead {name} is empty or not finite")
    return name, digits * scale + origin * _VOLTS[other] / _VOLTS[unit], unit


@dataclass(frozen=True)
class _Ecg:
    """An annotated ECG read: the recording, when it began, and what else the index wants."""

    recording: Recording
    start: Moment | None
    subject: str | None
    system: str
    device: str


def _read(data: bytes) -> _Ecg:
    root = parse(data)
    if root.tag != "AnnotatedECG":
        raise SourceUnreadable("the XML is not an annotated ECG")
    sets, begin = _rhythm(root)
    if not sets:
        raise SourceUnreadable("the annotated ECG holds no series of samples")
    signals = [_placed(each, begin) for each in sets]
    annotations: dict[str, tuple[Annotation, ...]] = {}
    for series in root.findall("component/series"):
        _annotate(annotations, "rhythm", series, begin)
        for derived in series.findall("derivation/derivedSeries"):
            name = code_of(derived).replace("_", " ").lower() or "derived"
            inside = derived.findall("component/sequenceSet")
            signals.extend(_sequence_set(each, f"{name} ").signal for each in inside)
            _annotate(annotations, name, derived, begin)
    subject, system = _subject(root)
    person = root.find(
        "componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject"
        "/subjectDemographicPerson"
    )
    sex = person.find("administrativeGenderCode") if person is not None else None
    recording = Recording(
        tuple(signals),
        annotations,
        age=_age(moment(value_of(person, "birthTime")), begin),
        sex=(sex.get("code") or "") if sex is not None else "",
    )
    return _Ecg(recording, begin, subject, system, _device(root))


def _rhythm(root: Element) -> tuple[list[_Set], Moment | None]:
    """Return the sequence sets as recorded and when the first began.

    A set's own head says it best, then the series' and the whole ECG's effective time; its centre
    counts only where nothing else is given, its end never.
    """
    all_series = root.findall("component/series")
    sets = [
        _sequence_set(each, "")
        for series in all_series
        for each in series.findall("component/sequenceSet")
    ]
    heads = [each.head for each in sets if each.head is not None and each.head.timed]
    if len({head.zoned for head in heads}) > 1:
        raise SourceUnreadable("times with and without a zone are mixed")
    if heads:
        return sets, min(heads, key=lambda head: head.at)
    paths = ("effectiveTime/low", "effectiveTime/center", "effectiveTime")
    places = [(series, "effectiveTime/low") for series in all_series[:1]]
    for element, path in [*places, *((root, path) for path in paths)]:
        begin = moment(value_of(element, path))
        if begin is not None and begin.timed:
            return sets, begin
    return sets, None


def _placed(each: _Set, begin: Moment | None) -> Signal:
    if each.head is None or begin is None or each.head.zoned != begin.zoned or not each.head.timed:
        return each.signal
    return replace(each.signal, start=(each.head.at - begin.at) / 1e6)


def _subject(root: Element) -> tuple[str | None, str]:
    found = root.find(
        "componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject/id"
    )
    if found is None:
        return None, ""
    issuer, number = found.get("root") or "", (found.get("extension") or "").strip()
    if number:
        return number, f"urn:oid:{issuer}" if re.fullmatch(r"[\d.]+", issuer) else issuer
    return issuer or None, ""


def _age(birth: Moment | None, begin: Moment | None) -> float | None:
    if birth is None or begin is None or not 0 <= begin.at - birth.at < 150 * _YEAR:
        return None
    return round((begin.at - birth.at) / _YEAR, 2)


def _device(root: Element) -> str:
    author = root.find("component/series/author/seriesAuthor")
    if author is None:
        return ""
    words = (
        author.findtext("manufacturerOrganization/name"),
        author.findtext("manufacturedSeriesDevice/manufacturerModelName"),
    )
    return " ".join(word.strip() for word in words if word and word.strip())


def _annotate(
    annotations: dict[str, tuple[Annotation, ...]],
    name: str,
    series: Element,
    begin: Moment | None,
) -> None:
    """Add each annotation set under the name of its series and its number."""
    for each in series.findall("subjectOf/annotationSet"):
        marks = [
            mark
            for annotation in each.findall("component/annotation")
            for mark in _marks(annotation, begin, 0.0)
        ]
        number = 1 + sum(key.startswith(name) for key in annotations)
        annotations[f"{name} {number}"] = tuple(marks)


def _marks(element: Element, begin: Moment | None, above: float) -> Iterator[Annotation]:
    """Give an annotation and those inside it; without a time of its own it has the one above.

    A mark that has only an end stands there, and its text says so.
    """
    at, lasts, words = _when(element, begin)
    inside = element.findall("component/annotation")
    if at is None:
        times = [time for time in (_when(each, begin)[0] for each in inside) if time is not None]
        at = min(times, default=above)
    value = element.find("value")
    symbol = code_of(element)
    if value is not None and value.get("code"):
        symbol = value.get("code") or ""
    elif value is not None:
        said = value.get("value") or (value.text or "").strip()
        words = [" ".join(part for part in (said, value.get("unit")) if part), *words]
    for lead in element.iterfind("support/supportingROI/component/boundary"):
        if code_of(lead).startswith(_LEAD):
            words.append(_AUGMENTED.get(code_of(lead)[len(_LEAD) :], code_of(lead)[len(_LEAD) :]))
    yield Annotation(at, symbol.removeprefix("MDC_ECG_"), " ".join(filter(None, words)), lasts)
    for each in inside:
        yield from _marks(each, begin, at)


def _when(element: Element, begin: Moment | None) -> tuple[float | None, float | None, list[str]]:
    for boundary in element.iterfind("support/supportingROI/component/boundary"):
        if not code_of(boundary).startswith("TIME_"):
            continue
        value = boundary.find("value")
        low, high = (_seconds(child(value, tag), begin) for tag in ("low", "high"))
        if low is None and high is None:
            center = child(value, "center")
            return _seconds(value if center is None else center, begin), None, []
        if low is None:
            return high, None, ["end"]
        return low, high - low if high is not None and high >= low else None, []
    return None, None, []


def _seconds(element: Element | None, begin: Moment | None) -> float | None:
    """Return seconds after the start of a relative quantity or an absolute time."""
    text = element.get("value") if element is not None else None
    if element is None or text is None:
        return None
    if element.get("unit"):
        number, unit = quantity(element, "the time of an annotation", SECONDS)
        return number * SECONDS[unit]
    point = moment(text)
    if point is None or begin is None or point.zoned != begin.zoned:
        return None
    return (point.at - begin.at) / 1e6


def claims(name: str, head: bytes) -> bool:
    """Take XML files that begin as an annotated ECG does."""
    return name.lower().endswith(".xml") and b"AnnotatedECG" in head.replace(b"\0", b"")


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each file whole, and say what its rhythm series hold.

    Several files may bear one document id (templates are copied), so the id does not join them.
    """
    for file in files:
        try:
            yield _found(file, _read(file.path.read_bytes()))
        except BiolakeError as error:
            yield UnreadableFile(file, error.message)


def _found(file: SourceFile, ecg: _Ecg) -> FoundAsset:
    rhythm = ecg.recording.signals[0]
    seconds = ecg.recording.seconds
    begin = ecg.start
    facts = Facts(
        "12-lead" if set(STANDARD_LEADS) <= set(rhythm.channels) else "",
        seconds=seconds,
        rate=rhythm.rate,
        channels=len(rhythm.channels),
        shape=rhythm.samples.shape,
        units=rhythm.units[0] if len(set(rhythm.units)) == 1 else "",
        device=ecg.device,
        attributes={
            "leads": list(rhythm.channels),
            "signals": len(ecg.recording.signals),
            "annotations": sum(map(len, ecg.recording.annotations.values())),
        },
    )
    return FoundAsset(
        "ecg",
        (file,),
        facts,
        subject=ecg.subject,
        system=ecg.system,
        start=begin.written if begin else None,
        end=begin.written + round(seconds * 1e6) if begin else None,
        utc_offset=begin.offset if begin else None,
        notes=() if begin else ("the file does not say when the ECG began",),
    )


@asset_reader("HL7 annotated ECG (FDA)", claims=claims, find=find)
def aecg(content: Content) -> Recording:
    """Open an HL7 annotated ECG: rhythm leads, derived beats, and their annotations.

    One signal a sequence set, in the file's unit (µV, mV); a derived series' channels bear its
    name (`representative beat II`). A lead shorter than the others of its set ends in NaN.
    Annotations keep their MDC codes without `MDC_ECG_`; each set is one entry. Source: HL7 v3
    Annotated ECG (PORT_MT020001) and the FDA's implementation guide of 2005. Raises
    `SourceUnreadable`.
    """
    name = content.names[0]
    try:
        return _read(content.read(name)).recording
    except SourceUnreadable as error:
        error.where = error.where or name
        raise
