"""WFDB records made here, where every number is known."""

from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers._wfdb.annotations import in_seconds, read_marks
from biolake.readers._wfdb.header import read_header
from biolake.readers.wfdb import claims, wfdb

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")


def write(folder: Path, **files: str | bytes) -> Path:
    """Write files named `name_ending` for `name.ending`; return the folder."""
    for name, content in files.items():
        path = folder / ".".join(name.rsplit("_", 1))
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def words(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


def found(folder: Path) -> list[FoundAsset | UnreadableFile]:
    files = {
        path.relative_to(folder).as_posix(): SourceFile(path, path.relative_to(folder).as_posix())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    claimed = [file for name, file in files.items() if claims(name, b"")]
    return list(wfdb.find(claimed, Surroundings(files)))


def opened(asset: FoundAsset):
    return wfdb.call(FileContent({file.name: file.path for file in asset.files}))


def only(folder: Path) -> FoundAsset:
    (asset,) = found(folder)
    assert isinstance(asset, FoundAsset), asset
    return asset


def refusal(folder: Path) -> str:
    problem, *belonging = found(folder)
    assert isinstance(problem, UnreadableFile), problem
    assert all("belongs to record" in each.reason for each in belonging)
    return problem.reason


def test_what_belongs_to_a_refused_record_is_refused_with_it_by_name(tmp_path):
    signal = "16 1/mV 0 0 0 0 0 II\n"
    write(
        tmp_path,
        r_hea="r/2 1 100 3\ns1 2\ns2 1\n",  # s2 is missing
        s1_hea=f"s1 1 100 2\ns1.dat {signal}",
        r_atr=b"\0\0",
        r_txt="notes",
        t_hea=f"t 1 100 2\nt.dat {signal}",
        t_dat=words(1, 2),
    )
    every = found(tmp_path)
    told = {each.file.name: each.reason for each in every if isinstance(each, UnreadableFile)}
    assert set(told) == {"r.hea", "s1.hea", "r.atr"}
    for name in ("s1.hea", "r.atr"):
        assert told[name] == f"belongs to record r.hea, which cannot be read: {told['r.hea']}"


def mark(code: int, after: int) -> bytes:
    return (code << 10 | after).to_bytes(2, "little")


def note(text: str) -> bytes:
    raw = text.encode()
    return (63 << 10 | len(raw)).to_bytes(2, "little") + raw + b"\0" * (len(raw) % 2)


def test_physical_values_are_stored_minus_baseline_over_gain(tmp_path):
    write(
        tmp_path, r_hea="r 1 100 3\nr.dat 16 200(10)/mV 16 0 0 0 0 II\n", r_dat=words(10, 210, -190)
    )
    recording = opened(only(tmp_path))
    assert recording.signals[0].samples.tolist() == [[0.0, 1.0, -1.0]]
    assert recording.signals[0].units == ("mV",)
    assert recording.signals[0].samples.dtype == np.float32


def test_the_number_for_a_missing_sample_becomes_nan(tmp_path):
    write(tmp_path, r_hea="r 1 100 2\nr.dat 16 200/mV\n", r_dat=words(-32768, 200))
    assert np.array_equal(
        opened(only(tmp_path)).signals[0].samples, [[np.nan, 1.0]], equal_nan=True
    )


def test_a_missing_baseline_is_the_adc_zero(tmp_path):
    write(tmp_path, r_hea="r 1 100 1\nr.dat 16 200/mV 16 50\n", r_dat=words(250))
    assert opened(only(tmp_path)).signals[0].samples.tolist() == [[1.0]]


def test_an_uncalibrated_signal_has_no_unit_of_volts(tmp_path):
    write(tmp_path, r_hea="r 1 100 1\nr.dat 16 0 16 0\n", r_dat=words(200))
    assert opened(only(tmp_path)).signals[0].units == ("[arb'U]",)


def test_a_micro_sign_is_not_lost_from_a_unit(tmp_path):
    write(tmp_path, r_hea="r 1 100 1\nr.dat 16 1/µV\n", r_dat=words(200))
    assert opened(only(tmp_path)).signals[0].units == ("uV",)


def test_a_skewed_signal_is_moved_back_and_ends_in_nan(tmp_path):
    header = "r 2 100 3\nr.dat 16 1/mV\nr.dat 16:1 1/mV\n"
    write(tmp_path, r_hea=header, r_dat=words(1, 9, 2, 1, 3, 2))
    samples = opened(only(tmp_path)).signals[0].samples
    assert np.array_equal(samples, [[1, 2, 3], [1, 2, np.nan]], equal_nan=True)


def test_the_tail_of_a_skew_is_missing_for_every_sample_of_a_frame(tmp_path):
    write(tmp_path, r_hea="r 1 100 3\nr.dat 16x2:1 1/mV\n", r_dat=words(1, 2, 3, 4, 5, 6))
    samples = opened(only(tmp_path)).signals[0].samples
    assert np.array_equal(samples, [[3, 4, 5, 6, np.nan, np.nan]], equal_nan=True)


def test_signals_of_two_rates_are_two_signals_the_faster_first(tmp_path):
    header = "r 2 100 2\nr.dat 16 1/mV 0 0 0 0 0 RESP\nr.dat 16x2 1/mV 0 0 0 0 0 II\n"
    write(tmp_path, r_hea=header, r_dat=words(1, 10, 11, 2, 12, 13))
    fast, slow = opened(only(tmp_path)).signals
    assert (fast.rate, fast.channels, fast.samples.tolist()) == (200, ("II",), [[10, 11, 12, 13]])
    assert (slow.rate, slow.channels, slow.samples.tolist()) == (100, ("RESP",), [[1, 2]])


def test_format_8_adds_up_differences_from_the_initial_value(tmp_path):
    differences = np.array([5, -3, 1], "i1").tobytes()
    write(tmp_path, r_hea="r 1 100 3\nr.dat 8 1/mV 8 0 100\n", r_dat=differences)
    assert opened(only(tmp_path)).signals[0].samples.tolist() == [[105, 102, 103]]


def test_an_unstated_length_is_taken_from_the_file(tmp_path):
    write(tmp_path, r_hea="r 2 100\nr.dat 212 1/mV\nr.dat 212 1/mV\n", r_dat=b"\1\0\2\3\0\4")
    asset = only(tmp_path)
    assert asset.facts.seconds == 0.02
    assert opened(asset).signals[0].samples.tolist() == [[1, 3], [2, 4]]


def test_a_checksum_that_does_not_fit_is_told(tmp_path):
    header = "r 2 100 2\nr.dat 16 1/mV 16 0 1 4 0 II\nr.dat 16 1/mV 16 0 1 7 0 V1\n"
    write(tmp_path, r_hea=header, r_dat=words(1, 2, 3, 4))
    asset = only(tmp_path)
    assert asset.facts.attributes["checksum"] == "wrong"
    assert asset.notes == ("1 checksums of the header do not fit the samples",)
    assert opened(asset).comments == asset.notes


def test_twelve_leads_in_any_spelling_are_a_12_lead_ecg(tmp_path):
    lines = "".join(f"r.dat 16 1000/mV 16 0 0 0 0 {lead}\n" for lead in LEADS)
    write(tmp_path, r_hea=f"r 12 500 2\n{lines}", r_dat=words(*range(24)))
    asset = only(tmp_path)
    assert (asset.modality, asset.facts.kind, asset.facts.shape) == ("ecg", "12-lead", (12, 2))
    assert opened(asset).signals[0].channels[3:6] == ("aVR", "aVL", "aVF")


def test_an_ecg_with_breathing_is_physiology(tmp_path):
    header = "r 2 100 1\nr.dat 16 1/mV 0 0 0 0 0 II\nr.dat 16 1/Ohm 0 0 0 0 0 RESP\n"
    write(tmp_path, r_hea=header, r_dat=words(1, 2))
    assert only(tmp_path).modality == "physiology"


def test_a_start_needs_both_time_and_date(tmp_path):
    signal = "r.dat 16 1/mV\n"
    write(tmp_path, r_hea=f"r 1 100 100 10:00:00.5 02/01/1970\n{signal}", r_dat=words(*range(100)))
    asset = only(tmp_path)
    assert asset.start == (24 + 10) * 3_600_000_000 + 500_000
    assert asset.end == asset.start + 1_000_000
    write(tmp_path, r_hea=f"r 1 100 100 10:00:00.5\n{signal}")
    assert only(tmp_path).start is None


def test_a_date_that_does_not_exist_is_noted_and_no_start(tmp_path):
    write(tmp_path, r_hea="r 1 100 1 10:00:00 31/02/2001\nr.dat 16 1/mV\n", r_dat=words(1))
    asset = only(tmp_path)
    assert asset.start is None
    assert asset.notes == ("the header's base time or date does not exist",)


@pytest.mark.parametrize(
    ("comments", "age", "sex"),
    [
        ("# Age: 74\n# Sex: Male\n# Dx: 426177001\n", 74, "male"),
        ("# <age>: 25  <sex>: F  <diagnoses>: (none)\n", 25, "female"),
        ("# Age: NaN\n# Sex: Unknown\n", None, ""),
        ("# Stage: 3\n# Gestational age: 30\n# 69 M 1085 1629 x1\n", None, ""),
    ],
)
def test_age_and_sex_come_from_labelled_comments(tmp_path, comments, age, sex):
    write(tmp_path, r_hea=f"r 1 100 1\nr.dat 16 1/mV\n{comments}", r_dat=words(1))
    asset = only(tmp_path)
    recording = opened(asset)
    assert (recording.age, recording.sex) == (age, sex)
    assert len(recording.comments) == comments.count("\n")
    assert not any(comment in repr(asset.facts) for comment in recording.comments)


def test_annotations_beside_the_record_are_part_of_it(tmp_path):
    write(
        tmp_path,
        r_hea="r 1 100 1000\nr.dat 16 1/mV\n",
        r_dat=words(*range(1000)),
        r_atr=mark(1, 50) + mark(28, 50) + note("(AFIB") + b"\0\0",
        r_txt="notes of a nurse\n",
    )
    asset = only(tmp_path)
    assert [file.name for file in asset.files] == ["r.hea", "r.dat", "r.atr"]
    beat, rhythm = opened(asset).annotations["atr"]
    assert (beat.at, beat.symbol, beat.text) == (0.5, "N", "")
    assert (rhythm.at, rhythm.symbol, rhythm.text) == (1.0, "+", "(AFIB")


def test_an_annotation_file_of_unknown_ending_is_taken_when_it_fits(tmp_path):
    write(
        tmp_path,
        r_hea="r 1 100 100\nr.dat 16 1/mV\n",
        r_dat=words(*range(100)),
        r_mine=mark(1, 50) + b"\0\0",
        r_late=mark(1, 900) + b"\0\0",
    )
    assert only(tmp_path).facts.attributes["annotations"] == ["mine"]


def test_a_damaged_annotation_file_is_reported_and_the_record_kept(tmp_path):
    write(tmp_path, r_hea="r 1 100 1\nr.dat 16 1/mV\n", r_dat=words(1), r_atr=mark(1, 50))
    problem, asset = found(tmp_path)
    assert isinstance(problem, UnreadableFile)
    assert problem.file.name == "r.atr"
    assert isinstance(asset, FoundAsset)
    assert len(asset.files) == 2


def test_a_record_of_annotations_only_is_an_asset_without_signals(tmp_path):
    write(tmp_path, r_hea="r 0 128\n", r_ecg=mark(1, 64) + b"\0\0")
    recording = opened(only(tmp_path))
    assert recording.signals == ()
    assert [each.at for each in recording.annotations["ecg"]] == [0.5]


def test_long_steps_fields_and_resolution_of_annotations_are_read():
    raw = (
        mark(22, 0) + note("## time resolution: 1000")
        + mark(59, 0) + b"\x01\x00\x00\x00" + mark(5, 3)
        + (61 << 10 | 0xFF).to_bytes(2, "little") + (62 << 10 | 2).to_bytes(2, "little")
        + mark(1, 1) + b"\0\0"
    )  # fmt: skip
    marks = read_marks(raw)
    assert marks.at.tolist() == [65539, 65540]
    assert (marks.subtypes.tolist(), marks.channels.tolist()) == ([-1, 0], [2, 2])
    assert [(each.at, each.symbol) for each in in_seconds(marks, 250)] == [
        (65.539, "V"),
        (65.54, "N"),
    ]


def test_segments_of_a_fixed_layout_follow_each_other(tmp_path):
    signal = "16 1/mV 0 0 0 0 0 II\n"
    write(
        tmp_path,
        m_hea="m/2 1 100 5\na 2\nb 3\n",
        a_hea=f"a 1 100 2\na.dat {signal}",
        b_hea=f"b 1 100 3\nb.dat {signal.replace('1/', '2/')}",
        a_dat=words(1, 2),
        b_dat=words(6, 8, 10),
    )
    asset = only(tmp_path)
    assert [file.name for file in asset.files] == ["m.hea", "a.hea", "b.hea", "a.dat", "b.dat"]
    assert opened(asset).signals[0].samples.tolist() == [[1, 2, 3, 4, 5]]


def variable(gap: int) -> dict[str, str | bytes]:
    lead, pleth = "16 1/mV 0 0 0 0 0 II\n", "16 1/NU 0 0 0 0 0 PLETH\n"
    return {
        "m_hea": f"m/4 2 100 {gap + 4}\nl 0\na 2\n~ {gap}\nb 2\n",
        "l_hea": "l 2 100 0\n~ 0 9/NU 0 0 0 0 0 PLETH\n~ 0 9/mV 0 0 0 0 0 II\n",
        "a_hea": f"a 1 100 2\na.dat {lead}",
        "b_hea": f"b 2 100 2\nb.dat {lead}b.dat {pleth}",
        "a_dat": words(1, 2),
        "b_dat": words(3, 30, 4, 40),
    }


def test_gaps_of_a_variable_layout_are_nan(tmp_path):
    write(tmp_path, **variable(3))
    (signal,) = opened(only(tmp_path)).signals
    none = np.nan
    assert signal.channels == ("PLETH", "II")
    expected = [[none] * 5 + [30, 40], [1, 2, none, none, none, 3, 4]]
    assert np.array_equal(signal.samples, expected, equal_nan=True)


def test_a_record_that_is_mostly_gap_costs_no_memory_for_it(tmp_path):
    write(tmp_path, **variable(10**12))
    asset = only(tmp_path)
    assert asset.facts.seconds == (10**12 + 4) / 100
    first, second = opened(asset).signals
    assert (first.start, first.channels, first.samples.tolist()) == (0.0, ("II",), [[1, 2]])
    assert second.start == (10**12 + 2) / 100
    assert second.samples.tolist() == [[30, 40], [3, 4]]


def test_segments_of_different_units_are_refused(tmp_path):
    files = variable(3)
    write(tmp_path, **files | {"b_hea": str(files["b_hea"]).replace("1/mV", "1/uV")})
    assert "different units" in refusal(tmp_path)


def test_records_may_share_a_signal_file(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.hea").write_text(f"{name} 1 100 1\nx.dat 16 1/mV\n")
    write(tmp_path, x_dat=words(1))
    assert all(isinstance(asset, FoundAsset) for asset in found(tmp_path))


def test_a_record_in_a_folder_opens_from_its_folder(tmp_path):
    (tmp_path / "s").mkdir()
    write(tmp_path / "s", r_hea="r 1 100 1\nr.dat 16 1/mV\n", r_dat=words(7))
    assert opened(only(tmp_path)).signals[0].samples.tolist() == [[7]]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "the header is empty"),
        ("r 1 0 10\nr.dat 16 1/mV\n", "not a number above 0"),
        ("r 1 -5 10\nr.dat 16 1/mV\n", "not a number above 0"),
        ("r 2 100 1\nr.dat 16 1/mV\n", "announces 2 signals and lists 1"),
        ("r 1 100 9\nr.dat 16 1/mV\n", "r.dat is shorter than its header says"),
        ("r 1 100 99999999999999999\nr.dat 16 1/mV\n", "is shorter than its header says"),
        ("r 1 100 1\nr.dat 16x999999 1/mV\n", "is shorter than its header says"),
        ("r 1 100 1\nr.dat 16+99 1/mV\n", "is shorter than its header says"),
        ("r 1 100 1\nr.dat 17 1/mV\n", "storage format 17 is not one of WFDB's"),
        ("r 1 100 1\nr.dat 16 x/mV\n", "the gain is not written"),
        ("r 1 100 1\nr.dat 16 1e-200/mV\n", "the gain is beyond"),
        ("r 1 100 1\nx.dat 16 1/mV\n", "x.dat, which the header names, is not there"),
        ("r 1 100 1\n../r.dat 16 1/mV\n", "may leave its folder"),
        ("r 1 100 1\n/etc/passwd 16 1/mV\n", "may leave its folder"),
        ("r 1 100 1\nr.dat 516 1/mV\n", "is not FLAC"),
        ("r 1 100 1\n~ 0 1/mV\n", "stores no samples"),
        ("r 2 100 1\nr.dat 16 1/mV\nr.dat 212 1/mV\n", "different formats or offsets"),
        ("r 0 100\n", "neither signals nor annotations"),
        ("r/0 1 100 1\n", "0 segments"),
        ("r/1 1 100 1\nr 1\n", "a segment consists of segments"),
        ("r/1 1 100 1\n~ 1\n", "gaps only"),
        ("r/1 1 100 1\n../r 1\n", "may leave its folder"),
    ],
)
def test_a_record_that_cannot_be_read_rightly_is_refused(tmp_path, header, reason):
    write(tmp_path, r_hea=header, r_dat=words(1, 2))
    assert reason in refusal(tmp_path)


