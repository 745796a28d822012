"""The records are made by the small encoder below, whose codes are those of annex C written out:
reader and encoder follow one reading of the standard, which no device's file has confirmed."""

import binascii
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers import scp_ecg as reader

# Difference → bits.
ANNEX_C = {
    0: "0", 1: "100", -1: "101", 2: "1100", -2: "1101", 3: "11100", -3: "11101", 4: "111100",
    -4: "111101", 5: "1111100", -5: "1111101", 6: "11111100", -6: "11111101", 7: "111111100",
    -7: "111111101", 8: "1111111100", -8: "1111111101",
}  # fmt: skip
WAVE = np.round(900 * np.sin(np.arange(500) / 9) * np.exp(-np.arange(500) / 300)).astype(int)
TWELVE = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)


def found(path: Path):
    return next(reader.find([SourceFile(path, path.name)], Surroundings({})))


def opened(path: Path):
    return reader.scp_ecg.call(FileContent.of(path))


def written(folder: Path, **parts) -> Path:
    path = folder / "a.scp"
    path.write_bytes(record(**parts))
    return path


@pytest.mark.parametrize("huffman", [True, False])
@pytest.mark.parametrize("differences", [0, 1, 2])
def test_samples_come_back_in_microvolts(tmp_path, huffman, differences):
    leads = {1: WAVE, 2: WAVE[::-1], 64: WAVE // 3}
    path = written(tmp_path, leads=leads, huffman=huffman, differences=differences)
    signal = opened(path).signals[0]
    assert signal.channels == ("I", "II", "aVF")
    assert (signal.rate, signal.units) == (500.0, ("uV",) * 3)
    expected = np.array([wave * 2.5 for wave in leads.values()], np.float32)
    assert np.array_equal(signal.samples, expected)


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.integers(-9000, 9000), min_size=1, max_size=60),
    differences=st.integers(0, 2),
)
def test_any_samples_survive_the_round_trip(tmp_path_factory, values, differences):
    wave = np.array(values)
    if np.abs(_differences(wave, differences)).max() > 32767:
        return
    path = written(tmp_path_factory.mktemp("a"), leads={1: wave}, differences=differences)
    assert np.array_equal(opened(path).signals[0].samples[0], (wave * 2.5).astype(np.float32))


def test_a_stream_written_out_by_hand_is_decoded(tmp_path):
    # 1, -1, 0, 8, 100 (8 bits), -300 (16 bits), as first differences.
    bits = "1001010111111110011111111100110010011111111111111111011010100"
    path = written(tmp_path, leads={1: np.zeros(6, int)}, differences=1, streams=[packed(bits)])
    assert (opened(path).signals[0].samples[0] / 2.5).tolist() == [1, 0, 0, 8, 108, -192]


def test_tables_of_the_file_are_used_and_switched_between(tmp_path):
    # Table 1: "0" is 5, "10" goes to table 2, "11" is a literal of 4 bits. Table 2: "0" is -7,
    # "1" goes back. The first bit of a code is the lowest of the number that stores it.
    codes = struct.pack("<H", 2)
    codes += struct.pack("<H", 3) + struct.pack("<BBBhI", 1, 1, 1, 5, 0)
    codes += struct.pack("<BBBhI", 2, 2, 0, 2, 0b01) + struct.pack("<BBBhI", 2, 6, 1, 0, 0b11)
    codes += struct.pack("<H", 2) + struct.pack("<BBBhI", 1, 1, 1, -7, 0)
    codes += struct.pack("<BBBhI", 1, 1, 0, 1, 1)
    bits = "0100011111010"
    path = written(tmp_path, leads={1: np.zeros(5, int)}, differences=0, tables=codes,
                   streams=[packed(bits)])  # fmt: skip
    assert (opened(path).signals[0].samples[0] / 2.5).tolist() == [5, -7, -7, -3, 5]


