"""Errors for the person who must act: what happened, where, why, and what to do next.

A message never holds a subject's value: files, row numbers, columns and codes only.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

FAILED, WRONG_USE, SETUP_MISSING, DATA_REFUSED, NOT_PERMITTED, INTERRUPTED = 1, 2, 3, 4, 5, 130


class BiolakeError(Exception):
    """Base of every error Biolake raises on purpose."""

    code = "failed"
    exit_code = FAILED

    def __init__(self, message: str, *, where: str = "", next: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.next = next

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.next:
            parts.append(self.next)
        return " ".join(parts)


class WrongUse(BiolakeError):
    """The words of the call do not fit."""

    code = "wrong_use"
    exit_code = WRONG_USE


class SetupMissing(BiolakeError):
    """Something that must be installed or created first is not there."""

    code = "setup_missing"
    exit_code = SETUP_MISSING


class DataRefused(BiolakeError):
    """The data cannot be taken as it is, or a result from it would be wrong."""

    code = "data_refused"
    exit_code = DATA_REFUSED


class NotPermitted(BiolakeError):
    """The act is against a rule of the lake."""

    code = "not_permitted"
    exit_code = NOT_PERMITTED


class LakeBusy(BiolakeError):
    """Another process is writing to the lake."""

    code = "lake_busy"


class LakeDamaged(DataRefused):
    """What is stored does not agree with what the commit says."""

    code = "lake_damaged"


class MappingInvalid(DataRefused):
    """A mapping file says something that cannot be carried out."""

    code = "mapping_invalid"


class TaskInvalid(DataRefused):
    """A cohort definition says something that has no meaning, or none on this lake."""

    code = "task_invalid"


class SourceUnreadable(DataRefused):
    """A source file is cut short, not what its name says, or cannot be opened."""

    code = "source_unreadable"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'X'?`, or nothing when no known word is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""
