import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.core.reading import Tally
from biolake.readers._hl7.text import FieldError, syntax_of, time_of
from biolake.readers.hl7v2 import hl7v2
from biolake.testing.readers import ReaderTests, opened, read

MSH = r"MSH|^~\&|LAB|GH|LAKE|X|202003011200||{type}|1|P|2.5.1"
PID = "PID|1||77^^^GH^MR~123456780^^^USSSA^SS||Zubrowka^Anna||19800229|F||||||||||||||||||||||N"
PV1 = "PV1|1|I|W1^2||||||||||||||||V9^^^GH|||||||||||||||||||||||||202003010800|202003051000"
OBR = "OBR|1|P5|F5|24323-8^CMP^LN|||202003010900"


def message(kind: str, *segments: str) -> str:
    return "\r".join([MSH.format(type=kind), *segments]) + "\r"


def oru(*results: str) -> str:
    return message("ORU^R01", PID, OBR, *results)


def adt(trigger: str, *segments: str) -> str:
    return message(f"ADT^{trigger}", "EVN||202003011130", PID, *segments)


def write(folder: Path, *messages: str | bytes) -> Path:
    raw = [each if isinstance(each, bytes) else each.encode() for each in messages]
    (folder / "feed.hl7").write_bytes(b"".join(raw))
    return folder


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # noqa: DTZ001  the lake's times are naive


def events(source: Path) -> list[dict[str, Any]]:
    return [row for c in read(hl7v2, source) if c.events for row in c.events.to_pylist()]


def results(source: Path) -> list[dict[str, Any]]:
    return [row for row in events(source) if not row["code"].startswith(("MEDS_", "GENDER//"))]


def taken_back(source: Path) -> set[int]:
    return {key for c in read(hl7v2, source) if c.retracted is not None for key in c.retracted}


def tally(source: Path) -> Tally:
    total = Tally()
    for chunk in read(hl7v2, source):
        total.add(chunk.tally)
    assert total.unexplained == 0
    return total


class TestHl7Reader(ReaderTests):
    reader = hl7v2
    secrets = ("Zubrowka", "123456780")

    def write_source(self, folder: Path) -> Path:
        sodium = "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F"
        return write(folder, adt("A01", PV1, "DG1|1||I21.4^NSTEMI^I10"), oru(sodium, "ZZZ|1"))


def test_a_result_keeps_number_unit_time_and_code(tmp_path):
    sodium = "OBX|1|NM|NA^Natrium^L^2951-2^Sodium^LN||140.5|mmol/L^x^UCUM|||||F"
    source = write(tmp_path, oru(sodium))
    (row,) = results(source)
    assert (row["code"], row["numeric_value"], row["unit"]) == ("LOINC//2951-2", 140.5, "mmol/L")
    assert (row["time"], row["subject"]) == (at(2020, 3, 1, 9), "77")
    codes = {r["code"]: r for c in read(hl7v2, source) if c.codes for r in c.codes.to_pylist()}
    assert codes["LOINC//2951-2"]["parent_codes"] == ["LOCAL//NA"]


@pytest.mark.parametrize(
    ("kind", "value", "number", "text"),
    [
        ("NM", "-1.5", -1.5, None),
        ("NM", "<5", 5.0, "<5"),
        ("SN", ">=^5", 5.0, ">=5"),
        ("SN", "^7", 7.0, None),
        ("SN", "^1^:^128", None, "1:128"),
        ("SN", "^2^+", None, "2+"),
        ("ST", r"a \T\ b\.br\c", None, "a & b\nc"),
        ("ST", r"\X48\\X69\ \S\ \R\ \F\ \E\ ", None, "Hi ^ ~ | \\"),
        ("CE", "260385009^Negative^SCT", None, "Negative"),
        ("CWE", "POS", None, "POS"),
        ("DT", "20200301", None, "20200301"),
        ("TX", "one~two", None, "one\ntwo"),
    ],
)
def test_each_value_type_is_read(tmp_path, kind, value, number, text):
    (row,) = results(write(tmp_path, oru(f"OBX|1|{kind}|X^Y||{value}||||||F")))
    assert (row["numeric_value"], row["text_value"]) == (number, text)


