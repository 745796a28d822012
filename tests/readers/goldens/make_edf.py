"""Writes edf.json: what edfio 0.4.18 reads. Run with a Python that has edfio:

python tests/readers/goldens/make_edf.py SHARED_DATA tests/readers/goldens/edf.json
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np


def main():
    import edfio

    found = {}
    for path in sorted((Path(sys.argv[1]) / "ecg_formats" / "edf").glob("*.?df")):
        read = edfio.read_bdf if path.suffix == ".bdf" else edfio.read_edf
        file = read(path)
        texts = "\n".join(f"{a.onset} {a.duration} {a.text}" for a in file.annotations)
        found[path.name] = {
            "labels": [signal.label for signal in file.signals],
            "units": [signal.physical_dimension for signal in file.signals],
            "rates": [signal.sampling_frequency for signal in file.signals],
            "samples": [len(signal.data) for signal in file.signals],
            "sums": [float(np.sum(signal.data)) for signal in file.signals],
            "squares": [float(np.sum(np.square(signal.data))) for signal in file.signals],
            "annotations": len(file.annotations),
            "texts": hashlib.sha256(texts.encode()).hexdigest()[:16],
            "start": str(file.starttime),
        }
    target = Path(sys.argv[2])
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
