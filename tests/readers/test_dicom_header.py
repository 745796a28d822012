"""The byte scanner against pydicom: every indexed value equal, or both refuse."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from tests.readers.dicom_files import SHARED, ct_slice, encoded, image

from biolake.core.errors import BiolakeError
from biolake.readers._dicom import tags
from biolake.readers._dicom.header import Header, parse, read_header

WHEEL = Path(pydicom.__file__).parent / "data"
SETS = ("dicom_suite", "ct_head_series", "ct_chest/dicom", "ecg_formats/dicom")


def real_files(folder: Path) -> Iterator[Path]:
    """Give every file of the wheel and the shared sets, what is packed unpacked."""
    yield from (path for path in WHEEL.rglob("*") if path.is_file() and path.suffix != ".pyc")
    for place in SETS:
        for path in sorted((SHARED / place).rglob("*")):
            if path.suffix == ".zst":
                with pa.input_stream(str(path), compression="zstd") as stream:
                    copy = folder / path.name
                    copy.write_bytes(stream.read())
                yield copy
            elif path.is_file():
                yield path


def both(path: Path) -> tuple[Header | None, Dataset | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            known = path.read_bytes()[:2] in (b"\x08\0", b"\x02\0", b"\0\x08")
            peer = pydicom.dcmread(path, stop_before_pixels=True, force=known)
        except Exception:
            peer = None
    try:
        return read_header(path), peer
    except BiolakeError:
        return None, peer


def peer_values(peer: Dataset, tag: int) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = peer[tag].value if tag in peer else None
            found = list(value) if isinstance(value, MultiValue | list) else [value]
            found = [] if value is None or value == "" else found
            return [float(part) for part in found] if tag in tags.NUMERIC else found
        except ValueError:
            return []


def our_values(header: Header, tag: int) -> list[Any]:
    if tag in tags.SHORTS:
        found = header.short(tag)
        return [] if found is None else [found]
    return list(header.numbers(tag) if tag in tags.NUMERIC else header.texts(tag))


def mismatches(path: Path) -> list[str]:
    ours, peer = both(path)
    if ours is None:
        indexed = peer is not None and any(tag in peer for tag in tags.VRS)
        return [f"{path.name}: only pydicom reads it"] if indexed else []
    assert peer is not None, path.name
    found = []
    for tag in tags.VRS:
        theirs = peer_values(peer, tag)
        if tag not in tags.SHORTS and tag not in tags.NUMERIC:
            theirs = [str(part).strip() for part in theirs]
        if our_values(ours, tag) != theirs:
            found.append(f"{path.name} {tags.name(tag)}")
    return found


def test_every_value_of_every_real_file_equals_pydicoms(tmp_path):
    paths = list(real_files(tmp_path))
    assert len(paths) > 150
    assert [wrong for path in paths for wrong in mismatches(path)] == []


def test_a_wrong_value_would_be_seen(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(encoded(ct_slice((0, 0, 0))))
    header = read_header(path)
    header.values[tags.ROWS] = b"\x07\x00"
    assert our_values(header, tags.ROWS) != [24]


def written_as(made: Dataset, implicit: bool, little: bool, syntax: str) -> bytes:
    made.file_meta.TransferSyntaxUID = syntax
    target = BytesIO()
    how = {"implicit_vr": implicit, "little_endian": little, "force_encoding": True}
    pydicom.dcmwrite(target, made, **how)
    return target.getvalue()


ROOT = "1.2.840.10008.1.2"
SYNTAXES = {
    "implicit": (True, True, ROOT),
    "explicit": (False, True, ROOT + ".1"),
    "deflated": (False, True, ROOT + ".1.99"),
    "big endian": (False, False, ROOT + ".2"),
}


def nested() -> Dataset:
    """Make an image with sequences of undefined length inside each other before the rest."""
    made = ct_slice((1, 2, 3), PatientName="X")
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.Rows = "1", 99
    inner.is_undefined_length_sequence_item = True
    outer.PurposeOfReferenceCodeSequence = Sequence([inner, inner])
    outer["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    made.ReferencedImageSequence = Sequence([outer])
    made["ReferencedImageSequence"].is_undefined_length = True
    block = made.private_block(0x0009, "MAKER", create=True)
    block.add_new(0x01, "SQ", Sequence([outer]))
    return made


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_all_syntaxes_give_the_same_header(syntax):
    header = parse(written_as(nested(), *SYNTAXES[syntax]))
    assert not header.odd
    assert header.short(tags.ROWS) == 24
    assert header.numbers(tags.POSITION) == (1.0, 2.0, 3.0)
    assert header.text(tags.PATIENT_ID) == "subject-1"
    assert header.pixels is not None


@pytest.mark.parametrize("syntax", ["implicit", "explicit"])
def test_a_file_without_preamble_or_meta_is_read(syntax):
    implicit, little, uid = SYNTAXES[syntax]
    data = written_as(ct_slice((0, 0, 0)), implicit, little, uid)
    bare = data[data.index(b"\x08\0\x08\0", 132) :]
    assert parse(bare).short(tags.COLUMNS) == 20
    assert parse(data[132:]).short(tags.COLUMNS) == 20


def test_a_wrong_meta_group_length_does_not_matter():
    data = bytearray(encoded(ct_slice((0, 0, 0))))
    data[140:144] = (7).to_bytes(4, "little")
    assert parse(bytes(data)).short(tags.ROWS) == 24


def test_only_the_start_is_read_unless_more_is_needed(tmp_path):
    made = ct_slice((0, 0, 0))
    block = made.private_block(0x0009, "MAKER", create=True)
    block.add_new(0x01, "OB", bytes(200_000))
    path = tmp_path / "big.dcm"
    path.write_bytes(encoded(made))
    header = read_header(path)
    assert header.short(tags.ROWS) == 24
    assert not header.odd


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", "ISO_IR 144", "\\ISO 2022 IR 87"])
def test_identifiers_in_other_scripts_are_what_pydicom_says(charset):
    name = {"ISO_IR 144": "Юзя", "\\ISO 2022 IR 87": "山田"}.get(charset, "Äneas")
    made = image(np.zeros((2, 2), np.uint16), PatientID=name)
    made.SpecificCharacterSet = charset.split("\\")
    assert parse(encoded(made)).text(tags.PATIENT_ID) == name


def test_a_file_cut_in_its_pixels_is_marked():
    data = encoded(ct_slice((0, 0, 0)))
    assert not parse(data).cut
    assert parse(data[:-100]).cut


def test_a_deflated_file_that_is_damaged_is_refused():
    data = written_as(ct_slice((0, 0, 0)), *SYNTAXES["deflated"])
    with pytest.raises(BiolakeError):
        parse(data[: len(data) // 2])