def test_a_text_over_several_segments_is_one_event(tmp_path):
    lines = [f"OBX|{n}|TX|18748-4^Report^LN||line {n}||||||F" for n in (1, 2, 3)]
    source = write(tmp_path, oru(*lines))
    (row,) = results(source)
    assert row["text_value"] == "line 1\nline 2\nline 3"
    assert tally(source).part_rows == 4  # MSH, OBR and two lines


def test_numbers_repeated_in_one_order_are_all_kept(tmp_path):
    twice = [f"OBX|{n}|NM|X^Y||{n}||||||F" for n in (1, 2)]
    assert [row["numeric_value"] for row in results(write(tmp_path, oru(*twice)))] == [1.0, 2.0]


def test_a_correction_replaces_and_a_withdrawal_takes_back(tmp_path):
    first, corrected = (f"OBX|1|NM|X^Y||{v}||||||{s}" for v, s in ((1, "F"), (2, "C")))
    (row,) = results(write(tmp_path, oru(first), oru(corrected)))
    assert row["numeric_value"] == 2.0
    source = write(tmp_path, oru(first), oru("OBX|1|NM|X^Y||||||||W"))
    assert results(source) == []
    assert row["row_key"] in taken_back(source)


def test_an_admission_gives_encounter_start_and_end(tmp_path):
    source = write(tmp_path, adt("A03", PV1))
    found = {row["code"]: row for row in events(source)}
    assert found["ENCOUNTER//START//I"]["time"] == at(2020, 3, 1, 8)
    assert found["ENCOUNTER//END//I"]["encounter"] == "V9"
    (stay,) = [row for c in read(hl7v2, source) if c.encounters for row in c.encounters.to_pylist()]
    assert (stay["encounter"], stay["subject"], stay["kind"]) == ("V9", "77", "I")
    assert (stay["start"], stay["end"]) == (at(2020, 3, 1, 8), at(2020, 3, 5, 10))


def test_what_a_later_message_leaves_out_stays(tmp_path):
    admitted = PV1.rpartition("|")[0]
    left = admitted.replace("202003010800", "") + "|202003051000"
    source = write(tmp_path, adt("A01", admitted), adt("A03", left))
    (stay,) = [row for c in read(hl7v2, source) if c.encounters for row in c.encounters.to_pylist()]
    assert (stay["start"], stay["end"]) == (at(2020, 3, 1, 8), at(2020, 3, 5, 10))


def test_a_cancelled_admission_is_taken_back(tmp_path):
    source = write(tmp_path, adt("A01", PV1), adt("A11", PV1))
    assert not [row for row in events(source) if row["code"].startswith("ENCOUNTER")]
    assert len(taken_back(source)) == 3  # start, end, and for PID-30 says N, no death


def test_a_cancelled_discharge_leaves_the_admission(tmp_path):
    codes = [row["code"] for row in events(write(tmp_path, adt("A03", PV1), adt("A13", PV1)))]
    assert "ENCOUNTER//START//I" in codes
    assert "ENCOUNTER//END//I" not in codes


def test_a_transfer_is_an_event_at_the_time_of_its_message(tmp_path):
    rows = events(write(tmp_path, adt("A02", PV1)))
    (moved,) = [row for row in rows if row["code"] == "ENCOUNTER//TRANSFER//I"]
    assert (moved["time"], moved["text_value"]) == (at(2020, 3, 1, 11, 30), "W1")


def test_diagnoses_allergies_and_procedures_are_events(tmp_path):
    facts = [
        "DG1|1|I10|I21.4^NSTEMI||20200302|A",
        "AL1|1|DA|70618^Penicillin^RXNORM|SV|rash",
        "PR1|1||92928^PCI^C4||20200303",
    ]
    found = {row["code"]: row for row in events(write(tmp_path, adt("A08", PV1, *facts)))}
    assert found["ICD10CM//I21.4"]["time"] == at(2020, 3, 2)
    assert found["ICD10CM//I21.4"]["text_value"] == "A"
    assert found["RXNORM//70618"]["time"] == at(2020, 3, 1, 11, 30)
    assert found["RXNORM//70618"]["text_value"] == "rash"
    assert found["CPT4//92928"]["encounter"] == "V9"


