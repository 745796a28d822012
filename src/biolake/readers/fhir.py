"""FHIR R4: bundles, single resources and bulk NDJSON exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from biolake.core.catalogue import reader
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, ReadContext, Reading, SourceFile, SubjectSystem
from biolake.core.spool import Spool
from biolake.readers._fhir import files
from biolake.readers._fhir.batch import (
    EARLY,
    NO_TYPE,
    Batch,
    batch_of_document,
    batch_of_lines,
)
from biolake.readers._fhir.people import PATIENT_SYSTEM
from biolake.readers._fhir.resources import PLANS
from biolake.readers._fhir.scope import Source
from biolake.readers._fhir.versions import Versions

LAYOUT, VERSION = "fhir-r4", "2"
_NEEDS_MEDICATIONS = tuple(name for name in PLANS if name.startswith("Medication"))
NOTES = (
    "A date without a time counts from midnight, a month or a year from its first day.",
    "The ids of one FHIR server are the keys: read one server's files as one source.",
)


def detect(path: Path) -> bool:
    """Say whether a JSON or NDJSON file here names a resource type near its start.

    The first file that is not empty decides: exports write empty files for types nobody has.
    """
    if path.is_file():
        return path.name.endswith(files.LINES + files.DOCUMENTS) and bool(files.first_kind(path))
    found = files.source_files(path) if path.is_dir() else ()
    filled = (file.path for file in found if file.path.stat().st_size)
    first = next(filled, None)
    return first is not None and bool(files.first_kind(first))


@reader("FHIR R4 (bundles and bulk NDJSON)", detect=detect)
def fhir(path: Path, context: ReadContext) -> Reading:
    """Read FHIR R4 resources: a folder or file of Bundle JSON, single resources or NDJSON.

    Times become UTC. An Observation, Condition, Procedure, … becomes an event whose code is
    `<VOCABULARY>//<code>` of its first coding in a standard vocabulary. The texts inside a
    DocumentReference or DiagnosticReport (plain, HTML, RTF, C-CDA) become notes. NDJSON is
    streamed; a bundle is held whole in memory, about ten times its size on disk when not
    compressed.

    Source: HL7 FHIR R4 (https://hl7.org/fhir/R4/).
    """
    found = files.source_files(path)
    if not found:
        raise SourceUnreadable("no .json or .ndjson file here", where=path.name)
    kinds = {file: files.first_kind(file.path) for file in found if files.is_lines(file)}
    drugs = tuple(file for file, kind in kinds.items() if kind == "Medication")
    needy = [file.name for file, kind in kinds.items() if kind in _NEEDS_MEDICATIONS]
    return Reading(
        layout=LAYOUT,
        layout_hash=f"{LAYOUT}/{VERSION}",
        subjects=SubjectSystem(PATIENT_SYSTEM),
        clock="utc",
        files=found,
        chunks=lambda wanted: _Run(context, kinds, set(wanted)).chunks(wanted),
        depends=dict.fromkeys(needy, drugs) if drugs else {},
        notes=NOTES,
    )


@dataclass
class _Run:
    """One pass over the files wanted; look-ups are also read from files that are not."""

    context: ReadContext
    kinds: dict[SourceFile, str]
    wanted: set[SourceFile]
    versions: Versions = field(default_factory=Versions)

    def __post_init__(self) -> None:
        self.source = Source(spool=Spool(self.context.scratch))

    def chunks(self, wanted: tuple[SourceFile, ...]) -> Iterator[Chunk]:
        """Yield patients before facts about them; bundles that point to later ones wait."""
        lines = [file for file in wanted if files.is_lines(file)]
        self._look_up_elsewhere()
        held = {file: bool(files.looked_up(file)) for file in lines}
        for file in lines:
            if held[file]:
                yield from self._people(file)
        waiting: list[SourceFile] = []
        for file in wanted:
            if not files.is_lines(file):
                yield from self._document(file, waiting)
        for file in waiting:
            yield from self._emit(self._document_batch(file).split()[1])
        for file in lines:
            yield from self._facts(file, held[file])
        yield from self.source.withdrawals.chunks()

    def _look_up_elsewhere(self) -> None:
        paths = {file.path for file in self.wanted}
        for file, kind in self.kinds.items():
            if file.path not in paths and kind in EARLY:
                for run in files.read_lines(file):
                    batch_of_lines(file, self.source, _parsed(run)).look_up()

    def _people(self, file: SourceFile) -> Iterator[Chunk]:
        """Yield patients and medications of an NDJSON file."""
        for run in files.read_lines(file, files.LOOKED_UP):
            batch = batch_of_lines(file, self.source, _parsed(run))
            yield from self._emit(batch.split()[0])

    def _facts(self, file: SourceFile, held: bool) -> Iterator[Chunk]:
        """Yield all of an NDJSON file that `_people` left."""
        told = False
        for run in files.read_lines(file):
            batch = batch_of_lines(file, self.source, _parsed(run))
            if not told and all(entry.kind == NO_TYPE for entry in batch.entries):
                where = f"{file.name} line {run[0][0]}"
                raise SourceUnreadable("not FHIR: no line holds a resource", where=where)
            told = True
            batch.entries = [
                entry
                for entry, (_row, line) in zip(batch.entries, run, strict=True)
                if not (held and entry.kind in EARLY and files.LOOKED_UP.search(line))
            ]
            yield from self._emit(batch)

    def _document(self, file: SourceFile, waiting: list[SourceFile]) -> Iterator[Chunk]:
        """Yield a bundle's patients, then the rest unless it must wait for later patients."""
        people, facts = self._document_batch(file).split()
        yield from self._emit(people)
        if not waiting:
            facts.order(self.versions)
            facts.read()
        if waiting or facts.scope.missing:  # one that waits makes the later wait: order is kept
            waiting.append(file)
        else:
            yield from self._emit(facts)

    def _document_batch(self, file: SourceFile) -> Batch:
        return batch_of_document(file, self.source, files.read_document(file))

    def _emit(self, batch: Batch) -> Iterator[Chunk]:
        batch.order(self.versions)
        batch.look_up()
        if not batch.tables:
            batch.read()
        batch.note(self.versions)
        self.context.progress(batch.file.name, len(batch.entries))
        yield from batch.chunks()


def _parsed(run: list[files.Line]) -> Iterator[tuple[int, object]]:
    for number, line in run:
        try:
            yield number, files.parse(line)
        except (ValueError, RecursionError):
            yield number, None
