"""EDF and BDF files made here, where every number is known, and the shared ones against edfio.

The goldens are made by:

    python tests/readers/goldens/make_edf.py SHARED_DATA tests/readers/goldens/edf.json
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers._edf.recording import open_edf
from biolake.readers.edf import claims, edf

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "ecg_formats" / "edf"
GOLDENS = json.loads((Path(__file__).parent / "goldens" / "edf.json").read_text("utf-8"))
NOBODY = "X X X X"
UNDATED = "Startdate X X X X"


def padded(values: Sequence[object], width: int) -> bytes:
    return b"".join(str(value).encode().ljust(width)[:width] for value in values)


def made(
    records: Sequence[Sequence[Sequence[int] | bytes]],
    *,
    kind: str = "",
    duration: object = 1,
    count: int | None = None,
    patient: str = NOBODY,
    recording: str = UNDATED,
    day: str = "02.03.04",
    labels: Sequence[str] | None = None,
    physical: tuple[object, object] = (-100, 100),
    digital: tuple[int, int] = (-100, 100),
    width: int = 2,
) -> bytes:
    """Write an EDF or BDF: records of channels, each its samples, or bytes for annotations."""
    first = records[0]
    n = len(first)
    texts = [isinstance(channel, bytes) for channel in first]
    named = "BDF Annotations" if width == 3 else "EDF Annotations"
    names = labels or [named if text else f"EEG F{i}" for i, text in enumerate(texts)]
    samples = [len(c) // width if isinstance(c, bytes) else len(c) for c in first]
    stated = len(records) if count is None else count
    head = (b"\xffBIOSEMI" if width == 3 else b"0       ") + padded([patient, recording], 80)
    head += padded([day, "10.11.12", 256 * (n + 1)], 8) + padded([kind], 44)
    head += padded([stated, duration], 8) + padded([n], 4)
    head += padded(names, 16) + padded([""] * n, 80) + padded(["uV"] * n, 8)
    for value in (*physical, *digital):
        head += padded([value] * n, 8)
    head += padded([""] * n, 80) + padded(samples, 8) + padded([""] * n, 32)
    return head + b"".join(stored(channel, width) for record in records for channel in record)


def stored(channel: Sequence[int] | bytes, width: int) -> bytes:
    if isinstance(channel, bytes):
        return channel
    return b"".join(int(value).to_bytes(width, "little", signed=True) for value in channel)


def timed(onset: float, *texts: str) -> bytes:
    """Return a record's annotations, with its own time."""
    raw = f"+{onset:g}\x14\x14\0" + "".join(f"{text}\x14\0" for text in texts)
    return raw.encode().ljust(60, b"\0")


def found(path: Path) -> FoundAsset | UnreadableFile:
    (result,) = edf.find([SourceFile(path, path.name)], Surroundings({}))
    return result


def asset(folder: Path, content: bytes) -> FoundAsset:
    path = folder / "a.edf"
    path.write_bytes(content)
    result = found(path)
    assert isinstance(result, FoundAsset), result
    return result


def refusal(folder: Path, content: bytes) -> str:
    path = folder / "a.edf"
    path.write_bytes(content)
    result = found(path)
    assert isinstance(result, UnreadableFile), result
    with pytest.raises(SourceUnreadable):
        open_edf(content)
    return result.reason


