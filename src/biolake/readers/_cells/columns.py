"""Which columns tell the sample, the cell type, the gene's symbol and its id: only sure names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Names are compared in small letters, without blanks, dots, underscores and hyphens.
PEOPLE = (
    "donor", "donorid", "donorname", "patient", "patientid", "individual", "individualid",
    "subject", "subjectid", "participant", "participantid", "caseid", "person", "personid",
)  # fmt: skip
SAMPLES = (
    "sample", "sampleid", "samplename", "specimen", "specimenid", "biosample", "biosampleid",
    "library", "libraryid", "origident",
)  # fmt: skip
TYPES = (
    "celltype", "celltypes", "celltypename", "celltypeannotation", "celltypeontologyterm",
    "cellontologyclass", "cellannotation", "annotatedcelltype", "authorcelltype", "celllabel",
    "celltypelabel", "bulklabels", "clustername", "annotation", "annotations", "majorityvoting",
    "predictedcelltype",
)  # fmt: skip
SYMBOLS = ("featurename", "genesymbol", "genesymbols", "genename", "genenames", "symbol", "symbols")
IDS = ("geneid", "geneids", "ensemblid", "ensemblgeneid", "ensembl", "featureid", "id", "accession")
TAKEN = (
    "collectiondate", "sampledate", "samplingdate", "dateofcollection", "samplecollectiondate",
)  # fmt: skip
_ENSEMBL = r"^ENS[A-Z]*G\d{11}(?:\.\d+)?$"
_NOBODY = ("", "na", "nan", "none", "null", "unknown", "unassigned", "doublet", "multiplet")
_UNTYPED = ("", "na", "nan", "none", "null", "unknown", "unassigned")
_DEFAULT = "SeuratProject"  # what Seurat writes where nobody named the sample
_MOST_SAMPLES = 10_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the file's own clock


@dataclass(frozen=True)
class Samples:
    """Whose the cells are: one name a sample, the sample of each cell, and the columns that say."""

    names: tuple[str, ...]
    of_cell: np.ndarray  # int32, -1: of none
    columns: tuple[str, ...]
    note: str = ""


def named(table: pa.Table, names: Iterable[str]) -> Iterator[str]:
    """Yield the columns of these names, in the order of the names."""
    plain = {column: re.sub(r"[\s._-]+", "", column.lower()) for column in table.column_names[1:]}
    for name in names:
        yield from (column for column, each in plain.items() if each == name)


def texts_of(table: pa.Table, column: str) -> np.ndarray:
    """Return a column as str, without blanks around; empty where it says nothing."""
    encoded = words_of(table, column)
    words = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    return np.asarray(words[encoded.indices.to_numpy()]) if len(words) else words


def words_of(table: pa.Table, column: str) -> pa.DictionaryArray:
    """Return a column as its different words, in the order in which they first come."""
    values = table[column].combine_chunks()
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    plain = pc.utf8_trim_whitespace(pc.fill_null(values.cast(pa.string()), ""))
    return plain.dictionary_encode()


def samples_of(obs: pa.Table) -> Samples:
    """Tell the samples of a file from its columns, or that it does not surely say.

    A person's name goes before a sample's; where a sample column parts a person's cells, each part
    is a sample of that person. Two columns of one rank that part the cells otherwise than each
    other say nothing surely.
    """
    people, unsure = _agreed(obs, PEOPLE)
    taken, unclear = _agreed(obs, SAMPLES)
    if unsure or (not people and unclear):
        which = " and ".join(f"'{each}'" for each in (unsure or unclear))
        return _none(obs, f"the columns {which} do not agree on whose the cells are")
    if people is None:
        return _none(obs) if taken is None else _grouped(obs, taken, taken)
    finer = taken is not None and _parts(people[1], taken[1])
    return _grouped(obs, people, taken if finer and taken is not None else people)


_Column = tuple[str, np.ndarray]  # its name, and the number of each cell's value; -1: none


def _agreed(obs: pa.Table, names: tuple[str, ...]) -> tuple[_Column | None, list[str]]:
    """Return the first of these columns, or which two part the cells in different ways."""
    first: _Column | None = None
    for column in named(obs, names):
        found = (column, _numbered(words_of(obs, column)))
        distinct = int(found[1].max(initial=-1)) + 1
        if not distinct or not _plausible(obs, column, distinct):
            continue
        if first is None:
            first = found
        elif not (_parts(first[1], found[1]) and _parts(found[1], first[1])):
            return None, [first[0], column]
    return first, []


def _plausible(obs: pa.Table, column: str, distinct: int) -> bool:
    """Say whether so many names can be samples: not one a cell, not Seurat's word for none."""
    if distinct == 1 and _DEFAULT in words_of(obs, column).dictionary.to_pylist():
        return False
    return distinct <= _MOST_SAMPLES and (distinct == 1 or distinct * 2 <= len(obs))


