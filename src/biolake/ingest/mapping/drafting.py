"""Writes a first mapping from headers and samples, with a note on every guess to review."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.reading import ReadContext, SourceFile
from biolake.ingest.mapping.assets import SourceNames
from biolake.ingest.mapping.columns import Source, open_source
from biolake.ingest.mapping.definition import Options
from biolake.ingest.mapping.engine import connect, identifier
from biolake.ingest.mapping.files import LINES, SUFFIXES, find_files, stem_of
from biolake.ingest.mapping.identifiers import is_identifier, is_national, may_number_rows
from biolake.ingest.mapping.records import blocks_of
from biolake.ingest.mapping.text_columns import is_note, text_folders

SAMPLE_ROWS = 2_000

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?")
_INSTANT = re.compile(_TIME.pattern + r"(Z|[+-]\d\d(:?\d\d)?)")
_OTHER_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}( .*)?|(19|20)\d\d[01]\d[0-3]\d")

_SUBJECT = re.compile(
    r"(subject|patient|person|pat|pt|member|mrn|study_?subject)(_?(id|no|nr|num|number|key))?"
)
_ENCOUNTER = re.compile(r"(hadm|encounter|visit|visit_occurrence|admission|csn)(_?(id|no|nr|num))?")
_BIRTH = re.compile(r"dob|birth.*|date_of_birth|.*birth_?date(time)?")
_DEATH = re.compile(r"dod|death.*|date_of_death|deceased.*date|.*death_?date(time)?")
_CODE = re.compile(
    r".*(code|itemid|item|concept_id|loinc|icd|snomed|atc|ndc|drug|test|medication|param.*)"
)
_VALUE = re.compile(r"(value|val|result|amount|dose|level|measurement).*|.*(value|num|result)")
_TEXT_VALUE = re.compile(r"(value|val|result|flag|comment)(_?(text|string|as_string))?")
_UNIT = re.compile(r".*(unit|uom)s?")
_PEOPLE_TABLE = re.compile(r"(.*[/_])?(patients?|persons?|people|subjects?|demographics?|members?)")
_NOTE_KIND = re.compile(r"((note|document|doc|report)_?)?(type|kind|category|class|section.*)")
_LANGUAGE = re.compile(r"(.*_)?lang(uage)?")
_NOTHING = re.compile(r"(?!)")
_KIND_ORDER = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP")
_PATTERNS = {"BIGINT": _INTEGER, "DOUBLE": _NUMBER, "DATE": _DATE, "TIMESTAMP": _TIME}


@dataclass(frozen=True)
class Sampled:
    """One file with the guessed type of every column."""

    source: Source
    options: Options
    kinds: dict[str, str]
    notes: dict[str, str]
    unique: frozenset[str]
    offsets: bool
    long: frozenset[str] = frozenset()  # columns of whole texts
    paths: frozenset[str] = frozenset()  # columns that name text files of the source
    folders: frozenset[str] = frozenset()  # where those lie

    @property
    def table(self) -> str:
        return re.sub(r"\W+", "_", stem_of(self.source.file.name))

    def first(self, pattern: re.Pattern[str], kinds: tuple[str, ...] = ()) -> str | None:
        """Return the first column whose name fits and whose type is one of the kinds."""
        for name in self.source.names:
            if pattern.fullmatch(name.lower()) and (not kinds or self.kinds[name] in kinds):
                return name
        return None

    @property
    def lists_people(self) -> bool:
        return bool(_PEOPLE_TABLE.fullmatch(stem_of(self.source.file.name)))

    def subject(self, common: str) -> str | None:
        """Return the column of the subject: the common one, or `id` in a table of people."""
        own = re.compile("id") if self.lists_people else _NOTHING
        return self.first(re.compile(re.escape(common))) or self.first(own)

    def times(self) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind in ("TIMESTAMP", "DATE")]


@dataclass
class _Draft:
    lines: list[str] = field(default_factory=list)

    def add(self, text: str, review: str = "") -> None:
        self.lines.append(f"{text}  # REVIEW: {review}" if review else text)


def draft_mapping(source: Path) -> str:
    """Return the YAML of a first mapping for a folder of tables."""
    folder = find_files(source)
    files = [file for file in folder.files if file.name.lower().endswith(SUFFIXES)]
    with tempfile.TemporaryDirectory() as scratch:
        context = ReadContext(site="draft", scratch=Path(scratch))
        with connect(context, [folder.root]) as connection:
            tables, broken = [], {}
            names, texts = SourceNames(folder.files), set[str]()
            for file in sorted(files, key=_may_be_text):
                if _may_be_text(file) and file.name.rpartition("/")[0] in texts:
                    continue  # a note that a table names
                try:
                    tables.append(_sample(file, names, connection, Path(scratch)))
                    texts |= tables[-1].folders
                except BiolakeError as error:
                    broken[file.name] = error.message
    if not tables:
        raise SourceUnreadable("no readable table is here", where=str(source))
    return "\n".join(_write(source.name, tables, broken)) + "\n"


def _sample(
    file: SourceFile, names: SourceNames, connection: duckdb.DuckDBPyConnection, scratch: Path
) -> Sampled:
    options = _guess_options(file)
    source = open_source(file, options, connection, scratch)
    texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in source.names)
    query = f"SELECT {texts} FROM {source.sql} LIMIT {SAMPLE_ROWS}"  # noqa: S608 - names are quoted
    try:
        rows = connection.execute(query).fetchall()
    except duckdb.Error:
        raise SourceUnreadable("the file cannot be read", where=file.name) from None
    kinds: dict[str, str] = {}
    notes: dict[str, str] = {}
    unique, offsets, long, paths, folders = set(), False, set(), set(), set[str]()
    for place, name in enumerate(source.names):
        values = [row[place].strip() for row in rows if row[place]]
        kinds[name] = _kind(values)
        if values and all(_INSTANT.fullmatch(value) for value in values):
            kinds[name], offsets = "TIMESTAMP", True
        elif values and kinds[name] != "DOUBLE" and all(map(_OTHER_DATE.fullmatch, values)):
            notes[name] = "looks like a date in another format: see options.timestampformat"
        if len(rows) > 1 and len(set(values)) == len(rows):
            unique.add(name)
        if kinds[name] == "VARCHAR" and is_note(values):
            long.add(name)
        elif kinds[name] == "VARCHAR" and (found := text_folders(values, file, names)):
            paths.add(name)
            folders |= found
    sets = (frozenset(each) for each in (long, paths, folders))
    return Sampled(source, options, kinds, notes, frozenset(unique), offsets, *sets)


def _may_be_text(file: SourceFile) -> bool:
    return file.name.lower().endswith(".txt")


def _guess_options(file: SourceFile) -> Options:
    if file.name.lower().endswith((".parquet", *LINES)):
        return Options(long_records=True)
    line = next(blocks_of(file, 1 << 16), b"").split(b"\n", 1)[0]
    usual = b"\t" if ".tsv" in file.name.lower()[-7:] else b","
    counts = Counter({mark: line.count(mark) for mark in (usual, b",", b"\t", b";", b"|")})
    best = max(counts, key=lambda mark: (counts[mark], mark == usual))
    return Options(delimiter=None if best == usual else best.decode(), long_records=True)


def _kind(values: list[str]) -> str:
    for kind in _KIND_ORDER if values else ():
        if all(_PATTERNS[kind].fullmatch(value) for value in values):
            # A leading zero is part of an identifier or a code, not of a number.
            padded = any(re.fullmatch(r"0\d+", value) for value in values)
            return "VARCHAR" if padded else kind
    return "VARCHAR"


def _write(name: str, tables: list[Sampled], broken: dict[str, str]) -> list[str]:
    draft = _Draft()
    subject = _common(tables, _SUBJECT)
    if subject is None:
        raise SourceUnreadable(
            "no column looks like a subject identifier",
            next="Name it in a mapping of your own: see the mapping format.",
        )
    encounter = _common(tables, _ENCOUNTER)
    used = [table for table in tables if table.subject(subject)]
    whole = all(table.kinds[table.subject(subject) or ""] == "BIGINT" for table in used)
    system = re.sub(r"\W+", "-", name.lower()) or "source"
    draft.add(f"mapping: {system}")
    draft.add('version: "1"')
    draft.add(f"description: {json.dumps(f'Drafted from {len(used)} tables')}", "say what this is")
    draft.add(f"detect: {json.dumps([t.source.file.name for t in used[:3]])}")
    clock = "utc" if any(table.offsets for table in used) else "local"
    draft.add(f"clock: {clock}", "utc if the times carry an offset or are UTC, else local")
    kind = "integer" if whole else "text"
    draft.add(f"subject: {{column: {_sql(subject)}, system: {system}, type: {kind}}}", "the person")
    if encounter:
        draft.add(f"encounter: {{column: {_sql(encounter)}, system: {system}}}", "the contact")
    draft.add("tables:")
    for table in used:
        _write_table(draft, table, subject, encounter)
    _write_ignored(draft, [t for t in tables if t not in used], broken)
    return draft.lines


def _common(tables: list[Sampled], pattern: re.Pattern[str]) -> str | None:
    """Return the column name that fits in most tables."""
    found = Counter(name.lower() for table in tables if (name := table.first(pattern)))
    return found.most_common(1)[0][0] if found else None


def _write_ignored(draft: _Draft, tables: list[Sampled], broken: dict[str, str]) -> None:
    names = {table.source.file.name: "it names no subject" for table in tables} | broken
    if names:
        draft.add("ignore:")
    for name, why in names.items():
        draft.add(f"  - {{file: {json.dumps(name)}, why: {json.dumps(why)}}}", "is this right?")


def _write_table(draft: _Draft, table: Sampled, common: str, encounter: str | None) -> None:
    draft.add(f"  {table.table}:")
    draft.add(f"    file: {json.dumps(table.source.file.name)}")
    subject = table.subject(common) or common
    identities = [name for name in table.kinds if name in (subject,) or name.lower() == encounter]
    key = _key(table, subject)
    if key:
        draft.add(f"    key: [{json.dumps(key)}]", "unique in the sample; a later row corrects")
    if subject.lower() != common:
        draft.add(f"    subject: {_yaml_sql(subject)}")
    if table.options.delimiter:
        draft.add(f"    options: {{delimiter: {json.dumps(table.options.delimiter)}}}")
    for name, note in table.notes.items():
        draft.add(f"    # REVIEW: {name}: {note}")
    events = _Events(table, [*identities, *([key] if key else [])])
    _write_identifiers(draft, table, events.identifiers)
    notes = events.notes()
    lines = events.write(alone=not notes)
    typed = {name: events.typed[name] for name in table.kinds if name in events.typed}
    if typed:
        pairs = ", ".join(f"{json.dumps(name)}: {kind}" for name, kind in typed.items())
        draft.add(f"    columns: {{{pairs}}}", "types fit the sample")
    _write_rules(draft, "events", lines, "code, time and values")
    _write_rules(draft, "notes", notes, "a whole text: an asset of the subject")


def _write_rules(draft: _Draft, word: str, rules: list[str], review: str) -> None:
    if rules:
        draft.add(f"    {word}:")
    for line in rules:
        draft.add(f"      - {{{line}}}", review)


def _write_identifiers(draft: _Draft, table: Sampled, names: list[str]) -> None:
    """Give national numbers to linkage where people are listed; leave the others out."""
    people = [name for name in names if is_national(name) and table.lists_people]
    for name in names:
        if name not in people:
            draft.add(f"    # REVIEW: {json.dumps(name)}: left out: looks like an identifier")
    if people:
        draft.add("    people:")
    for name in people:
        system = re.sub(r"\W+", "-", name.lower()).strip("-")
        entry = f"system: {json.dumps(system)}, value: {_yaml_sql(name)}, scope: site"
        draft.add(f"      - {{{entry}}}", "scope: global if it is one number a person everywhere")


def _key(table: Sampled, subject: str) -> str | None:
    """Return a column that numbers the rows; the subject's own in a table of people."""
    for name in table.source.names:
        fits = may_number_rows(name) and name != subject
        if name in table.unique and (fits or (name == subject and table.lists_people)):
            return name
    return None


