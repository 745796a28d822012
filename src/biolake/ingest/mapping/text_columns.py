"""Which columns of a table look as if they held notes, or named the files that do."""

from __future__ import annotations

from biolake.core.reading import SourceFile
from biolake.ingest.mapping.assets import SourceNames
from biolake.text.notes import SUFFIXES

_LONG = 200  # characters of a text that is more than a remark


def is_note(values: list[str]) -> bool:
    """Say whether values are whole texts: long ones, or of several lines, by most of them."""
    whole = sum(len(value) >= _LONG or value.count("\n") > 1 for value in values)
    return whole > 0.5 * len(values)


def text_folders(values: list[str], table: SourceFile, names: SourceNames) -> set[str]:
    """Return the folders of the text files that every value names; nothing if one names none."""
    folder = table.name.rpartition("/")[0]
    found = [names.text_file(folder, name, SUFFIXES) for name in values]
    return {file.name.rpartition("/")[0] for file in found if file} if all(found) else set()
