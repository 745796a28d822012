"""HL7 clinical documents (CDA R2, C-CDA) in XML: the narrative of all sections as one note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Note
from biolake.core.reading import SourceFile
from biolake.text.cda import Cda, cda_note, is_cda

_SUFFIXES = (".xml", ".cda", ".ccd", ".ccda")
_LARGEST = 64 << 20
_OLDER = "a later version of this document is in the source"
_UNDATED = "the document does not say when it was written"


def claims(name: str, head: bytes) -> bool:
    """Take XML files that begin as a clinical document does."""
    return name.lower().endswith(_SUFFIXES) and is_cda(head)


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each document whole: whose it is, when it was written, and how much it says.

    Of the versions of a document (one `setId`) the latest is taken.
    """
    latest: dict[str, tuple[tuple[int, int], FoundAsset]] = {}
    for file in files:
        try:
            if file.path.stat().st_size > _LARGEST:
                raise SourceUnreadable(f"the document is larger than {_LARGEST >> 20} MB")
            cda = cda_note(file.path.read_bytes())
        except BiolakeError as error:
            yield UnreadableFile(file, error.message)
            continue
        found, rank = _found(file, cda), (cda.version, cda.written.at if cda.written else 0)
        if not cda.key:
            yield found
            continue
        other = latest.setdefault(cda.key, (rank, found))
        if other[1] is found:
            continue
        if rank >= other[0]:
            latest[cda.key] = (rank, found)
        yield UnreadableFile((other[1] if rank >= other[0] else found).files[0], _OLDER)
    for _, found in latest.values():
        yield found


def _found(file: SourceFile, cda: Cda) -> FoundAsset:
    written = cda.written
    return FoundAsset(
        "note",
        (file,),
        Facts(**cda.facts),
        source_key=cda.key,
        subject=cda.subject,
        system=cda.system,
        encounter=cda.encounter,
        start=written.written if written else None,
        utc_offset=written.offset if written else None,
        notes=() if written else (_UNDATED,),
    )


@asset_reader("HL7 clinical documents (CDA, C-CDA)", claims=claims, find=find)
def ccda(content: Content) -> Note:
    """Open a clinical document: the narrative of its sections as plain text.

    Rows of tables are lines with tabs, items of lists begin with a dash. `sections` are those of
    the document, by LOINC code. Coded entries are not read. Source: HL7 CDA Release 2, C-CDA
    R2.1. Raises `SourceUnreadable`.
    """
    name = content.names[0]
    try:
        return cda_note(content.read(name)).note
    except SourceUnreadable as error:
        error.where = error.where or name
        raise
