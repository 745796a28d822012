"""Pages of plain figures and tables for a person at a terminal, or a file that catches stdout."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_FILE_WIDTH = 4000  # a file or a pipe has no edge to wrap at
_CHUNK = 5_000  # rows of a long table that are laid out, and written, together
_BETWEEN = 3  # cells between two columns
VERDICTS = {"fail": "bold red", "warn": "yellow", "ok": "green"}


def write(parts: Iterable[RenderableType]) -> None:
    if sys.stdout.isatty():
        _print(Console(), parts)
        return
    text = io.StringIO()
    _print(Console(file=text, width=_FILE_WIDTH), parts)
    sys.stdout.writelines(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        console.print(part, highlight=False, markup=False, soft_wrap=isinstance(part, str))
        if isinstance(part, Table):
            console.print()


def write_long(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write one table of any length, its columns as wide as its first rows need; count the rows."""
    left, written = iter(rows), 0
    widths: list[int] = []
    while chunk := list(islice(left, _CHUNK)):
        made = table(columns, chunk)
        widths = widths or _widths(columns, chunk)
        for column, width in zip(made.columns, widths, strict=True):
            column.min_width = width
        made.show_header = not written
        write([Group(made)])  # in a group no empty line follows, for the table goes on
        written += len(chunk)
    if written:
        write([""])
    return written


def _widths(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Return the width of each column's longest cell; none where a terminal is too narrow."""
    cells = [[name.lstrip(">!") for name in columns], *([figure(v) for v in row] for row in rows)]
    found = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    wide = sum(found) + _BETWEEN * len(found)
    return [0] * len(found) if sys.stdout.isatty() and wide > Console().width else found


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """Return a table.

    A column whose name begins with `>` holds figures and is set to the right, one with `!` is
    never broken into lines.
    """
    made = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        show_edge=False,
    )
    for name in columns:
        figures = name.startswith(">")
        made.add_column(
            name.lstrip(">!"),
            justify="right" if figures else "left",
            no_wrap=name.startswith((">", "!")),
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def facts(pairs: Iterable[tuple[str, Any]]) -> Table:
    """Return names and values side by side, without the empty ones."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", []):
            made.add_row(name, cell(value))
    return made


def cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    return Text(figure(value), style=VERDICTS.get(value, "") if isinstance(value, str) else "")


def figure(value: Any) -> str:
    """Return a value as a person reads it: thousands apart, nothing for missing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def counted(count: int, thing: str) -> str:
    """Return how many of a thing there are: 1 subject, 2 subjects."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def share(count: int, total: int) -> str:
    """Return a part of a whole in percent, never rounded to a false 0 % or 100 %."""
    if not total or not count:
        return "0 %"
    percent = 100 * count / total
    if percent < 0.01:
        return "< 0.01 %"
    return "> 99.99 %" if 99.99 < percent < 100 else f"{percent:.4g} %"


def size(count: int) -> str:
    """Return bytes in the largest unit that keeps a figure before the point."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


class Steps:
    """The progress of a long task on stderr; silent where stderr is not a terminal."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._progress is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total or None)
        # What is to come is an estimate while reading: never show more than all of it.
        self._progress.update(self._tasks[what], completed=done, total=max(total, done) or None)


@contextmanager
def steps(json: bool = False) -> Iterator[Steps]:
    """Lend a progress display for the time of a task."""
    if json or not sys.stderr.isatty():
        yield Steps(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Steps(progress)
