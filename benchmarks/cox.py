"""Cox and concordance against lifelines: CPU seconds and peak memory, one thread, in one run.

Every figure is a child process of its own that makes the same subjects from the same seed; only
the fit is timed, and the answers are compared. The peer needs its own Python:

    python benchmarks/cox.py --peer-python /path/to/venv/with/lifelines/bin/python
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

COVARIATES = 50
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SOURCE = Path(__file__).resolve().parent.parent / "src"
# what, rows, whether days are whole (so that events tie), and whether the peer runs it
CASES = (
    ("cox", 100_000, True, True),
    ("cox", 100_000, False, True),
    ("cox", 1_000_000, True, False),
    ("cox", 1_000_000, False, False),
    ("concordance", 100_000, True, True),
    ("concordance", 100_000, False, True),
    ("concordance", 1_000_000, False, False),
)


def subjects(rows: int, whole_days: bool):
    """Return covariates, follow-up in days and events; about one in twelve has the event."""
    import numpy as np

    rng = np.random.default_rng(1)
    covariates = rng.standard_normal((rows, COVARIATES))
    effects = rng.normal(0.0, 0.15, COVARIATES)
    event = rng.exponential(20_000.0, rows) / np.exp(covariates @ effects)
    lost = rng.uniform(0.0, 3650.0, rows)
    days = np.minimum(event, lost)
    return covariates, np.ceil(days) if whole_days else days, event <= lost, covariates @ effects


def ours(what: str, rows: int, whole_days: bool) -> dict:
    """Fit with Biolake."""
    from biolake.statistics.concordance import harrell
    from biolake.statistics.cox import fit_cox
    from biolake.statistics.risk_sets import SurvivalData

    covariates, days, event, score = subjects(rows, whole_days)
    harrell(days[:1000], event[:1000], score[:1000])
    start = time.process_time()
    if what == "concordance":
        answer = [harrell(days, event, score).index]
    else:
        fit = fit_cox(SurvivalData(covariates, days, event))
        answer = [*fit.coefficients, *fit.standard_errors]
    return _report(start, answer)


def peer(what: str, rows: int, whole_days: bool) -> dict:
    """Fit with lifelines."""
    import pandas as pd
    from lifelines import CoxPHFitter
    from lifelines.utils import concordance_index

    covariates, days, event, score = subjects(rows, whole_days)
    concordance_index(days[:1000], -score[:1000], event[:1000])
    frame = pd.DataFrame(covariates).assign(days=days, event=event)
    frame.columns = frame.columns.astype(str)
    start = time.process_time()
    if what == "concordance":
        answer = [concordance_index(days, -score, event)]
    else:
        fit = CoxPHFitter().fit(frame, "days", "event")
        answer = [*fit.params_, *fit.standard_errors_]
    return _report(start, answer)


def _report(start: float, answer: list) -> dict:
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": cpu, "peak_mb": peak, "answer": [float(value) for value in answer]}


def child(python: str, side: str, what: str, rows: int, whole_days: bool, runs: int) -> dict:
    """Run one case in fresh processes; return the one of median CPU time."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(SOURCE)}
    command = [python, "-W", "ignore", __file__, "--child", side, what, str(rows), str(whole_days)]
    found = [
        json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        for _ in range(runs)
    ]
    middle = median(case["cpu_s"] for case in found)
    return min(found, key=lambda case: abs(case["cpu_s"] - middle))


def compare(peer_python: str | None, runs: int, most: int) -> None:
    """Print a line a case."""
    print(f"{'case':34} {'Biolake CPU s':>14} {'MB':>6} {'lifelines CPU s':>16} {'MB':>6} {'×':>6}")
    for what, rows, whole_days, has_peer in CASES:
        if rows > most:
            continue
        mine = child(sys.executable, "ours", what, rows, whole_days, runs)
        width = f" × {COVARIATES}" if what == "cox" else ""
        name = f"{what} {rows:,}{width} {'days' if whole_days else 'continuous'}"
        line = f"{name:34} {mine['cpu_s']:14.3f} {mine['peak_mb']:6.0f}"
        if peer_python and has_peer:
            theirs = child(peer_python, "peer", what, rows, whole_days, runs)
            pairs = zip(mine["answer"], theirs["answer"], strict=True)
            gap = max(abs(a - b) for a, b in pairs)
            # lifelines stops within about 1e-6 of the optimum by default.
            assert gap < (1e-12 if what == "concordance" else 5e-6), gap
            ratio = theirs["cpu_s"] / mine["cpu_s"]
            line += f" {theirs['cpu_s']:16.3f} {theirs['peak_mb']:6.0f} {ratio:6.1f}"
            line += f"  largest difference {gap:.1e}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="a Python that has lifelines")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--most", type=int, default=1_000_000, help="leave out larger cases")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.child:
        return compare(asked.peer_python, asked.runs, asked.most)
    side, what, rows, whole_days = asked.child
    run = {"ours": ours, "peer": peer}[side]
    print(json.dumps(run(what, int(rows), whole_days == "True")))
    return None


if __name__ == "__main__":
    main()