def _numbered(encoded: pa.DictionaryArray) -> np.ndarray:
    """Number values in the order in which they first come; -1 where there is none."""
    words = encoded.dictionary.to_pylist()
    place, kept = [], 0
    for word in words:
        place.append(-1 if word.lower() in _NOBODY else kept)
        kept += place[-1] >= 0
    numbers = np.array([*place, -1], dtype=np.int32)
    return np.asarray(numbers[encoded.indices.to_numpy()])


def _parts(whole: np.ndarray, part: np.ndarray) -> bool:
    """Say whether all cells of one part are of one whole."""
    both = np.unique(np.column_stack([part, whole]), axis=0)
    return len(np.unique(both[:, 0])) == len(both)


def _grouped(obs: pa.Table, people: _Column, taken: _Column) -> Samples:
    """Make one sample of each value of `taken`, named as `people` names its cells."""
    of_cell = np.where((people[1] >= 0) & (taken[1] >= 0), taken[1], -1).astype(np.int32)
    present, first, of_cell_new = np.unique(of_cell, return_index=True, return_inverse=True)
    none = int(len(present) > 0 and present[0] == -1)
    words = texts_of(obs, people[0])
    names = tuple(str(words[row]) for row in first[none:])
    columns = tuple(dict.fromkeys((people[0], taken[0])))
    return Samples(names, (of_cell_new.reshape(-1) - none).astype(np.int32), columns)


def _none(obs: pa.Table, note: str = "") -> Samples:
    return Samples((), np.full(len(obs), -1, dtype=np.int32), (), note)


def cell_types(obs: pa.Table) -> tuple[str, np.ndarray] | None:
    """Return the column that tells cell types, and each cell's; empty where it says none."""
    for column in named(obs, TYPES):
        if pa.types.is_floating(obs[column].type):
            continue
        found = texts_of(obs, column)
        missing = np.array([word.lower() in _UNTYPED for word in found], dtype=bool)
        distinct = len(set(found[~missing]))
        if distinct and distinct <= max(2, len(found) // 2):
            return column, np.where(missing, "", found)
    return None


def symbols_and_ids(var: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the symbols of the features, and their ids: empty where the file has none."""
    names = texts_of(var, var.column_names[0])
    column = next(named(var, SYMBOLS), None)
    if column is not None and _are_ids(names):
        symbols = texts_of(var, column)
        return np.where(symbols == "", names, symbols).astype(object), names
    ids = next(named(var, IDS), None)
    if ids is None:
        return names, (names if _are_ids(names) else np.full(len(names), "", dtype=object))
    return names, texts_of(var, ids)


def _are_ids(names: np.ndarray) -> bool:
    found = pc.match_substring_regex(pa.array(names.tolist(), pa.string()), _ENSEMBL)
    return len(names) > 0 and 2 * int(pc.sum(found).as_py() or 0) > len(names)


def times_of(obs: pa.Table, samples: Samples) -> list[int | None]:
    """Return when each sample was taken, where a column says one date for all of its cells."""
    times: list[int | None] = [None] * max(1, len(samples.names))
    column = next(named(obs, TAKEN), None)
    if column is None:
        return times
    texts = texts_of(obs, column)
    of_cell = samples.of_cell if samples.names else np.zeros(len(texts), dtype=np.int32)
    for number in range(len(times)):
        said = set(texts[of_cell == number])
        times[number] = _moment(said.pop()) if len(said) == 1 else None
    return times


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None or len(text) < 10:
        return None
    return round((moment - _EPOCH).total_seconds() * 1e6)
