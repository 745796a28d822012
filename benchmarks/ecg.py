"""Beats, fibrillation, intervals and robustness of our ECG numerics, beside NeuroKit2 and WFDB.

One thread, CPU seconds after compilation. Peers need their own Python with wfdb and neurokit2:

    python benchmarks/ecg.py beats --data /path/to/data --peer-python /path/to/venv/bin/python
    python benchmarks/ecg.py af --data /path/to/data
    python benchmarks/ecg.py robustness --data /path/to/data [--peer-python ...]
    python benchmarks/ecg.py intervals --data /path/to/data

`--data` holds `mitbih`, `cpsc2021` and `ptbxl`. Beats match one to one within 150 ms.
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
BEATS = frozenset("NLRaVFJASEj/QenfB?r")
PEER = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, neurokit2 as nk, wfdb.processing as wp
which, folder = sys.argv[1:]
import pathlib
for path in sorted(pathlib.Path(folder).glob("*.npz")):
    z = np.load(path); x, rate = z["x"].astype(float), float(z["rate"])
    def neurokit():
        clean = nk.ecg_clean(x, sampling_rate=int(rate))
        return nk.ecg_peaks(clean, sampling_rate=int(rate))[1]["ECG_R_Peaks"]
    start = time.process_time()
    try: found = neurokit() if which == "neurokit" else wp.gqrs_detect(x, rate)
    except Exception: found = np.empty(0)
    np.savez(path.with_suffix(".found"), found=found, cpu=time.process_time() - start)
"""


def opened(path: Path):
    """Open one record with our own reader."""
    from biolake.core.assets import FileContent
    from biolake.readers.wfdb import wfdb

    others = [p for p in path.parent.glob(path.stem + ".*") if p.suffix != ".hea"]
    return wfdb.call(FileContent.of(path.with_suffix(".hea"), *others))


def truth_of(recording) -> np.ndarray:
    """Return the annotated beats in seconds."""
    (marks,) = recording.annotations.values()
    return np.array([mark.at for mark in marks if mark.symbol in BEATS])


def leads(folder: Path, every: bool):
    """Yield name, rate, lead and true beats: the first lead, or every lead."""
    for path in sorted(folder.glob("*.hea")):
        recording = opened(path)
        signal = recording.signals[0]
        for k in range(len(signal.channels) if every else 1):
            yield (
                f"{path.stem}/{signal.channels[k]}",
                signal.rate,
                signal.samples[k],
                truth_of(recording),
            )


def detected(cases, which: str, python: str):
    """Return what a detector finds (seconds) and its CPU seconds, lead by lead."""
    if which == "biolake":
        from biolake.signals.beats import find_beats

        find_beats(cases[0][2][:20_000], cases[0][1])
        answers = []
        for _, rate, x, _ in cases:
            start = time.process_time()
            found = find_beats(x, rate)
            answers.append((found / rate, time.process_time() - start))
        return answers
    with tempfile.TemporaryDirectory() as folder:
        for k, (_, rate, x, _) in enumerate(cases):
            np.savez(Path(folder) / f"{k:04d}.npz", x=np.nan_to_num(x), rate=rate)
        subprocess.run([python, "-c", PEER, which, folder], check=True)
        z = [np.load(p) for p in sorted(Path(folder).glob("*.found.npz"))]
        return [(a["found"] / c[1], float(a["cpu"])) for a, c in zip(z, cases, strict=True)]


def compared(title: str, cases, python: str, verbose: bool = True) -> None:
    """Print sensitivity, predictive value, error and speed of each detector."""
    from tests.signals.real_ecg import mistakes

    for which in ("biolake", *(("neurokit", "gqrs") if python else ())):
        total = np.zeros(3)
        seconds = cpu = 0.0
        answers = detected(cases, which, python)
        for (name, rate, x, truth), (found, used) in zip(cases, answers, strict=True):
            false, missed = mistakes(truth, found)
            total += len(truth), false, missed
            seconds, cpu = seconds + len(x) / rate, cpu + used
            if verbose:
                hits = len(truth) - missed
                print(
                    f"  {which:8} {name:16} beats {len(truth):5} Se {100 * hits / len(truth):7.3f}"
                    f" PPV {100 * hits / max(1, hits + false):7.3f} FP {false} FN {missed}"
                )
        print(
            f"{title:34} {which:8} error {100 * total[1:].sum() / total[0]:6.3f} %"
            f" FP {total[1]:.0f} FN {total[2]:.0f} {seconds / cpu:9,.0f} s of ECG per CPU-s"
        )


