"""Measure how notes of a table are taken into a lake: notes a CPU second, and peak memory.

    python benchmarks/note_intake.py [--notes 20000] [--characters 2000]
    python benchmarks/note_intake.py --notes 20 --characters 10000000     # large notes

The whole ingest in a process of its own: CSV, mapping, hashes, packs, events, commit. Beside it the
least that any such work needs: Python's `csv` reads the same file and `tarfile` writes each text as
a member, without a check, a hash, a link or an index.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from biolake.core.catalogue import discover
from biolake.ingest.pipeline import ingest
from biolake.lake.lake import init

WORDS = """
patient denies chest pain fever was admitted with dyspnoea on exertion no change in the left lung
since last examination blood pressure stable heart rate 80 discharged home
"""
MAPPING = """
mapping: notes
subject: {column: patient, system: notes, type: integer}
detect: [notes.csv]
tables:
  notes:
    file: notes.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    notes: [{text: text, time: at, kind: kind}]
"""


def make(folder: Path, notes: int, characters: int) -> None:
    draw = random.Random(7)
    (folder / "notes.yaml").write_text(MAPPING)
    body = " ".join(draw.choices(WORDS.split(), k=max(characters, 1_000_000) // 5))
    with (folder / "notes.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "patient", "at", "kind", "text"])
        for n in range(notes):
            start = draw.randrange(max(1, len(body) - characters))
            text = f"{n}\n{body[start : start + characters]}"
            table.writerow([n, n % 5000, f"2150-01-{1 + n % 28:02d}", "summary", text])


def run(what: str, folder: Path) -> None:
    """Do one of the two in this process, and print CPU seconds and peak MB."""
    begun = time.process_time()
    if what == "biolake":
        lake = init(str(folder / "lake"))
        ingest(lake, str(folder / "source"), discover("biolake.readers"))
    else:
        csv.field_size_limit(1 << 30)
        text = (folder / "source/notes.csv").open(newline="")
        with text, tarfile.open(folder / "notes.tar", "w") as tar:
            for row in csv.DictReader(text):
                info, data = tarfile.TarInfo(row["id"]), row["text"].encode()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.process_time() - begun, peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=20_000)
    parser.add_argument("--characters", type=int, default=2_000)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        run(asked.run[0], Path(asked.run[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source"
        source.mkdir()
        make(source, asked.notes, asked.characters)
        for what in ("csv + tarfile", "biolake"):
            command = [sys.executable, __file__, "--run", what, name]
            told = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, peak = map(float, told.stdout.split())
            print(f"{what:>14}: {asked.notes / seconds:9,.0f} notes per CPU-s, peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
