"""Diagnosis models on public data: AUROC, CPU seconds and peak memory, one process a figure.

    python benchmarks/models.py ptbxl FOLDER [--method ensemble|kernels|resnet1d]
    python benchmarks/models.py pneumonia pneumoniamnist_train_val.npz [--external COVID_FOLDER]
    python benchmarks/models.py covid FOLDER
    python benchmarks/models.py kernels --peer-python /path/to/venv/with/aeon/bin/python

`ptbxl` is 9-fold cross-validation over the publisher's folds 1-9 (100 Hz, five superclasses);
`pneumonia` trains on the training pictures and judges on the given validation pictures, less those
that are in both; `covid` is COVID-19 against other pneumonia by patient, then from one source to
the other, beside what facts of the files alone reach; `kernels` is the transform alone, beside
aeon's MiniRocket on the same signals.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SOURCE = Path(__file__).resolve().parent.parent / "src"
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


def ptbxl(folder: Path, name: str, threads: int) -> None:
    """Cross-validate over the publisher's folds."""
    import numpy as np

    from biolake.core.assets import SignalInput
    from biolake.core.media import Recording, Signal
    from biolake.learning.judging import label_figures, macro_auroc
    from biolake.learning.methods import Training, method_named
    from biolake.learning.preparing import prepare
    from biolake.learning.validation import cross_validate

    statements = csv.DictReader((folder / "scp_statements.csv").open())
    classes = {r[""]: r["diagnostic_class"] for r in statements if r["diagnostic"] == "1.0"}
    leads = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    wanted = SignalInput(100.0, leads, 10.0)
    batch, labels, fold, subjects = [], [], [], []
    for row in csv.DictReader((folder / "ptbxl_database.csv").open()):
        raw = np.fromfile(folder / f"{row['filename_lr']}.dat", "<i2").reshape(-1, 12).T / 1000.0
        signal = Signal(raw.astype(np.float32), 100.0, leads, ("mV",) * 12)
        batch.append(prepare(Recording((signal,)), wanted).batch[0])
        found = {classes[code] for code in ast.literal_eval(row["scp_codes"]) if code in classes}
        labels.append([name in found for name in SUPERCLASSES])
        fold.append(int(row["strat_fold"]))
        subjects.append(int(float(row["patient_id"])))
    truth, who = np.array(labels), np.array(subjects)
    training = Training(truth, who, SUPERCLASSES, seed=0, threads=threads)
    start = time.process_time()
    left = cross_validate(
        method_named(name), np.stack(batch), training, np.array(fold), progress=_say
    )
    seconds = time.process_time() - start
    _print("macro", macro_auroc(truth, left.log_odds, who))
    for one in label_figures(SUPERCLASSES, truth, left.risk, who, left.sets):
        _print(f"{one.name} ({one.positive})", one.auroc)
    _cost(f"ptbxl {name}, {len(truth)} records, 9 fits", seconds)


def pneumonia(file: Path, external: Path | None, threads: int) -> None:
    """Train on the training pictures, judge on the given validation pictures."""
    import numpy as np

    from biolake.learning.judging import area_interval
    from biolake.learning.methods import Training, method_named

    with np.load(file, allow_pickle=False) as stored:
        parts = {name: stored[name] for name in stored.files}
    known = {one.tobytes() for one in parts["train_images"]}
    fresh = np.array([one.tobytes() not in known for one in parts["val_images"]])
    train = parts["train_images"].astype(np.float32) / 255
    judged = parts["val_images"][fresh].astype(np.float32) / 255
    labels, truth = parts["train_labels"] > 0, parts["val_labels"][fresh, 0] > 0
    training = Training(labels, np.arange(len(labels)), ("pneumonia",), seed=0, threads=threads)
    start = time.process_time()
    fitted = method_named("cnn").fit(train, training)
    found = fitted.log_odds(judged)[:, 0]
    seconds = time.process_time() - start
    _print(f"pneumonia, {len(truth)} pictures", area_interval(truth, found, np.arange(len(truth))))
    print(f"accuracy {float(((found > 0) == truth).mean()):.3f}")
    _cost("cnn", seconds)
    if external is not None:
        _shifted(fitted, found[truth], external)