@settings(max_examples=60, deadline=None)
@given(
    width=st.sampled_from([2, 3]),
    records=st.integers(1, 4),
    samples=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_written_is_read_back(width, records, samples, seed):
    most = 2 ** (8 * width - 1) - 1
    rng = np.random.default_rng(seed)
    digital = [[rng.integers(-most - 1, most + 1, n).tolist() for n in samples]
               for _ in range(records)]  # fmt: skip
    content = made(digital, width=width, digital=(-most - 1, most), physical=(-1000, 3000))
    recording = open_edf(content)
    rows = {
        (signal.rate, name): row
        for signal in recording.signals
        for name, row in zip(signal.channels, signal.samples, strict=True)
    }
    for i, n in enumerate(samples):
        whole = np.concatenate([record[i] for record in digital]).astype(float)
        expected = (whole + most + 1) * 4000 / (2 * most + 1) - 1000
        assert np.array_equal(rows[n, f"EEG F{i}"], expected.astype(np.float32)) or np.allclose(
            rows[n, f"EEG F{i}"], expected, rtol=1e-6, atol=1e-3
        )


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
@pytest.mark.parametrize("name", GOLDENS)
def test_shared_files_read_as_edfio_reads_them(name):
    expected = GOLDENS[name]
    recording = edf.call(FileContent.of(SHARED / name))
    rows = {
        label: (row.astype(float), signal.rate, unit)
        for signal in recording.signals
        for label, row, unit in zip(signal.channels, signal.samples, signal.units, strict=True)
    }
    assert sorted(rows) == sorted(expected["labels"])
    for i, label in enumerate(expected["labels"]):
        row, rate, unit = rows[label]
        assert (rate, unit) == (expected["rates"][i], expected["units"][i])
        assert len(row) == expected["samples"][i]
        scale = np.abs(row).sum()
        assert row.sum() == pytest.approx(expected["sums"][i], abs=1e-6 * scale)
        assert np.square(row).sum() == pytest.approx(expected["squares"][i], rel=1e-6)
    marks = recording.annotations.get("edf", ())
    texts = "\n".join(f"{mark.at} {mark.lasts} {mark.text}" for mark in marks)
    assert len(marks) == expected["annotations"]
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == expected["texts"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_a_start_has_its_fraction_of_a_second():
    result = found(SHARED / "test_subsecond.edf")
    assert isinstance(result, FoundAsset)
    # 24 January 2020 04:05:56 and 0.3945312 s.
    assert result.start == 1_579_838_756_394_531
    assert result.end == result.start + 698_000_000


def test_only_edf_plus_names_its_subject(tmp_path):
    content = made([[[1]]], kind="EDF+C", patient="MCH-0234567 F 02-MAY-1951 Haagse_Harry")
    told = asset(tmp_path, content)
    assert told.subject == "MCH-0234567"
    assert "MCH" not in repr(told.facts)
    assert "1951" not in repr(told.facts)
    assert asset(tmp_path, made([[[1]]], patient="MCH-0234567 F")).subject is None
    assert asset(tmp_path, made([[[1]]], kind="EDF+C")).subject is None


def test_age_and_sex_are_those_at_the_recording():
    content = made(
        [[[1]]],
        kind="EDF+C",
        patient="7 M 02-MAR-1954 X",
        recording="Startdate 02-MAR-2004 X X Nihon_EEG-1",
    )
    recording = open_edf(content)
    assert recording.age == pytest.approx(50, abs=0.01)
    assert recording.sex == "male"


def test_the_device_is_told_and_the_technician_is_not(tmp_path):
    recording = "Startdate 02-MAR-2004 PSG-12 NN Nihon_EEG-1"
    facts = asset(tmp_path, made([[[1]]], kind="EDF+C", recording=recording)).facts
    assert facts.device == "Nihon EEG-1"
    assert "NN" not in repr(facts)


def test_a_withheld_date_is_no_start(tmp_path):
    assert asset(tmp_path, made([[[1]]], kind="EDF+C")).start is None


def test_two_dates_that_differ_are_no_start(tmp_path):
    told = asset(tmp_path, made([[[1]]], kind="EDF+C", recording="Startdate 03-MAR-2004 X X X"))
    assert (told.start, told.notes) == (None, ("the two start dates of the header differ",))


@pytest.mark.parametrize(("year", "full"), [("84", 2084), ("85", 1985)])
def test_two_digits_of_a_year_stand_for_1985_to_2084(tmp_path, year, full):
    start = asset(tmp_path, made([[[1]]], day=f"02.03.{year}")).start
    expected = np.datetime64(f"{full}-03-02T10:11:12", "us").astype(int)
    assert start == expected


def test_a_gap_is_nan_and_its_length_is_kept(tmp_path):
    records = [[[1, 2], timed(0.5)], [[3, 4], timed(3.5, "+4\x15" + "2\x14cough")]]
    content = made(records, kind="EDF+D")
    recording = open_edf(content)
    (signal,) = recording.signals
    none = np.nan
    assert np.array_equal(signal.samples, [[1, 2, *[none] * 4, 3, 4]], equal_nan=True)
    (mark,) = recording.annotations["edf"]
    assert (mark.at, mark.lasts, mark.text) == (3.5, 2.0, "cough")
    facts = asset(tmp_path, content).facts
    assert (facts.seconds, facts.attributes["gaps"]) == (4.0, 1)


def test_a_gap_of_no_whole_samples_keeps_its_parts_apart():
    content = made([[[1, 2], timed(0)], [[3, 4], timed(1.7)]], kind="EDF+D")
    first, second = open_edf(content).signals
    assert (first.start, first.samples.tolist()) == (0.0, [[1, 2]])
    assert (second.start, second.samples.tolist()) == (1.7, [[3, 4]])


def test_a_gap_of_years_costs_no_memory():
    content = made([[[1, 2], timed(0)], [[3, 4], timed(900_000)]], kind="EDF+D")
    assert [signal.samples.shape for signal in open_edf(content).signals] == [(1, 2), (1, 2)]


def test_annotations_of_a_second_channel_are_read():
    second = b"+1\x14late\x14\0".ljust(60, b"\0")
    recording = open_edf(made([[[1], timed(0, "+0\x14early"), second]], kind="EDF+C"))
    assert [mark.text for mark in recording.annotations["edf"]] == ["early", "late"]


def test_a_recording_never_closed_is_read_as_far_as_it_goes(tmp_path):
    told = asset(tmp_path, made([[[1, 2]], [[3, 4]]], count=-1) + b"\1")
    assert told.facts.seconds == 2
    assert len(told.notes) == 2


def test_channels_named_by_the_standard_are_a_12_lead_ecg(tmp_path):
    leads = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    told = asset(tmp_path, made([[[1]] * 12], labels=[f"ECG {lead}" for lead in leads]))
    assert (told.modality, told.facts.kind) == ("ecg", "12-lead")
    assert told.facts.attributes["leads"] == list(leads)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"SR_RESEARCH", "the file is no EDF or BDF"),
        (b"0       ", "the number of signals is not a number"),
        (made([[[1, 2]], [[3, 4]]])[:-1], "the file is cut short"),
        (made([[[1, 2]]]) + b"\0\0\0\0", "more data records than it says"),
        (made([[[1, 2]]], count=0), "no data records"),
        (made([[[1, 2]]], count=-2), "negative"),
        (made([[[1, 2]]], count=99999999), "the file is cut short"),
        (made([[[1, 2]]], duration=0), "not above 0"),
        (made([[[1, 2]]], duration=-1), "not above 0"),
        (made([[[1, 2]]], duration="nan"), "is not a number"),
        (made([[[1, 2]]], duration="1e-300"), "not above 0"),
        (made([[[]]]), "samples in a record is not above 0"),
        (made([[[1]]], physical=(5, 5)), "range is empty"),
        (made([[[1]]], physical=("1,5", 7)), "physical minimum is not a number"),
        (made([[[1]]], physical=("-1e300", 7)), "beyond 1e30"),
        (made([[[1]]], digital=(7, 3)), "range is empty"),
        (made([[[1]]], kind="EDF+D"), "does not say where"),
        (made([[[1], b"\0" * 60]], kind="EDF+C"), "no time of its own"),
        (made([[[1], b"now\x14\x14\0".ljust(60, b"\0")]], kind="EDF+C"), "malformed"),
        (made([[[1], timed(1)], [[2], timed(1.5)]], kind="EDF+D"), "overlap"),
        (made([[[1], timed(1)], [[2], timed(9)]], kind="EDF+C"), "says it has no gaps"),
    ],
)
def test_a_file_that_cannot_be_read_rightly_is_refused(tmp_path, content, reason):
    assert reason in refusal(tmp_path, content)


