import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, MappingInvalid, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers import wearable_csv as reader

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "wearables"
REAL = r"""
files:
  - file: 'heartpy_data\.csv'
    rate: 100
    header: false
    subject: volunteer
    columns: {1: {kind: ppg, unit: "1"}}
  - file: 'heartpy_data2\.csv'
    time: {column: timer, unit: ms}
    columns: {hr: {kind: ppg, unit: "1"}}
  - file: 'smartring_(?P<subject>\w+)\.csv'
    rate: 32
    header: false
    columns: {1: {kind: ppg, unit: "1"}}
  - file: 'biosppy_acc\.txt'
    rate: 100
    delimiter: "\t"
    comment: "#"
    header: false
    columns:
      1: {kind: accelerometer x, unit: m/s2}
      2: {kind: accelerometer y, unit: m/s2}
      3: {kind: accelerometer z, unit: m/s2}
  - file: 'biosppy_ecg\.txt'
    rate: 1000
    comment: "#"
    header: false
    columns: {1: {kind: ecg, channel: I, unit: "1"}}
"""


def source(folder: Path, declaration: str, **files: str) -> Path:
    (folder / "wearables.yaml").write_text(declaration)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def find(folder: Path) -> list:
    files = {
        path.relative_to(folder).as_posix(): SourceFile(path, path.relative_to(folder).as_posix())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    claimed = [file for name, file in files.items() if reader.claims(name, b"")]
    return list(reader.find(claimed, Surroundings(files)))


def opened(folder: Path, name: str = "a.csv"):
    return reader.wearable_csv.call(FileContent.of(folder / name, folder / "wearables.yaml"))


def rule(columns: str = '{v: {kind: heart rate, unit: "/min"}}', **keys: str) -> str:
    said = "".join(f"\n    {key}: {value}" for key, value in keys.items())
    return f"files:\n  - file: '(?P<subject>\\w+)\\.csv'{said}\n    columns: {columns}\n"


def rows(times, values) -> str:
    return "t,v\n" + "".join(f"{t},{v}\n" for t, v in zip(times, values, strict=True))


def test_real_wearables_open_as_declared(tmp_path):
    if not SHARED.exists():
        pytest.skip("no shared data")
    for path in SHARED.iterdir():
        shutil.copy(path, tmp_path)
    source(tmp_path, REAL)
    found = {asset.files[0].name: asset for asset in find(tmp_path)}
    assert all(isinstance(asset, FoundAsset) for asset in found.values())
    assert set(found) == {"heartpy_data.csv", "heartpy_data2.csv", "smartring_ppg.csv",
                          "biosppy_acc.txt", "biosppy_ecg.txt"}  # fmt: skip
    assert found["heartpy_data.csv"].subject == "volunteer"
    assert found["heartpy_data.csv"].modality == "ppg"
    assert found["smartring_ppg.csv"].subject == "ppg"
    assert found["biosppy_acc.txt"].modality == "wearable"
    assert found["biosppy_ecg.txt"].modality == "ecg"
    expected = np.loadtxt(SHARED / "biosppy_acc.txt", comments="#", dtype=np.float32).T
    assert np.array_equal(opened(tmp_path, "biosppy_acc.txt").signals[0].samples, expected)
    timed = opened(tmp_path, "heartpy_data2.csv").signals[0]
    assert timed.rate == pytest.approx(1000 / 8.547903)
    values = np.loadtxt(SHARED / "heartpy_data2.csv", delimiter=",", skiprows=1, usecols=1)
    assert np.array_equal(timed.samples[0], values.astype(np.float32))


def test_without_a_declaration_nothing_is_claimed(tmp_path):
    (tmp_path / "a.csv").write_text("t,v\n0,1\n")
    assert find(tmp_path) == []
    assert not reader.claims("a.csv", b"t,v")
    assert reader.claims("x/Wearables.yaml", b"")


def test_gaps_are_missing_samples_and_are_counted(tmp_path):
    times = [0, 1, 2, 5, 6]
    source(tmp_path, rule(time="{column: t, unit: s}"), a=rows(times, [1, 2, 3, 4, 5]))
    signal = opened(tmp_path).signals[0]
    assert signal.rate == 1.0
    assert np.array_equal(signal.samples[0], [1, 2, 3, np.nan, np.nan, 4, 5], equal_nan=True)
    assert "2 of 7" in opened(tmp_path).comments[0]
    assert find(tmp_path)[0].facts.attributes["missing"] == pytest.approx(2 / 7, abs=1e-6)


def test_a_declared_rate_must_agree_with_the_times(tmp_path):
    text = rows(np.arange(200) / 25, range(200))
    for rate, agrees in ((25, True), (25.2, True), (26, False), (24.7, False)):
        source(tmp_path, rule(rate=str(rate), time="{column: t, unit: s}"), a=text)
        if agrees:
            assert opened(tmp_path).signals[0].rate == rate
        else:
            with pytest.raises(SourceUnreadable, match="its times say 25 Hz"):
                opened(tmp_path)


def test_irregular_samples_need_a_declared_grid(tmp_path):
    times = np.cumsum(np.random.default_rng(0).uniform(0.2, 9, 400)).round(2)
    source(tmp_path, rule(time="{column: t, unit: s}"), a=rows(times, range(400)))
    with pytest.raises(SourceUnreadable, match="finer"):
        opened(tmp_path)
    source(tmp_path, rule(grid="10", time="{column: t, unit: s}"))
    signal = opened(tmp_path).signals[0]
    there = np.flatnonzero(~np.isnan(signal.samples[0]))
    assert np.array_equal(signal.samples[0][there], np.arange(400))
    assert np.abs(there / 10 - (times - times[0])).max() <= 0.0501


def test_times_that_run_backwards_are_refused(tmp_path):
    source(tmp_path, rule(time="{column: t, unit: s}"), a=rows([0, 1, 3, 2], [1, 2, 3, 4]))
    assert "after data row 3" in find(tmp_path)[0].reason


def test_times_are_as_written_and_their_offset_told_where_it_is_known(tmp_path):
    stamps = ["2024-07-01 10:00:00", "2024-07-01 10:00:01", "2024-07-01 10:00:02"]
    form = '{column: t, format: "%Y-%m-%d %H:%M:%S"'
    source(tmp_path, rule(time=form + "}"), a=rows(stamps, [1, 2, 3]))
    asset = find(tmp_path)[0]
    assert (asset.start, asset.utc_offset) == (1_719_828_000_000_000, None)
    source(tmp_path, rule(time=form + ", zone: Europe/Madrid}"))
    asset = find(tmp_path)[0]
    assert (asset.start, asset.utc_offset) == (1_719_828_000_000_000, 120)
    assert asset.end == asset.start + 3_000_000
    source(tmp_path, rule(time="{column: t, format: iso}"),
           a=rows([f"{stamp}+02:00" for stamp in stamps], [1, 2, 3]))  # fmt: skip
    assert find(tmp_path)[0].utc_offset == 120
    source(tmp_path, rule(time="{column: t, unit: ms, since: epoch}"),
           a=rows([1_719_828_000_000, 1_719_828_001_000], [1, 2]))  # fmt: skip
    assert find(tmp_path)[0].start == 1_719_828_000_000_000


def test_the_hour_that_summer_time_repeats_is_refused(tmp_path):
    stamps = ["2024-10-27 02:30:00", "2024-10-27 02:30:01"]
    time = "{column: t, format: iso, zone: Europe/Madrid}"
    source(tmp_path, rule(time=time), a=rows(stamps, [1, 2]))
    assert "summer time" in find(tmp_path)[0].reason


def test_milliseconds_declared_as_seconds_are_noticed(tmp_path):
    source(tmp_path, rule(time="{column: t, unit: s, since: epoch}"),
           a=rows([1_719_828_000_000, 1_719_828_001_000], [1, 2]))  # fmt: skip
    assert "another unit" in find(tmp_path)[0].reason


def test_a_few_cells_that_are_no_numbers_are_missing_and_many_are_refused(tmp_path):
    values = ["60"] * 300
    values[7] = "error"
    source(tmp_path, rule(rate="1"), a=rows(range(300), values))
    recording = opened(tmp_path)
    assert np.isnan(recording.signals[0].samples[0, 7])
    assert "1 cells" in recording.comments[0]
    values[9:14] = ["1_000", "inf", "1e300", "0x1", "?"]
    source(tmp_path, rule(rate="1"), a=rows(range(300), values))
    reason = find(tmp_path)[0].reason
    assert "6 of 300" in reason
    assert "row 9" in reason
    assert "error" not in reason


def test_blank_cells_are_missing_and_need_no_note(tmp_path):
    source(tmp_path, rule(rate="1"), a="t,v\n0,1\n1,\n2,NA\n3\n")
    recording = opened(tmp_path)
    assert np.isnan(recording.signals[0].samples[0, 1:]).all()
    assert recording.comments == ()


def test_a_blank_line_is_a_missing_sample_where_no_column_tells_the_time(tmp_path):
    one = rule('{1: {kind: steps, unit: "1"}}', rate="1", header="false")
    recording = opened(source(tmp_path, one, a="1\n\n\n4\n\n"))
    samples = recording.signals[0].samples[0]
    assert np.array_equal(samples, [1, np.nan, np.nan, 4], equal_nan=True)
    assert recording.comments == ("2 lines are blank: taken as missing",)


def test_a_blank_line_between_rows_with_times_is_nothing(tmp_path):
    timed = rows(range(10), range(10)).replace("\n5,", "\n\n5,")
    recording = opened(source(tmp_path, rule(time="{column: t, unit: s}"), a=timed))
    assert not np.isnan(recording.signals[0].samples).any()


def test_several_rates_make_several_signals(tmp_path):
    lines = "".join(f"{i},{i % 7},{60 + i // 4 if i % 4 == 0 else ''}\n" for i in range(40))
    columns = '{p: {kind: ppg, unit: "1"}, v: {kind: heart rate, unit: /min, rate: 25}}'
    source(tmp_path, rule(columns, rate="100"), a="t,p,v\n" + lines)
    fast, slow = opened(tmp_path).signals
    assert (fast.rate, fast.samples.shape) == (100.0, (1, 40))
    assert (slow.rate, slow.samples.shape) == (25.0, (1, 10))
    assert slow.samples[0].tolist() == list(range(60, 70))
    assert find(tmp_path)[0].modality == "wearable"


def test_words_become_the_numbers_declared(tmp_path):
    columns = '{v: {kind: sleep stage, unit: "1", values: {wake: 0, light: 1, deep: 3}}}'
    source(tmp_path, rule(columns, rate="0.05"), a="v\nwake\nlight\ndeep\n\n")
    assert opened(tmp_path).signals[0].samples[0].tolist() == [0, 1, 3]


def test_the_subject_comes_from_a_column_the_path_or_the_name(tmp_path):
    source(tmp_path, rule(rate="1"), S07="t,v\n0,1\n")
    assert find(tmp_path)[0].subject == "S07"
    source(tmp_path, rule(rate="1", subject_column="id"), S07="id,v\n12,1\n12,2\n")
    assert find(tmp_path)[0].subject == "12"
    assert "12" not in repr(find(tmp_path)[0].facts)
    source(tmp_path, rule(rate="1", subject_column="id"), S07="id,v\n12,1\n13,2\n")
    assert "several subjects" in find(tmp_path)[0].reason
    (tmp_path / "S07.csv").unlink()
    (tmp_path / "P3").mkdir()
    (tmp_path / "P3" / "hr.csv").write_text("v\n1\n")
    source(tmp_path, "files: [{file: 'hr\\.csv', path: '^(?P<subject>[^/]+)/', rate: 1,"
           ' columns: {v: {kind: heart rate, unit: "/min"}}}]')  # fmt: skip
    assert find(tmp_path)[0].subject == "P3"


def test_the_nearest_declaration_above_a_file_counts(tmp_path):
    inner = tmp_path / "in"
    inner.mkdir()
    source(tmp_path, rule(rate="1"), a="v\n1\n")
    source(inner, rule(rate="2"), b="v\n1\n")
    found = {asset.files[0].name: asset for asset in find(tmp_path)}
    assert found["a.csv"].facts.rate == 1.0
    assert found["in/b.csv"].facts.rate == 2.0
    assert found["in/b.csv"].files[1].name == "in/wearables.yaml"


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        ("[", "not YAML"),
        ("files: []", "no list"),
        ("files: [{file: a}]", "needs"),
        ("files: [{file: '(', columns: {v: {kind: ppg, unit: V}}}]", "regular expression"),
        (rule("{v: {kind: pgp, unit: V}}", rate="1"), "Did you mean 'ppg'"),
        (rule("{v: {kind: ppg}}", rate="1"), "no unit"),
        (rule("{v: {kind: ppg, unit: V}, w: {kind: ppg, unit: V}}", rate="1"), "twice"),
        (rule(), "neither"),
        (rule(rate="0"), "possible rate"),
        (rule(rate="yes"), "wrong type"),
        (rule(rats="1"), "unknown key 'rats'. Did you mean 'rate'"),
        (rule(rate="1", delimiter="';;'"), "delimiter"),
        (rule(rate="1", encoding="klingon"), "encoding"),
        (rule(time="{column: t}"), "either"),
        (rule(time="{column: t, unit: s, zone: Mars/Base}"), "time zone"),
        (rule(rate="1", grid="2", time="{column: t, unit: s}"), "both"),
    ],
)
def test_a_wrong_declaration_is_refused_by_what_is_wrong(tmp_path, declaration, reason):
    source(tmp_path, declaration, a="t,v\n0,1\n")
    (found,) = find(tmp_path)
    assert found.file.name == "wearables.yaml"
    assert reason in found.reason
    with pytest.raises(MappingInvalid):
        opened(tmp_path)


