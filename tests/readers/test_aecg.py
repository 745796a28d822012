import random
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers import aecg as reader

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "ecg_formats" / "hl7_aecg"
V3 = "{urn:hl7-org:v3}"
START = 1_037_956_200_000_000  # 22 November 2002, 09:10:00


@pytest.fixture(scope="module")
def shared() -> Path:
    if not SHARED.exists():
        pytest.skip("no shared data")
    return SHARED


def found(path: Path):
    return next(reader.find([SourceFile(path, path.name)], Surroundings({})))


def opened(path: Path):
    return reader.aecg.call(FileContent.of(path))


def written(path: Path, **changes: str) -> Path:
    path.write_text(document(**changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["example_aecg_hl7_2003", "subject1_0", "subject1_1"])
def test_every_sample_equals_origin_plus_digit_times_scale(shared, name):
    recording = opened(shared / f"{name}.xml")
    expected = []  # by plain arithmetic on the tree
    tree = ElementTree.parse(shared / f"{name}.xml")  # noqa: S314 - a file of ours
    for values in tree.iter(f"{V3}value"):
        digits = values.find(f"{V3}digits")
        if digits is not None:
            scale = float(values.find(f"{V3}scale").get("value"))
            origin = float(values.find(f"{V3}origin").get("value"))
            expected.append([origin + int(digit) * scale for digit in digits.text.split()])
    given = [row for signal in recording.signals for row in signal.samples]
    assert len(given) == len(expected) == 24
    for ours, theirs in zip(given, expected, strict=True):
        assert np.array_equal(ours, np.array(theirs, np.float32))


def test_a_twelve_lead_ecg_says_what_it_is(shared):
    asset = found(shared / "example_aecg_hl7_2003.xml")
    assert (asset.modality, asset.facts.kind) == ("ecg", "12-lead")
    assert (asset.facts.seconds, asset.facts.rate) == (10.0, 500.0)
    assert asset.facts.device == "Mortara Instrument, Inc. ELI250"
    assert (asset.subject, asset.system) == ("SBJ-123", "urn:oid:2.16.840.1.113883.3.400")
    assert (asset.start, asset.end, asset.utc_offset) == (START, START + 10_000_000, None)
    assert "SBJ" not in repr(asset.facts)
    recording = opened(shared / "example_aecg_hl7_2003.xml")
    assert recording.sex == "M"
    assert recording.age == pytest.approx(49.54)


def test_derived_beats_do_not_pass_for_the_rhythm(shared):
    rhythm, beats = opened(shared / "example_aecg_hl7_2003.xml").signals
    assert rhythm.channels[0] == "I"
    assert beats.channels[1] == "representative beat II"
    assert beats.samples.shape == (12, 599)


def test_annotations_stand_where_the_file_says(shared):
    sets = opened(shared / "example_aecg_hl7_2003.xml").annotations
    assert {name: len(marks) for name, marks in sets.items()} == {
        "rhythm 1": 145, "rhythm 2": 11, "representative beat 1": 11,
    }  # fmt: skip
    first = sets["rhythm 1"]
    assert (first[0].symbol, first[0].at, first[0].lasts) == ("RHY_SINUS_RHY", 0.0, 10.0)
    wave = next(mark for mark in first if mark.symbol == "WAVC_QRSWAVE")
    assert (wave.at, wave.lasts) == (pytest.approx(0.27), pytest.approx(0.12))
    end = next(mark for mark in first if mark.symbol == "WAVC_TWAVE")
    assert (end.at, end.lasts, end.text) == (pytest.approx(0.69), None, "end")
    interval = next(mark for mark in first if mark.symbol == "TIME_PD_QT")
    assert (interval.at, interval.text) == (pytest.approx(0.122), "420 ms")
    assert [mark.text for mark in sets["rhythm 2"] if mark.symbol == "WAVC_PEAK"] == ["I"] * 4


def test_the_edge_cases_of_the_standard_open(shared):
    for path in sorted(shared.glob("minimum*.xml")):
        asset = found(path)
        assert asset.start == START, path.name
        assert asset.facts.shape == (1, 13)
        assert opened(path).signals[0].samples[0, :5].tolist() == [-5, -5, -5, -5, -7.5]
    assert "no series" in found(shared / "empty.xml").reason


def test_an_offset_is_told_beside_the_time_as_written(tmp_path):
    asset = found(written(tmp_path / "a.xml", head="20021122091000.25-0500"))
    assert asset.utc_offset == -300
    assert asset.start == START + 250_000


def test_times_with_and_without_a_zone_are_not_mixed(tmp_path):
    one, two = block(head="20021122091000"), block(head="20021122091000+0100")
    path = written(tmp_path / "a.xml", blocks=one + two)
    assert "mixed" in found(path).reason


def test_a_second_sequence_set_starts_where_its_head_says(tmp_path):
    one, two = block(head="20021122091000"), block(head="20021122091003.5")
    recording = opened(written(tmp_path / "a.xml", blocks=one + two))
    assert [signal.start for signal in recording.signals] == [0.0, 3.5]


def test_a_date_without_an_hour_is_no_start(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(document(head="20021122").replace("20021122091000", "20021122"))
    assert found(path).start is None
    assert "when" in found(path).notes[0]


def test_origin_and_scale_may_differ_in_unit(tmp_path):
    path = written(tmp_path / "a.xml", origin='<origin value="1" unit="mV"/>')
    signal = opened(path).signals[0]
    assert signal.units == ("uV",)
    assert signal.samples[0].tolist() == [1002.5, 1005.0, 992.5]


def test_milliseconds_and_relative_heads_are_understood(tmp_path):
    changed = document(step='value="4" unit="ms"').replace("TIME_ABSOLUTE", "TIME_RELATIVE")
    path = tmp_path / "a.xml"
    path.write_text(re.sub("<head [^>]*>", '<head value="250" unit="ms"/>', changed))
    signal = opened(path).signals[0]
    assert (signal.rate, signal.start) == (250.0, 0.25)
    assert found(path).start == START


def test_a_short_lead_ends_in_missing_samples(tmp_path):
    path = written(tmp_path / "a.xml", more=lead("MDC_ECG_LEAD_AVR", "7"))
    signal = opened(path).signals[0]
    assert signal.channels == ("II", "aVR")
    assert signal.samples[1, 0] == 17.5
    assert np.isnan(signal.samples[1, 1:]).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"digits": "1 2 x"}, "no number"),
        ({"digits": ""}, "empty"),
        ({"step": 'value="0" unit="s"'}, "impossible"),
        ({"step": 'value="0.002" unit="mm"'}, "no unit"),
        ({"scale": '<scale value="2.5"/>'}, "no unit"),
        ({"scale": ""}, "missing"),
        ({"more": None}, "twice"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, changes, reason):
    if "more" in changes:
        changes = {"more": lead("MDC_ECG_LEAD_II", "1 2 3")}
    path = written(tmp_path / "a.xml", **changes)
    assert reason in found(path).reason
    with pytest.raises(SourceUnreadable, match=reason):
        opened(path)