def test_people_come_with_every_identifier_and_merges(tmp_path):
    source = write(tmp_path, adt("A40", "MRG|66^^^GH^MR"))
    (people,) = [chunk.people.to_pylist() for chunk in read(hl7v2, source) if chunk.people]
    assert {(r["subject"], r["system"], r["value"], r["scope"]) for r in people} == {
        ("77", "hl7:GH", "77", "site"),
        ("77", "us-ssn", "123-45-6780", "global"),
        ("77", "hl7:GH", "66", "site"),
    }
    assert opened(hl7v2, source).subjects.name == "hl7:GH"


def test_a_national_number_is_global(tmp_path):
    pid = "PID|1||77^^^GH^MR~AB123^^^NATID^NI"
    source = write(tmp_path, message("ADT^A31", pid))
    (people,) = [chunk.people.to_pylist() for chunk in read(hl7v2, source) if chunk.people]
    assert ("urn:biolake:national-id", "AB123", "global") in {
        (r["system"], r["value"], r["scope"]) for r in people
    }


def test_two_lists_with_the_same_number_are_two_subjects(tmp_path):
    other = PID.replace("77^^^GH", "77^^^KH")
    source = write(tmp_path, message("ADT^A31", PID), message("ADT^A31", other))
    assert {row["subject"] for row in events(source)} == {"GH|77", "KH|77"}
    assert opened(hl7v2, source).subjects.name == "hl7"


def test_the_null_of_hl7_withdraws(tmp_path):
    source = write(tmp_path, message("ADT^A31", PID.replace("19800229", '""')))
    assert "MEDS_BIRTH" not in [row["code"] for row in events(source)]
    assert len(taken_back(source)) == 2  # birth, and death, for PID-30 says N


def test_a_death_after_a_message_that_denied_it_is_kept(tmp_path):
    write(tmp_path, message("ADT^A31", PID))
    dead = PID.removesuffix("|N") + "202003020000|Y"
    (tmp_path / "later.hl7").write_text(message("ADT^A31", dead))
    (death,) = [row for row in events(tmp_path) if row["code"] == "MEDS_DEATH"]
    assert death["row_key"] not in taken_back(tmp_path)


def test_offsets_make_the_clock_utc(tmp_path):
    order = OBR + "+0200"
    source = write(tmp_path, message("ORU^R01", PID, order, "OBX|1|NM|X^Y||1||||||F"))
    assert opened(hl7v2, source).clock == "utc"
    assert results(source)[0]["time"] == at(2020, 3, 1, 7)


def test_times_with_and_without_offset_are_refused_together(tmp_path):
    result = "OBX|1|NM|X^Y||1||||||F|||202003010900+0200"
    with pytest.raises(DataRefused, match=r"feed\.hl7 segment 4: OBX-14"):
        opened(hl7v2, write(tmp_path, oru(result)))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("frame", [("", ""), ("\x0b", "\x1c\r")])
def test_line_ends_and_frames_do_not_matter(tmp_path, end, frame):
    text = oru("OBX|1|NM|X^Y||1||||||F").replace("\r", end)
    source = write(tmp_path, *[f"{frame[0]}{text}{frame[1]}"] * 2)
    assert tally(source).rows == 8
    assert len(results(source)) == 1


def test_a_batch_envelope_is_explained_and_must_be_closed(tmp_path):
    head, tail = "FHS|^~\\&\rBHS|^~\\&\r", "BTS|1\rFTS|1\r"
    assert tally(write(tmp_path, head, oru(), tail)).skipped == {"batch envelope": 4}
    with pytest.raises(SourceUnreadable, match="cut short"):
        opened(hl7v2, write(tmp_path, head, oru()))


def test_own_delimiters_are_used(tmp_path):
    text = oru("OBX|1|SN|X^Y||<^5||||||F").translate(str.maketrans("|^~\\&", "#*!?@"))
    assert results(write(tmp_path, text))[0]["text_value"] == "<5"