def _shifted(fitted, within, folder: Path) -> None:
    """Say how many adults with pneumonia, from other hospitals, a model of children calls ill."""
    import numpy as np
    from PIL import Image

    from biolake.core import media
    from biolake.core.assets import ImageInput
    from biolake.learning.preparing import prepare
    from biolake.statistics.intervals import wilson

    rows = csv.DictReader((folder / "metadata.csv").open())
    ill = [r for r in rows if r["modality"] == "X-ray" and r["finding"] != "No Finding"]
    frontal = [folder / "images" / r["filename"] for r in ill if r["view"] != "L"]
    pictures = [media.Image(np.asarray(Image.open(f).convert("L"))) for f in frontal]
    batch = np.concatenate([prepare(one, ImageInput(28)).batch for one in pictures])
    found = fitted.log_odds(batch)[:, 0]
    for what, odds in (("children, same hospital", within), ("adults, other hospitals", found)):
        share = wilson(int((odds > 0).sum()), len(odds))
        print(f"called ill of the ill, {what}: {share.value:.0%} ({share.low:.0%} to"
              f" {share.high:.0%}) of {len(odds)}")  # fmt: skip
    print("specificity among adults cannot be told: the set has one picture without a finding")


def covid(folder: Path, threads: int) -> None:
    """Judge by patient and across sources, beside facts of the files alone."""
    import numpy as np
    from PIL import Image

    from biolake.core import media
    from biolake.core.catalogue import discover
    from biolake.learning.encoding import embed
    from biolake.learning.judging import area_interval
    from biolake.learning.methods import Training, method_named
    from biolake.learning.shortcuts import audit_shortcuts
    from biolake.learning.validation import cross_validate, stratified_folds

    encoder = discover("biolake.encoders").get("encoder", "radiograph-shape")
    rows = [
        row
        for row in csv.DictReader((folder / "metadata.csv").open())
        if row["modality"] == "X-ray" and row["view"] != "L"
    ]
    files = [folder / "images" / row["filename"] for row in rows]
    vectors = np.concatenate(
        [embed(encoder, media.Image(np.asarray(Image.open(f).convert("L")))) for f in files]
    )
    truth = np.array(["COVID" in row["finding"] for row in rows])
    who = np.unique([row["patientid"] for row in rows], return_inverse=True)[1]
    journal = np.array(["radiopaedia" not in row["url"] for row in rows])
    start = time.process_time()
    training = Training(truth[:, None], who, ("COVID-19",), threads=threads)
    fold = stratified_folds(truth[:, None], who, 5, 0)
    left = cross_validate(method_named("logistic"), vectors, training, fold)
    _print(f"within, {len(truth)} pictures", area_interval(truth, left.risk[:, 0], who))
    sizes = np.array([[float(n) for n in row["orig_size"].split("x")] for row in rows])
    facts = {
        "bytes": np.array([float(f.stat().st_size) for f in files]),
        "width": sizes[:, 0],
        "height": sizes[:, 1],
        "aspect": sizes[:, 0] / sizes[:, 1],
        "view": np.array([row["view"] for row in rows]),
        "source": np.where(journal, "journal", "radiopaedia"),
    }
    audit = audit_shortcuts(("COVID-19",), truth[:, None], left.risk, facts, fold, who)[0]
    _print(f"facts of the files alone ({audit.learner})", audit.by_facts)
    print(f"strongest fact: {audit.strongest}, alone {audit.strongest_alone:.3f}")
    print(audit.warning or "no warning")
    print(f"COVID-19 by source: radiopaedia {truth[~journal].mean():.0%} of {(~journal).sum()},"
          f" journals {truth[journal].mean():.0%} of {journal.sum()}")  # fmt: skip
    _across(vectors, truth, who, ~journal, "trained on radiopaedia, judged on journals")
    _across(vectors, truth, who, journal, "trained on journals, judged on radiopaedia")
    _cost("covid", time.process_time() - start)


