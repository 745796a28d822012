"""One writer at a time: who holds the lake, and since when.

A local lake uses an advisory file lock, which the system drops when its holder dies. A bucket
uses a lease object created by put-if-absent, renewed while held and taken over once it expired.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biolake.core.errors import LakeBusy
from biolake.lake.store import LocalStore, Store

LEASE_SECONDS = 60
_KEY = "commits/writer.lock"


@contextmanager
def writer(store: Store, task: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the right to write for the time of the block; raise `LakeBusy` naming the holder."""
    held = _file_lock(store, task, wait) if isinstance(store, LocalStore) else _lease(store, task, wait)
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


@contextmanager
def _lease(store: Store, task: str, wait: float) -> Iterator[None]:
    until = time.monotonic() + wait
    while not store.put_if_absent(_KEY, _lease_card(task)):
        card = _read(store)
        if card and json.loads(card).get("expires", 0) < time.time():
            store.delete(_KEY)
        elif time.monotonic() >= until:
            raise _busy(store, card)
        else:
            time.sleep(0.5)
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(LEASE_SECONDS / 3):
            store.write(_KEY, _lease_card(task))

    keeper = threading.Thread(target=renew, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()
        store.delete(_KEY)


def _lease_card(task: str) -> bytes:
    return json.dumps(_card(task) | {"expires": time.time() + LEASE_SECONDS}).encode()


def _read(store: Store) -> bytes:
    try:
        return store.read(_KEY)
    except FileNotFoundError:
        return b""
