"""Compare Biolake's ingest with MEDS-Extract 0.7.1 and with bare DuckDB on one laboratory source.

Everything runs as a child on two processors (see `measure.py`); the figure compared is source rows
per CPU second, and peak memory. From the repository root, in an environment with Biolake installed:

    python benchmarks/ingest.py all --rows 10000000 --runs 3
    python benchmarks/ingest.py growth --small 4000000 --large 40000000

MEDS-Extract gets an environment of its own (`--peer-python`, or made here with `venv` and `pip`),
and is run as its documentation says, with its defaults and again with smaller shards:

    PATH=PEER/bin:$PATH meds-extract-run \
        spec=SRC/messy.yaml input_dir=SRC do_download=false output_dir=OUT

It extracts the same columns and the same events. Differences that remain: MEDS-Extract removes rows
that agree in every extracted column (about 1 in 10,000 here) and writes one sorted copy; Biolake
keeps each numbered row, and writes a second copy sorted by code.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import CommandError, Cost, measure, measure_median, table, use_threads

HERE = Path(__file__).resolve().parent
PEER = "MEDS-extract==0.7.1"
SMALL_SHARD = 2_500
HEADER = ("what", "rows", "CPU-s", "rows/CPU-s", "wall s", "largest MB", "all MB", "x peer")


@dataclass(frozen=True)
class Figure:
    """One measured conversion of one source."""

    what: str
    rows: int
    cost: Cost

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / self.cost.cpu_s


@dataclass(frozen=True)
class Bench:
    """Where the work is done, how often each command is repeated, and with which programs."""

    work: Path
    runs: int
    biolake: str
    peer_python: Path | None

    def fresh(self, name: str) -> Path:
        """Return an empty folder of that name under the work folder."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def generate(bench: Bench, rows: int) -> Path:
    """Return the source of that many rows, making it in a child unless it is there already."""
    source = bench.work / f"labs-{rows}"
    if not (source / "labs.yaml").exists():
        make = [sys.executable, str(HERE / "sources.py"), str(source), "--rows", str(rows)]
        measure(make, bench.work / "generate.log")
    return source


def biolake(bench: Bench, source: Path) -> Figure:
    """Measure `biolake ingest` into a new lake."""
    lake = bench.work / "lake"
    base = [bench.biolake, "--lake", str(lake)]

    def new_lake() -> None:
        shutil.rmtree(lake, ignore_errors=True)
        measure([*base, "init", "--subject-ids", "source"], bench.work / "init.log")

    mapping = str(source / "labs.yaml")
    command = [*base, "ingest", str(source), "--mapping", mapping, "--json"]
    cost = measure_median(command, bench.work / "biolake.log", bench.runs, new_lake)
    return Figure("biolake ingest", rows_in(source), cost)


def peer(bench: Bench, source: Path) -> Figure:
    """Measure MEDS-Extract's documented pipeline, from raw files to the finished MEDS cohort."""
    return _peer(bench, source, source / "messy.yaml", PEER)


def peer_in_small_shards(bench: Bench, source: Path) -> Figure:
    """Measure MEDS-Extract with smaller shards, which take it less memory than its default."""
    messy = _with_shards((source / "messy.yaml").read_text(), SMALL_SHARD)
    spec = bench.work / "messy-small-shards.yaml"
    spec.write_text(messy)
    return _peer(bench, source, spec, f"{PEER}, {SMALL_SHARD:,} subjects a shard")


def _with_shards(messy: str, subjects: int) -> str:
    """Add the shard size to the `etl` block, which opens the file."""
    return messy.replace("etl:\n", f"etl:\n  n_subjects_per_shard: {subjects}\n", 1)


def _peer(bench: Bench, source: Path, spec: Path, what: str) -> Figure:
    python = bench.peer_python or make_peer(bench.work / "peer")
    out = bench.work / "meds"
    command = [
        "env",
        # Its runner starts each stage by name, so its environment must come first on the path.
        f"PATH={python.parent}{os.pathsep}{os.environ['PATH']}",
        str(python.with_name("meds-extract-run")),
        f"spec={spec}",
        f"output_dir={out}",
        "do_download=false",
        f"input_dir={source}",
    ]
    cost = measure_median(command, bench.work / "peer.log", bench.runs, lambda: bench.fresh("meds"))
    return Figure(what.replace("==", " "), rows_in(source), cost)


def make_peer(folder: Path) -> Path:
    """Make the peer's own environment and return its Python; leave it for the next run."""
    python = folder / "bin" / "python"
    if not python.with_name("meds-extract-run").exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", PEER]
        subprocess.run(pip, check=True)
    return python


