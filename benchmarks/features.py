"""Measure building features: CPU seconds and peak memory of one build, against the size of a lake.

Labels are drawn from the lake: one or two event times of every subject, by a hash. Every code, the
windows of a day and of all the past, and count, n, sum, min and max are built into a folder that is
deleted again; the survey that learns the vocabulary is part of the figure.

    python benchmarks/features.py LAKE --runs 3
    python benchmarks/features.py LAKE --subjects 25000     # a quarter: memory must not follow
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import THREADS, measure_median, table, use_threads

DEFINITION = """
features: benchmark
windows:
  day: {lookback: 1d}
  ever: {lookback: unbounded}
groups:
  all: {codes: all, windows: [day, ever], aggregations: [count, n, sum, min, max]}
"""

LABELS = """
    SELECT subject_id, time AS prediction_time
    FROM (SELECT DISTINCT subject_id, time FROM events
          WHERE time IS NOT NULL AND code NOT IN ('MEDS_BIRTH', 'MEDS_DEATH'))
    QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY hash(subject_id, time))
            <= 1 + subject_id % 2
    ORDER BY subject_id, prediction_time
"""


def make_labels(lake: Path, path: Path, subjects: int | None) -> None:
    """Draw the labels and write them beside the run."""
    import pyarrow.parquet as pq

    from biolake.lake.door import open_view
    from biolake.lake.lake import open_lake

    with open_view(open_lake(str(lake))) as view:
        labels = view.table(LABELS)
    if subjects:
        kept = labels["subject_id"].unique()[:subjects]
        import pyarrow.compute as pc

        labels = labels.filter(pc.is_in(labels["subject_id"], kept))
    pq.write_table(labels, path)


def build(lake: Path, labels: Path, out: Path) -> None:
    import pyarrow.parquet as pq

    from biolake.lake.door import open_view
    from biolake.lake.lake import open_lake
    from biolake.retrieval.features import build_features
    from biolake.retrieval.loading import parse_definition

    with open_view(open_lake(str(lake)), threads=THREADS) as view:
        build_features(
            view, pq.read_table(labels), parse_definition(DEFINITION), out=out, threads=THREADS
        )


def sizes(out: Path) -> tuple[int, int, int, float]:
    """Return samples, columns, (sample, code) rows and megabytes of a feature set."""
    import pyarrow.parquet as pq

    from biolake.retrieval.matrix import FeatureSet

    said = FeatureSet.load(out).provenance
    rows = sum(pq.ParquetFile(part).metadata.num_rows for part in out.glob("block-*/*.parquet"))
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    return said["samples"], said["columns"], rows, size / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake", type=Path)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--subjects", type=int, help="label this many subjects only")
    parser.add_argument("--step", choices=["labels", "build", "sizes"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        run_step(asked)
        return
    use_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, __file__, str(asked.lake), "--folder", name, "--step"]
        subjects = ["--subjects", str(asked.subjects)] if asked.subjects else []
        measure_median([*command, "labels", *subjects], folder / "labels.log")
        cost = measure_median([*command, "build"], folder / "build.log", asked.runs)
        measure_median([*command, "sizes"], folder / "sizes.log")
        found = (folder / "sizes.log").read_text().split()
    figures = [f"{cost.cpu_s:.1f}", f"{cost.wall_s:.1f}", f"{cost.peak_mb:.0f}"]
    header = ["samples", "columns", "rows", "MB", "CPU s", "wall s", "peak MB"]
    sys.stdout.write(table(header, [[*found, *figures]]))


def run_step(asked: argparse.Namespace) -> None:
    """Do one step in a process of its own, so that its figures are its own."""
    import shutil

    labels, out = asked.folder / "labels.parquet", asked.folder / "features"
    if asked.step == "labels":
        make_labels(asked.lake, labels, asked.subjects)
    elif asked.step == "build":
        shutil.rmtree(out, ignore_errors=True)
        build(asked.lake, labels, out)
    else:
        samples, columns, rows, size = sizes(out)
        sys.stdout.write(f"{samples} {columns} {rows} {size:.0f}\n")


if __name__ == "__main__":
    main()
