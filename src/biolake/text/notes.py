"""A note from the bytes of its file: plain text, HTML or RTF, told by the file's name."""

from __future__ import annotations

from typing import Any

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Note
from biolake.text.encoding import Decoded, decode
from biolake.text.html import html_text
from biolake.text.rtf import rtf_text

SUFFIXES = frozenset({".txt", ".text", ".md", ".html", ".htm", ".rtf"})
# How the texts of tables and messages are named: they are UTF-8 for sure, whatever they look like.
SURE = ".utf8"


def note_of(name: str, data: bytes) -> Note:
    """Return the note that a file's bytes are; raise `SourceUnreadable` where they are no text."""
    return _opened(name, data)[0]


def note_facts(name: str, data: bytes) -> dict[str, Any]:
    """Return what the index says of a note: the fields of `core.assets.Facts`.

    Raises `SourceUnreadable` where the bytes are no text, or hold none.
    """
    note, encoding = _opened(name, data)
    if not note.text.strip():
        raise SourceUnreadable("it holds no text")
    return {"shape": (len(note.text),), "attributes": {"encoding": encoding}}


def _opened(name: str, data: bytes) -> tuple[Note, str]:
    end = name.lower()
    if end.endswith(".rtf"):
        return Note(rtf_text(data)), "rtf"
    found = _plain(data) if SURE in end[-12:] else decode(data)
    if end.endswith((".html", ".htm")):
        text, title = html_text(found.text)
        return Note(text, title=title), found.encoding
    return Note(found.text), found.encoding


def _plain(data: bytes) -> Decoded:
    try:
        return Decoded(data.decode(), "utf-8")
    except UnicodeDecodeError as error:
        raise SourceUnreadable(f"a byte at {error.start} is no UTF-8 text") from None
