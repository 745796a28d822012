"""How a call ends when it does not end well: what is said, and the exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import click

from biolake.cli.grammar import Session
from biolake.core.errors import FAILED, INTERRUPTED, SETUP_MISSING, WRONG_USE, BiolakeError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FULL_WORDS = ("no space left on device", "os error 28", "disk quota exceeded", "os error 122")


class Refused(BiolakeError):
    """A check that found something wrong: the report is the answer, the exit code says so."""

    def __init__(self, error: BiolakeError, data: Any) -> None:
        super().__init__(error.message, where=error.where, next=error.next)
        self.code, self.exit_code, self.data = error.code, error.exit_code, data


@dataclass(frozen=True)
class Ending:
    """What to say, and the exit code."""

    exit_code: int
    code: str = ""
    message: str = ""
    where: str = ""
    next: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def tell(self, session: Session) -> None:
        if not self.message:
            self.hush()
        elif session.json:
            said = {"code": self.code, "message": self.message}
            said |= {"where": self.where, "next": self.next}
            session.envelope({"ok": False, "error": said, **self.extra})
        else:
            session.say(self.text())

    def text(self) -> str:
        if self.code in ("interrupted", "help"):
            return self.message
        line = f"{self.where}: {self.message}" if self.where else self.message
        return f"Error: {line}" + (f"\n{self.next}" if self.next else "")

    @staticmethod
    def hush() -> None:
        """Nobody reads our output any more: let the interpreter close it without complaint."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def signals() -> Iterator[list[int]]:
    """Turn SIGTERM into the interruption that Ctrl-C is; the list tells which signals came."""
    came: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {n: signal.signal(n, on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending_of(error: BaseException, session: Session, interrupted: bool) -> Ending:
    """Return how a call that raised `error` ends."""
    if interrupted or isinstance(error, KeyboardInterrupt | click.Abort):
        return Ending(INTERRUPTED, "interrupted", _interruption(session))
    if any(isinstance(cause, BrokenPipeError) for cause in _chain(error)):
        return Ending(0)  # whoever read our output has seen enough
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Ending(WRONG_USE, "help", error.format_message())
    if isinstance(error, click.ClickException):
        return _click(error)
    if isinstance(error, Refused):
        return _ours(error, {"data": error.data})
    if isinstance(error, BiolakeError):
        return _ours(error, {})
    if os.environ.get("BIOLAKE_DEBUG") == "1":
        traceback.print_exception(error)
    return _unforeseen(error, session)


def _ours(error: BiolakeError, extra: dict[str, Any]) -> Ending:
    return Ending(error.exit_code, error.code, error.message, error.where, error.next, extra)


def _click(error: click.ClickException) -> Ending:
    context = error.ctx if isinstance(error, click.UsageError) else None
    next_step = f"Try: {context.command_path} --help" if context else ""
    message = error.format_message().rstrip()
    return Ending(error.exit_code, "wrong_use", message, "", next_step)


def _unforeseen(error: BaseException, session: Session) -> Ending:
    chain = list(_chain(error))
    if any(_disk_full(e) for e in chain):
        return Ending(
            FAILED, "disk_full", f"the disk is full. {_lake_stands(session)}".rstrip(),
            next="Free some space, then run the same command again.",
        )  # fmt: skip
    for cause in chain:
        if isinstance(cause, ModuleNotFoundError) and cause.name and "biolake" not in cause.name:
            lacking = f"the Python package '{cause.name}' is not installed"
            return Ending(SETUP_MISSING, "setup_missing", lacking, next="Run: biolake doctor")
        if isinstance(cause, OSError) and cause.strerror:
            where = str(cause.filename or "")
            return Ending(FAILED, "failed", cause.strerror.lower(), where)
    # The text of a foreign error may quote the data, so only its kind and place are told.
    return Ending(
        FAILED, "unexpected", f"an unexpected {type(error).__name__} in {_place(error)}",
        next="Please report this. BIOLAKE_DEBUG=1 shows the details, which may quote data.",
    )  # fmt: skip


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error).lower() for words in _FULL_WORDS)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "biolake" in Path(frame.filename).parts] or frames
    if not ours:
        return "biolake"
    parts = Path(ours[-1].filename).parts
    start = parts.index("biolake") if "biolake" in parts else -1
    return f"{'/'.join(parts[start:])}:{ours[-1].lineno}"


def _interruption(session: Session) -> str:
    return f"Interrupted. {_lake_stands(session)}".rstrip()


def _lake_stands(session: Session) -> str:
    """Say at which commit the lake is, and whether this call changed it."""
    try:
        from biolake.lake import commits
        from biolake.lake.store import open_store

        number = commits.numbers(open_store(session.lake_root()))[-1]
    except Exception:  # no lake to speak of: the call may have had nothing to do with one
        return ""
    if session.opened_at is None or session.opened_at == number:
        return f"The lake is at commit {number}, unchanged."
    return f"The lake is at commit {number}; it was at {session.opened_at} before."