def bare(bench: Bench, source: Path) -> Figure:
    """Measure one DuckDB parse, two sorts and two Parquet files, with nothing else."""
    command = [sys.executable, str(HERE / "bare.py"), str(source), str(bench.work / "bare")]
    cost = measure_median(command, bench.work / "bare.log", bench.runs, lambda: bench.fresh("bare"))
    return Figure("bare DuckDB, two sorts", rows_in(source), cost)


def rows_in(source: Path) -> int:
    """Count the data rows of every table in a source."""
    return sum(_lines(path) - 1 for path in source.glob("*.csv"))


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def report(figures: Sequence[Figure], reference: Figure | None = None) -> str:
    """Lay the figures out as a table; speed is also given as a multiple of the peer's."""
    return table(HEADER, [_line(figure, reference) for figure in figures])


def _line(figure: Figure, reference: Figure | None) -> list[str]:
    cost = figure.cost
    ratio = f"{figure.rows_per_cpu_s / reference.rows_per_cpu_s:.2f}" if reference else ""
    return [
        figure.what,
        f"{figure.rows:,}",
        f"{cost.cpu_s:.1f}",
        f"{figure.rows_per_cpu_s:,.0f}",
        f"{cost.wall_s:.1f}",
        f"{cost.largest_mb:,.0f}",
        f"{cost.tree_mb:,.0f}",
        ratio,
    ]


def growth(bench: Bench, measured: Callable[[Bench, Path], Figure], sizes: Iterable[int]) -> str:
    """Say how peak memory grows from the smaller source to the larger one."""
    small, large = (measured(bench, generate(bench, rows)) for rows in sizes)
    times = large.cost.peak_mb / small.cost.peak_mb
    return (
        report([small, large])
        + f"\npeak memory: x {times:.2f} for x {large.rows / small.rows:.1f} rows\n"
    )


def compare(bench: Bench, rows: int) -> list[Figure]:
    """Measure every way of converting one source, one after another."""
    source = generate(bench, rows)
    return [measured(bench, source) for measured in MEASURED.values()]


MEASURED = {
    "peer": peer,
    "peer-small-shards": peer_in_small_shards,
    "biolake": biolake,
    "bare": bare,
}


def arguments() -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "biolake-bench")
    common.add_argument("--runs", type=int, default=1, help="repeat, and report the median")
    common.add_argument("--biolake", default=str(Path(sys.executable).with_name("biolake")))
    common.add_argument("--peer-python", type=Path, help=f"Python of an environment with {PEER}")
    common.add_argument("--json", action="store_true")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("generate", "all"):
        commands.add_parser(name, parents=[common]).add_argument(
            "--rows", type=int, default=10_000_000
        )
    for name in MEASURED:
        commands.add_parser(name, parents=[common]).add_argument("source", type=Path)
    grow = commands.add_parser("growth", parents=[common])
    grow.add_argument("--what", choices=list(MEASURED), default="biolake")
    grow.add_argument("--small", type=int, default=4_000_000)
    grow.add_argument("--large", type=int, default=40_000_000)
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    use_threads()
    bench = Bench(asked.work, asked.runs, asked.biolake, asked.peer_python)
    if asked.command == "generate":
        sys.stdout.write(f"{generate(bench, asked.rows)}\n")
    elif asked.command == "growth":
        sys.stdout.write(growth(bench, MEASURED[asked.what], (asked.small, asked.large)))
    else:
        show(figures_of(bench, asked), asked.json)


def figures_of(bench: Bench, asked: argparse.Namespace) -> list[Figure]:
    if asked.command == "all":
        return compare(bench, asked.rows)
    return [MEASURED[asked.command](bench, asked.source)]


def show(figures: Sequence[Figure], as_json: bool) -> None:
    peers = [figure for figure in figures if figure.what.startswith("MEDS")]
    # Against the peer's cheapest run, so that its default shard size does not flatter Biolake.
    reference = max(peers, key=lambda figure: figure.rows_per_cpu_s, default=None)
    if as_json:
        lines = [
            {
                "what": one.what,
                "rows": one.rows,
                "rows_per_cpu_s": one.rows_per_cpu_s,
                **asdict(one.cost),
            }
            for one in figures
        ]
        sys.stdout.write(json.dumps(lines, indent=1) + "\n")
    else:
        sys.stdout.write(report(figures, reference))


if __name__ == "__main__":
    try:
        main()
    except (CommandError, FileNotFoundError) as error:
        sys.exit(str(error))