def test_entities_document_types_and_deep_nesting_are_refused(tmp_path):
    path = tmp_path / "a.xml"
    bomb = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]>'
    path.write_text(bomb + document(digits="&c;"))
    assert "document type" in found(path).reason
    path.write_text('<!DOCTYPE a SYSTEM "file:///etc/passwd">' + document())
    assert "document type" in found(path).reason
    path.write_text("<a>" * 5_000)
    assert "deeply" in found(path).reason


def test_claims_only_annotated_ecgs():
    assert reader.claims("a.XML", document().encode()[:4096])
    assert reader.claims("a.xml", document().encode("utf-16")[:4096])
    assert not reader.claims("a.xml", b"<Bundle xmlns='http://hl7.org/fhir'>")
    assert not reader.claims("a.txt", document().encode())


def test_hostile_bytes_are_refused_or_read_and_never_crash(tmp_path):
    draw = random.Random(2)
    whole = document(more=annotated()).encode()
    path = tmp_path / "a.xml"
    for _ in range(300):
        damaged = bytearray(whole[: draw.randrange(len(whole))] if draw.random() < 0.2 else whole)
        for _ in range(draw.randrange(0, 4)):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.choice(b"0123456789<>\"'+- &\xff\0e.")
        path.write_bytes(damaged)
        assert isinstance(found(path), FoundAsset | UnreadableFile)
        try:
            opened(path)
        except BiolakeError:
            continue


def lead(code: str, digits: str, scale: str = '<scale value="2.5" unit="uV"/>', origin: str = ""):
    return (
        f'<component><sequence><code code="{code}"/><value>{origin}{scale}'
        f"<digits>{digits}</digits></value></sequence></component>"
    )


def block(head: str = "20021122091000", step: str = 'value="0.002" unit="s"', more: str = "",
          digits: str = "1 2 -3", **lead_parts: str) -> str:  # fmt: skip
    return (
        '<component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/>'
        f'<value><head value="{head}"/><increment {step}/></value></sequence></component>'
        f"{lead('MDC_ECG_LEAD_II', digits, **lead_parts)}{more}</sequenceSet></component>"
    )


def document(blocks: str = "", **changes: str) -> str:
    return (
        '<AnnotatedECG xmlns="urn:hl7-org:v3"><effectiveTime><low value="20021122091000"/>'
        '</effectiveTime><component><series><code code="RHYTHM"/>'
        f"{blocks or block(**changes)}</series></component></AnnotatedECG>"
    )


def annotated() -> str:
    return (
        "</sequenceSet></component><subjectOf><annotationSet><component><annotation>"
        '<code code="MDC_ECG_TIME_PD_QT"/><value value="400" unit="ms"/><support><supportingROI>'
        '<component><boundary><code code="TIME_ABSOLUTE"/><value><low value="20021122091000.1"/>'
        '<high value="20021122091000.2"/></value></boundary></component></supportingROI></support>'
        "</annotation></component></annotationSet></subjectOf><component><sequenceSet>"
        '<component><sequence><code code="TIME_ABSOLUTE"/><value><head value="20021122091001"/>'
        '<increment value="2" unit="ms"/></value></sequence></component>'
        + lead("MDC_ECG_LEAD_V1", "4 5 6")
    )
