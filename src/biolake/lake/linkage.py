"""Identifiers → subjects: one person, one subject, whatever number a source knows the person by.

`linkage/` keeps a keyed hash of every identifier and alone knows the way from it to a subject. It
is no part of a view and is never exported.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biolake.core.errors import DataRefused
from biolake.core.keys import shard_of
from biolake.core.reading import SubjectSystem
from biolake.lake.commits import Commit
from biolake.lake.lake import Lake
from biolake.lake.moved_samples import SAMPLE, MovedSamples, Recorded

SCHEMA = pa.schema(
    [
        pa.field("identifier", pa.binary(16), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("subject_id", pa.int64(), nullable=False),
    ]
)
NO_ENCOUNTER = np.iinfo(np.int64).min
ID_SYSTEM = "subject_id_system"
FORGOTTEN = int(np.iinfo(np.int64).min)  # where the identifiers of forgotten subjects lead
EITHER = "either:"  # before the marks of the subjects an asset may be of
_REFUSED = -1


@dataclass
class Registry:
    """The subjects a load touches, numbered 0, 1, 2 … in order of appearance."""

    ids: list[int] = field(default_factory=list)
    shards: list[int] = field(default_factory=list)
    _index: dict[int, int] = field(default_factory=dict)

    def add(self, subject_id: int) -> int:
        index = self._index.get(subject_id)
        if index is None:
            index = self._index[subject_id] = len(self.ids)
            self.ids.append(subject_id)
            self.shards.append(shard_of(subject_id))
        return index

    def __len__(self) -> int:
        return len(self.ids)


class Linkage:
    """Resolve the identifiers of one load's source to subjects, and remember new ones."""

    def __init__(self, lake: Lake, base: Commit, site: str, subjects: SubjectSystem) -> None:
        self._secret = lake.secret()
        self._keyed = lake.subject_ids == "keyed"
        self._site = site
        self._system = subjects
        self.registry = Registry()
        self.conflicts = 0
        self.new_rows: list[tuple[bytes, str, str, int]] = []
        self._known = _load_known(lake, base)
        self.forgets = FORGOTTEN in self._known.values()
        self._seen: dict[object, int] = {}
        self.watch: Callable[[str, str, int], None] | None = None  # told of new identifiers
        self.moved = MovedSamples()
        self._lake, self._base = lake, base
        self._systems: set[tuple[str, str]] | None = None
        self._recorded: Recorded | None = None
        if subjects.direct:
            self._held = _held_ids(lake, base, "subjects", "subject_id")
            self._stays = _held_ids(lake, base, "encounters", "encounter_id")
        elif not self._keyed:
            _refuse_other_ids(subjects, base)

    @property
    def system(self) -> SubjectSystem:
        """The system of the identifiers in the source's own rows."""
        return self._system

    def subjects(self, identifiers: pa.Array) -> np.ndarray:
        """Return the registry number of each source identifier (int64 or string); -1: forgotten."""
        if self._system.direct:
            return self._direct(identifiers)
        encoded = pc.dictionary_encode(identifiers)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        seen, number = self._seen, self._number
        values = encoded.dictionary.to_pylist()
        numbers = [seen[v] if v in seen else number(v) for v in values]
        return np.asarray(np.array(numbers, dtype=np.int32)[encoded.indices.to_numpy()])

    def _direct(self, identifiers: pa.Array) -> np.ndarray:
        """Return the registry numbers of the lake's own subject ids."""
        ids = _own_ids(identifiers, self._held, "subjects")
        unique, place = np.unique(ids, return_inverse=True)
        numbers = np.array([self.registry.add(i) for i in unique.tolist()], dtype=np.int32)
        return np.asarray(numbers[place])

    def people(self, table: pa.Table) -> None:
        """Take in every identifier by which the source knows its people."""
        known_as: dict[str, list[tuple[str, str, str]]] = {}
        columns = (table[name].to_pylist() for name in ("subject", "system", "value", "scope"))
        for subject, system, value, scope in zip(*columns, strict=True):
            known_as.setdefault(subject, []).append((system, value, scope))
        for subject, identifiers in known_as.items():
            self._number(subject, identifiers)

    def encounters(self, identifiers: pa.Array) -> np.ndarray:
        """Return the encounter id of each source identifier, `NO_ENCOUNTER` where it is null."""
        if self._system.direct:
            return _own_encounters(identifiers, self._stays)
        if pa.types.is_integer(identifiers.type) and not self._keyed:
            filled = pc.fill_null(identifiers.cast(pa.int64()), int(NO_ENCOUNTER))
            return np.asarray(filled.to_numpy(zero_copy_only=False))
        encoded = identifiers.dictionary_encode()
        ids = [self._encounter(v) for v in encoded.dictionary.to_pylist()]
        numbers = np.array([*ids, NO_ENCOUNTER], dtype=np.int64)
        indices = pc.fill_null(encoded.indices, len(ids)).to_numpy(zero_copy_only=False)
        return np.asarray(numbers[indices])

    def encounter(self, identifier: str) -> int | None:
        """Return the id of one encounter; None: it is not among those that may be named."""
        if self._system.direct:
            stay = int(self.encounters(pa.array([identifier]))[0])
            return None if stay == NO_ENCOUNTER else stay
        return self._encounter(identifier)

    def _encounter(self, value: object) -> int:
        text = str(value)
        if not self._keyed and text.isdecimal() and len(text) < 19:
            return int(text)
        message = f"{self._site}\0encounter\0{self._system.name}\0{text}".encode()
        digest = blake2b(message, key=self._secret, digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def _number(self, value: object, also: Sequence[tuple[str, str, str]] = ()) -> int:
        """Return the registry number of one subject, known by `value` and by the others given."""
        value = int(str(value)) if self._system.integer and _is_int(value) else value
        if value in self._seen and not also:
            return self._seen[value]
        own = (self._system.name, str(value), "site")
        identifiers = [(self._hash(*one), one) for one in dict.fromkeys([own, *also])]
        subject_id, found = self._meant(value, identifiers)
        if FORGOTTEN in found or self._is_forgotten(subject_id):
            subject_id = FORGOTTEN
        self.conflicts += len({*found, subject_id}) > 1
        self._move_samples(identifiers, subject_id)
        for hashed, (system, _, scope) in identifiers:
            if hashed not in self._known:
                self._known[hashed] = subject_id
                site = self._site if scope == "site" else ""
                self.new_rows.append((hashed, system, site, subject_id))
                if self._systems is not None:
                    self._systems.add((system, site))
        if self.watch is not None:
            for _, (system, text, _) in identifiers:
                self.watch(system, text, subject_id)
        number = _REFUSED if subject_id == FORGOTTEN else self.registry.add(subject_id)
        self._seen[value] = number
        return number

    def _meant(
        self, value: object, identifiers: Sequence[tuple[bytes, tuple[str, str, str]]]
    ) -> tuple[int, list[int]]:
        """Return the subject that identifiers mean, and all that they are known to lead to.

        The name of a sample says who somebody is only where nothing else does: a corrected sheet
        gives the sample to another, and does not make the two one person.
        """
        known = self._known
        firm = [(h, one) for h, one in identifiers if one[0] != SAMPLE or one[2] != "site"]
        found = [known[h] for h, _ in firm if h in known]
        if not found:
            found = [known[h] for h, _ in identifiers if h in known]
            if FORGOTTEN in found:
                return FORGOTTEN, [FORGOTTEN]
            if firm and found and self._is_recorded(found[0]):
                system, text, _ = firm[0][1]
                own = (system, text) == (self._system.name, str(value))
                return self._new_id(value) if own else self._derived_id(system, text), []
            found = found[:1] if firm else found
        return (found[0] if found and self._keyed else self._new_id(value)), found

    def _move_samples(
        self, identifiers: Sequence[tuple[bytes, tuple[str, str, str]]], subject_id: int
    ) -> None:
        """Give samples that were another's to the one who is now told to have given them."""
        for hashed, (system, text, scope) in identifiers:
            before = self._known.get(hashed)
            if (system, scope) != (SAMPLE, "site") or before in (None, subject_id, FORGOTTEN):
                continue
            if subject_id != FORGOTTEN:
                self.moved.add(hashed, self.sample_key(text), before, subject_id)
                self._known[hashed] = subject_id

    def _is_recorded(self, subject_id: int) -> bool:
        """Say whether a subject is known by more than names of samples."""
        if self._recorded is None:
            state = self._base.tables.get("linkage")
            files = state.files if state else ()
            columns = ["system", "subject_id"]
            stored = (read_parquet(self._lake, file.path, columns) for file in files)
            self._recorded = Recorded(stored, self.new_rows)
        return subject_id in self._recorded

    def known_as(self, value: str, system: str = "") -> set[int]:
        """Return the subjects an identifier names: in one system, or in all this site knows.

        `FORGOTTEN` is among them where it names one that was forgotten.
        """
        if self._systems is None:
            self._systems = _load_systems(self._lake, self._base)
            self._systems |= {(row[1], row[2]) for row in self.new_rows}
        found = set()
        for name, site in self._systems:
            if site in ("", self._site) and system in ("", name):
                held = self._known.get(self._hash(name, value, "site" if site else "global"))
                if held is not None:
                    found.add(FORGOTTEN if self._is_forgotten(held) else held)
        return found

    def number_of(self, value: str, system: str) -> int | None:
        """Return the registry number of an identifier's subject, made new where unknown.

        -1: forgotten. None: the lake keeps its source's ids, and this can be none of them.
        """
        if system == self._system.name and not self._system.direct:
            if not self._keyed and not (system and _is_int(value)):
                return None
            return self._number(value)
        if not self._keyed:
            return None
        hashed = self._hash(system, value, "site")
        subject_id = self._known.get(hashed)
        if subject_id is None:
            subject_id = self._derived_id(system, value)
            subject_id = FORGOTTEN if self._is_forgotten(subject_id) else subject_id
            self._known[hashed] = subject_id
            self.new_rows.append((hashed, system, self._site, subject_id))
            if self.watch is not None:
                self.watch(system, value, subject_id)
        return _REFUSED if subject_id == FORGOTTEN else self.registry.add(subject_id)

    def waiting_key(self, site: str, value: str, system: str = "") -> str:
        """Return the key under which an asset waits for its identifier to become known."""
        message = f"{site}\0{value}\0{system}".encode()
        return blake2b(message, key=self._secret, digest_size=16, person=b"waiting").hexdigest()

    def either(self, subjects: Iterable[int]) -> str:
        """Return the mark of an asset whose identifier names these subjects, `FORGOTTEN` or not."""
        return either_mark(self._secret, subjects)

    def source_key(self, key: str) -> str:
        """Return the keyed hash of a source's own name of an asset."""
        message = f"{self._site}\0{key}".encode()
        return blake2b(message, key=self._secret, digest_size=16, person=b"source").hexdigest()

    def sample_key(self, name: str) -> str:
        """Return the keyed hash of what a file calls one of its samples."""
        message = f"{self._site}\0{name}".encode()
        return blake2b(message, key=self._secret, digest_size=16, person=b"sample").hexdigest()

    def _is_forgotten(self, subject_id: int) -> bool:
        """Say whether a subject was forgotten under an identifier of another site."""
        return self.forgets and tombstone(self._secret, subject_id) in self._known

    def is_forgotten_content(self, asset: str, hashes: Iterable[str]) -> bool:
        """Say whether an asset, or any file's SHA-256, was a forgotten subject's alone."""
        if not self.forgets:
            return False
        marks = content_tombstones(self._secret, [asset], hashes)
        return not self._known.keys().isdisjoint(marks)

    def _hash(self, system: str, value: str, scope: str) -> bytes:
        site = self._site if scope == "site" else ""
        return hmac.digest(self._secret, f"{site}\0{system}\0{value}".encode(), "sha256")[:16]

    def _new_id(self, value: object) -> int:
        if not self._keyed:
            subject_id = int(str(value))
            if subject_id == FORGOTTEN:
                raise DataRefused(
                    "a subject id is the least 64-bit integer, which stands for forgotten subjects",
                    next="Give that subject another id in the source.",
                )
            return subject_id
        return self._derived_id(self._system.name, value)

    def _derived_id(self, system: str, value: object) -> int:
        message = f"subject\0{self._site}\0{system}\0{value}".encode()
        return int.from_bytes(hmac.digest(self._secret, message, "sha256")[:8], "big") >> 1

    def new_table(self) -> pa.Table:
        rows = [(h, *where, self.moved.now(h, subject)) for h, *where, subject in self.new_rows]
        columns: Iterable[Sequence[object]] = zip(*rows, strict=True)
        return pa.table(dict(zip(SCHEMA.names, columns, strict=True)), schema=SCHEMA)


def either_mark(secret: bytes, subjects: Iterable[int]) -> str:
    """Return what tells, without naming them, which subjects an asset may be of."""
    marks = {"forgotten" if s == FORGOTTEN else tombstone(secret, s).hex() for s in subjects}
    return EITHER + ",".join(sorted(marks))


def tombstone(secret: bytes, subject_id: int) -> bytes:
    """Return the identifier that stands for a forgotten subject itself."""
    return hmac.digest(secret, f"forgotten\0{subject_id}".encode(), "sha256")[:16]


def content_tombstones(
    secret: bytes, assets: Iterable[str], hashes: Iterable[str]
) -> Iterator[bytes]:
    """Yield what stands for assets, and for the content of files, of forgotten subjects.

    An asset of one file has that file's hash as its id: the two are told apart all the same.
    """
    for kind, texts in (("asset", assets), ("file", hashes)):
        for text in texts:
            yield hmac.digest(secret, f"forgotten {kind}\0{text}".encode(), "sha256")[:16]


def _is_int(value: object) -> bool:
    return str(value).removeprefix("-").isdecimal()


def _load_systems(lake: Lake, base: Commit) -> set[tuple[str, str]]:
    """Return every (system, site) of which the lake knows identifiers; global ones have no site."""
    found: set[tuple[str, str]] = set()
    state = base.tables.get("linkage")
    for file in state.files if state else ():
        table = read_parquet(lake, file.path, ["system", "site_id"]).group_by(["system", "site_id"])
        rows = table.aggregate([])
        found |= set(zip(rows["system"].to_pylist(), rows["site_id"].to_pylist(), strict=True))
    return found


def _held_ids(lake: Lake, base: Commit, table: str, column: str) -> np.ndarray:
    """Return the ids a table holds, ascending."""
    state = base.tables.get(table)
    parts = [
        read_parquet(lake, file.path, [column])[0].to_numpy()
        for file in (state.files if state else ())
    ]
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *parts]))