def test_a_twelve_lead_record_says_what_it_is(tmp_path):
    asset = found(written(tmp_path, leads=dict.fromkeys(TWELVE, WAVE)))
    assert (asset.modality, asset.facts.kind) == ("ecg", "12-lead")
    assert (asset.facts.seconds, asset.facts.rate, asset.facts.channels) == (1.0, 500.0, 12)
    assert (asset.subject, asset.facts.device) == ("PAT-77", "CARDX")
    assert asset.start == 1_709_633_106_000_000  # 5 March 2024, 10:05:06
    assert asset.end == asset.start + 1_000_000
    assert asset.utc_offset is None
    assert "Roe" not in repr(asset)
    assert "PAT" not in repr(asset.facts)


def test_age_and_sex_are_the_record_s(tmp_path):
    recording = opened(written(tmp_path))
    assert (recording.age, recording.sex) == (63.0, "F")
    months = {4: struct.pack("<HB", 18, 2)}
    assert opened(written(tmp_path, tags=months)).age == 1.5
    born = {4: b"", 5: struct.pack("<HBB", 1964, 3, 5)}
    assert opened(written(tmp_path, tags=born)).age == pytest.approx(60.0, abs=0.01)


def test_a_zone_is_told_beside_the_time_as_written_and_an_unknown_one_is_not(tmp_path):
    asset = found(written(tmp_path, tags={34: struct.pack("<hH", 60, 0)}))
    assert asset.utc_offset == 60
    assert asset.start == 1_709_633_106_000_000
    unknown = found(written(tmp_path, tags={34: struct.pack("<hH", 0x7FFF, 0)}))
    assert unknown.utc_offset is None


def test_without_a_date_there_is_no_start(tmp_path):
    asset = found(written(tmp_path, tags={25: bytes(4)}))
    assert asset.start is None
    assert "when" in asset.notes[0]


def test_a_lead_that_starts_later_begins_with_missing_samples(tmp_path):
    path = written(tmp_path, leads={1: WAVE, 3: WAVE[:300]}, starts=[1, 201])
    samples = opened(path).signals[0].samples
    assert np.isnan(samples[1, :200]).all()
    assert np.array_equal(samples[1, 200:], (WAVE[:300] * 2.5).astype(np.float32))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"flags": 5}, "reference beat"),
        ({"bimodal": 1}, "bimodal"),
        ({"step": 0}, "impossible scale"),
        ({"nanovolts": 0}, "impossible scale"),
        ({"differences": 3}, "encoding"),
        ({"starts": [0]}, "ends before"),
        ({"lengths": [600]}, "end before"),
        ({"lengths": [4_000_000_000]}, "more samples"),
        ({"without": 6}, "no section 6"),
        ({"without": 1}, "no section 1"),
        ({"tables": b"\1\0\1\0\1"}, "impossible number"),
        ({"tables": struct.pack("<HH", 1, 1) + struct.pack("<BBBhI", 1, 1, 0, 9, 0)}, "switches"),
        ({"tables": struct.pack("<HH", 1, 2) + struct.pack("<BBBhI", 1, 1, 1, 0, 0) * 2}, "alike"),
    ],
)
def test_what_is_not_read_is_refused_by_name(tmp_path, parts, reason):
    path = written(tmp_path, **{"leads": {1: WAVE}, **parts})
    assert reason in found(path).reason
    with pytest.raises(SourceUnreadable, match=r"a\.scp"):
        opened(path)


def test_every_changed_byte_is_noticed_by_a_checksum(tmp_path):
    whole = record()
    path = tmp_path / "a.scp"
    for at in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        assert isinstance(found(path), UnreadableFile), at


def test_cut_and_foreign_files_are_refused(tmp_path):
    whole = record()
    path = tmp_path / "a.scp"
    for content in (b"", whole[:10], whole[:200], b"%PDF" * 100):
        path.write_bytes(content)
        assert isinstance(found(path), UnreadableFile)


def test_claims_by_name_or_by_the_mark():
    assert reader.claims("A.SCP", b"")
    assert reader.claims("export/ecg0001", record()[:4096])
    assert not reader.claims("a.ecg", bytes(4096))


def test_hostile_bytes_under_right_checksums_never_crash(tmp_path):
    draw = random.Random(6)
    path = tmp_path / "a.scp"
    for number in range(300):
        tables = struct.pack("<HH", 1, 2) + struct.pack("<BBBhI", 1, 1, 1, 0, 0)
        tables += struct.pack("<BBBhI", 1, 17, 1, 0, 1)
        parts = {"tables": tables} if number % 3 == 0 else {}
        damaged = record(damage=lambda body: _damaged(body, draw), leads={1: WAVE[:40]}, **parts)
        path.write_bytes(damaged)
        assert isinstance(found(path), FoundAsset | UnreadableFile)
        try:
            opened(path)
        except BiolakeError:
            continue