def beats(data: Path, python: str) -> None:
    """Compare beats on MIT-BIH (first lead) and CPSC 2021 (every lead)."""
    compared("MIT-BIH first lead", list(leads(data / "mitbih", False)), python)
    compared("CPSC 2021 every lead", list(leads(data / "cpsc2021", True)), python)


def _changed(cases, change):
    return [(name, *change(rate, x), truth) for name, rate, x, truth in cases]


def _resampled(to: float):
    def change(rate: float, x: np.ndarray):
        from fractions import Fraction

        from scipy.signal import resample_poly

        share = Fraction(int(to), int(rate))
        return to, resample_poly(x, share.numerator, share.denominator).astype(np.float32)

    return change


def _noisy(decibels: float, kind: str):
    def change(rate: float, x: np.ndarray):
        rng = np.random.default_rng(len(x))
        noise = rng.standard_normal(len(x))
        if kind == "muscle":  # bursts of 20 s every 40 s
            noise *= np.sin(2 * np.pi * np.arange(len(x)) / rate / 40) > 0
        if kind == "baseline":
            noise = np.cumsum(noise)
            noise -= np.convolve(noise, np.ones(int(4 * rate)) / int(4 * rate), "same")
        noise *= x.std() / max(noise.std(), 1e-12) * 10 ** (-decibels / 20)
        return rate, (x + noise).astype(np.float32)

    return change


def _paced(rate: float, x: np.ndarray):
    """Add a 2 ms, 2 mV spike every 0.93 s: asynchronous pacing without capture."""
    x = x.copy()
    for at in np.arange(0.3, len(x) / rate - 0.1, 0.93):
        x[int(at * rate) : int(at * rate) + max(1, int(0.002 * rate))] += 2.0
    return rate, x


def _holed(rate: float, x: np.ndarray):
    x = x.copy()
    for at in range(60, int(len(x) / rate), 120):
        x[int(at * rate) : int((at + 1) * rate)] = np.nan
    return rate, x


def robustness(data: Path, python: str) -> None:
    """Compare beats on MIT-BIH changed in every way a hospital changes a signal."""
    cases = [(n, r, x[: int(600 * r)], t[t < 600]) for n, r, x, t in leads(data / "mitbih", False)]
    changes = {
        "as recorded": lambda r, x: (r, x),
        "polarity inverted": lambda r, x: (r, -x),
        "a fifth": lambda r, x: (r, 0.2 * x),
        "five times": lambda r, x: (r, 5 * x),
        "in microvolts": lambda r, x: (r, 1000 * x),
        "1 s missing every 2 min": _holed,
        "asynchronous pacing spikes": _paced,
    }
    changes |= {f"resampled to {hz} Hz": _resampled(hz) for hz in (500, 250, 128, 100)}
    for kind in ("white", "muscle", "baseline"):
        changes |= {f"{kind} noise {db} dB": _noisy(db, kind) for db in (12, 6, 0)}
    for name, change in changes.items():
        compared(name, _changed(cases, change), python, verbose=False)


def af(data: Path, _python: str) -> None:
    """Print fibrillation by second and by episode (CPSC 2021), and by record (PTB-XL).

    The ten records of MIT-BIH have none: what is told there is false.
    """
    total, episodes = np.zeros(4), np.zeros(4)
    for path in sorted((data / "cpsc2021").glob("*.hea")):
        recording = opened(path)
        signal = recording.signals[0]
        told = _told(signal)
        true = _rhythms(recording)
        at = np.arange(0.0, signal.seconds, 0.1)
        t, f = _inside(at, true), _inside(at, told)
        row = np.array([(t & f).sum(), (~t & f).sum(), (t & ~f).sum(), (~t & ~f).sum()]) / 10
        total += row
        long = [e for e in true if e[1] - e[0] >= 30.0]
        episodes += [len(long), sum(_meets(e, told) for e in long),
                     len(told), sum(_meets(e, true) for e in told)]  # fmt: skip
        print(f"  {path.stem:12} s: both {row[0]:4.0f} told {row[1]:4.0f} missed {row[2]:4.0f}"
              f" neither {row[3]:4.0f}; true {len(true)} told {len(told)}")  # fmt: skip
    print(f"CPSC 2021 by second: Se {total[0] / (total[0] + total[2]):.3f}"
          f" Sp {total[3] / (total[3] + total[1]):.3f}")  # fmt: skip
    print(f"CPSC 2021 by episode of 30 s: {episodes[1]:.0f} of {episodes[0]:.0f} found,"
          f" {episodes[3]:.0f} of {episodes[2]:.0f} told are true")  # fmt: skip
    for path in sorted((data / "mitbih").glob("*.hea")):
        signal = opened(path).signals[0]
        share = sum(high - low for low, high in _told(signal)) / signal.seconds
        print(f"MIT-BIH {path.stem}: {100 * share:5.1f} % of the time told as fibrillation")
    _af_by_record(data)