def test_the_declared_character_set_is_used(tmp_path):
    latin = MSH.format(type="ORU^R01") + "||||||8859/1"
    text = "\r".join([latin, PID, OBR, "OBX|1|ST|X^Y||Größe||||||F"])
    (row,) = results(write(tmp_path, text.encode("latin-1")))
    assert row["text_value"] == "Größe"
    undeclared = "\r".join([MSH.format(type="ORU^R01"), PID, OBR, "OBX|1|ST|X^Y||Größe||||||F"])
    (found,) = tally(write(tmp_path, undeclared.encode("latin-1"))).rejects
    assert (found.row, found.column) == (4, "MSH-18")


@pytest.mark.parametrize(
    ("segment", "column"),
    [
        ("OBX|1|NM|X^Y||high||||||F", "OBX-5"),
        ("OBX|1|NM|X^Y||1~2||||||F", "OBX-5"),
        ("OBX|1|NM|||1||||||F", "OBX-3"),
        ("OBX|1||X^Y||1||||||F", "OBX-2"),
        ("OBX|1|NM|X^Y||1||||||?", "OBX-11"),
        ("OBX|1|NM|X^Y||1||||||F|||20209901", "OBX-14"),
        ("obx|1", "segment"),
    ],
)
def test_an_unreadable_segment_is_rejected_by_field(tmp_path, segment, column):
    (found,) = tally(write(tmp_path, oru(segment))).rejects
    assert (found.row, found.column) == (4, column)


def test_results_after_an_unreadable_pid_belong_to_nobody(tmp_path):
    result = "OBX|1|NM|X^Y||1||||||F"
    source = write(tmp_path, message("ORU^R01", PID, OBR, result, "PID|2", OBR, result))
    assert len(results(source)) == 1
    assert [(each.row, each.column) for each in tally(source).rejects] == [
        (5, "PID-3"),
        (6, "PID-3"),
        (7, "PID-3"),
    ]


def test_other_messages_and_segments_are_skipped_with_a_reason(tmp_path):
    total = tally(write(tmp_path, message("SIU^S12", PID), adt("A08", "ZAB|1", "NK1|1")))
    assert total.skipped == {
        "SIU^S12: not read": 2,
        "Z segment: local": 1,
        "NK1: not read": 1,
    }


def test_a_result_that_is_not_there_yet_is_no_event(tmp_path):
    total = tally(write(tmp_path, oru("OBX|1|NM|X^Y||||||||I", "OBX|2|NM|X^Y||||||||F")))
    assert total.skipped == {"OBX: no result yet": 1, "OBX: no value": 1}


def test_times_of_every_precision_are_read():
    assert time_of("2020") == time_of("20200101")
    assert time_of("202001010000")[0] == time_of("20200101")[0]
    assert time_of("20200101000000.25")[0] - time_of("20200101")[0] == 250_000
    assert time_of("202001010130-0130")[0] - time_of("20200101")[0] == 3 * 3_600_000_000
    with pytest.raises(ValueError, match="2020"):
        time_of("2020010")


def test_a_header_without_delimiters_is_refused():
    for header in (b"MSH", b"MSH|", b"MSH|^^^^|", b"MSHabcde"):
        with pytest.raises(FieldError, match="MSH-2"):
            syntax_of(header)


def test_a_file_that_is_not_hl7_is_refused(tmp_path):
    with pytest.raises(SourceUnreadable, match=r"feed\.hl7 segment 1"):
        opened(hl7v2, write(tmp_path, "a,b,c\r"))


@pytest.mark.parametrize(
    ("result", "column"),
    [
        ("OBX|1|NM|X^Y||1e39||||||F", "OBX-5"),
        ("OBX|1|NM|X^Y||1||||||F|||20200301090000+2500", "OBX-14"),
        ("OBX|1|NM|X^Y||1||||||F|||00010101000000+0100", "OBX-14"),
    ],
)
def test_a_value_that_the_lake_cannot_hold_is_rejected(tmp_path, result, column):
    (reject,) = tally(write(tmp_path, oru(result))).rejects
    assert reject.column == column
