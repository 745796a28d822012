"""The files of a FHIR source: bundles, single resources and NDJSON, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers._fhir.values import Json

LINES, DOCUMENTS = (".ndjson", ".ndjson.gz"), (".json", ".json.gz")
_CHUNK_LINES, _CHUNK_BYTES = 50_000, 64 << 20
_BLOCK = 1 << 20
_KIND = re.compile(rb'"resourceType"\s*:\s*"(\w+)"')
LOOKED_UP = re.compile(rb'"resourceType"\s*:\s*"(Patient|Medication)"')
_BROKEN = (OSError, EOFError, zlib.error)

Line = tuple[int, bytes]


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def parse(raw: bytes) -> Any:
    """Return the JSON value; ValueError or RecursionError when it is none.

    Half a surrogate pair is no text that can be stored, although JSON lets it be written.
    """
    text = raw.decode("utf-8-sig")
    value = _decode(text)
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def source_files(path: Path) -> tuple[SourceFile, ...]:
    """List the FHIR files of a folder and its subfolders in name order, or the one file."""
    if path.is_file():
        return (SourceFile(path, path.name, size=path.stat().st_size),)
    found = sorted(each for each in path.rglob("*") if each.name.endswith(LINES + DOCUMENTS))
    return tuple(
        SourceFile(each, each.relative_to(path).as_posix(), size=each.stat().st_size)
        for each in found
        if each.is_file()
    )


def is_lines(file: SourceFile) -> bool:
    return file.path.name.endswith(LINES)


def open_bytes(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.name.endswith(".gz") else path.open("rb")


def head(path: Path, size: int = 1 << 14) -> bytes:
    """Return the first bytes of a file, or nothing when it cannot be read."""
    try:
        with open_bytes(path) as stream:
            return stream.read(size)
    except _BROKEN:
        return b""


def first_kind(path: Path) -> str:
    """Return the first resource type that a file names near its start."""
    match = _KIND.search(head(path))
    return match.group(1).decode() if match else ""


def read_document(file: SourceFile) -> Json:
    """Return the bundle or resource of a JSON file."""
    try:
        with open_bytes(file.path) as stream:
            raw = stream.read()
    except _BROKEN:
        raise SourceUnreadable("the file is cut short or damaged", where=file.name) from None
    try:
        document = parse(raw)
    except json.JSONDecodeError as error:
        where = f"{file.name} line {error.lineno} column {error.colno}"
        hint = "One resource a line? Name the file .ndjson." if "Extra data" in error.msg else ""
        raise SourceUnreadable("not JSON", where=where, next=hint) from None
    except UnicodeDecodeError as error:
        where = f"{file.name} byte {error.start}"
        raise SourceUnreadable("not UTF-8 text", where=where) from None
    except (ValueError, RecursionError):
        raise SourceUnreadable("not JSON that can be read", where=file.name) from None
    if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
        if isinstance(document, dict) and {"transactionTime", "output"} <= document.keys():
            return {"resourceType": "Bundle", "type": "bulk export manifest", "entry": []}
        raise SourceUnreadable("not FHIR: no resourceType", where=f"{file.name} line 1")
    if document["resourceType"] == "Bundle":
        _check_bundle(document, file)
    return document


def _check_bundle(bundle: Json, file: SourceFile) -> None:
    if "entry" not in bundle and bundle.get("total") == 0:
        bundle["entry"] = []
    if not isinstance(bundle.get("entry"), list):
        raise SourceUnreadable("not FHIR: a Bundle without entries", where=f"{file.name} line 1")


def read_lines(file: SourceFile, only: re.Pattern[bytes] | None = None) -> Iterator[list[Line]]:
    """Yield the numbered lines of an NDJSON file in runs of bounded size; blank lines count not."""
    run: list[Line] = []
    size = number = 0
    try:
        with open_bytes(file.path) as stream:
            for number, line in enumerate(stream, 1):
                if line.isspace() or (only and not only.search(line)):
                    continue
                run.append((number, line))
                size += len(line)
                if len(run) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
                    yield run
                    run, size = [], 0
    except _BROKEN:
        where = f"{file.name} line {number + 1}"
        raise SourceUnreadable("the file is cut short or damaged", where=where) from None
    if run:
        yield run


def looked_up(file: SourceFile) -> set[str]:
    """Say which of Patient and Medication an NDJSON file may hold."""
    found: set[str] = set()
    tail = b""
    try:
        with open_bytes(file.path) as stream:
            while len(found) < 2 and (block := stream.read(_BLOCK)):
                found |= {match.decode() for match in LOOKED_UP.findall(tail + block)}
                tail = block[-100:]
    except _BROKEN:
        raise SourceUnreadable("the file is cut short or damaged", where=file.name) from None
    return found
