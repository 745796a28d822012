"""HL7 clinical documents (CDA R2, C-CDA): their narrative as plain text, section by section."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from xml.etree.ElementTree import Element

from biolake.core.errors import SourceUnreadable
from biolake.core.hl7_v3 import Moment, moment, parse
from biolake.core.media import Note
from biolake.text.encoding import decode
from biolake.text.html import Lines, html_text
from biolake.text.rtf import rtf_text

CDA_NAME = "document.xml"
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*:)?ClinicalDocument[\s>]")
# LOINC codes of documents and of sections (C-CDA R2.1, its value sets), in our own words.
_KINDS = {
    "34133-9": "summary of care", "18842-5": "discharge summary", "11488-4": "consultation note",
    "34117-2": "history and physical", "11506-3": "progress note", "28570-0": "procedure note",
    "57133-1": "referral note", "18748-4": "radiology report", "11504-8": "operative note",
    "34746-8": "nursing note", "52521-2": "care plan", "18761-7": "transfer summary",
    "11502-2": "laboratory report", "11526-1": "pathology report",
}  # fmt: skip
_SECTIONS = {
    "10154-3": "chief_complaint", "46239-0": "chief_complaint", "29299-5": "chief_complaint",
    "10164-2": "history_of_present_illness", "11348-0": "past_medical_history",
    "47519-4": "procedures", "10167-5": "past_surgical_history", "10157-6": "family_history",
    "29762-2": "social_history", "48765-2": "allergies", "10160-0": "medications",
    "42346-7": "medications", "29549-3": "medications", "10183-2": "discharge_medications",
    "75311-1": "discharge_medications", "11369-6": "immunizations", "10187-3": "review_of_systems",
    "8716-3": "vital_signs", "29545-1": "physical_exam", "10210-3": "physical_exam",
    "10184-0": "physical_exam", "30954-2": "results", "18782-3": "findings",
    "59776-5": "findings", "19005-8": "impression", "51848-0": "assessment_and_plan",
    "51847-2": "assessment_and_plan", "18776-5": "plan", "11450-4": "problems",
    "46241-6": "admission_diagnosis", "11535-2": "discharge_diagnosis",
    "8648-8": "hospital_course", "47420-5": "functional_status", "8653-8": "follow_up",
}  # fmt: skip
_BLOCKS = ("paragraph", "table", "tr", "list", "item", "caption", "footnote", "text", "title")
_UNSEEN = ("renderMultiMedia", "footnoteRef")


@dataclass(frozen=True)
class Cda:
    """A clinical document read: its note, whose it is, and when it was written."""

    note: Note
    attributes: dict[str, Any]
    subject: str | None = None
    system: str = ""
    encounter: str | None = None
    written: Moment | None = None
    key: str = ""  # the document's own name, the same for all its versions
    version: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """The fields of `core.assets.Facts`; the title only where it names nobody."""
        shape = (len(self.note.text),)
        return {"kind": self.note.kind, "shape": shape, "attributes": self.attributes}


def is_cda(head: bytes) -> bool:
    """Say whether some XML begins as a clinical document does."""
    return bool(_ROOT.search(head.replace(b"\0", b"")[: 1 << 16]))


def cda_note(data: bytes) -> Cda:
    """Return what a clinical document says; `SourceUnreadable` where it cannot be read.

    Of the narrative blocks only: coded entries repeat them, and are not read. What is marked as
    deleted is left out.
    """
    root = parse(data)
    if root.tag != "ClinicalDocument":
        raise SourceUnreadable("the XML is no clinical document")
    note = _note(root)
    if not note.text.strip():
        raise SourceUnreadable("the document holds no text")
    attributes: dict[str, Any] = {"sections": len(note.sections)}
    if note.language:
        attributes["language"] = note.language
    if note.title and not _names_somebody(root, note.title):
        attributes["title"] = note.title
    patient = root.findall("recordTarget/patientRole/id")
    subject, system = _identified(patient)
    encounter, _ = _identified(root.findall("componentOf/encompassingEncounter/id"))
    time = root.find("effectiveTime")
    return Cda(
        note,
        attributes,
        subject,
        system,
        encounter,
        moment(time.get("value")) if time is not None else None,
        _key(root, f"{system}/{subject or ''}"),
        _version(root),
    )


def _note(root: Element) -> Note:
    code = root.find("code")
    kind = ""
    if code is not None:
        kind = _KINDS.get(code.get("code") or "", code.get("displayName") or "")
    title = " ".join("".join(_texts(root.find("title"))).split())
    spoken = root.find("languageCode")
    language = (spoken.get("code") or "") if spoken is not None else ""
    note = Note("", kind, title, language.lower().partition("-")[0])
    plain = root.find("component/nonXMLBody/text")
    if plain is not None:
        return replace(note, text=_plain_body(plain))
    lines, sections = Lines(), list[tuple[str, int, int]]()
    for section in root.findall("component/structuredBody/component/section"):
        _section(section, lines, sections)
    return replace(note, text=lines.text(), sections=tuple(sections))


def _plain_body(body: Element) -> str:
    """Return the text of a body that is no XML: plain text, HTML or RTF in base64."""
    kind = (body.get("mediaType") or "text/plain").partition(";")[0].strip().lower()
    text = "".join(_texts(body))
    if (body.get("representation") or "TXT") != "B64":
        return text
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SourceUnreadable("the body is not base64") from None
    if kind in ("text/rtf", "application/rtf"):
        return rtf_text(data)
    if kind == "text/html":
        return html_text(decode(data).text)[0]
    if kind.startswith("text/"):
        return decode(data).text
    raise SourceUnreadable("the body is no text (a scan or a PDF)")


def _section(section: Element, lines: Lines, sections: list[tuple[str, int, int]]) -> None:
    """Write a section's title and text, then those inside it; each has its own part."""
    lines.finish()
    start = lines.size
    title = " ".join("".join(_texts(section.find("title"))).split())
    if title:
        lines.add(title)
        lines.end()
    text = section.find("text")
    if text is not None:
        _narrative(text, lines)
        lines.finish()
    code = section.find("code")
    known = _SECTIONS.get(code.get("code") or "", "") if code is not None else ""
    if lines.size > start:
        kind = known or re.sub(r"\W+", "_", title.lower()).strip("_") or "section"
        sections.append((kind, start, lines.size))
    for inner in section.findall("component/section"):
        _section(inner, lines, sections)


