"""Run one function over chunks on several threads, each with a connection of its own.

Every query runs on one thread, so that sums are added up in one order and come out the same to the
last bit; the threads share out the chunks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import duckdb
import pyarrow as pa

from biolake.lake.door import View

Part = TypeVar("Part")
Answer = TypeVar("Answer")
Work = Callable[[duckdb.DuckDBPyConnection, Part], Answer]


@contextmanager
def settings(view: View, memory: str) -> Iterator[None]:
    """Let a view's queries run on one thread within a memory limit; put back what was set."""
    names = ("threads", "memory_limit")
    before = [view.rows(f"SELECT current_setting('{name}')")[0][0] for name in names]
    try:
        for name, value in zip(names, (1, memory), strict=True):
            view.con.execute(f"SET {name} = '{value}'")
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            view.con.execute(f"SET {name} = '{value}'")


def each(
    view: View, threads: int, work: Work[Part, Answer], parts: Sequence[Part]
) -> Iterable[Answer]:
    """Yield the answer for each part, in order."""
    local = threading.local()

    def run(part: Part) -> Answer:
        if not hasattr(local, "con"):
            local.con = view.con.cursor()
        return work(local.con, part)

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(run, parts)


@contextmanager
def code_type(view: View, name: str, codes: Sequence[str]) -> Iterator[str]:
    """Lend an SQL type that numbers these codes 0, 1, 2 …; a code of a file's dictionary is looked
    up once, not once a row."""
    view.con.register("biolake_codes", pa.table({"code": pa.array(codes, pa.string())}))
    create = f"CREATE TYPE {name} AS ENUM (SELECT code FROM biolake_codes)"  # noqa: S608 - ours
    view.con.execute(create)
    view.con.unregister("biolake_codes")
    try:
        yield name
    finally:
        view.con.execute(f"DROP TYPE {name}")
