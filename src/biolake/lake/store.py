"""Where a lake's bytes lie: a folder or an S3-compatible bucket, with the one atomic act we need.

The atomic act is `put_if_absent`: of any number of writers of one key, exactly one succeeds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from biolake.core.errors import BiolakeError, NotPermitted, SetupMissing

if TYPE_CHECKING:
    from obstore.store import ClientConfig


class Store(Protocol):
    """A lake's root; keys are relative paths with forward slashes."""

    root: str

    def uri(self, key: str) -> str: ...
    def options(self) -> dict[str, str]: ...
    def read(self, key: str) -> bytes: ...
    def write(self, key: str, data: bytes) -> None: ...
    def put_if_absent(self, key: str, data: bytes) -> bool: ...
    def upload(self, source: Path, key: str) -> None: ...
    def download(self, key: str, target: Path) -> None: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def list(self, prefix: str) -> list[tuple[str, int]]: ...


def open_store(root: str) -> Store:
    """Open the store a root names: `s3://bucket/path`, or a local path."""
    return S3Store(root) if root.startswith("s3://") else LocalStore(root)


class LocalStore:
    """A lake in a local folder."""

    def __init__(self, root: str) -> None:
        self.path = Path(root).expanduser().absolute()
        self.root = str(self.path)

    def uri(self, key: str) -> str:
        return str(self.path / key)

    def options(self) -> dict[str, str]:
        return {}

    def read(self, key: str) -> bytes:
        return (self.path / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        os.replace(self._temporary(key, data), self.path / key)
        _sync_folder((self.path / key).parent)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        target = self.path / key
        temporary = self._temporary(key, data)
        try:
            # A hard link either appears whole or fails: no reader ever sees half a commit.
            os.link(temporary, target)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        _sync_folder(target.parent)
        return True

    def upload(self, source: Path, key: str) -> None:
        target = self.path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as stream:
            os.fsync(stream.fileno())
        try:
            os.replace(source, target)
        except OSError:  # another file system: copy beside the target, then rename
            temporary = target.with_name(f".{target.name}.part")
            shutil.copyfile(source, temporary)
            os.replace(temporary, target)

    def download(self, key: str, target: Path) -> None:
        shutil.copyfile(self.path / key, target)

    def exists(self, key: str) -> bool:
        return (self.path / key).exists()

    def delete(self, key: str) -> None:
        (self.path / key).unlink(missing_ok=True)

    def list(self, prefix: str) -> list[tuple[str, int]]:
        base = self.path / prefix
        files = (Path(top) / name for top, _, names in os.walk(base) for name in names)
        found = []
        for file in files:
            with suppress(FileNotFoundError):  # another writer's unfinished file, gone meanwhile
                found.append((file.relative_to(self.path).as_posix(), file.stat().st_size))
        return sorted(found)

    def _temporary(self, key: str, data: bytes) -> Path:
        folder = (self.path / key).parent
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".part-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        return Path(name)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class S3Store:
    """A lake in an S3-compatible bucket; settings come from the usual AWS_* variables."""

    def __init__(self, root: str) -> None:
        try:
            import obstore
            from obstore.store import S3Store as Bucket
        except ImportError:
            raise SetupMissing(
                "a lake on s3:// needs the extra 's3'",
                next="Run: pip install 'biolake[s3]'",
            ) from None
        self.root = root.rstrip("/")
        bucket, _, self.prefix = self.root.removeprefix("s3://").partition("/")
        self._obstore = obstore
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        self.client_options: ClientConfig = {"allow_http": True} if endpoint else {}
        with self._asking():
            self._bucket = Bucket(bucket, prefix=self.prefix, client_options=self.client_options)

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def options(self) -> dict[str, str]:
        """Return what the Delta log is opened with: a version is put only where none is yet."""
        http = {"allow_http": "true"} if self.client_options else {}
        return {"conditional_put": "etag", **http}

    def read(self, key: str) -> bytes:
        with self._asking(key):
            return bytes(self._obstore.get(self._bucket, key).bytes())

    def write(self, key: str, data: bytes) -> None:
        with self._asking(key):
            self._obstore.put(self._bucket, key, data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            self._obstore.put(self._bucket, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # A request sent again because its answer was lost finds its own bytes there.
            return self._holds(key, data)
        except BaseError:
            if self._holds(key, data):
                return True
            with self._asking(key):
                raise
        return True

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self.read(key) == data
        except FileNotFoundError:
            return False

    def upload(self, source: Path, key: str) -> None:
        with self._asking(key):
            self._obstore.put(self._bucket, key, source)
        source.unlink()

    def download(self, key: str, target: Path) -> None:
        with self._asking(key), target.open("wb") as stream:
            for part in self._obstore.get(self._bucket, key).stream():
                stream.write(part)

    def read_range(self, key: str, start: int, end: int) -> bytes:
        with self._asking(key):
            return bytes(self._obstore.get_range(self._bucket, key, start=start, end=end))

    def size(self, key: str) -> int:
        with self._asking(key):
            return int(self._obstore.head(self._bucket, key)["size"])

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        with self._asking(key):
            self._obstore.delete(self._bucket, key)

    def list(self, prefix: str) -> list[tuple[str, int]]:
        with self._asking(prefix):
            found = self._obstore.list(self._bucket, prefix.rstrip("/")).collect()
        return sorted((item["path"], item["size"]) for item in found)

    @contextmanager
    def _asking(self, key: str = "") -> Iterator[None]:
        """Turn the client's errors into ours, without the request they quote."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(key) from None
        except BaseError as error:
            raise _refusal(type(error).__name__, str(error), self.uri(key)) from None


def _refusal(kind: str, text: str, where: str) -> BiolakeError:
    """Return the error for what a bucket answered."""
    if "NoSuchBucket" in text:
        return SetupMissing(
            "there is no such bucket", where=where, next="Create it, or check its name."
        )
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return NotPermitted(
            "the store refused these credentials",
            where=where,
            next="Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy.",
        )
    return BiolakeError(
        f"the store does not do what was asked ({kind})",
        where=where,
        next="Check AWS_ENDPOINT_URL, AWS_REGION and the network, then run the command again.",
    )


def self_test(store: Store, writers: int = 8) -> None:
    """Refuse a store on which put-if-absent does not let exactly one of many writers win."""
    key = f"commits/.self-test-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with ThreadPoolExecutor(writers) as pool:
            results = list(pool.map(lambda n: store.put_if_absent(key, b"%d" % n), range(writers)))
    finally:
        store.delete(key)
    if sum(results) != 1:
        raise BiolakeError(
            f"the store let {sum(results)} of {writers} writers create the same key at once;"
            " a lake there could lose a commit",
            where=store.root,
            next="Use a store that honours 'If-None-Match: *' on PUT.",
        )