def _own_ids(identifiers: pa.Array, held: np.ndarray, what: str) -> np.ndarray:
    """Return the lake's own ids as numbers; refuse ids it does not hold."""
    if isinstance(identifiers, pa.ChunkedArray):
        identifiers = identifiers.combine_chunks()
    if pa.types.is_dictionary(identifiers.type):
        identifiers = identifiers.dictionary_decode()
    try:
        ids = np.asarray(identifiers.cast(pa.int64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        raise DataRefused(f"it names {what} by other than the lake's own ids") from None
    # `held` is ascending: a look-up of a few ids must not read all subjects of a hospital.
    place = np.searchsorted(held, ids).clip(max=max(len(held) - 1, 0))
    known = held[place] == ids if len(held) else np.zeros(len(ids), dtype=bool)
    if missing := int(np.count_nonzero(~known)):
        raise DataRefused(
            f"it names {missing} {what} that the lake does not hold",
            next="Run it again: one may have been forgotten meanwhile.",
        )
    return ids


def _own_encounters(identifiers: pa.Array, held: np.ndarray) -> np.ndarray:
    named = identifiers.is_valid().to_numpy(zero_copy_only=False)
    found = np.full(len(identifiers), NO_ENCOUNTER, dtype=np.int64)
    found[named] = _own_ids(identifiers.drop_null(), held, "encounters")
    return found


def _load_known(lake: Lake, base: Commit) -> dict[bytes, int]:
    known: dict[bytes, int] = {}
    state = base.tables.get("linkage")
    for file in state.files if state else ():
        table = read_parquet(lake, file.path, ["identifier", "subject_id"])
        known.update(zip(table[0].to_pylist(), table[1].to_pylist(), strict=True))
    return known


def read_parquet(lake: Lake, path: str, columns: list[str] | None = None) -> pa.Table:
    """Read one stored file whole, from a folder or a bucket."""
    if not lake.root.startswith("s3://"):
        return pq.ParquetFile(lake.store.uri(path)).read(columns)
    return pq.ParquetFile(pa.BufferReader(lake.store.read(path))).read(columns)


def _refuse_other_ids(subjects: SubjectSystem, base: Commit) -> None:
    if not subjects.integer:
        raise DataRefused(
            f"the lake keeps its source's subject ids; those of '{subjects.name}' are no integers",
            next="Use a lake with keyed ids: biolake init --subject-ids keyed",
        )
    held = base.settings.get(ID_SYSTEM, subjects.name)
    if held != subjects.name:
        raise DataRefused(
            f"this lake keeps the subject ids of '{held}'; ids of '{subjects.name}' could collide",
            next="Use a lake with keyed ids: biolake init --subject-ids keyed",
        )
