"""Radiomics against pyradiomics, and lungs in a large CT: CPU seconds and peak memory, one thread.

Every figure is a child process of its own that makes the same volume from the same seed; only the
features are timed, and the answers are compared. The peer needs its own Python, in which
pyradiomics 3.0.1 builds with `pip install --no-build-isolation`:

    python benchmarks/radiomics.py --peer-python /path/to/venv/with/pyradiomics/bin/python
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

SOURCE = Path(__file__).resolve().parent.parent
SIDES = (40, 80, 160)  # voxels a side; the region is the ball in it
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def ball(side: int):
    """Return a smooth volume with noise, a ball in it, and the spacing."""
    import numpy as np

    rng = np.random.default_rng(7)
    z, y, x = np.indices((side, side, side), dtype=np.float32)
    middle = side / 2.0
    mask = (z - middle) ** 2 + (y - middle) ** 2 + (x - middle) ** 2 < (0.45 * side) ** 2
    volume = -800 + 150 * np.sin(z / 9) + 120 * np.cos(x / 7) + rng.normal(0, 40, mask.shape)
    return np.round(volume).astype(np.int16), mask, (1.5, 0.8, 0.8)


def ours(side: int) -> dict[str, float]:
    """Measure with Biolake, compiled before the clock starts."""
    from biolake.core.media import Volume
    from biolake.imaging.radiomics.features import radiomics

    def measure(side: int) -> tuple[dict[str, float], float]:
        volume, mask, spacing = ball(side)
        start = time.process_time()
        return radiomics(Volume(volume, spacing), mask), time.process_time() - start

    measure(20)
    found, seconds = measure(side)
    return found | {"seconds": seconds}


def peer(side: int) -> dict[str, float]:
    """Measure with pyradiomics."""
    import logging

    sys.path.remove(str(Path(__file__).resolve().parent))  # where this file has the peer's name
    import numpy as np
    import radiomics
    import SimpleITK as sitk  # noqa: N813 - its own documentation's name
    from radiomics import featureextractor

    radiomics.setVerbosity(logging.CRITICAL)
    volume, mask, spacing = ball(side)
    image, label = sitk.GetImageFromArray(volume), sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    label.SetSpacing(spacing[::-1])
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False)
    extractor.disableAllFeatures()
    for family in ("firstorder", "shape", "glcm", "gldm", "glrlm", "glszm", "ngtdm"):
        extractor.enableFeatureClassByName(family)
    start = time.process_time()
    found = extractor.execute(image, label)
    seconds = time.process_time() - start
    return {name: float(value) for name, value in found.items()} | {"seconds": seconds}


def lungs(_side: int) -> dict[str, float]:
    """Find the lungs of a drawn chest of 400 slices of 512 × 512."""
    sys.path.insert(0, str(SOURCE))
    from tests.imaging.chest import chest, dice

    from biolake.imaging.lungs import lungs_of

    small, _ = chest()
    lungs_of(small)
    volume, truth = chest((400, 512, 512), spacing=(0.75, 0.7, 0.7))
    start = time.process_time()
    found = lungs_of(volume)
    seconds = time.process_time() - start
    return {"seconds": seconds, "dice": dice(found.full(truth.shape) > 0, truth > 0)}


def run(what: str, side: int, python: str) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    environment["PYTHONPATH"] = str(SOURCE / "src")
    done = subprocess.run(
        [python, __file__, "--one", what, str(side)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Print a line a case."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peer-python")
    arguments.add_argument("--one", nargs=2)
    asked = arguments.parse_args()
    if asked.one:
        what, side = asked.one
        found = {"ours": ours, "peer": peer, "lungs": lungs}[what](int(side))
        found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return
    for side in SIDES:
        mine = run("ours", side, sys.executable)
        line = f"radiomics {side:>4}³: ours {mine['seconds']:7.2f} CPU-s {mine['peak_mb']:6.0f} MB"
        if asked.peer_python:
            theirs = run("peer", side, asked.peer_python)
            names = set(mine) & set(theirs) - {"seconds", "peak_mb"}
            apart = max(abs(mine[n] - theirs[n]) / max(abs(theirs[n]), 1e-12) for n in names)
            line += f", pyradiomics {theirs['seconds']:7.2f} CPU-s {theirs['peak_mb']:6.0f} MB,"
            line += f" {theirs['seconds'] / mine['seconds']:.1f} times; {len(names)} features"
            line += f" within {apart:.0e}"
        print(line, flush=True)
    found = run("lungs", 0, sys.executable)
    print(
        f"lungs 400 × 512 × 512: {found['seconds']:.1f} CPU-s, {found['peak_mb']:.0f} MB peak with"
        f" the volume and its truth, Dice {found['dice']:.4f}"
    )


if __name__ == "__main__":
    main()