def _narrative(element: Element, lines: Lines) -> None:
    """Write a narrative block as plain lines: rows with tabs, items with a dash."""
    if element.tag in _UNSEEN or element.get("revised") == "delete":
        return
    if element.tag == "item":
        lines.item()
    elif element.tag in _BLOCKS:
        lines.end()
    if element.tag == "tr":
        _row(element, lines)
        return
    lines.add(element.text or "")
    for child in element:
        if child.tag == "br":
            lines.end()
        else:
            _narrative(child, lines)
        lines.add(child.tail or "")
    if element.tag in _BLOCKS:
        lines.end()


def _row(row: Element, lines: Lines) -> None:
    """Write a row of a table on one line: whatever its cells hold."""
    for number, cell in enumerate(each for each in row if each.tag in ("td", "th")):
        if number:
            lines.cell()
        inside = Lines()
        _narrative(cell, inside)
        lines.add(" ".join(inside.text().split()))
    lines.end()


def _texts(element: Element | None) -> Iterator[str]:
    """Yield what an element says, without what is marked as deleted."""
    if element is None or element.tag in _UNSEEN or element.get("revised") == "delete":
        return
    yield element.text or ""
    for child in element:
        yield from _texts(child)
        yield child.tail or ""


def _identified(ids: list[Element]) -> tuple[str | None, str]:
    """Return the first identifier that has a number of its own, and who issued it."""
    for each in ids:
        root, number = each.get("root") or "", (each.get("extension") or "").strip()
        if number and not each.get("nullFlavor"):
            return number, f"urn:oid:{root}" if re.fullmatch(r"[\d.]+", root) else root
    for each in ids:
        if each.get("root") and not each.get("nullFlavor"):
            return each.get("root"), ""
    return None, ""


def _key(root: Element, patient: str) -> str:
    """Return the name of a document's set of versions, or its own.

    Careless systems give one to the documents of several patients: it holds for one alone.
    """
    for name in ("setId", "id"):
        found = root.find(name)
        if found is not None and found.get("root"):
            return f"cda/{found.get('root')}/{found.get('extension') or ''}/{patient}"
    return ""


def _version(root: Element) -> int:
    found = root.find("versionNumber")
    number = (found.get("value") or "") if found is not None else ""
    return int(number[:9]) if number.isascii() and number.isdigit() else 0


def _names_somebody(root: Element, title: str) -> bool:
    """Say whether a title holds a part of the patient's name."""
    words = set(re.findall(r"\w+", title.lower()))
    return any(
        part in words
        for name in root.findall("recordTarget/patientRole/patient/name")
        for part in re.findall(r"\w+", " ".join(_texts(name)).lower())
    )