def _damaged(body: bytes, draw: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(draw.randrange(0, 3)):
        changed[draw.randrange(min(len(changed), 40))] = draw.randrange(256)
    return bytes(changed[: draw.randrange(len(changed))] if draw.random() < 0.1 else changed)


def _differences(wave: np.ndarray, order: int) -> np.ndarray:
    if order == 1:
        return np.concatenate([wave[:1], np.diff(wave)])
    return np.concatenate([wave[:2], np.diff(wave, 2)]) if order == 2 else wave


def packed(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def encoded(values: np.ndarray) -> bytes:
    def bits(value: int) -> str:
        if value in ANNEX_C:
            return ANNEX_C[value]
        if -128 <= value < 128:
            return "1111111110" + f"{value & 0xFF:08b}"
        return "1111111111" + f"{value & 0xFFFF:016b}"

    return packed("".join(bits(int(value)) for value in values))


def section(number: int, body: bytes, reserved: bytes = bytes(6)) -> bytes:
    body += bytes(len(body) % 2)
    content = struct.pack("<HIBB", number, 16 + len(body), 20, 20) + reserved + body
    return struct.pack("<H", binascii.crc_hqx(content, 0xFFFF)) + content


def header(tags: dict[int, bytes]) -> bytes:
    device = struct.pack("<HHHBB", 0, 0, 0, 0, 255) + b"CARDX\0" + bytes(30)
    person = {0: b"Roe\0", 1: b"Jane\0", 2: b"PAT-77\0", 4: struct.pack("<HB", 63, 1), 8: b"\2"}
    taken = {14: device, 25: struct.pack("<HBB", 2024, 3, 5), 26: bytes([10, 5, 6])}
    said = {**person, **taken, **tags}
    body = b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in said.items())
    return body + b"\xff\0\0"


def record(
    leads: dict[int, np.ndarray] | None = None, *, huffman: bool = True, differences: int = 1,
    tables: bytes = struct.pack("<H", 19_999), streams: list[bytes] | None = None, flags: int = 4,
    bimodal: int = 0, step: int = 2_000, nanovolts: int = 2_500, starts: list[int] | None = None,
    lengths: list[int] | None = None, tags: dict[int, bytes] | None = None, without: int = 0,
    damage=bytes,
) -> bytes:  # fmt: skip
    leads = leads or {1: WAVE}
    starts = starts or [1] * len(leads)
    lengths = lengths or [len(wave) for wave in leads.values()]
    if streams is None:
        coded = [_differences(np.asarray(wave), differences) for wave in leads.values()]
        streams = [encoded(c) if huffman else c.astype("<i2").tobytes() for c in coded]
    listed = b"".join(
        struct.pack("<IIB", start, (start + length - 1) & 0xFFFFFFFF, lead)
        for lead, start, length in zip(leads, starts, lengths, strict=True)
    )
    rhythm = struct.pack("<HHBB", nanovolts, step, differences, bimodal)
    rhythm += struct.pack(f"<{len(streams)}H", *map(len, streams)) + b"".join(streams)
    bodies = {1: header(tags or {}), 2: tables, 3: bytes([len(leads), flags]) + listed, 6: rhythm}
    if not huffman:
        del bodies[2]
    bodies.pop(without, None)
    parts = {number: section(number, damage(body)) for number, body in bodies.items()}
    at, pointers = 6 + 16 + 12 * 10, b""
    for number in range(12):
        size = 16 + 120 if number == 0 else len(parts.get(number, b""))
        pointers += struct.pack("<HII", number, size, 7 if number == 0 else at + 1 if size else 0)
        at += size if number else 0
    content = section(0, pointers, b"SCPECG") + b"".join(parts.values())
    content = struct.pack("<I", 6 + len(content)) + content
    return struct.pack("<H", binascii.crc_hqx(content, 0xFFFF)) + content
