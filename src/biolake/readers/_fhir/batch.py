"""A run of FHIR resources read together: a bundle, or some thousand lines of NDJSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from biolake.core.reading import Chunk, SourceFile
from biolake.readers._fhir.notes import withdrawn_notes
from biolake.readers._fhir.observations import read_observation
from biolake.readers._fhir.people import (
    patient_keys,
    read_encounter,
    read_patient,
    read_people,
)
from biolake.readers._fhir.resources import PLANS, Facts, all_keys, key, read_plan
from biolake.readers._fhir.scope import UNRESOLVABLE, Scope, Source, parse_reference
from biolake.readers._fhir.types import SKIPPED
from biolake.readers._fhir.values import FieldError, Json, concept_code, instant
from biolake.readers._fhir.versions import NEVER, UNDATED, Versions
from biolake.readers._rows import Rows

EARLY = ("Patient", "Medication")
FIRST = (*EARLY, "Encounter")
READ = {*FIRST, "Observation", *PLANS}
NO_TYPE = "Resource"
SUPERSEDED = "superseded by a later version in this source"
# What a field of the wrong JSON type raises when it is used as the standard says.
_MALFORMED = (AttributeError, TypeError, KeyError, IndexError, ValueError)


@dataclass
class Entry:
    """One source row: a resource, or the reason why it is none."""

    row: int
    resource: Json
    kind: str = NO_TYPE
    name: str = ""
    stamp: int = UNDATED
    fault: tuple[str, str] | None = None
    deleted: bool = False
    revised: bool = False
    superseded: bool = False


@dataclass
class Batch:
    """Entries in the order of their versions (the newest of each resource last)."""

    file: SourceFile
    scope: Scope
    entries: list[Entry] = field(default_factory=list)
    tables: dict[str, Rows] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)  # row key → time stamp

    def split(self) -> tuple[Batch, Batch]:
        """Return what others point to (patients, medications), and all the rest."""
        early = [entry for entry in self.entries if entry.kind in EARLY]
        rest = [entry for entry in self.entries if entry.kind not in EARLY]
        return Batch(self.file, self.scope, early), Batch(self.file, self.scope, rest)

    def order(self, versions: Versions) -> None:
        """Mark every entry of which this source holds, or has held, a newer version."""
        kept = [entry for entry in self.entries if entry.name and not entry.fault]
        keys = np.array([key(each.kind, each.name) for each in kept], dtype=np.int64)
        earlier = versions.seen(keys).tolist()
        newest: dict[int, Entry] = {}
        for entry, name, before in zip(kept, keys.tolist(), earlier, strict=True):
            other = newest.get(name)
            entry.superseded = UNDATED < entry.stamp < before
            entry.revised = before != NEVER or other is not None
            if entry.superseded:
                continue
            if other is not None and UNDATED < entry.stamp < other.stamp:
                entry.superseded, other.revised = True, True
                continue
            if other is not None:
                other.superseded = True
            newest[name] = entry
        self.newest = {name: entry.stamp for name, entry in newest.items()}

    def note(self, versions: Versions) -> None:
        """Let later batches know what this one holds."""
        stamps = np.array(list(self.newest.values()), dtype=np.int64)
        versions.add(np.array(list(self.newest), dtype=np.int64), stamps)

    def look_up(self) -> None:
        """Note the patients and medications that other entries point to."""
        for entry in self.entries:
            if entry.fault or entry.superseded or entry.deleted:
                continue
            try:
                if entry.kind == "Patient":
                    self.scope.source.subjects.add(entry.name)
                    read_people(entry.resource, entry.name, self.scope)
                elif entry.kind == "Medication":
                    concept, book = entry.resource.get("code") or {}, self.scope.source.book
                    code = concept_code(concept, "code", book)
                    self.scope.source.medications[entry.name] = code
            except FieldError as error:
                entry.fault = error.column, error.reason
            except _MALFORMED:
                entry.fault = entry.kind, "a field is not of the type the standard gives it"

    def read(self) -> None:
        """Map the entries into the tables."""
        self.tables = {}
        for entry in self.entries:
            self._read(entry, self.tables.setdefault(entry.kind, Rows()))

    def chunks(self) -> Iterator[Chunk]:
        """Hand over what was read, patients first."""
        codes = self.scope.source.book.drain() if self.tables else None
        for table in sorted(self.tables, key=lambda name: (name not in FIRST, name)):
            rows = self.tables[table]
            self.scope.source.withdrawals.note(rows, self.file, table)
            yield rows.chunk(self.file, table, codes)
            yield from rows.note_chunks(self.file)
            codes = None

    def _read(self, entry: Entry, rows: Rows) -> None:
        if entry.fault:
            return rows.reject(entry.row, *entry.fault)
        if entry.superseded:
            return rows.skip(SUPERSEDED)
        if entry.deleted:
            rows.take_back(*_keys(entry))
            for form, note in withdrawn_notes(entry.kind, entry.name, {}, self.scope):
                rows.notes[form, note.source_key] = note
            return rows.skip("deleted by the source")
        if entry.kind in SKIPPED:
            return rows.skip(SKIPPED[entry.kind])
        try:
            return self._map(entry, rows)
        except FieldError as error:
            return rows.reject(entry.row, error.column, error.reason)
        except _MALFORMED:
            reason = "a field is not of the type the standard gives it"
            return rows.reject(entry.row, entry.kind, reason)

    def _map(self, entry: Entry, rows: Rows) -> None:
        resource, name, stay = entry.resource, entry.name, None
        if entry.kind == "Medication":
            return rows.part()
        if entry.kind == "Patient":
            # A patient whose birth cannot be read is still this person.
            rows.people |= dict.fromkeys(read_people(resource, name, self.scope))
            facts = read_patient(resource, name, self.scope)
        elif entry.kind == "Encounter":
            facts, stay = read_encounter(resource, name, self.scope)
            _check(name, stay and stay.kind)
        elif entry.kind == "Observation":
            facts = read_observation(resource, name, self.scope)
        else:
            facts = read_plan(resource, name, self.scope)
        for event in facts.events:
            _check(event.code, event.text_value, event.unit, event.encounter)
        if stay:
            rows.encounters[name] = stay
        for form, note in facts.notes:
            rows.notes[form, note.source_key] = note
        rows.tally.dropped.update(facts.left)
        return _count(facts, rows, _keys(entry) if entry.revised else ())


def _count(facts: Facts, rows: Rows, gone: tuple[int, ...]) -> None:
    rows.take_back(*(gone or facts.retracted))
    rows.give(*facts.events)
    if facts.skipped:
        rows.skip(facts.skipped)
    elif facts.events:
        rows.event()
    else:
        rows.part()


def _keys(entry: Entry) -> tuple[int, ...]:
    return patient_keys(entry.name) if entry.kind == "Patient" else all_keys(entry.kind, entry.name)


def _check(*texts: object) -> None:
    """Raise TypeError when a field that must be text is something else."""
    for value in texts:
        if value is not None and not isinstance(value, str):
            raise TypeError("not text")


def entry_of(row: int, resource: object, url: str = "") -> Entry:
    """Classify one resource; `url` is its fullUrl in a bundle."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(resource, dict) or not isinstance(kind, str):
        return Entry(row, {}, fault=("resourceType", "not a FHIR resource"))
    if kind == "Bundle":
        return Entry(row, {}, fault=("resourceType", "a Bundle inside a Bundle"))
    if kind in SKIPPED:
        return Entry(row, resource, kind)
    if kind not in READ:
        return Entry(row, {}, fault=("resourceType", "not a resource type of FHIR R4"))
    entry = Entry(row, resource, kind)
    try:
        entry.name = _name(resource, url)
        entry.stamp = _stamp(resource)
    except FieldError as error:
        entry.fault = error.column, error.reason
    except _MALFORMED:
        entry.fault = kind, "a field is not of the type the standard gives it"
    return entry


