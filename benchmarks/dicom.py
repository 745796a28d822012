"""DICOM headers indexed by Biolake and by pydicom: CPU seconds and peak memory, in one run.

Copies of one CT series' headers and pixels are written to a temporary folder; each side is a
process of its own that reads every value of the index. `find` adds grouping into assets. pydicom is
Biolake's own `imaging` extra:

    python benchmarks/dicom.py path/to/ct_series --files 2000
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SOURCE = Path(__file__).resolve().parent.parent / "src"
SIDES = ("scan", "index", "find", "pydicom")
NUMERIC = ("DS", "IS")


def copies(series: Path, folder: Path, count: int) -> None:
    """Write `count` files, the series' own over and over."""
    originals = [path.read_bytes() for path in sorted(series.glob("*.dcm"))]
    assert originals, f"no .dcm in {series}"
    for number in range(count):
        (folder / f"{number:06}.dcm").write_bytes(originals[number % len(originals)])


def scan(paths: list[Path]) -> int:
    """Find the raw values alone."""
    from biolake.readers._dicom.header import read_header

    return sum(len(read_header(path).values) for path in paths)


def index(paths: list[Path]) -> int:
    """Find and decode every value."""
    from biolake.readers._dicom import tags
    from biolake.readers._dicom.header import read_header

    found = 0
    for path in paths:
        header = read_header(path)
        for tag in header.values:
            if tag in tags.SHORTS:
                found += header.short(tag) is not None
            elif tag in tags.NUMERIC:
                found += bool(header.numbers(tag))
            elif tag in tags.VRS:
                found += bool(header.texts(tag))
    return found


def find(paths: list[Path]) -> int:
    """Index, check and group into assets."""
    from biolake.core.assets import FoundAsset, Surroundings
    from biolake.core.reading import SourceFile
    from biolake.readers.dicom import dicom

    assert dicom.find is not None
    files = [SourceFile(path, path.name) for path in paths]
    assets = dicom.find(files, Surroundings({}))
    return sum(len(asset.files) for asset in assets if isinstance(asset, FoundAsset))


def pydicom(paths: list[Path]) -> int:
    """Read the same values with pydicom."""
    import pydicom as peer

    from biolake.readers._dicom import tags

    found = 0
    for path in paths:
        read = peer.dcmread(path, stop_before_pixels=True)
        for tag in tags.VRS:
            if tag in read:
                found += read[tag].value not in (None, "")
    return found


def child(side: str, folder: Path) -> dict[str, float]:
    """Time one side in this process, imports and a warm-up apart."""
    paths = sorted(folder.glob("*.dcm"))
    work = {"scan": scan, "index": index, "find": find, "pydicom": pydicom}[side]
    work(paths[:16])
    start = time.process_time()
    found = work(paths)
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": cpu, "peak_mb": peak, "found": found}


def compare(series: Path, count: int, runs: int) -> None:
    """Print a line a side."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        copies(series, Path(folder), count)
        rates: dict[str, float] = {}
        for side in SIDES:
            command = [sys.executable, __file__, str(series), "--child", side, folder]
            answers = [
                json.loads(
                    subprocess.run(command, env=environment, capture_output=True, check=True).stdout
                )
                for _ in range(runs)
            ]
            cpu = median(answer["cpu_s"] for answer in answers)
            rates[side] = count / cpu
            peak = max(answer["peak_mb"] for answer in answers)
            print(
                f"{side:8} {cpu:8.3f} CPU s {rates[side]:9,.0f} files/CPU s {peak:6.0f} MB"
                f"  found {answers[0]['found']:,}",
                flush=True,
            )
        print(f"index is {rates['index'] / rates['pydicom']:.1f} × pydicom")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("series", type=Path, help="a folder of CT files (*.dcm)")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(asked.child[0], Path(asked.child[1]))))
    else:
        compare(asked.series, asked.files, asked.runs)


if __name__ == "__main__":
    main()