def _told(signal) -> list[tuple[float, float]]:
    from biolake.signals import fibrillation
    from biolake.signals.beats import find_beats

    found = find_beats(signal.samples, signal.rate)
    coherence = fibrillation.atrial_coherence(signal.samples, signal.rate, found)
    runs = fibrillation.episodes(found / signal.rate, coherence) or []
    return [(run.start, run.end) for run in runs]


def _rhythms(recording) -> list[tuple[float, float]]:
    runs, since = [], None
    (marks,) = recording.annotations.values()
    for mark in marks:
        if mark.text.startswith("("):
            if since is not None:
                runs.append((since, mark.at))
            since = mark.at if mark.text[:4] in ("(AFI", "(AFL") else None
    return runs if since is None else [*runs, (since, recording.seconds)]


def _inside(at: np.ndarray, runs: list[tuple[float, float]]) -> np.ndarray:
    found = np.zeros(len(at), bool)
    for low, high in runs:
        found |= (at >= low) & (at < high)
    return found


def _meets(one: tuple[float, float], others: list[tuple[float, float]]) -> bool:
    return any(one[0] < high and low < one[1] for low, high in others)


def _ptbxl(data: Path):
    from biolake.extractors.ecg import ecg

    with (data / "ptbxl" / "ptbxl_database.csv").open() as file:
        for row in csv.DictReader(file):
            path = data / "ptbxl" / f"{row['filename_lr']}.hea"
            if path.exists():
                recording = opened(path)
                start = time.process_time()
                found = ecg.call(recording)
                cpu = time.process_time() - start
                values = {f.code.removeprefix("ECG//"): f.value for f in found}
                yield ast.literal_eval(row["scp_codes"]), values, cpu


def _af_by_record(data: Path) -> None:
    counts: dict[tuple[bool, float | None], int] = {}
    for codes, values, _ in _ptbxl(data):
        key = ("AFIB" in codes, values.get("atrial_fibrillation"))
        counts[key] = counts.get(key, 0) + 1
    for (labelled, flag), count in sorted(counts.items(), key=str):
        print(f"PTB-XL AFIB {labelled!s:5} flag {flag}: {count}")


def intervals(data: Path, _python: str) -> None:
    """Print PTB-XL intervals, how well they tell conduction labels, and the speed."""
    rows = list(_ptbxl(data))
    print(f"{(len(rows) - 20) / sum(cpu for *_, cpu in rows[20:]):.0f} records per CPU-s")
    for name in ("heart_rate", "PR", "QRS", "QT", "QTcF", "axis", "signal_quality"):
        seen = [v[name] for c, v, _ in rows if name in v and c.get("NORM", 0) >= 80]
        print(f"{name:15} NORM n {len(seen)}", np.percentile(seen, [5, 50, 95]).round(2))
    for code, name, sign in (("1AVB", "PR", 1), ("CLBBB", "QRS", 1), ("CRBBB", "QRS", 1),
                             ("IVCD", "QRS", 1), ("LAFB", "axis", -1)):  # fmt: skip
        yes = np.array([sign * v[name] for c, v, _ in rows if code in c and name in v])
        no = np.array([sign * v[name] for c, v, _ in rows if code not in c and name in v])
        auc = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
        print(f"{code:6} by {name:4} AUC {auc:.3f} (n {len(yes)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["beats", "robustness", "af", "intervals"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", default="")
    asked = parser.parse_args()
    {"beats": beats, "robustness": robustness, "af": af, "intervals": intervals}[asked.what](
        asked.data, asked.peer_python
    )
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    main()
