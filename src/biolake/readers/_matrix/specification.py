"""`molecular.yaml`: which tables of a folder hold what, and which side of a matrix has samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from biolake.core.errors import DataRefused
from biolake.core.yaml_positions import Document, Value, parse_document

KINDS = ("expression", "cna", "cna_log2", "mutation", "methylation", "protein")
SIDES = ("rows", "columns", "detect")
_PREFIXES = {
    "expression": "EXPRESSION", "cna": "CNA", "cna_log2": "CNA_LOG2", "mutation": "MUTATION",
    "methylation": "METHYLATION", "protein": "PROTEIN",
}  # fmt: skip


class MolecularInvalid(DataRefused):
    """A `molecular.yaml` says something that has no meaning."""

    code = "molecular_invalid"


@dataclass(frozen=True)
class Matrix:
    """One file of numbers, samples × features or the other way round."""

    file: str
    kind: str
    scale: str
    samples: str
    ignore: tuple[str, ...]
    optional: bool

    def code(self, feature: str) -> str:
        """Return the code of a feature; of a mutation matrix the gene alone, its value 0 or 1."""
        return "//".join(word for word in (_PREFIXES[self.kind], feature, self.scale) if word)


@dataclass(frozen=True)
class Subjects:
    """The table with one row a subject: who they are, and what became of them."""

    file: str
    id: str
    age: str = ""  # years at diagnosis
    female: tuple[str, str, str] | None = None  # column, what stands for female, for male
    months: str = ""  # of follow-up
    days: str = ""
    dead: tuple[str, str] | None = None  # column, what stands for dead
    alive: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  # column → first word of its codes


@dataclass(frozen=True)
class Numbers:
    """A small table with a number a subject, true at any time: folds, batches."""

    file: str
    id: str
    columns: Mapping[str, str]  # column → code
    optional: bool


@dataclass(frozen=True)
class Samples:
    """The sheet with one row a sample: when it was taken, and whose it is."""

    file: str
    id: str
    time: str
    subject: str = ""  # column of another identifier of the same person
    system: str = ""  # the system that identifier is of


@dataclass(frozen=True)
class Specification:
    """A whole folder."""

    name: str
    subjects: Subjects | None
    numbers: tuple[Numbers, ...]
    matrices: tuple[Matrix, ...]
    samples: Samples | None = None
    folder_code: str = ""  # first word of a code that holds the folder's name


def read_specification(path: Path) -> Specification:
    """Read a `molecular.yaml`; a wrong word is refused with its line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise MolecularInvalid("not UTF-8 text", where=path.name) from None
    root = parse_document(text, Document(path.name, "molecular tables", MolecularInvalid))
    may = ("subjects", "samples", "numbers", "matrices", "folder", "origin")
    found = root.block(may, ("name",))
    _check_times(root, found)
    matrices = tuple(_matrix(item) for item in _items(found, "matrices"))
    subjects = _subjects(found["subjects"]) if "subjects" in found else None
    if not matrices and subjects is None:
        root.refuse("it names neither subjects nor matrices")
    return Specification(
        found["name"].text(),
        subjects,
        tuple(_numbers(item) for item in _items(found, "numbers")),
        matrices,
        _samples(found["samples"]) if "samples" in found else None,
        found["folder"].text() if "folder" in found else "",
    )


def _check_times(root: Value, found: Mapping[str, Value]) -> None:
    """Refuse matrices of which nobody can say when they became known."""
    if "origin" in found:
        found["origin"].choice("diagnosis")
    if ("origin" in found) == ("samples" in found):
        root.refuse(
            "it must say when samples were taken, and in one way",
            next="Name a sheet under `samples:` with a `time`; or, where a source has no dates,"
            " say `origin: diagnosis`: all is then laid on the made-up day 0 of each subject.",
        )
    if "samples" in found and "subjects" in found:
        found["subjects"].refuse(
            "`subjects` counts from the diagnosis and `samples` has dates: give one of them",
            next="Load the table of subjects by a mapping of its own.",
        )


def _samples(value: Value) -> Samples:
    found = value.block(("subject", "system"), ("file", "id", "time"))
    if ("subject" in found) != ("system" in found):
        value.refuse("`subject` is an identifier, and `system` says of which kind: give both")
    words = [found[name].text() if name in found else "" for name in ("subject", "system")]
    return Samples(_name(found["file"]), found["id"].text(), found["time"].text(), *words)


def _matrix(value: Value) -> Matrix:
    found = value.block(("scale", "samples", "ignore", "optional"), ("file", "kind"))
    kind = found["kind"].choice(*KINDS)
    scale = found["scale"].text() if "scale" in found else ""
    if kind in ("expression", "protein") and not scale:
        value.refuse("expression and protein need a `scale`: zscore, tpm, counts, log2 …")
    if "//" in scale:
        found["scale"].refuse("a scale is one word")
    return Matrix(
        _name(found["file"]),
        kind,
        scale,
        found["samples"].choice(*SIDES) if "samples" in found else "detect",
        tuple(item.text() for item in _items(found, "ignore")),
        "optional" in found and found["optional"].flag(),
    )


def _subjects(value: Value) -> Subjects:
    may = ("age", "sex", "months", "days", "dead", "facts")
    found = value.block(may, ("file", "id"))
    if "months" in found and "days" in found:
        found["days"].refuse("follow-up is in `months` or in `days`, not in both")
    if ("dead" in found) != ("months" in found or "days" in found):
        value.refuse("follow-up needs a length (`months` or `days`) and `dead`")
    dead, alive, female = None, "", None
    if "dead" in found:
        said = found["dead"].block((), ("column", "dead", "alive"))
        dead, alive = (said["column"].text(), said["dead"].text()), said["alive"].text()
    if "sex" in found:
        said = found["sex"].block((), ("column", "female", "male"))
        female = (said["column"].text(), said["female"].text(), said["male"].text())
    return Subjects(
        _name(found["file"]),
        found["id"].text(),
        age=found["age"].text() if "age" in found else "",
        female=female,
        months=found["months"].text() if "months" in found else "",
        days=found["days"].text() if "days" in found else "",
        dead=dead,
        alive=alive,
        facts=_pairs(found["facts"]) if "facts" in found else {},
    )


def _numbers(value: Value) -> Numbers:
    found = value.block(("optional",), ("file", "id", "columns"))
    optional = "optional" in found and found["optional"].flag()
    return Numbers(_name(found["file"]), found["id"].text(), _pairs(found["columns"]), optional)


def _pairs(value: Value) -> dict[str, str]:
    return {key.text(): code.text() for key, code in value.entries()}


def _items(found: Mapping[str, Value], name: str) -> list[Value]:
    return list(found[name].items()) if name in found else []


def _name(value: Value) -> str:
    name = value.text()
    if Path(name).is_absolute() or ".." in Path(name).parts:
        value.refuse("a file of this folder, without `..`")
    return name
