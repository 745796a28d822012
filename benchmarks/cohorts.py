"""Compare Biolake's cohorts with ES-ACES 0.7.3 on in-hospital mortality: same rows, what cost.

A synthetic hospital (admissions, discharges, deaths, laboratory values) is written as MEDS shards
and ingested into a lake. Both then build the same cohort: 24 h of input, a gap to 48 h, and death
before discharge as label. Everything runs as a child on two processors (see `measure.py`). From the
repository root, in an environment with Biolake installed:

    python benchmarks/cohorts.py --work WORK --subjects 100000 --peer-python ACES/bin/python

ES-ACES reads the MEDS shards one after the other in one process, as its `-m` mode does. Exit status
1 if a single row differs.
"""

# ruff: noqa: S608  the SQL names files of this script

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from measure import Cost, measure, table, use_threads

SHARDS = 10
EVENTS_PER_SUBJECT = 393
HEADER = ("what", "CPU-s", "wall s", "peak MB", "CPU ratio", "memory ratio")
TASK = """\
predicates:
  admission: {code: {regex: "^ADMISSION//.*"}}
  discharge: {code: {regex: "^DISCHARGE//.*"}}
  death: {code: MEDS_DEATH}
  discharge_or_death: {expr: "or(discharge, death)"}
trigger: admission
windows:
  input:
    start: null
    end: trigger + 24h
    start_inclusive: true
    end_inclusive: true
    index_timestamp: end
  gap:
    start: trigger
    end: start + 48h
    start_inclusive: false
    end_inclusive: true
    has:
      admission: (None, 0)
      discharge: (None, 0)
      death: (None, 0)
  target:
    start: gap.end
    end: start -> discharge_or_death
    start_inclusive: false
    end_inclusive: true
    label: death
"""
PEER = """
import sys
from pathlib import Path
from omegaconf import DictConfig
from aces import config, predicates, query

task, shards, out = map(Path, sys.argv[1:])
for shard in sorted(shards.glob("*.parquet")):
    known = config.TaskExtractorConfig.load(task)
    data = DictConfig({"standard": "meds", "path": str(shard)})
    found = query.query(known, predicates.get_predicates_df(known, data))
    found.select("subject_id", "index_timestamp", "label").write_parquet(out / shard.name)
"""


def generate(work: Path, subjects: int) -> None:
    """Write the MEDS shards, each sorted by subject and time."""
    import numpy as np
    import pyarrow.parquet as pq

    rng = np.random.default_rng(7)
    (work / "meds").mkdir(parents=True, exist_ok=True)
    for shard, ids in enumerate(np.array_split(np.arange(1, subjects + 1), SHARDS)):
        pq.write_table(_shard(rng, ids), work / "meds" / f"{shard}.parquet", compression="zstd")


