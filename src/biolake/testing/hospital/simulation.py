"""Run the hospital: draw subjects chunk by chunk and let each site write its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path
    from typing import TextIO

    from biolake.testing.hospital.asset_files import AssetFiles, Site
    from biolake.testing.hospital.histories import History
    from biolake.testing.hospital.note_files import NoteFiles
    from biolake.testing.hospital.omics_files import OmicsFiles

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
    notes: int = 0
    samples: int = 0


@dataclass(frozen=True)
class Shares:
    """Which share of the subjects has ECGs and images, notes, and molecular samples."""

    assets: float = 0.0
    notes: float = 0.0
    omics: float = 0.0


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
    notes: float = 0.0,
    omics: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Write a synthetic hospital group in real source formats, with its planted truths.

    Site k writes `formats[(k - 1) % len(formats)]` under `out/site-k`; `out/truth.json` holds
    what a perfect analysis of the files finds. The same arguments give the same bytes, and a
    subject's history does not change when more subjects are asked for.

    With `assets` this share of the subjects have ECGs, images or slides too, under
    `out/site-k/assets`; with `notes` discharge summaries, under `out/site-k/notes`; with `omics`
    genotypes, expression and cells, under `out/site-k/omics`. `out/truth-assets.jsonl`,
    `truth-notes.jsonl` and `truth-omics.jsonl` say what is true of each. The records stay the same.
    """
    from contextlib import ExitStack

    from biolake.testing.hospital.histories import CHUNK, draw_history
    from biolake.testing.hospital.tally import Tally

    shares = Shares(assets, notes, omics)
    by_site = _sources(subjects, sites, formats, shares)
    shared = _sharing(by_site)
    tally = Tally(by_site, shared)
    with ExitStack() as stack:
        writers = [_open(out / f"site-{n + 1}", n, source) for n, source in enumerate(by_site)]
        for writer in writers:
            stack.callback(writer.close)
        beside = _Beside(stack, out, by_site, seed, shares)
        for first in range(0, subjects, CHUNK):
            history = draw_history(seed, first // CHUNK, by_site, shared).first(subjects - first)
            for writer in writers:
                writer.write(history)
            beside.write(history)
            tally.add(history)
            if progress:
                progress(min(first + CHUNK, subjects), subjects)
    tally.write(out / "truth.json", subjects=subjects, seed=seed, beside=beside.truths())
    return _summary(out, subjects, by_site, tally.encounters, tally.measurements, beside)


class _Beside:
    """What stands beside the records of each site: images, notes, molecular samples."""

    def __init__(
        self, stack: ExitStack, out: Path, by_site: tuple[str, ...], seed: int, shares: Shares
    ) -> None:
        self.archives: list[AssetFiles] = []
        self.notes: list[NoteFiles] = []
        self.omics: list[OmicsFiles] = []
        if shares.assets:
            from biolake.testing.hospital.asset_files import AssetFiles

            self.archives = _opened(stack, out, by_site, seed, shares.assets, AssetFiles)
        if shares.notes:
            from biolake.testing.hospital.note_files import NoteFiles

            self.notes = _opened(stack, out, by_site, seed, shares.notes, NoteFiles)
        if shares.omics:
            from biolake.testing.hospital.omics_files import OmicsFiles

            self.omics = _opened(stack, out, by_site, seed, shares.omics, OmicsFiles)

    def write(self, history: History) -> None:
        """Make what a chunk of subjects has at every site."""
        if self.archives:
            from biolake.testing.hospital.examinations import visits

            seen = visits(history)
            for archive in self.archives:
                archive.write(seen)
        for writer in (*self.notes, *self.omics):
            writer.write(history)

    def truths(self) -> dict[str, dict[str, object]]:
        """Return what a load of each kind must find at each site, and what is planted."""
        found: dict[str, dict[str, object]] = {}
        kinds = (("assets", self.archives), ("notes", self.notes), ("omics", self.omics))
        for kind, files in kinds:
            found[kind] = {each.site.name: each.counts() for each in files}
        if self.omics:
            from biolake.testing.hospital.omics_files import truths

            found["planted"] = truths()
        return found


class _Made(Protocol):
    """Files of one site beside its records."""

    def close(self) -> None: ...


_F = TypeVar("_F", bound=_Made)


def _opened(
    stack: ExitStack,
    out: Path,
    by_site: tuple[str, ...],
    seed: int,
    share: float,
    make: Callable[[Site, TextIO], _F],
) -> list[_F]:
    """Open the files of one kind at every site; they share one file of truths."""
    from biolake.testing.hospital.asset_files import Site

    name = {"AssetFiles": "assets", "NoteFiles": "notes", "OmicsFiles": "omics"}[make.__name__]
    truth = stack.enter_context((out / f"truth-{name}.jsonl").open("w", encoding="utf-8"))
    found = []
    for number, source in enumerate(by_site):
        found.append(make(Site(out / f"site-{number + 1}", number, source, seed, share), truth))
        stack.callback(found[-1].close)
    return found


def _sources(
    subjects: int, sites: int, formats: tuple[str, ...], shares: Shares
) -> tuple[str, ...]:
    """Give each site its format, refusing what cannot be simulated."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise WrongUse(
            f"No synthetic source has the format {', '.join(map(repr, unknown)) or '(none)'}.",
            next=f"Choose from {', '.join(FORMATS)}.",
        )
    if subjects < 1 or sites < 1:
        raise WrongUse("A hospital needs at least one subject and one site.")
    for name, share in vars(shares).items():
        if not 0.0 <= share <= 1.0:
            raise WrongUse(f"The share of subjects with {name} is between 0 and 1.")
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
    beside: _Beside,
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
        assets=sum(sum(archive.made.values()) for archive in beside.archives),
        notes=sum(sum(notes.made.values()) for notes in beside.notes),
        samples=sum(omics.made.get("samples", 0) for omics in beside.omics),
    )