def test_a_file_two_entries_match_or_none_is_said_so(tmp_path):
    source(tmp_path, rule(rate="1") + rule(rate="1").removeprefix("files:\n"), a="v\n1\n")
    assert "2 entries" in find(tmp_path)[0].reason
    source(tmp_path, rule(rate="1"))
    (tmp_path / "a.csv").unlink()
    assert "no file" in find(tmp_path)[0].reason


def test_a_missing_column_and_an_empty_file_are_refused(tmp_path):
    source(tmp_path, rule(rate="1"), a="t,w\n0,1\n", b="", c="v\n")
    reasons = [each.reason for each in find(tmp_path)]
    assert "exactly one column 'v'" in reasons[0]
    assert "exactly one column 'v'" in reasons[1]
    assert "no rows" in reasons[2]


def test_gaps_far_longer_than_the_data_are_refused(tmp_path):
    source(tmp_path, rule(time="{column: t, unit: s}"), a=rows([0, 0.01, 0.02, 1e9], [1, 2, 3, 4]))
    assert "split" in find(tmp_path)[0].reason


def test_hostile_bytes_are_refused_or_read_and_never_crash(tmp_path):
    draw = random.Random(4)
    whole = rows([f"2024-07-01 10:00:{i:02}" for i in range(60)], range(60)).encode()
    source(tmp_path, rule(time="{column: t, format: iso}"))
    declaration = (tmp_path / "wearables.yaml").read_bytes()
    for number in range(300):
        target = declaration if number % 3 == 0 else whole
        damaged = bytearray(target[: draw.randrange(len(target))] if number % 5 == 0 else target)
        for _ in range(draw.randrange(1, 4)):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.choice(
                    b"0123456789,:-\"'\n\r\0\xff{[&*e"
                )
        (tmp_path / "wearables.yaml").write_bytes(declaration if number % 3 else damaged)
        (tmp_path / "a.csv").write_bytes(damaged if number % 3 else whole)
        assert all(isinstance(each, FoundAsset | UnreadableFile) for each in find(tmp_path))
        try:
            opened(tmp_path)
        except BiolakeError:
            continue