class _Events:
    """The event rules guessed for one table, and the types that they need."""

    def __init__(self, table: Sampled, identities: list[str]) -> None:
        self._table = table
        self._prefix = table.table.upper()
        free = [name for name in table.source.names if name not in identities]
        self.identifiers = [name for name in free if _is_personal(name, table)]
        self._free = [name for name in free if name not in self.identifiers]
        self.typed = {name: "BIGINT" for name in identities if table.kinds[name] == "BIGINT"}

    def notes(self) -> list[str]:
        """Return a rule for each column of whole texts, or of names of text files."""
        table = self._table
        found = [name for name in self._free if name in table.long | table.paths]
        if not found:
            return []
        self._free = [name for name in self._free if name not in found]
        parts = []
        times = [name for name in table.times() if name in self._free]
        if times:
            self._free.remove(times[0])
            parts.append(self._place("time", times[0]))
        for place, pattern in (("kind", _NOTE_KIND), ("language", _LANGUAGE)):
            name = table.first(pattern)
            if name in self._free:
                self._free.remove(name)
                parts.append(self._place(place, name))
        return [
            ", ".join(
                [
                    f"name: n{number}",
                    f"{'file' if name in table.paths else 'text'}: {_yaml_sql(name)}",
                    *parts,
                ]
            )
            for number, name in enumerate(found)
        ]

    def write(self, *, alone: bool = True) -> list[str]:
        """Return the event rules; `alone`: beside no notes, which took their time."""
        lines = [*self._life(_BIRTH, "MEDS_BIRTH"), *self._life(_DEATH, "MEDS_DEATH")]
        if not alone:
            return lines
        time = self._time()
        code = next((name for name in self._free if _CODE.fullmatch(name.lower())), None)
        if code:
            return [*lines, self._coded(code, time)]
        wide = [self._wide(name, f"c{n}", time) for n, name in enumerate(self._free)]
        row = f"name: row, code: {_text(self._prefix)}, static: true"
        return [*lines, *wide] or [row]

    def _life(self, pattern: re.Pattern[str], code: str) -> list[str]:
        name = self._table.first(pattern, ("TIMESTAMP", "DATE"))
        if name is None or name not in self._free:
            return []
        self._free.remove(name)
        when = json.dumps(f"{_sql(name)} IS NOT NULL")
        rule = f"name: {code[5:].lower()}, code: {_text(code)}"
        return [f"{rule}, {self._place('time', name)}, when: {when}"]

    def _time(self) -> str:
        times = [name for name in self._table.times() if name in self._free]
        if not times:
            return "static: true"
        self._free.remove(times[0])
        return self._place("time", times[0])

    def _place(self, place: str, name: str) -> str:
        """Give a column its place in a rule, and the type that the place needs."""
        if place == "time":
            self.typed[name] = self._table.kinds[name]
        elif place == "numeric_value":
            self.typed[name] = "DOUBLE"
        return f"{place}: {_yaml_sql(name)}"

    def _coded(self, code: str, time: str) -> str:
        unit = self._table.first(_UNIT)
        columns = {
            "numeric_value": self._table.first(_VALUE, ("DOUBLE", "BIGINT")),
            "text_value": self._table.first(_TEXT_VALUE, ("VARCHAR",)),
            "unit": unit,
        }
        sql = f"'{self._prefix}//' || coalesce({_sql(code)}, 'UNK')"
        parts = [f"name: {self._table.table}", f"code: {json.dumps(sql)}", time]
        for place, name in columns.items():
            if name in self._free and name != code:
                parts.append(self._place(place, name))
        return ", ".join(parts)

    def _wide(self, name: str, rule: str, time: str) -> str:
        code = _text(f"{self._prefix}//{name.upper()}")
        numeric = self._table.kinds[name] in ("BIGINT", "DOUBLE")
        place = self._place("numeric_value" if numeric else "text_value", name)
        when = json.dumps(f"{_sql(name)} IS NOT NULL")
        return f"name: {rule}, when: {when}, code: {code}, {time}, {place}"


def _is_personal(name: str, table: Sampled) -> bool:
    """Say whether a column is to make no event; dates of birth and death and codes may."""
    is_date = table.kinds[name] in ("DATE", "TIMESTAMP")
    return not is_date and is_identifier(name, lists_people=table.lists_people)


def _sql(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else identifier(name)


def _yaml_sql(name: str) -> str:
    return json.dumps(identifier(name))


def _text(text: str) -> str:
    """Return a YAML string that holds an SQL text."""
    return json.dumps("'" + text.replace("'", "''") + "'")
