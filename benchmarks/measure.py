"""Run a command as a child and say what it cost: CPU seconds, wall seconds and memory.

CPU seconds (user + system, with every process the child started and waited for) are the figure to
compare: unlike wall seconds, they barely move when the machine is shared.

    python benchmarks/measure.py --runs 3 -- gzip -k some.csv
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

THREADS = 2
SAMPLE_EVERY_S = 0.05
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
THREAD_SETTINGS = (
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
)


class CommandError(RuntimeError):
    """Say which command failed, how, and the end of what it wrote."""

    def __init__(self, command: Sequence[str], status: int, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        super().__init__(f"{shlex.join(command)} ended with {status}; the end of {log}:\n{tail}")


@dataclass(frozen=True)
class Cost:
    """What one command used; `largest_mb` is its biggest process, `tree_mb` all of them."""

    wall_s: float
    user_s: float
    system_s: float
    largest_mb: float
    tree_mb: float

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s

    @property
    def peak_mb(self) -> float:
        return max(self.largest_mb, self.tree_mb)


def use_threads(count: int = THREADS) -> None:
    """Confine this process and every later child to `count` processors and as many threads."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    os.environ.update(dict.fromkeys(THREAD_SETTINGS, str(count)))


def measure(command: Sequence[str], log: Path) -> Cost:
    """Run `command` once, its output in `log`; raise `CommandError` if it does not end well.

    The kernel counts the parent's memory at the fork into the child's peak, so the measuring
    process must stay small: it imports nothing but the standard library.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        peak = _TreeMemory(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - start
        tree_mb = peak.stop()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise CommandError(command, child.returncode, log)
    return Cost(wall_s, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024, tree_mb)


def measure_median(
    command: Sequence[str], log: Path, runs: int = 1, before: Callable[[], object] = lambda: None
) -> Cost:
    """Run `command` several times, each after `before()`; return the median of every figure."""
    costs = []
    for _ in range(runs):
        before()
        costs.append(measure(command, log))
    return Cost(*(median(getattr(cost, field.name) for cost in costs) for field in fields(Cost)))


class _TreeMemory:
    """Sample the resident memory of a process and its descendants until stopped."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_mb = 0.0
        self._stopped = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def stop(self) -> float:
        self._stopped.set()
        self._sampler.join()
        return self._peak_mb

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_EVERY_S):
            self._peak_mb = max(self._peak_mb, sum(map(_resident_mb, _family(self._pid))))


def _family(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return [pid, *(member for child in children for member in _family(child))]


def _resident_mb(pid: int) -> float:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
    return 0.0


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out rows as a Markdown table, numbers to the right."""
    cells = [list(map(str, header)), *(list(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--log", type=Path, default=Path(os.devnull))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    use_threads(asked.threads)
    command = [word for word in asked.command if word != "--"]
    cost = measure_median(command, asked.log, asked.runs)
    figures = {"cpu_s": cost.cpu_s, **asdict(cost)}
    if asked.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write(table(list(figures), [[f"{value:.2f}" for value in figures.values()]]))


if __name__ == "__main__":
    main()
