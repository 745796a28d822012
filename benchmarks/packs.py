"""Measure how assets are stored and read: bytes a CPU second, memory over many, one at random.

    python benchmarks/packs.py [--assets 10000] [--kilobytes 24]

Packing: CPU seconds of the pack writer alone (it hashes what it copies), of a whole ingest (walk,
hash, find, pack, commit), and of the same bytes written by `tarfile`, which hashes nothing. Memory:
the peak of an ingest of 2,000 assets against that of all of them, each in a process of its own.
Reading: CPU milliseconds of one asset at random, by its place and by its id through an index;
beside it the same bytes read from files of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from biolake.core.assets import Content, FoundAsset, Surroundings
from biolake.core.catalogue import Catalogue, asset_reader
from biolake.core.media import Recording
from biolake.core.reading import SourceFile
from biolake.ingest.pipeline import ingest
from biolake.lake.assets import AssetIndex, PackReader
from biolake.lake.door import open_view
from biolake.lake.lake import init, open_lake
from biolake.lake.packs import PackWriter, member_name

READS = 5000


def _find(files: Sequence[SourceFile], around: Surroundings) -> Iterator[FoundAsset]:
    for file in files:
        yield FoundAsset("ecg", (file,), start=0)


@asset_reader("Raw samples", claims=lambda name, _: name.endswith(".raw"), find=_find)
def raw(content: Content) -> Recording:
    return Recording(())


def make(folder: Path, assets: int, size: int) -> None:
    draw = random.Random(7)
    for n in range(assets):
        path = folder / f"{n % 100:02d}" / f"{n:06d}.raw"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw.randbytes(size))


def load(folder: Path, lake: Path) -> tuple[float, float]:
    """Return CPU seconds and peak MB of an ingest in this process."""
    init(str(lake))
    start = time.process_time()
    ingest(open_lake(str(lake)), str(folder), Catalogue((raw,)))
    return time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load_apart(folder: Path, lake: Path) -> tuple[float, float]:
    out = subprocess.run(
        [sys.executable, __file__, "--load", str(folder), str(lake)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, peak = out.stdout.split()
    return float(seconds), float(peak)


def pack(folder: Path, lake: Path, scratch: Path) -> float:
    files = [
        SourceFile(path, path.name, hashlib.sha256(data).hexdigest(), "", len(data))
        for path in sorted(folder.rglob("*.raw"))
        for data in [path.read_bytes()]
    ]
    start = time.process_time()
    writer = PackWriter(open_lake(str(lake)).store, scratch, "L")
    for file in files:
        writer.add(member_name(file.content_hash, 0, file.name), file)
    writer.close()
    return time.process_time() - start


def tar(folder: Path, target: Path) -> float:
    start = time.process_time()
    with tarfile.open(target, "w:") as out:
        for path in sorted(folder.rglob("*.raw")):
            info = tarfile.TarInfo(path.name)
            data = path.read_bytes()
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return time.process_time() - start


def reads(lake: Path, folder: Path) -> None:
    draw = random.Random(3)
    opened = open_lake(str(lake))
    with open_view(opened) as view, PackReader(opened) as reader:
        start = time.process_time()
        index = AssetIndex(view)
        built = time.process_time() - start
        ids = [draw.choice(index.ids).decode() for _ in range(READS)]
        places = [index.places(name)[0] for name in ids]
        start = time.process_time()
        for place in places:
            reader.read(place.pack, place.offset, place.length)
        by_place = time.process_time() - start
        start = time.process_time()
        for name in ids:
            for place in index.places(name):
                reader.read(place.pack, place.offset, place.length)
        by_id = time.process_time() - start
    paths = draw.choices(sorted(folder.rglob("*.raw")), k=READS)
    start = time.process_time()
    for path in paths:
        path.read_bytes()
    plain = time.process_time() - start
    print(f"index of {len(index):,} assets built in {built:.2f} CPU-s")
    for name, seconds in (("by place", by_place), ("by id", by_id), ("own files", plain)):
        print(f"one asset at random, {name}: {1000 * seconds / READS:.4f} CPU-ms")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--assets", type=int, default=10_000)
    words.add_argument("--kilobytes", type=int, default=24)
    words.add_argument("--load", nargs=2, type=Path)
    given = words.parse_args()
    if given.load:
        print(*load(*given.load))
        return
    size = given.kilobytes << 10
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        make(home / "few", 2000, size)
        make(home / "all", given.assets, size)
        _, small = load_apart(home / "few", home / "lake-few")
        seconds, peak = load_apart(home / "all", home / "lake")
        total = given.assets * size / 1e6
        print(f"ingest: {total:,.0f} MB in {seconds:.2f} CPU-s, {total / seconds:.0f} MB/CPU-s")
        alone = pack(home / "all", home / "lake-few", home)
        print(f"pack writer alone: {total / alone:.0f} MB/CPU-s")
        print(f"tarfile: {total / tar(home / 'all', home / 'plain.tar'):.0f} MB/CPU-s")
        print(f"peak memory: {small:.0f} MB with 2,000 assets, {peak:.0f} MB with {given.assets:,}")
        reads(home / "lake", home / "all")


if __name__ == "__main__":
    main()