def test_an_empty_signal_file_is_refused(tmp_path):
    write(tmp_path, r_hea="r 1 100\nr.dat 16 1/mV\n", r_dat=b"")
    assert refusal(tmp_path) == "r.dat is empty"


def test_a_file_shared_by_too_many_segments_is_refused(tmp_path):
    many = "a 1000\n" * 5000
    write(
        tmp_path,
        m_hea=f"m/5000 1 100 5000000\n{many}",
        a_hea="a 1 100 1000\na.dat 16 1/mV\n",
        a_dat=words(*range(1000)),
    )
    assert "far more samples" in refusal(tmp_path)


def test_a_fault_is_placed_by_line_and_tells_no_text():
    with pytest.raises(SourceUnreadable) as refused:
        read_header(b"r 2 100 1\nr.dat 16 1/mV\nr.dat Zubrowka\n")
    assert refused.value.where == "line 3"
    assert "Zubrowka" not in str(refused.value)


@pytest.mark.parametrize("name", ["wfdb_conformance", "cinc2021", "cpsc2021", "mitbih"])
def test_bytes_changed_at_random_are_refused_or_read(tmp_path, name):
    if not (SHARED / name).is_dir():
        pytest.skip("no shared data")
    rng = np.random.default_rng(7)
    records = [path for path in sorted((SHARED / name).glob("*.hea")) if path.stat().st_size < 999]
    for turn in range(75):
        header = records[turn % len(records)]
        folder = tmp_path / str(turn)
        folder.mkdir()
        for path in header.parent.glob(f"{header.stem}*"):
            if path.is_file() and path.stat().st_size < 250_000:
                raw = bytearray(path.read_bytes())
                change(raw, rng, is_header=path == header)
                (folder / path.name).write_bytes(raw)
        for asset in found(folder):
            if isinstance(asset, FoundAsset):
                assert opened(asset).seconds >= 0


def change(raw: bytearray, rng: np.random.Generator, *, is_header: bool) -> None:
    """Cut the bytes short, or put others in their place; digits stay digits in headers."""
    if rng.random() < 0.3:
        del raw[int(rng.integers(len(raw) + 1)) :]
    known = list(b"0123456789/x:+()- ~.\n" if is_header else range(256))
    for at in rng.integers(len(raw), size=int(rng.integers(1, 5))) if raw else ():
        raw[at] = int(rng.choice(known))
