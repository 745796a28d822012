"""Writes wfdb.json: what wfdb 4.3.1 reads, as short hashes. Run with a Python that has wfdb:

python tests/readers/goldens/make_wfdb.py SHARED_DATA tests/readers/goldens/wfdb.json
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

PATTERNS = (
    "wfdb_conformance/*.hea",
    "wfdb_conformance/multi-segment/*/*.hea",
    "cinc2021/*.hea",
    "cpsc2021/*.hea",
    "mitbih/*.hea",
    "ptbxl/records500/*/*.hea",
)
ANNOTATORS = (".atr", ".wabp", ".wqrs", ".sqrs", ".gqrsh", ".gqrsl", ".anI")


def digest(values, kind):
    return hashlib.sha256(np.ascontiguousarray(values, dtype=kind).tobytes()).hexdigest()[:16]


def signals(header):
    import wfdb

    stem = str(header.with_suffix(""))
    physical = wfdb.rdrecord(stem, smooth_frames=False)
    found = {
        "names": physical.sig_name,
        "physical": [digest(np.asarray(row).astype("<f4"), "<f4") for row in physical.e_p_signal],
    }
    if isinstance(wfdb.rdheader(stem), wfdb.Record):
        digital = wfdb.rdrecord(stem, smooth_frames=False, physical=False)
        found["digital"] = [digest(row, "<i8") for row in digital.e_d_signal]
    return found


def annotations(path):
    import wfdb

    stem, ending = str(path.with_suffix("")), path.suffix[1:]
    marks = wfdb.rdann(stem, ending)
    codes = wfdb.rdann(stem, ending, return_label_elements=["label_store"]).label_store
    texts = "\n".join(text.rstrip("\0") for text in marks.aux_note)
    return {
        "marks": len(marks.sample),
        "at": digest(marks.sample, "<i8"),
        "codes": digest(codes, "<i8"),
        "subtypes": digest(marks.subtype, "<i8"),
        "channels": digest(marks.chan, "<i8"),
        "numbers": digest(marks.num, "<i8"),
        "texts": hashlib.sha256(texts.encode()).hexdigest()[:16],
    }


def main():
    import wfdb.io.record

    warnings.simplefilter("ignore")
    # Its last step fails on formats 8 and 61 with today's numpy; it only widens the numbers.
    wfdb.io.record.Record.convert_dtype = lambda *_given: None
    shared, target = Path(sys.argv[1]), Path(sys.argv[2])
    found = {"signals": {}, "annotations": {}}
    for pattern in PATTERNS:
        for header in sorted(shared.glob(pattern)):
            try:
                found["signals"][header.relative_to(shared).as_posix()] = signals(header)
            except (OSError, ValueError):  # records whose files are not there
                continue
    for path in sorted(shared.glob("*/*")):
        if path.suffix in ANNOTATORS:
            found["annotations"][path.relative_to(shared).as_posix()] = annotations(path)
    target.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
