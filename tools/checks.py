"""Run the checks of `./test`: each static check as one named step, then pytest."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = (
    "ai", "imaging", "learn", "notes", "omics", "s3", "search", "signals", "slides", "test",
)  # fmt: skip
SCRIPTS = ("demo", "test")
WORKERS = 2
STRICTLY_TYPED = (
    "core",
    "lake",
    "statistics",
    "signals",
    "imaging",
    "text",
    "omics",
    "search",
    "knowledge",
    "genetics",
    "extractors",
    "encoders",
    "cohorts",
    "export",
    "ingest",
    "learning",
    "retrieval",
    "studies",
    "analyses",
    "jobs",
)


@dataclass(frozen=True)
class Step:
    """One static check; `tells` shows its last line even when it passes."""

    name: str
    command: tuple[str, ...]
    tells: bool = False


def steps(python: Path, root: Path = ROOT) -> list[Step]:
    """List the static checks, quickest first."""
    ruff = (str(python), "-m", "ruff")
    packages = [root / "src/biolake" / name for name in STRICTLY_TYPED]
    typed = [str(package.relative_to(root)) for package in packages if package.is_dir()]
    return [
        Step("format", (*ruff, "format", "--check", "--output-format=concise", ".", *SCRIPTS)),
        Step("lint", (*ruff, "check", "--quiet", "--output-format=concise", ".", *SCRIPTS)),
        Step("sizes", (str(python), "tools/sizes.py"), tells=True),
        Step("words", (str(python), "tools/speaks.py")),
        Step("layers", (str(python.parent / "lint-imports"), "--no-logo")),
        Step("types", (str(python), "-m", "mypy", "tools", *typed)),
    ]


def passes(step: Step) -> bool:
    """Run one static check and print its line; what it said follows when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = done.stdout.strip()
    mark = "FAILED" if done.returncode else "ok"
    note = said.splitlines()[-1] if step.tells and said else ""
    line = f"{mark:6} {step.name:8} {time.monotonic() - started:5.1f} s  {note}".rstrip()
    sys.stdout.write(line + "\n" + (f"{said}\n" if done.returncode else ""))
    sys.stdout.flush()
    return not done.returncode


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split the command line into our options and pytest's."""
    parser = argparse.ArgumentParser(
        prog="./test",
        description="Static checks, then the tests. Other options and paths go to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("--static", action="store_true", help="only the static checks")
    parser.add_argument("--all", action="store_true", help="also the tests marked slow")
    parser.add_argument("-k", metavar="EXPR", help="only tests whose name matches")
    return parser.parse_known_args(arguments)


def tests(python: Path, options: argparse.Namespace, others: list[str]) -> list[str]:
    """Build pytest's command line."""
    # One file stays on one worker: what its tests share is made once.
    command = [str(python), "-m", "pytest", "-n", str(WORKERS), "--dist", "loadfile"]
    command += [] if options.all else ["-m", "not slow"]
    command += ["-k", options.k] if options.k else []
    return command + others


def run(python: Path, options: argparse.Namespace, others: list[str]) -> int:
    """Run what was asked; non-zero when anything failed, or when there was no test to run."""
    failed = [step.name for step in steps(python) if not passes(step)]
    if failed:
        sys.stdout.write(f"static checks failed: {', '.join(failed)}\n")
        sys.stdout.flush()
    if options.static:
        return int(bool(failed))
    tested = subprocess.run(
        tests(python, options, others),
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return tested.returncode or int(bool(failed))
