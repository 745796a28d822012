"""The rules of a mapping that make assets: files that rows name, and notes."""

from __future__ import annotations

from biolake.core.assets import MODALITIES
from biolake.core.yaml_positions import Value
from biolake.ingest.mapping.definition import AssetRule, NoteRule
from biolake.ingest.mapping.document import expression

_NOTE_WORDS = ("text", "file", "id", "time", "when", "kind", "title", "language")


def asset_rules(block: dict[str, Value]) -> tuple[AssetRule, ...]:
    """Return the rules under `assets` of a table."""
    rules: list[AssetRule] = []
    for item in block["assets"].items() if "assets" in block else ():
        given = item.block(["name", "time", "when", "modality"], ["file"])
        name = given["name" if "name" in given else "file"].text()
        _refuse_twin(item, name, [rule.name for rule in rules], "asset")
        modality = given["modality"].choice(*MODALITIES) if "modality" in given else None
        found = {w: expression(given[w]) for w in ("file", "time", "when") if w in given}
        rules.append(AssetRule(name, where=item.where, modality=modality, **found))
    return tuple(rules)


def note_rules(block: dict[str, Value]) -> tuple[NoteRule, ...]:
    """Return the rules under `notes` of a table."""
    rules: list[NoteRule] = []
    for item in block["notes"].items() if "notes" in block else ():
        given = item.block(["name", *_NOTE_WORDS], [])
        if ("text" in given) == ("file" in given):
            item.refuse(
                "a note takes its text from 'text' or from 'file': give one of them",
                next="`text` is the column that holds it, `file` the one that names a text file.",
            )
        name = given["name"].text() if "name" in given else "note"
        _refuse_twin(item, name, [rule.name for rule in rules], "note")
        found = {word: expression(given[word]) for word in _NOTE_WORDS if word in given}
        rules.append(NoteRule(name, where=item.where, **found))
    return tuple(rules)


def _refuse_twin(item: Value, name: str, others: list[str], what: str) -> None:
    if name in others:
        item.refuse(f"two {what} rules of this table are named '{name}'")
