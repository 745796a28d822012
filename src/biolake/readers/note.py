"""Clinical notes in text files, and those that tables and messages hold: plain text, HTML, RTF."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import SourceUnreadable
from biolake.core.media import Note
from biolake.core.reading import SourceFile
from biolake.text.notes import SUFFIXES, note_facts, note_of

# A text may be anything. In a folder of this name it is a note; elsewhere a mapping must say so.
FOLDERS = frozenset({"notes", "clinical_notes", "clinical-notes"})
_LARGEST = 64 << 20
_ABOUT = ("readme", "license", "licence", "changelog")  # what comes with a folder


def claims(name: str, head: bytes) -> bool:
    """Take text files that lie in a folder called `notes`, however deep below it."""
    path = PurePosixPath(name.lower())
    inside = bool(head) and not FOLDERS.isdisjoint(path.parts[:-1])
    return inside and path.suffix in SUFFIXES and not path.name.startswith(_ABOUT)


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each file and say how long it is; whose it is, a mapping's list of files says.

    The same words in two files are two notes. A file of the same name and other words is another
    note: the next delivery may number its files anew.
    """
    for file in files:
        try:
            if file.path.stat().st_size > _LARGEST:
                raise SourceUnreadable(f"it is larger than {_LARGEST >> 20} MB: it is no note")
            data = file.path.read_bytes()
            facts = note_facts(file.name, data)
        except SourceUnreadable as error:
            yield UnreadableFile(file, error.message)
            continue
        key = f"file/{file.name}/{hashlib.sha256(data).hexdigest()}"
        yield FoundAsset("note", (file,), Facts(**facts), source_key=key)


@asset_reader("Clinical notes (text, HTML, RTF)", claims=claims, find=find)
def note(content: Content) -> Note:
    """Open a note: its text, as it was written.

    Plain text keeps its line ends (CRLF too) and loses only a byte order mark. HTML and RTF are
    rendered: lines, items, cells. The encoding is found by rules that refuse what is not sure
    (`biolake.text.encoding`). Spans count characters of this text. Raises `SourceUnreadable`.
    """
    name = content.names[0]
    try:
        return note_of(name, content.read(name))
    except SourceUnreadable as error:
        error.where = error.where or name
        raise
