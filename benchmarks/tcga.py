"""Molecular data: cohorts of TCGA from files to C-indices, wide matrices, ridge-Cox.

    python benchmarks/tcga.py cohorts DATA/tcga-multimodal
    python benchmarks/tcga.py wide --genes 20000 --samples 1000
    python benchmarks/tcga.py peer DATA/tcga-multimodal --peer-python LIFELINES --genes 200

CPU seconds are of whole processes, user and system; memory is their peak. `PUBLISHED` are the
mean C-indices that the data's README gives, there for some cohorts with stage as well.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "tcga"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ENVIRONMENT = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT / "src")}
# Best single kind of data, early and late fusion.
PUBLISHED = {
    "blca": (0.643, 0.683, 0.679),
    "brca": (0.669, 0.642, 0.679),
    "gbmlgg": (0.838, 0.869, 0.870),
    "luad": (0.647, 0.621, 0.624),
    "kirc": (0.737, 0.684, 0.733),
    "hnsc": (0.582, 0.575, 0.601),
    "coadread": (0.654, 0.665, 0.658),
}


def biolake(*words: str) -> tuple[float, float]:
    """Run a command in a process of its own; return its CPU seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "biolake", *words]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}\n{said.decode()}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def cohorts(data: Path, wanted: list[str]) -> None:
    """Load each cohort into a lake of its own and run the example study on it."""
    heads = f"{'cohort':9} {'events':>9} {'load CPU s':>10} {'M/CPU s':>8} {'MB':>5}"
    heads += f" {'study CPU s':>12} {'MB':>5}"
    print(heads, " C-indices, means of folds | README: best alone, early, late")
    for cohort in wanted:
        with tempfile.TemporaryDirectory() as scratch:
            _cohort(data / cohort, Path(scratch))


def _cohort(source: Path, scratch: Path) -> None:
    lake = str(scratch / "lake")
    biolake("--lake", lake, "init")
    load = biolake("--lake", lake, "ingest", str(source))
    study = scratch / "study"
    shutil.copytree(EXAMPLE, study)
    if not (source / "rnaseq.csv.gz").is_file():
        _without_expression(study)
    run = biolake("--lake", lake, "study", "run", str(study / "study.yaml"), "--out", lake + "-out")
    result = json.loads((scratch / "lake-out" / "result.json").read_text())
    (table,) = [one for one in result["others"] if one["name"] == "blocks"]
    shown = [
        f"{row['group']} {row['estimate']:.3f} ({row['low']:.3f}-{row['high']:.3f})"
        for row in table["estimates"]
    ]
    events = _events(lake)
    said = "/".join(f"{value:.3f}" for value in PUBLISHED.get(source.name, ()))
    rate = events / load[0] / 1e6
    costs = f"{load[0]:10.1f} {rate:8.2f} {load[1]:5.0f} {run[0]:12.1f} {run[1]:5.0f}"
    print(f"{source.name:9} {events:9,} {costs}  {', '.join(shown)} | {said or '-'}", flush=True)


def _events(lake: str) -> int:
    commits = sorted((Path(lake) / "commits").glob("*.json"))
    return int(json.loads(commits[-1].read_text())["counts"]["events"])


def _without_expression(study: Path) -> None:
    for name, cut in (("study.yaml", "  expression: expression\n"), ("features.yaml", _GROUP)):
        text = (study / name).read_text()
        assert cut in text
        (study / name).write_text(text.replace(cut, ""))


_GROUP = """  expression:
    codes: { prefix: ["EXPRESSION//"] }
    windows: [until_diagnosis]
    aggregations: [last]
"""


def wide(genes: int, samples: int) -> None:
    """Load a made-up matrix, genes × samples."""
    import numpy as np

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source"
        source.mkdir()
        about = "name: wide\norigin: diagnosis\nmatrices:\n"
        about += "  - {file: m.tsv, kind: expression, scale: tpm}\n"
        (source / "molecular.yaml").write_text(about)
        with (source / "m.tsv").open("w") as out:
            out.write("\t".join(["gene", *(f"S{n:05d}" for n in range(samples))]) + "\n")
            for gene in range(genes):
                name = f"GENE{gene}" if gene else "TP53"
                values = (f"{value:.4g}" for value in rng.lognormal(1.0, 1.0, samples))
                out.write("\t".join([name, *values]) + "\n")
        size = (source / "m.tsv").stat().st_size / 1e6
        lake = str(Path(scratch) / "lake")
        biolake("--lake", lake, "init")
        cpu, peak = biolake("--lake", lake, "ingest", str(source))
    count = genes * samples
    rate = f"{count / cpu / 1e6:.2f} M values per CPU s"
    what = f"{genes:,} genes × {samples:,} samples, {size:.0f} MB"
    print(f"{what}: {cpu:.1f} CPU s, {rate}, peak {peak:.0f} MB")