def _across(vectors, truth, who, source, said: str) -> None:
    from biolake.core.errors import BiolakeError
    from biolake.learning.judging import area_interval
    from biolake.learning.methods import Training, method_named

    try:
        training = Training(truth[source][:, None], who[source], ("COVID-19",))
        fitted = method_named("logistic").fit(vectors[source], training)
        found = fitted.log_odds(vectors[~source])[:, 0]
        area = area_interval(truth[~source], found, who[~source])
    except BiolakeError as error:
        print(f"{said}: refused, {error.message}")
        return
    _print(said, area)


def kernels(rows: int = 200) -> dict:
    """Transform ECG-sized noise with Biolake."""
    import numpy as np

    from biolake.signals.kernels import draw_kernels, learn_biases

    batch = np.random.default_rng(0).standard_normal((rows, 12, 1000)).astype(np.float32)
    bank = learn_biases(draw_kernels(12, 1000, features=5000), batch)
    bank.apply(batch[:2])
    start = time.process_time()
    found = bank.apply(batch)
    return _figures(found.shape[1], rows, time.process_time() - start)


PEER = """
import json, resource, time, numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
batch = np.random.default_rng(0).standard_normal((200, 12, 1000)).astype(np.float32)
made = MiniRocket(n_kernels=4200, random_state=0, n_jobs=1).fit(batch)
made.transform(batch[:2])
start = time.process_time()
found = made.transform(batch)
print(json.dumps({"features": found.shape[1], "ms": (time.process_time() - start) / 200 * 1000,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def _figures(features: int, rows: int, seconds: float) -> dict:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"features": features, "ms": seconds / rows * 1000, "peak_mb": peak}


def beside_peer(peer: str | None) -> None:
    """Run both transforms, each in a process of its own, one thread."""
    one = dict.fromkeys(THREADS, "1")
    here = [sys.executable, __file__, "kernels-alone"]
    sides = {"biolake": (here, {"PYTHONPATH": str(SOURCE)})}
    if peer:
        sides["aeon"] = ([peer, "-c", PEER], {})
    for name, (command, more) in sides.items():
        done = subprocess.run(
            command, env={**os.environ, **one, **more}, capture_output=True, text=True, check=True
        )
        said = json.loads(done.stdout.strip().splitlines()[-1])
        each = said["ms"] / said["features"] * 1000
        print(f"{name:8} {said['features']} features, {said['ms']:.2f} CPU ms a recording"
              f" ({each:.2f} µs a feature), peak {said['peak_mb']:.0f} MB")  # fmt: skip


def _say(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


def _print(what: str, area) -> None:
    said = "–" if area is None else f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"
    print(f"{what}: AUROC {said}")


def _cost(what: str, seconds: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {seconds:.0f} CPU s, peak {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("ptbxl", "pneumonia", "covid", "kernels", "kernels-alone"))
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--method", default="ensemble")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--external", type=Path, help="covid FOLDER to judge `pneumonia` on")
    parser.add_argument("--peer-python")
    asked = parser.parse_args()
    sys.path.insert(0, str(SOURCE))
    if asked.part == "ptbxl":
        ptbxl(asked.data, asked.method, asked.threads)
    elif asked.part == "pneumonia":
        pneumonia(asked.data, asked.external, asked.threads)
    elif asked.part == "covid":
        covid(asked.data, asked.threads)
    elif asked.part == "kernels-alone":
        print(json.dumps(kernels()))
    else:
        beside_peer(asked.peer_python)


if __name__ == "__main__":
    main()
