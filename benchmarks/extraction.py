"""What the extraction engine costs by itself: many small assets, an extractor that does nothing.

    python benchmarks/extraction.py [ASSETS]

Prints CPU seconds and peak memory of ingesting and of extracting, for a tenth of the assets and
for all of them: memory must not grow with the number of assets, but for the ledger's lines.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from biolake.core.assets import Content, Finding, FoundAsset, FoundCode, Surroundings
from biolake.core.catalogue import Catalogue, asset_reader, extractor
from biolake.core.media import Opened, Recording, Signal
from biolake.core.reading import SourceFile
from biolake.ingest.extraction import extract
from biolake.ingest.pipeline import ingest
from biolake.lake.lake import init

FINDINGS = 12


def _find(files: Sequence[SourceFile], around: Surroundings) -> Iterator[FoundAsset]:
    for number, file in enumerate(files):
        yield FoundAsset("ecg", (file,), subject=f"p{number % 500}", start=number * 1_000_000)


@asset_reader("Raw", claims=lambda name, head: name.endswith(".raw"), find=_find)
def raw(content: Content) -> Recording:
    samples = np.frombuffer(content.read(content.names[0]), dtype=np.float32)
    return Recording((Signal(samples[None], 100.0, ("I",), ("mV",)),))


@extractor("Means", needs="ecg", version="1", codes=[FoundCode("M//mean", "mean", "mV")])
def means(opened: Opened) -> Sequence[Finding]:
    assert isinstance(opened, Recording)
    mean = float(opened.signals[0].samples.mean())
    return [Finding("M//mean", mean + n, "mV", at=float(n)) for n in range(FINDINGS)]


def one(folder: Path, assets: int) -> dict[str, float]:
    """Load so many assets into a new lake and measure them all."""
    source = folder / "source"
    for number in range(assets):
        path = source / f"{number // 1000:04d}" / f"{number}.raw"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(np.full(250, number, dtype=np.float32).tobytes())
    catalogue = Catalogue((raw, means))
    lake = init(str(folder / "lake"))
    ingest(lake, str(source), catalogue, new_subjects=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    report = extract(lake, catalogue)
    assert report.added == assets * FINDINGS
    return {
        "assets": assets,
        "cpu_seconds": time.process_time() - begun,
        "peak_mib_ingest": before / 1024,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(one(Path(folder), int(sys.argv[2]))))
        return
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for assets in (most // 10, most):
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(assets)], check=True, stdout=subprocess.PIPE
        )
        found = json.loads(done.stdout)
        each = 1000 * found["cpu_seconds"] / found["assets"]
        print(
            f"{found['assets']:,} assets, {FINDINGS} findings each: {found['cpu_seconds']:.1f}"
            f" CPU-s ({each:.2f} ms an asset), peak {found['peak_mib']:.0f} MiB"
            f" (after ingest {found['peak_mib_ingest']:.0f} MiB)"
        )


if __name__ == "__main__":
    main()
