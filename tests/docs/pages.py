"""A page's commands, run as a reader would run them, and what the page says they answer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXIT = re.compile(r"# exit (\d+)\s*$", re.MULTILINE)
_SUBJECT = re.compile(r"\b\d{14,19}\b")  # keyed ids differ from lake to lake
_RULE = re.compile("─+")


@dataclass(frozen=True)
class Block:
    """One block of commands and the lines that the page shows as its answer."""

    commands: str
    line: int
    shown: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        stated = _EXIT.search(self.commands)
        return int(stated[1]) if stated else 0


def blocks(page: Path) -> list[Block]:
    """Return the `sh` blocks of a page; a `text` block is the answer of the one before it."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for fence in _FENCE.finditer(text):
        kind, content = fence[1], fence[2]
        if kind == "sh":
            found.append(Block(content, text[: fence.start()].count("\n") + 1))
        elif kind == "text" and found and not found[-1].shown:
            found[-1] = Block(found[-1].commands, found[-1].line, tuple(content.splitlines()))
    return found


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block in a folder, with `biolake` and `python` those of this checkout."""
    bash = shutil.which("bash") or "/bin/bash"
    return subprocess.run(
        [bash, "-euo", "pipefail", "-c", block.commands],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def missing(block: Block, answer: str) -> list[str]:
    """Return the shown lines that the answer does not have in this order; … stands for anything."""
    told = [_plain(line) for line in answer.splitlines()]
    absent = []
    for line in block.shown:
        wanted = re.compile(".*".join(map(re.escape, _plain(line).split("…"))))
        place = next((n for n, real in enumerate(told) if wanted.fullmatch(real)), None)
        if place is None and _plain(line) not in ("", "…"):
            absent.append(line)
        told = told[place + 1 :] if place is not None else told
    return absent


def _plain(line: str) -> str:
    return " ".join(_RULE.sub("─", _SUBJECT.sub("SUBJECT", line)).split())


def _environment(folder: Path) -> dict[str, str]:
    programs = folder / ".bin"
    if not programs.exists():
        programs.mkdir()
        _program(programs / "biolake", f'exec "{sys.executable}" -m biolake "$@"')
        _program(programs / "python", f'exec "{sys.executable}" "$@"')
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BIOLAKE")}
    return kept | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "LC_ALL": "C.UTF-8",
    }


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)
