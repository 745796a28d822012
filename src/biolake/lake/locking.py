"""One writer at a time: who holds the lake, and since when.

A local lake uses an advisory file lock, which the system drops when its holder dies. In a bucket
the holder is who created the lease with the highest number, by put-if-absent; it is renewed while
held, and once it expired the next number may be taken. A holder who finds a higher number than its
own has lost the lake and must not publish (a fencing token).
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from biolake.core.errors import BiolakeError, LakeBusy
from biolake.lake.store import LocalStore, Store

LEASE_SECONDS = 60
LEASES = "commits/writer"
_KEY = "commits/writer.lock"


@contextmanager
def writer(store: Store, task: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the right to write for the time of the block; raise `LakeBusy` naming the holder."""
    held = (
        _file_lock(store, task, wait)
        if isinstance(store, LocalStore)
        else _lease(store, task, wait)
    )
    with held:
        yield


def _card(task: str) -> dict[str, object]:
    return {
        "task": task,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": getpass.getuser(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _busy(store: Store, card: bytes) -> LakeBusy:
    try:
        seen = json.loads(card)
        who = (
            f"process {seen['pid']} of {seen['user']} on {seen['host']} is writing to it"
            f" since {seen['since']} ({seen['task']})"
        )
    except (ValueError, KeyError):
        who = "another process is writing to it"
    return LakeBusy(who, where=store.root, next="Wait until it ends, or pass --wait SECONDS.")


@contextmanager
def _file_lock(store: LocalStore, task: str, wait: float) -> Iterator[None]:
    path = Path(store.uri(_KEY))
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait
    with path.open("a+b") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    stream.seek(0)
                    raise _busy(store, stream.read()) from None
                time.sleep(0.1)
        stream.truncate(0)
        stream.write(json.dumps(_card(task)).encode())
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)


def confirm(store: Store) -> None:
    """Raise `LakeBusy` if another writer took the lake over since this one was let in."""
    lease = _held.get(store)
    if lease is not None and not lease.is_newest():
        raise LakeBusy(
            "another process took over: this one did not answer for"
            f" {LEASE_SECONDS} seconds while it was writing",
            where=store.root,
            next="Nothing was published. Run the same command again.",
        )


@contextmanager
def _lease(store: Store, task: str, wait: float) -> Iterator[None]:
    lease = _take(store, task, wait)
    stop = threading.Event()
    keeper = threading.Thread(target=lease.keep, args=[stop], daemon=True)
    keeper.start()
    _held[store] = lease
    try:
        yield
    finally:
        del _held[store]
        stop.set()
        keeper.join(LEASE_SECONDS)
        with suppress(BiolakeError, OSError):  # the work is done; unreleased, the lease expires
            lease.release()


@dataclass(frozen=True)
class Lease:
    """The right to write to a bucket: the card under the highest number."""

    store: Store
    task: str
    number: int
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def key(self) -> str:
        return _key(self.number)

    def card(self, seconds: float) -> bytes:
        expires = {"expires": time.time() + seconds, "nonce": self.nonce}
        return json.dumps(_card(self.task) | expires).encode()

    def is_newest(self) -> bool:
        return max(_numbers(self.store), default=0) == self.number

    def keep(self, stop: threading.Event) -> None:
        """Renew until stopped, or until somebody else holds the lake."""
        while not stop.wait(LEASE_SECONDS / 3):
            with suppress(BiolakeError, OSError):  # the next attempt may get through
                if not self.is_newest():
                    return
                self.store.write(self.key, self.card(LEASE_SECONDS))

    def release(self) -> None:
        """Leave the number behind, expired: numbers that start again let an old holder win."""
        if self.is_newest():
            self.store.write(self.key, self.card(0))
        else:
            self.store.delete(self.key)


_held: WeakKeyDictionary[Store, Lease] = WeakKeyDictionary()


def _take(store: Store, task: str, wait: float) -> Lease:
    """Create the next lease once the newest is free; raise `LakeBusy` after `wait` seconds."""
    until = time.monotonic() + wait
    while True:
        older = _numbers(store)
        newest = max(older, default=0)
        card = _read(store, newest)
        if not _is_live(card):
            lease = Lease(store, task, newest + 1)
            if store.put_if_absent(lease.key, lease.card(LEASE_SECONDS)):
                if lease.is_newest():
                    for number in older:
                        store.delete(_key(number))
                    return lease
                store.delete(lease.key)
            card = _read(store, newest + 1)
        if time.monotonic() >= until:
            raise _busy(store, card)
        time.sleep(0.5)


def _numbers(store: Store) -> list[int]:
    names = (key.rsplit("/", 1)[-1].removesuffix(".lock") for key, _ in store.list(f"{LEASES}/"))
    return [int(name) for name in names if name.isdigit()]


def _key(number: int) -> str:
    return f"{LEASES}/{number:010d}.lock"


def _is_live(card: bytes) -> bool:
    try:
        return float(json.loads(card)["expires"]) > time.time()
    except (ValueError, KeyError, TypeError):
        return False


def _read(store: Store, number: int) -> bytes:
    try:
        return store.read(_key(number))
    except FileNotFoundError:
        return b""