def _stamp(resource: Json) -> int:
    updated = instant((resource.get("meta") or {}).get("lastUpdated"), "meta.lastUpdated")
    return UNDATED if updated is None else updated


def _name(resource: Json, url: str) -> str:
    """Return the resource's id, its address in the bundle, or a hash of its content."""
    name = resource.get("id")
    if name is not None:
        if not isinstance(name, str) or not name.strip():
            raise FieldError("id", "not an id")
        return name
    if url:
        parsed = parse_reference(url)
        return parsed[2] if parsed else url.rpartition(":")[2]
    if resource["resourceType"] in FIRST:
        raise FieldError("id", "no id")
    return f"sha:{_content(resource)}"


def _content(resource: Json) -> str:
    return hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()


def batch_of_lines(file: SourceFile, source: Source, rows: Iterable[tuple[int, object]]) -> Batch:
    """Return parsed NDJSON lines as a batch; a line that is no JSON comes as None."""
    return Batch(file, Scope(source), [entry_of(row, resource) for row, resource in rows])


def batch_of_document(file: SourceFile, source: Source, document: Json) -> Batch:
    """Return a bundle's entries, or a single resource, as a batch."""
    scope = Scope(source)
    if document["resourceType"] != "Bundle":
        return Batch(file, scope, [entry_of(1, document)])
    entries = []
    for row, item in enumerate(document["entry"], 1):
        item = item if isinstance(item, dict) else {}
        given = item.get("fullUrl")
        url = given if isinstance(given, str) else ""
        entry = _deletion(row, item) or entry_of(row, item.get("resource"), url)
        if url and entry.name:
            scope.urls[url] = (entry.kind, entry.name)
            _note_server(url, entry, source)
        entries.append(entry)
    if document.get("type") == "history":  # the standard lists the newest version first
        entries.reverse()
    return Batch(file, scope, entries)


def _note_server(url: str, entry: Entry, source: Source) -> None:
    parsed = parse_reference(url)
    if parsed and entry.kind == "Patient":
        try:
            source.same_server(parsed[0], "fullUrl")
        except FieldError as error:
            entry.fault = error.column, error.reason


def _deletion(row: int, item: Json) -> Entry | None:
    request = item.get("request")
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        return None
    parsed = parse_reference(str(request.get("url")))
    if not parsed or parsed[1] not in READ:
        return Entry(row, {}, fault=("request.url", UNRESOLVABLE))
    return Entry(row, {}, parsed[1], parsed[2], deleted=True)
