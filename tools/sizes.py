"""Hold modules and functions to the size one can read at a sitting."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tools")
MODULE_LINES = (400, 599)
FUNCTION_LINES = (35, 60)


@dataclass(frozen=True)
class Finding:
    """Something longer than it should be."""

    where: str
    lines: int
    wanted: int
    most: int

    @property
    def fails(self) -> bool:
        return self.lines > self.most

    def __str__(self) -> str:
        kind = "error" if self.fails else "warning"
        return f"{kind}: {self.where} has {self.lines} lines (wanted ≤ {self.wanted})"


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from `def` to its end, without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def findings(source: str, name: str) -> Iterator[Finding]:
    """Yield what is too long in one module."""
    lines = len(source.splitlines())
    if lines > MODULE_LINES[0]:
        yield Finding(name, lines, *MODULE_LINES)
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = length(node)
            if lines > FUNCTION_LINES[0]:
                yield Finding(f"{name}:{node.lineno} {node.name}", lines, *FUNCTION_LINES)


def main(root: Path = ROOT) -> int:
    """Print every finding, then a count; fail when one is beyond the limit."""
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    found = [
        finding
        for path in paths
        for finding in findings(path.read_text(encoding="utf-8"), str(path.relative_to(root)))
    ]
    failing = sum(finding.fails for finding in found)
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    long = len(found) - failing
    note = f", {long} longer than wanted: python3 tools/sizes.py" if long else ""
    sys.stdout.write(f"{len(paths)} modules, {failing} too long{note}\n")
    return int(failing > 0)


if __name__ == "__main__":
    sys.exit(main())