def _shard(rng: object, ids: object) -> object:
    import numpy as np
    import pyarrow as pa

    assert isinstance(rng, np.random.Generator)
    assert isinstance(ids, np.ndarray)
    hour, day = 3_600_000_000, 86_400_000_000
    stays = rng.poisson(4.3, len(ids)) + 1
    subject = np.repeat(np.arange(len(ids)), stays)
    start = rng.integers(0, 3650 * 24, len(subject)) * hour
    start = start[np.lexsort((start, subject))]
    stop = (
        start
        + (rng.exponential(4.0, len(subject)) * day).astype(np.int64) // 60_000_000 * 60_000_000
    )
    last = np.append(subject[1:] != subject[:-1], True)
    died = last & (rng.random(len(subject)) < 0.1)
    labs = rng.poisson(EVENTS_PER_SUBJECT / 5.3, len(subject))
    which = np.repeat(np.arange(len(subject)), labs)
    within = rng.random(len(which)) * (stop - start + hour)[which]
    names = [f"LAB//{number}" for number in range(5_000)]
    names += [f"ADMISSION//{number}" for number in range(8)]
    names += [f"DISCHARGE//{number}" for number in range(6)] + ["MEDS_DEATH", "SEX//F", "SEX//M"]
    drawn = (5_000 * rng.random(len(which)) ** 3).astype(np.int32)
    parts = [
        (subject, start, 5_000 + rng.integers(0, 8, len(subject))),
        (subject, stop, 5_008 + rng.integers(0, 6, len(subject))),
        (
            subject[died],
            stop[died] - rng.integers(0, 2, died.sum()) * hour,
            np.full(died.sum(), 5_014),
        ),
        (subject[which], start[which] + within.astype(np.int64) // 60_000_000 * 60_000_000, drawn),
        (
            np.arange(len(ids)),
            np.full(len(ids), np.iinfo(np.int64).min),
            5_015 + rng.integers(0, 2, len(ids)),
        ),
    ]
    people, times, codes = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((times, people))
    people, times, codes = people[order], times[order], codes[order]
    missing = times == np.iinfo(np.int64).min
    values = rng.random(len(codes), dtype=np.float32) * 100
    return pa.table(
        {
            "subject_id": ids[people],
            "time": pa.array(times, pa.timestamp("us"), mask=missing),
            "code": pa.DictionaryArray.from_arrays(codes.astype(np.int32), names).cast(pa.string()),
            "numeric_value": pa.array(values, mask=codes >= 5_000),
        }
    )


def load(work: Path) -> None:
    """Ingest the shards into a new lake."""
    from biolake.core.catalogue import discover
    from biolake.ingest.pipeline import ingest
    from biolake.lake.lake import init

    lake = init(str(work / "lake"), subject_ids="source")
    ingest(lake, work / "meds", discover("biolake.readers"))


def ours(work: Path) -> None:
    """Build the cohort from the lake and write its labels."""
    import pyarrow.parquet as pq

    from biolake.cohorts import build, load_task
    from biolake.lake.door import open_view
    from biolake.lake.lake import open_lake

    with open_view(open_lake(str(work / "lake"))) as view:
        cohort = build(view, load_task(work / "task.yaml"))
    pq.write_table(cohort.labels, work / "ours.parquet")
    print(json.dumps([vars(step) for step in cohort.attrition]))


def compare(work: Path) -> None:
    """Print how many rows either side has that the other has not, as multisets."""
    import duckdb

    con = duckdb.connect()
    mine = f"SELECT subject_id, prediction_time, boolean_value FROM '{work}/ours.parquet'"
    peer = f"SELECT subject_id, index_timestamp, label > 0 FROM '{work}/peer/*.parquet'"
    counts = [
        con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall()[0][0]
        for one, other in ((mine, peer), (peer, mine))
    ]
    rows, positive = con.execute(
        f"SELECT count(*), count(*) FILTER (boolean_value) FROM ({mine})"
    ).fetchall()[0]
    events = con.execute(f"SELECT count(*) FROM '{work}/meds/*.parquet'").fetchall()[0][0]
    print(f"{events:,} events; {rows:,} rows, {positive:,} positive")
    print(f"only ours: {counts[0]}, only ES-ACES: {counts[1]}")
    sys.exit(1 if any(counts) else 0)


STEPS = {"load": load, "ours": ours, "compare": compare}


def child(work: Path, step: str, *words: str) -> list[str]:
    return [
        sys.executable,
        str(Path(__file__).resolve()),
        "--work",
        str(work),
        "--step",
        step,
        *words,
    ]


def row(what: str, cost: Cost, base: Cost) -> tuple[str, ...]:
    ratios = (cost.cpu_s / base.cpu_s, cost.peak_mb / base.peak_mb)
    figures = (f"{cost.cpu_s:.2f}", f"{cost.wall_s:.1f}", f"{cost.peak_mb:.0f}")
    return what, *figures, *(f"{ratio:.1f}" for ratio in ratios)


def paired(work: Path, subjects: int, peer_python: Path | None, runs: int) -> int:
    """Run both, one after the other, `runs` times; print every run and compare the rows."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "task.yaml").write_text(TASK)
    (work / "peer").mkdir(exist_ok=True)
    words = ("--subjects", str(subjects))
    if not (work / "meds").exists():
        measure(child(work, "generate", *words), work / "generate.log")
    rows = []
    if not (work / "lake").exists():
        cost = measure(child(work, "load"), work / "load.log")
        rows.append(row("load the lake", cost, cost))
    for _ in range(runs):
        mine = measure(child(work, "ours"), work / "ours.log")
        rows.append(row("Biolake", mine, mine))
        if peer_python:
            command = [str(peer_python), "-c", PEER]
            paths = (work / "task.yaml", work / "meds", work / "peer")
            cost = measure([*command, *map(str, paths)], work / "peer.log")
            rows.append(row("ES-ACES 0.7.3", cost, mine))
    print(table(HEADER, rows))
    return subprocess.run(child(work, "compare"), check=False).returncode if peer_python else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--step", choices=("generate", *STEPS), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step == "generate":
        generate(asked.work, asked.subjects)
    elif asked.step:
        STEPS[asked.step](asked.work)
    else:
        use_threads()
        sys.exit(paired(asked.work, asked.subjects, asked.peer_python, asked.runs))


if __name__ == "__main__":
    main()
