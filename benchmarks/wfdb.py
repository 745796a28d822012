"""WFDB records against wfdb: CPU time to open 12-lead 10-s ECGs and annotations, in one run.

Each side is a child process of its own that opens the same records, one thread; the first pass is
not timed, and the samples are compared. The peer needs its own Python:

    python benchmarks/wfdb.py FOLDER --peer-python /path/to/venv/with/wfdb/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SOURCE = Path(__file__).resolve().parent.parent / "src"


def ours(headers: list[Path], annotator: str) -> dict:
    """Open with Biolake, to a Recording, and find the records as ingest does."""
    from biolake.core.assets import FileContent, Surroundings
    from biolake.core.reading import SourceFile
    from biolake.readers._wfdb.annotations import read_marks
    from biolake.readers.wfdb import wfdb

    root = headers[0].parent
    source = {path.name: SourceFile(path, path.name) for path in root.iterdir()}
    claimed = [file for name, file in source.items() if wfdb.claims(name, b"")]

    def opened(header: Path) -> float:
        content = FileContent.of(header, header.with_suffix(".dat"))
        return sum(float(signal.samples.sum(dtype="f8")) for signal in wfdb.call(content).signals)

    figures = {"open": timed(opened, headers)}
    start = time.process_time()
    figures["find"] = [len(list(wfdb.find(claimed, Surroundings(source)))), 0.0]
    figures["find"][1] = time.process_time() - start
    if annotator:
        files = [header.with_suffix(f".{annotator}") for header in headers]
        figures["annotations"] = timed(lambda path: len(read_marks(path.read_bytes()).at), files)
    return figures


def peer(headers: list[Path], annotator: str) -> dict:
    """Open with wfdb.rdsamp and wfdb.rdann."""
    import wfdb

    def opened(header: Path) -> float:
        return float(wfdb.rdsamp(str(header.with_suffix("")))[0].sum())

    figures = {"open": timed(opened, headers)}
    if annotator:

        def marks(header: Path) -> int:
            return len(wfdb.rdann(str(header.with_suffix("")), annotator).sample)

        figures["annotations"] = timed(marks, headers)
    return figures


def timed(work, items: list[Path]) -> list[float]:
    """Return what the second pass adds up to, and its CPU seconds an item."""
    for item in items:
        work(item)
    start = time.process_time()
    total = sum(work(item) for item in items)
    return [total, (time.process_time() - start) / len(items)]


def child(python: str, side: str, folder: str, annotator: str, runs: int) -> dict:
    """Run one side in fresh processes; return the one of median time."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(SOURCE)}
    command = [python, "-W", "ignore", __file__, folder, "--child", side, "--annotator", annotator]
    found = [
        json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        for _ in range(runs)
    ]
    middle = median(run["open"][1] for run in found)
    return min(found, key=lambda run: abs(run["open"][1] - middle))


def compare(folder: str, annotator: str, peer_python: str | None, runs: int) -> None:
    mine = child(sys.executable, "ours", folder, annotator, runs)
    theirs = child(peer_python, "peer", folder, annotator, runs) if peer_python else {}
    for what in [name for name in ("find", "open", "annotations") if name in mine]:
        total, seconds = mine[what]
        if what == "find":
            print(f"find {total} assets, checksums verified: {seconds * 1000:.1f} ms CPU")
        else:
            line = f"{what}: {seconds * 1000:.3f} ms CPU a record"
            if what in theirs:
                same = abs(theirs[what][0] - total) <= 1e-4 * max(1.0, abs(total))
                assert what == "annotations" or same, (what, total, theirs[what][0])
                other = theirs[what][1]
                line += f"; wfdb {other * 1000:.3f} ms, {other / seconds:.1f} ×"
            print(line)
    print(f"peak memory: {mine['peak_mb']:.0f} MB; wfdb {theirs.get('peak_mb', 0):.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a folder of records, each a .hea and a .dat of its name")
    parser.add_argument("--annotator", default="", help="also read annotations of this ending")
    parser.add_argument("--peer-python", help="a Python that has wfdb")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", choices=("ours", "peer"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.child:
        compare(asked.folder, asked.annotator, asked.peer_python, asked.runs)
        return
    headers = sorted(Path(asked.folder).glob("*.hea"))
    # A script of this name would hide the package wfdb.
    sys.path[:] = [
        path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent.resolve()
    ]
    figures = {"ours": ours, "peer": peer}[asked.child](headers, asked.annotator)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