def test_a_fault_is_placed_and_tells_no_value():
    content = made([[[1], timed(1)], [[2], b"Zubrowka".ljust(60, b"\0")]], kind="EDF+C")
    with pytest.raises(SourceUnreadable) as refused:
        open_edf(content)
    assert refused.value.where == "data record 2"
    assert "Zubrowka" not in str(refused.value)


def test_files_are_claimed_by_ending_or_first_bytes():
    assert claims("a/b.EDF", b"")
    assert claims("b.bin", b"\xffBIOSEMI")
    assert claims("b.rec", b"0       X")
    assert not claims("b.rec", b"RIFF")
    assert not claims("b.txt", b"0       X")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
@pytest.mark.parametrize("name", GOLDENS)
def test_bytes_changed_at_random_are_refused_or_read(tmp_path, name):
    rng = np.random.default_rng(11)
    whole = (SHARED / name).read_bytes()
    header = 256 * (1 + int(whole[252:256]))
    path = tmp_path / name
    for _ in range(75):
        raw = bytearray(whole)
        if rng.random() < 0.2:
            del raw[int(rng.integers(len(raw) + 1)) :]
        for at in rng.integers(header, size=int(rng.integers(0, 4))):
            raw[at : at + 1] = bytes([int(rng.choice(list(b"0123456789+-. eEx\xff")))])
        for at in rng.integers(header, len(whole), size=int(rng.integers(0, 6))):
            raw[at : at + 1] = bytes([int(rng.integers(256))])
        path.write_bytes(raw)
        result = found(path)
        if isinstance(result, FoundAsset):
            assert edf.call(FileContent.of(path)).seconds >= 0
