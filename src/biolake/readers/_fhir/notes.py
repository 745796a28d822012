"""The texts inside FHIR R4 documents and reports: each attachment is a note of the subject."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from biolake.core.assets import Facts as AssetFacts
from biolake.core.assets import FoundAsset
from biolake.core.errors import SourceUnreadable
from biolake.core.spool import Spool
from biolake.readers._fhir import values as fhir
from biolake.readers._fhir.scope import Scope
from biolake.readers._fhir.values import FieldError, Json
from biolake.text.cda import CDA_NAME, cda_note, is_cda
from biolake.text.encoding import decode
from biolake.text.notes import SURE, note_facts

WITHDRAWN = "Withdrawn by the source.\n"
_HTML = ("text/html", "application/xhtml+xml")
_RTF = ("text/rtf", "application/rtf")
_XML = ("text/xml", "application/xml", "application/hl7-v3+xml", "application/cda+xml")
_KIND = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")

FormattedNote = tuple[str, FoundAsset]  # the asset reader that opens it, and the note


class Whose(NamedTuple):
    """The subject of a resource, its encounter and its time."""

    subject: str | None
    encounter: str | None
    start: int | None


@dataclass(frozen=True)
class _Form:
    """An attachment as it is stored: the format, its file's name, its bytes and its facts."""

    format: str
    name: str
    data: bytes
    facts: AssetFacts


def read_notes(
    resource: Json, name: str, scope: Scope, whose: Whose
) -> tuple[tuple[FormattedNote, ...], tuple[str, ...]]:
    """Return the notes of a resource, and why others of its attachments are left out."""
    spool, found, left = scope.source.spool, list[FormattedNote](), list[str]()
    for number, (attachment, column) in enumerate(_attachments(resource)):
        reason = _why_not(attachment)
        form = None if reason else _form(attachment, column, resource)
        if form is None:
            left.append(f"note: {reason or 'an XML document that is no C-CDA'}")
        elif spool is not None:
            found.append((form.format, _note(resource, name, number, form, spool, whose)))
    return tuple(found), tuple(left)


def withdrawn_notes(
    kind: str, name: str, resource: Json, scope: Scope
) -> tuple[FormattedNote, ...]:
    """Return what takes the place of the notes of a resource that its source takes back.

    What it said must not be read as true any more; who asks finds that it was withdrawn.
    """
    spool, count = scope.source.spool, len(_attachments(resource))
    if spool is None or kind not in ("DocumentReference", "DiagnosticReport"):
        return ()
    facts = AssetFacts("withdrawn", shape=(len(WITHDRAWN),), attributes={"encoding": "utf-8"})
    form = _Form("note", f"{kind}{SURE}.txt", WITHDRAWN.encode(), facts)
    least = 1 if kind == "DocumentReference" else 0
    whose = Whose(None, None, None)
    return tuple(
        ("note", _note(resource | {"resourceType": kind}, name, number, form, spool, whose))
        for number in range(max(least, count))
    )


def _note(
    resource: Json, name: str, number: int, form: _Form, spool: Spool, whose: Whose
) -> FoundAsset:
    kind = resource["resourceType"]
    return FoundAsset(
        "note",
        (spool.add(form.data, f"{kind}/{form.name}"),),
        form.facts,
        source_key=f"fhir/{kind}/{name}/{number}",
        subject=whose.subject,
        encounter=whose.encounter,
        start=whose.start,
        utc_offset=0,
        listed=True,  # of one that is withdrawn the lake knows whose it was
    )


def _attachments(resource: Json) -> list[tuple[Json, str]]:
    forms = [(form, "presentedForm") for form in resource.get("presentedForm") or ()]
    contents = (content.get("attachment") or {} for content in resource.get("content") or ())
    return forms + [(attachment, "content.attachment") for attachment in contents]


def _media(attachment: Json) -> str:
    kind = str(attachment.get("contentType") or "text/plain").partition(";")[0]
    return kind.strip().lower()


def _why_not(attachment: Json) -> str:
    """Return why an attachment gives no note, or nothing."""
    if attachment.get("data") is None:
        return "only an address, no text" if attachment.get("url") else "an attachment without data"
    media = _media(attachment)
    if media.startswith("text/") or media in (*_HTML, *_RTF, *_XML):
        return ""
    return f"{media} is not read" if _KIND.fullmatch(media) else "an unknown kind of attachment"


def _form(attachment: Json, column: str, resource: Json) -> _Form | None:
    """Return an attachment as it is stored; raise `FieldError` where it is no text."""
    media, data = _media(attachment), fhir.attachment_bytes(attachment, column) or b""
    try:
        if media in _XML:
            return _cda(data) if is_cda(data) else None
        if media in _RTF:
            name = "note.rtf"
        else:
            end = "html" if media in _HTML else "txt"
            name = f"note{SURE}.{end}"
            data = decode(data, fhir.charset(attachment) or "utf-8").text.encode()
        told = note_facts(name, data)
    except SourceUnreadable as error:
        raise FieldError(f"{column}.data", error.message) from None
    language = str(attachment.get("language") or resource.get("language") or "")
    if language:
        told["attributes"]["language"] = language.lower().partition("-")[0][:8]
    concept = resource.get("type") or resource.get("code") or {}
    kind = fhir.concept_words(concept) or ""
    return _Form("note", name, data, AssetFacts(kind, **told))


def _cda(data: bytes) -> _Form:
    return _Form("ccda", CDA_NAME, data, AssetFacts(**cda_note(data).facts))
