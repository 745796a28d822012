"""Run the hospital: draw subjects chunk by chunk and let each site write its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from biolake.testing.hospital.asset_files import AssetFiles
    from biolake.testing.hospital.histories import History

FORMATS = ("mimic", "omop", "fhir", "hl7")


@dataclass(frozen=True)
class Summary:
    """What was written where."""

    folder: Path
    subjects: int
    sites: tuple[str, ...]
    encounters: int
    measurements: int
    files: int
    bytes: int
    assets: int = 0


class SiteFiles(Protocol):
    """The open files of one site."""

    def write(self, history: History) -> None: ...

    def close(self) -> None: ...


def simulate(
    out: Path,
    *,
    subjects: int = 1000,
    seed: int = 7,
    sites: int = 1,
    formats: tuple[str, ...] = FORMATS,
    assets: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Write a synthetic hospital group in real source formats, with its planted truths.

    Site k writes `formats[(k - 1) % len(formats)]` under `out/site-k`; `out/truth.json` holds
    what a perfect analysis of the files finds. The same arguments give the same bytes, and a
    subject's history does not change when more subjects are asked for.

    With `assets` this share of the subjects have ECGs, images or slides too, under
    `out/site-k/assets`; `out/truth-assets.jsonl` says what is true of each. The records stay the
    same.
    """
    from contextlib import ExitStack

    from biolake.testing.hospital.histories import CHUNK, draw_history
    from biolake.testing.hospital.tally import Tally

    by_site = _sources(subjects, sites, formats, assets)
    shared = _sharing(by_site)
    tally = Tally(by_site, shared)
    with ExitStack() as stack:
        writers = [_open(out / f"site-{n + 1}", n, source) for n, source in enumerate(by_site)]
        for writer in writers:
            stack.callback(writer.close)
        archives = _archives(stack, out, by_site, seed, assets) if assets else []
        for first in range(0, subjects, CHUNK):
            history = draw_history(seed, first // CHUNK, by_site, shared).first(subjects - first)
            for writer in writers:
                writer.write(history)
            _examine(archives, history)
            tally.add(history)
            if progress:
                progress(min(first + CHUNK, subjects), subjects)
    found = {archive.site.name: archive.counts() for archive in archives}
    tally.write(out / "truth.json", subjects=subjects, seed=seed, assets=found)
    made = sum(sum(archive.made.values()) for archive in archives)
    return _summary(out, subjects, by_site, tally.encounters, tally.measurements, made)


def _archives(
    stack: ExitStack, out: Path, by_site: tuple[str, ...], seed: int, share: float
) -> list[AssetFiles]:
    """Open the archive of ECGs and images of each site."""
    from biolake.testing.hospital.asset_files import AssetFiles, Site

    truth = stack.enter_context((out / "truth-assets.jsonl").open("w", encoding="utf-8"))
    found = []
    for number, source in enumerate(by_site):
        site = Site(out / f"site-{number + 1}", number, source, seed, share)
        found.append(AssetFiles(site, truth))
        stack.callback(found[-1].close)
    return found


def _examine(archives: list[AssetFiles], history: History) -> None:
    """Make the examinations of a chunk of subjects at every site."""
    if archives:
        from biolake.testing.hospital.examinations import visits

        seen = visits(history)
        for archive in archives:
            archive.write(seen)


def _sources(subjects: int, sites: int, formats: tuple[str, ...], assets: float) -> tuple[str, ...]:
    """Give each site its format, refusing what cannot be simulated."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise WrongUse(
            f"No synthetic source has the format {', '.join(map(repr, unknown)) or '(none)'}.",
            next=f"Choose from {', '.join(FORMATS)}.",
        )
    if subjects < 1 or sites < 1:
        raise WrongUse("A hospital needs at least one subject and one site.")
    if not 0.0 <= assets <= 1.0:
        raise WrongUse("The share of subjects with assets is between 0 and 1.")
    return tuple(formats[n % len(formats)] for n in range(sites))


def _sharing(by_site: tuple[str, ...]) -> tuple[int, int] | None:
    """Find the two sites that share people: those whose formats carry a national identifier."""
    if "fhir" in by_site and "hl7" in by_site:
        return by_site.index("fhir"), by_site.index("hl7")
    return None


def _open(folder: Path, site: int, source: str) -> SiteFiles:
    """Open the files of one site."""
    folder.mkdir(parents=True, exist_ok=True)
    if source == "mimic":
        from biolake.testing.hospital.mimic import MimicFiles

        return MimicFiles(folder, site)
    if source == "omop":
        from biolake.testing.hospital.omop import OmopFiles

        return OmopFiles(folder, site)
    if source == "fhir":
        from biolake.testing.hospital.fhir import FhirFiles

        return FhirFiles(folder, site)
    from biolake.testing.hospital.hl7 import Hl7Files

    return Hl7Files(folder, site)


def _summary(
    out: Path,
    subjects: int,
    by_site: tuple[str, ...],
    encounters: int,
    measurements: int,
    assets: int,
) -> Summary:
    files = [path for path in out.rglob("*") if path.is_file()]
    return Summary(
        folder=out,
        subjects=subjects,
        sites=by_site,
        encounters=encounters,
        measurements=measurements,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        assets=assets,
    )
