"""Every record and annotation file of the shared sets against what wfdb 4.3.1 reads.

The goldens are made by:

    python tests/readers/goldens/make_wfdb.py SHARED_DATA tests/readers/goldens/wfdb.json
"""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import FileContent
from biolake.readers._wfdb.annotations import read_marks
from biolake.readers._wfdb.files import RecordFiles
from biolake.readers._wfdb.header import read_header
from biolake.readers._wfdb.samples import read_digital
from biolake.readers._wfdb.segments import layout_of, read_signals

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
GOLDENS = json.loads((Path(__file__).parent / "goldens" / "wfdb.json").read_text("utf-8"))
pytestmark = pytest.mark.skipif(not (SHARED / "wfdb_conformance").is_dir(), reason="no shared data")


def digest(values: np.ndarray, kind: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype=kind).tobytes()).hexdigest()[:16]


def content(header: Path) -> FileContent:
    return FileContent.of(header, *(path for path in header.parent.iterdir() if path != header))


@pytest.mark.parametrize("name", GOLDENS["signals"])
def test_every_sample_is_the_one_wfdb_reads(name):
    expected = GOLDENS["signals"][name]
    files = RecordFiles(content(SHARED / name))
    header = read_header((SHARED / name).read_bytes())
    layout = layout_of(header, files.header)
    if "digital" in expected:
        digital = read_digital(header, files.read)
        assert [digest(row, "<i8") for row in digital.samples] == expected["digital"]
    signals, checked, wrong = read_signals(layout, files.read)
    ours = sorted(digest(row, "<f4") for signal in signals for row in signal.samples)
    assert ours == sorted(expected["physical"])
    assert checked == sum(len(part.header.signals) for part in layout.parts)
    assert wrong == 0
    lines = layout.parts[0].header.signals
    assert [line.name for line in lines] == expected["names"]


@pytest.mark.parametrize("name", GOLDENS["annotations"])
def test_every_annotation_is_the_one_wfdb_reads(name):
    expected = GOLDENS["annotations"][name]
    marks = read_marks((SHARED / name).read_bytes())
    # wfdb leaves out every note at time 0; we keep those that define nothing.
    kept = ~((marks.at == 0) & (marks.codes == 22))
    texts = dict(marks.texts)
    told = [texts.get(i, "") for i in np.flatnonzero(kept).tolist()]
    assert int(kept.sum()) == expected["marks"]
    for column in ("at", "codes", "subtypes", "channels", "numbers"):
        assert digest(getattr(marks, column)[kept], "<i8") == expected[column], column
    assert hashlib.sha256("\n".join(told).encode()).hexdigest()[:16] == expected["texts"]


def test_the_file_names_its_own_codes():
    marks = read_marks((SHARED / "wfdb_conformance" / "1003.atr").read_bytes())
    assert marks.symbols == {15: "c", 17: "#", 20: "x", 21: "w", 23: "*", 24: "z"}


def test_samples_equal_those_of_an_installed_wfdb():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wfdb = pytest.importorskip("wfdb")
        for header in sorted((SHARED / "cinc2021").glob("*.hea"))[:5]:
            files = RecordFiles(content(header))
            record = read_header(header.read_bytes())
            theirs = wfdb.rdrecord(str(header.with_suffix("")), physical=False).d_signal
            for i, row in enumerate(read_digital(record, files.read).samples):
                assert np.array_equal(row, theirs[:, i])
