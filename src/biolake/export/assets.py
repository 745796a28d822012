"""Assets as files again: the original bytes under safe names, or the opened samples as arrays."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

import numpy as np

from biolake.core.assets import Content
from biolake.core.errors import BiolakeError, DataRefused
from biolake.core.folders import fresh_folder
from biolake.core.media import Cells, Genotypes, Image, Note, Opened, Recording, Volume
from biolake.export.destination import ExportReport, report

Form = Literal["original", "npz"]
Progress = Callable[[str, int, int], None]
MANIFEST = "manifest.csv"
LARGE = 256 << 20
_COLUMNS = (
    "asset_id",
    "subject_id",
    "encounter_id",
    "time",
    "modality",
    "kind",
    "site_id",
    "path",
    "problem",
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
# Names that some system takes for a device, whatever their suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Asset:
    """One asset to write: its row, its bytes, and how it is opened."""

    row: dict[str, Any]
    content: Content
    open: Callable[[Content], Opened]

    @property
    def id(self) -> str:
        return str(self.row["asset_id"])

    @property
    def large(self) -> bool:
        return int(self.row["bytes"]) > LARGE


def export(
    assets: Iterable[Asset],
    count: int,
    out: Path,
    form: Form = "original",
    progress: Progress = lambda *_: None,
) -> ExportReport:
    """Write assets into a new folder, one folder or array file each, and `manifest.csv`.

    An asset that cannot be written is named in the manifest with the problem, and the export goes
    on; if none can, it is refused. Subjects are the lake's own ids.
    """
    problems: Counter[str] = Counter()
    written = 0
    with fresh_folder(out) as folder:
        with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as stream:
            rows = csv.DictWriter(stream, _COLUMNS, extrasaction="ignore", lineterminator="\n")
            rows.writeheader()
            for number, asset in enumerate(assets):
                progress("writing", number, count)
                paths, problem = _write(asset, folder, form)
                rows.writerows({**asset.row, "path": path, "problem": problem} for path in paths)
                problems.update([problem] if problem else [])
                written += not problem
        if problems and not written:
            why, _ = problems.most_common(1)[0]
            raise DataRefused(f"none of the {count:,} assets can be written as {form}: {why}")
        notes = tuple(
            f"not written: {n:,} {'asset' if n == 1 else 'assets'}: {why}"
            for why, n in problems.most_common()
        )
        return report(folder, out, written, notes)


def _write(asset: Asset, folder: Path, form: Form) -> tuple[list[str], str]:
    """Return the paths written, or one empty path and the problem."""
    try:
        if form == "original":
            paths = write_original(asset.content, folder / asset.id, large=asset.large)
            return [path.relative_to(folder).as_posix() for path in paths], ""
        path = folder / f"{asset.id}.npz"
        save_arrays(arrays_of(asset.open(asset.content)), path)
        return [path.name], ""
    except BiolakeError as error:
        return [""], error.message


def write_original(content: Content, folder: Path, *, large: bool = False) -> list[Path]:
    """Write an asset's files under their own names, made safe; one is never written over.

    With `large` they pass through a file on disk, and memory does not grow with them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, safe in safe_names(content.names).items():
        path = folder / safe
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as stream:
                _copy(content, name, stream, large)
        except FileExistsError:
            raise DataRefused(
                "there is a file of this name already",
                where=str(path),
                next="Name a new folder with --out.",
            ) from None
        written.append(path)
    return written


def _copy(content: Content, name: str, stream: BinaryIO, large: bool) -> None:
    if not large:
        stream.write(content.read(name))
        return
    with content.path(name).open("rb") as source:
        shutil.copyfileobj(source, stream, 1 << 20)


def safe_names(names: Sequence[str]) -> dict[str, str]:
    """Return a safe relative path for every name: letters, digits and . _ + - in each part.

    Names that become the same are told apart by a number.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        parts = [_safe(part) for part in name.replace("\\", "/").split("/")]
        path = PurePosixPath(*[part for part in parts if part] or ["file"])
        safe, number = path.as_posix(), 1
        while safe.lower() in taken:
            number += 1
            safe = path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix()
        taken.add(safe.lower())
        found[name] = safe
    return found


def _safe(part: str) -> str:
    plain = _UNSAFE.sub("_", part).strip(".")
    if len(plain) > _LONGEST_NAME:
        suffix = PurePosixPath(plain).suffix[:16]
        plain = plain[: _LONGEST_NAME - len(suffix)] + suffix
    return f"_{plain}" if _DEVICES.fullmatch(plain) else plain


def arrays_of(opened: Opened) -> dict[str, np.ndarray]:
    """Return an opened asset as named arrays, in physical units; what is none is refused.

    A recording gives `samples_0`, `rate_0`, `channels_0`, `units_0` and `start_0` for its first
    sampling rate, and so on; its annotations are JSON in `annotations`.
    """
    if isinstance(opened, Recording):
        return dict(_signals(opened))
    if isinstance(opened, Volume):
        return {
            "voxels": opened.voxels,
            "spacing": np.array(opened.spacing),
            "origin": np.array(opened.origin),
            "axes": opened.axes,
            "units": np.array(opened.units),
            "notes": np.array(opened.notes, np.str_),
        }
    if isinstance(opened, Image):
        spacing = opened.spacing if opened.spacing else (np.nan, np.nan)
        return {"pixels": opened.pixels, "spacing": np.array(spacing)}
    if isinstance(opened, Genotypes):
        opened.close()
    if isinstance(opened, Cells | Genotypes | Note):
        raise DataRefused(
            "notes, genotypes and cells are no arrays", next="Export them with --format original."
        )
    opened.close()
    raise DataRefused(
        "a whole slide is too large for one array", next="Export it with --format original."
    )


def _signals(recording: Recording) -> Iterator[tuple[str, np.ndarray]]:
    for number, signal in enumerate(recording.signals):
        yield f"samples_{number}", signal.samples
        yield f"rate_{number}", np.array(signal.rate)
        yield f"channels_{number}", np.array(signal.channels, np.str_)
        yield f"units_{number}", np.array(signal.units, np.str_)
        yield f"start_{number}", np.array(signal.start)
    marks = {
        name: [[mark.at, mark.symbol, mark.text, mark.lasts] for mark in found]
        for name, found in recording.annotations.items()
    }
    yield "annotations", np.array(json.dumps(marks))


def save_arrays(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Save arrays so that `numpy.load` opens them without pickle."""
    with path.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