def table(cohort: Path) -> tuple[list[str], list[list[float]], list[float], list[bool]]:
    """Read a cohort's expression with its follow-up, for the peer's one fit."""
    with gzip.open(cohort / "rnaseq.csv.gz", "rt") as stream:
        head, *rows = list(csv.reader(stream))
    with (cohort / "clinical.csv").open() as stream:
        clinical = {row["case_id"]: row for row in csv.DictReader(stream)}
    kept = [row for row in rows if float(clinical[row[0]]["survival_months"]) > 0]
    values = [[float(value) for value in row[1:]] for row in kept]
    days = [round(float(clinical[row[0]]["survival_months"]) * 30.4375) for row in kept]
    died = [float(clinical[row[0]]["censorship"]) == 0 for row in kept]
    return head[1:], values, [float(day) for day in days], died


PENALTY = 100.0  # ½·penalty·|β|² of standardised columns divided by the root of their number


def ours(cohort: Path, genes: int) -> list[float]:
    """Fit one penalty on all patients and the first genes."""
    import numpy as np

    from biolake.learning import ridge_cox

    _, values, days, died = table(cohort)
    design = np.array(values)[:, :genes]
    design = (design - design.mean(axis=0)) / design.std(axis=0) / np.sqrt(design.shape[1])
    start = time.process_time()
    order = ridge_cox._Order.of(ridge_cox.FollowUp(np.array(days), np.array(died, dtype=float)))
    base, back = ridge_cox._span(design @ design.T)
    slopes = design.T @ (back @ ridge_cox._maximised(base, order, PENALTY))
    return [time.process_time() - start, *slopes]


def peer(cohort: Path, genes: int) -> list[float]:
    """Fit the same with lifelines: it divides by the number of rows, and standardises columns."""
    import numpy as np
    import pandas as pd
    from lifelines import CoxPHFitter

    _, values, days, died = table(cohort)
    design = np.array(values)[:, :genes]
    design = (design - design.mean(axis=0)) / design.std(axis=0) / np.sqrt(design.shape[1])
    frame = pd.DataFrame(design).assign(days=days, died=died)
    frame.columns = frame.columns.astype(str)
    start = time.process_time()
    penalty = PENALTY * design.shape[1] / len(frame)
    fit = CoxPHFitter(penalizer=penalty).fit(frame, "days", "died")
    return [time.process_time() - start, *fit.params_]


def paired(data: Path, peer_python: str, cohort: str, genes: int) -> None:
    """Compare one fit in one run: lifelines' time grows with the square of the columns."""
    import numpy as np

    found = {}
    for side, python in (("ours", sys.executable), ("peer", peer_python)):
        command = [python, "-W", "ignore", __file__, "--child", side, str(data / cohort)]
        command += ["--genes", str(genes)]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True)
        found[side] = json.loads(done.stdout)
    mine, theirs = (np.array(found[side]["answer"]) for side in ("ours", "peer"))
    same = float(np.corrcoef(mine[1:], theirs[1:])[0, 1])
    for side in found:
        print(f"{side}: {found[side]['answer'][0]:.2f} CPU s, {found[side]['peak_mb']:.0f} MB")
    print(f"{cohort}: {len(mine) - 1:,} slopes, correlation {same:.6f} (ties: Breslow, Efron)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cohorts", "wide", "peer"), nargs="?", default="cohorts")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--cohorts", nargs="*", default=[*PUBLISHED, "ucec"])
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--peer-python", help="a Python that has lifelines")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        answer = {"ours": ours, "peer": peer}[asked.child[0]](Path(asked.child[1]), asked.genes)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"answer": [float(value) for value in answer], "peak_mb": peak}))
    elif asked.what == "wide":
        wide(asked.genes, asked.samples)
    elif asked.what == "peer":
        paired(asked.data, asked.peer_python, "kirc", asked.genes)
    else:
        cohorts(asked.data, asked.cohorts)


if __name__ == "__main__":
    main()
