"""Is everything here that Biolake needs, and is the lake well?"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biolake.cli.grammar import Session, command, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.core.catalogue import Kind

EXTRAS = {
    "signals": "ECG and other waveforms: FLAC files, measurements, pictures",
    "imaging": "DICOM and other images: compressed pixels, measurements, pictures",
    "slides": "whole-slide images",
    "notes": "what clinical notes say: diagnoses, medications, measurements; ICD-10-CM",
    "omics": "genotypes, expression and cells",
    "search": "the search index",
    "ai": "neural networks on ECGs and images",
    "learn": "gradient-boosted trees in studies",
    "s3": "lakes and sources on S3-compatible storage",
    "test": "running Biolake's own tests",
}
KINDS: dict[Kind, str] = {
    "reader": "readers",
    "asset-reader": "readers",
    "extractor": "extractors",
    "encoder": "encoders",
    "analysis": "analyses",
}
PYTHON = (3, 11)


@dataclass(frozen=True)
class Needed:
    """One package that Biolake or one of its extras asks for."""

    name: str
    wanted: str
    extra: str
    found: str

    @property
    def fits(self) -> bool:
        return bool(self.found) and satisfies(self.found, self.wanted)


@command("doctor", examples=["biolake doctor", "biolake --lake /data/lake doctor --json"])
@pass_session
def doctor(session: Session) -> None:
    """Check installation and lake: what is missing, how to get it."""
    from biolake.cli.endings import Refused
    from biolake.core.errors import SetupMissing

    needed = packages()
    lacking = [p.name for p in needed if not p.extra and not p.fits]
    if sys.version_info < PYTHON:
        lacking.append(f"python >= {PYTHON[0]}.{PYTHON[1]}")
    data = {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": memory(),
        "packages": [{**asdict(p), "ok": p.fits} for p in needed if not p.extra],
        "extras": _extras(needed),
        "disk": _disk(session.lake_root()),
        "lake": _lake(session),
        "missing": lacking,
    }
    if lacking:
        if not session.json:
            session.show(data, _page)
        missing = SetupMissing(f"missing: {', '.join(lacking)}", next="Run: pip install biolake")
        raise Refused(missing, data)
    session.show(data, _page)


def packages() -> list[Needed]:
    """Return every package the installed Biolake asks for, with the version found."""
    found = []
    for line in _requirements():
        name, rest = re.match(r"([A-Za-z0-9._-]+)(.*)", line).groups()  # type: ignore[union-attr]
        wanted, _, marker = rest.partition(";")
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
        wanted = re.sub(r"\[[^]]*]|[()\s]", "", wanted)
        found.append(Needed(name, wanted, extra[1] if extra else "", _version(name)))
    return found


def _requirements() -> list[str]:
    try:
        return metadata.requires("biolake") or []
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        import tomllib

        path = Path(__file__).parents[3] / "pyproject.toml"
        if not path.is_file():
            return []
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {})
        marked = [f"{line}; extra == '{name}'" for name, lines in extras.items() for line in lines]
        return [*project["dependencies"], *marked]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def satisfies(version: str, wanted: str) -> bool:
    """Say whether a version lies within `>=a,<b`; other clauses are for the installer to judge."""
    have = _numbers(version)
    for clause in filter(None, wanted.split(",")):
        if clause.startswith(">=") and have < _numbers(clause[2:]):
            return False
        if clause.startswith("<") and clause[1:2] != "=" and have >= _numbers(clause[1:]):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part]  # type: ignore[index]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def missing_of(extra: str, needed: list[Needed] | None = None) -> list[str]:
    """Return the packages of an extra that are not there, or too old or too new."""
    found = packages() if needed is None else needed
    return [p.name for p in found if extra and p.extra == extra and not p.fits]


def _enabled(extra: str) -> dict[str, list[str]]:
    """Return the readers, extractors and encoders that need an extra, by kind."""
    from biolake.core.catalogue import discover

    packages = ("readers", "extractors", "encoders", "analyses")
    catalogue = discover(*(f"biolake.{name}" for name in packages))
    found: dict[str, list[str]] = {}
    for kind, words in KINDS.items():
        found.setdefault(words, []).extend(e.name for e in catalogue.of(kind) if e.extra == extra)
    return {words: sorted(names) for words, names in found.items() if names}


def _extras(needed: list[Needed]) -> list[dict[str, Any]]:
    names = dict.fromkeys([*EXTRAS, *(p.extra for p in needed if p.extra)])
    found = []
    for name in names:
        missing = missing_of(name, needed)
        found.append(
            {
                "extra": name,
                "installed": not missing,
                "missing": missing,
                "enables": EXTRAS.get(name, ""),
                "extensions": _enabled(name),
                "install": f"pip install 'biolake[{name}]'" if missing else "",
            }
        )
    return found


def memory() -> int | None:
    """Return the bytes of memory this process may use: the machine's, or its container's limit."""
    sizes = []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            sizes.append(int(Path(path).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    with suppress(ValueError, OSError, AttributeError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(sizes, default=None)


def _disk(root: str) -> dict[str, Any] | None:
    if root.startswith("s3://"):
        return None
    path = Path(root).expanduser().absolute()
    there = next(p for p in (path, *path.parents) if p.exists())
    usage = shutil.disk_usage(there)
    return {"path": str(there), "free_bytes": usage.free, "total_bytes": usage.total}


def _lake(session: Session) -> dict[str, Any]:
    """Return how the lake is: settings, last commit, leftovers, and whether its store is safe."""
    from biolake.core.errors import BiolakeError

    root = session.lake_root()
    try:
        from biolake.lake.store import self_test
        from biolake.lake.sweeping import leftovers

        lake = session.lake()
        commit = lake.commit()
        self_test(lake.store)
        left = len(leftovers(lake))
    except BiolakeError as error:
        return {"root": root, "ok": False, "code": error.code, "says": str(error)}
    except ImportError as error:
        return {"root": root, "ok": False, "code": "setup_missing", "says": f"no {error.name}"}
    return {
        "root": lake.root,
        "ok": True,
        "lake_id": lake.lake_id,
        "subject_ids": lake.subject_ids,
        "shard_groups": lake.shard_groups,
        "commit": commit.number,
        "committed": commit.time,
        "leftovers": left,
        "put_if_absent": "exactly one of 8 writers won",
    }


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import facts, size, table

    held = data["memory_bytes"]
    yield facts(
        [
            ("python", data["python"]),
            ("system", data["system"]),
            ("cores", data["cores"]),
            ("memory", size(held) if held else ""),
            ("disk", _free(data["disk"])),
        ]
    )
    yield table(
        ["package", "found", "wanted", ""],
        ([p["name"], p["found"] or "missing", p["wanted"], "ok" if p["ok"] else "fail"]
         for p in data["packages"]),
    )  # fmt: skip
    yield table(
        ["extra", "enables", "state"],
        ([e["extra"], _enables(e), "installed" if e["installed"] else _get(e)]
         for e in data["extras"]),
    )  # fmt: skip
    yield from _lake_page(data["lake"])


def _lake_page(lake: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted, facts

    if not lake["ok"]:
        yield f"Lake: {lake['says']}"
        return
    yield facts(
        [
            ("lake", lake["root"]),
            ("subject ids", lake["subject_ids"]),
            ("last commit", f"{lake['commit']}  {lake['committed']}"),
            (
                "unfinished leftovers",
                counted(lake["leftovers"], "file") if lake["leftovers"] else "none",
            ),
            ("store self-test", lake["put_if_absent"]),
        ]
    )


def _free(disk: dict[str, Any] | None) -> str:
    from biolake.cli.pages import size

    if disk is None:
        return ""
    return f"{size(disk['free_bytes'])} free of {size(disk['total_bytes'])} at {disk['path']}"


def _enables(extra: dict[str, Any]) -> str:
    """Say what an extra is for, and which extensions it makes work."""
    named = [f"{words} {', '.join(names)}" for words, names in extra["extensions"].items()]
    return "; ".join(part for part in (extra["enables"], *named) if part)


def _get(extra: dict[str, Any]) -> str:
    return f"missing {', '.join(extra['missing'])}: {extra['install']}"
