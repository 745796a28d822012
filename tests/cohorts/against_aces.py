"""Run random tasks through ES-ACES 0.7.3 and through Biolake, and compare every row.

Not a test: ES-ACES lives in an environment of its own. From the repository root:

    python tests/cohorts/against_aces.py --peer-python ACES-ENV/bin/python --cases 1000

Two things of ES-ACES are known not to follow its own documentation, and are allowed for by name:
- `swapped`: of a window whose start is `end - offset`, it reports the start as its end and the
  other way round, so `index_timestamp` gives the wrong end. We give the end that was asked for.
- `shadow`: in a chain without branches, triggers whose last bounding event does not exist leave one
  row without trigger, time and label per subject. We leave such rows out.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

PEER = """
import json, sys
from pathlib import Path
from omegaconf import DictConfig
import logging; logging.disable(logging.CRITICAL)
from aces import config, predicates, query

for path in sorted(Path(sys.argv[1]).glob("*.yaml")):
    try:
        task = config.TaskExtractorConfig.load(path)
        data = DictConfig({"standard": "meds", "path": str(path.with_suffix(".parquet"))})
        found = query.query(task, predicates.get_predicates_df(task, data))
        names = [n for n in ("subject_id", "trigger", "index_timestamp", "label") if n in found]
        rows = [[None if v is None else str(v) for v in row] for row in found.select(names).rows()]
        answer = {"names": names, "rows": rows}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    path.with_suffix(".json").write_text(json.dumps(answer))
"""

Row = tuple[str, str | None, bool | None]


def write_cases(folder: Path, cases: int, seed: int) -> None:
    import pyarrow.parquet as pq
    from tests.cohorts.cases import meds_table, random_events, random_spec, task_yaml

    for number in range(cases):
        rng = random.Random(seed + number)
        events, spec = random_events(rng), random_spec(rng)
        pq.write_table(meds_table(events), folder / f"{number:06}.parquet")
        (folder / f"{number:06}.yaml").write_text(task_yaml(spec))


def ours(path: Path, number: int, seed: int) -> Counter[Row]:
    from tests.cohorts.cases import memory_view, random_events

    from biolake.cohorts import build, load_task

    view = memory_view(random_events(random.Random(seed + number)))
    labels = build(view, load_task(path), missing="allow").labels
    view.con.close()
    times = [str(t) if t else None for t in labels["prediction_time"].to_pylist()]
    subjects = [str(subject) for subject in labels["subject_id"].to_pylist()]
    return Counter(zip(subjects, times, labels["boolean_value"].to_pylist(), strict=True))


def theirs(answer: dict[str, list[list[str | None]]]) -> tuple[Counter[Row], int]:
    """Return the rows of ES-ACES without its shadows, and how many shadows there were."""
    rows, shadows = Counter[Row](), 0
    for row in answer["rows"]:
        known = dict(zip(answer["names"], row, strict=True))
        if known["trigger"] is None:
            shadows += 1
            continue
        label = known.get("label")
        value = None if label is None else int(label) > 0
        rows[str(known["subject_id"]), known.get("index_timestamp"), value] += 1
    return rows, shadows


def is_swapped(number: int, seed: int) -> bool:
    from tests.cohorts.cases import random_events, random_spec

    rng = random.Random(seed + number)
    random_events(rng)
    return any(
        window.index and window.root == "end" and window.second.kind == "offset"
        for window in random_spec(rng).windows
    )


def with_other_end(path: Path) -> Path:
    """Write the task with its index_timestamp at the other end of the window."""
    text = path.read_text()
    place = text.index("index_timestamp: ") + len("index_timestamp: ")
    other = "end" if text[place:].startswith("start") else "start"
    end = text.index("\n", place)
    flipped = path.with_suffix(".flipped")
    flipped.write_text(text[:place] + other + text[end:])
    return flipped


def compare(folder: Path, cases: int, seed: int) -> Counter[str]:
    verdicts: Counter[str] = Counter()
    for number in range(cases):
        answer = json.loads((folder / f"{number:06}.json").read_text())
        if "error" in answer:
            verdicts["peer failed: " + answer["error"][:60]] += 1
            continue
        path = folder / f"{number:06}.yaml"
        swapped = is_swapped(number, seed)
        mine = ours(with_other_end(path) if swapped else path, number, seed)
        peer, shadows = theirs(answer)
        equal = mine == peer
        verdicts["equal" if equal else "DIFFERENT"] += 1
        verdicts["equal, with rows"] += equal and bool(peer)
        verdicts["equal but for swapped ends"] += equal and swapped and bool(peer)
        verdicts["equal but for shadows"] += equal and shadows > 0
        if not equal:
            print(f"case {number}: ours {mine - peer}, theirs {peer - mine}")  # noqa: T201
            print(path.read_text().split("trigger:")[1])  # noqa: T201
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cases(folder, asked.cases, asked.seed)
        subprocess.run([asked.peer_python, "-c", PEER, str(folder)], check=True)
        verdicts = compare(folder, asked.cases, asked.seed)
    for verdict, many in verdicts.most_common():
        print(f"{many:6}  {verdict}")  # noqa: T201
    sys.exit(1 if verdicts["DIFFERENT"] else 0)


if __name__ == "__main__":
    main()
