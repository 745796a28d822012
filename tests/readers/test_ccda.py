"""Clinical documents in XML: their narrative, whose they are, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.assets import FileContent, FoundAsset, UnreadableFile
from biolake.core.errors import SourceUnreadable
from biolake.core.media import Note
from biolake.readers.ccda import ccda
from biolake.testing.asset_readers import AssetReaderTests, found

SECRET = "Zubrowka"
ALLERGIES = """<section><code code="48765-2" codeSystem="2.16.840.1.113883.6.1"/>
<title>Allergies</title><text><table border="1">
<thead><tr><th>Drug</th><th>Reaction</th></tr></thead>
<tbody><tr><td>Peni<content ID="a1">cillin</content></td><td>Rash, <br/>itch</td></tr></tbody>
</table></text><entry><act><code displayName="not read"/></act></entry></section>"""
HISTORY = """<section><code code="10164-2"/><title>History</title><text>Chest   pain<br/>
since <content revised="delete">June</content><content revised="insert">July</content>.
<list><item>worse</item><item><paragraph>better &lt; 5</paragraph></item></list></text>
<component><section><title>Own words</title><text><paragraph>Ow.</paragraph></text></section>
</component></section>"""
PARTS = (
    ("allergies", "Allergies\nDrug\tReaction\nPenicillin\tRash, itch\n"),
    (
        "history_of_present_illness",
        "History\nChest pain\nsince July.\n- worse\n- better < 5\n",
    ),
    ("own_words", "Own words\nOw.\n"),
)
TEXT = "".join(text for _, text in PARTS)


def document(
    body: str = "",
    *,
    ids: str = '<id root="1.2.3" extension="d1"/><setId root="1.2.4" extension="s1"/>',
    time: str = "20240102030405-0500",
    title: str = "Summary of care",
    name: str = SECRET,
) -> str:
    sections = "".join(f"<component>{each}</component>" for each in (ALLERGIES, HISTORY))
    body = body or f"<structuredBody>{sections}</structuredBody>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="CDA.xsl"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc">{ids}
<code code="34133-9" displayName="Summarization of Episode Note"/><title>{title}</title>
<effectiveTime value="{time}"/><languageCode code="en-US"/><versionNumber value="1"/>
<recordTarget><patientRole><id nullFlavor="UNK"/><id root="2.16.1.9" extension="MRN7"/>
<patient><name><given>Jo</given><family>{name}</family></name></patient></patientRole>
</recordTarget><componentOf><encompassingEncounter><id root="1.9" extension="E5"/>
</encompassingEncounter></componentOf>
<component>{body}</component></ClinicalDocument>"""


class TestCcda(AssetReaderTests):
    reader = ccda
    secrets = (SECRET, "MRN7")

    def write_source(self, folder: Path) -> None:
        (folder / "a.xml").write_text(document(title=f"Summary for {SECRET}"), encoding="utf-8")
        other = document(ids="").replace("UTF-8", "UTF-16").replace("since", "seit Jänner")
        (folder / "b.XML").write_text(other, encoding="utf-16")


def opened(folder: Path, text: str | bytes) -> Note:
    path = folder / "a.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    media = ccda.call(FileContent.of(path))
    assert isinstance(media, Note)
    return media


def found_one(folder: Path, text: str) -> FoundAsset:
    (folder / "a.xml").write_text(text, encoding="utf-8")
    (one,) = found(ccda, folder)
    assert isinstance(one, FoundAsset)
    return one


def test_the_narrative_is_plain_lines_with_the_sections_of_the_document(tmp_path):
    note = opened(tmp_path, document())
    assert note.text == TEXT
    assert (note.kind, note.title, note.language) == ("summary of care", "Summary of care", "en")
    assert tuple((kind, note.text[start:end]) for kind, start, end in note.sections) == PARTS


def test_whose_it_is_and_when_it_was_written_are_told(tmp_path):
    one = found_one(tmp_path, document())
    assert (one.subject, one.system, one.encounter) == ("MRN7", "urn:oid:2.16.1.9", "E5")
    assert (one.start, one.utc_offset) == (1704164645000000, -300)
    assert one.source_key == "cda/1.2.4/s1/urn:oid:2.16.1.9/MRN7"
    assert one.facts.attributes == {
        "sections": 3,
        "language": "en",
        "title": "Summary of care",
    }
    assert one.facts.shape == (len(TEXT),)


def test_a_title_that_names_the_patient_is_no_fact(tmp_path):
    one = found_one(tmp_path, document(title=f"Summary for {SECRET.upper()}"))
    assert "title" not in one.facts.attributes


def test_a_document_without_a_time_says_so(tmp_path):
    one = found_one(tmp_path, document(time="2024"))
    assert (one.start, one.notes) == (None, ("the document does not say when it was written",))


def test_of_two_versions_the_later_is_taken(tmp_path):
    new = document(time="20250101").replace('versionNumber value="1"', 'versionNumber value="2"')
    (tmp_path / "a.xml").write_text(new.replace("Ow.", "Ouch."))
    (tmp_path / "b.xml").write_text(document())
    refused, kept = found(ccda, tmp_path)
    assert isinstance(refused, UnreadableFile)
    assert isinstance(kept, FoundAsset)
    assert (refused.file.name, refused.reason) == (
        "b.xml",
        "a later version of this document is in the source",
    )
    assert kept.files[0].name == "a.xml"


def test_two_patients_documents_that_bear_one_name_are_two(tmp_path):
    (tmp_path / "a.xml").write_text(document())
    (tmp_path / "b.xml").write_text(document().replace("MRN7", "MRN8"))
    both = found(ccda, tmp_path)
    assert {each.subject for each in both if isinstance(each, FoundAsset)} == {"MRN7", "MRN8"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('<nonXMLBody><text mediaType="text/plain">Just text.</text></nonXMLBody>', "Just text."),
        (
            '<nonXMLBody><text mediaType="text/plain" representation="B64">R3LDtsOfZQ==</text>'
            "</nonXMLBody>",
            "Größe",
        ),
    ],
)
def test_a_body_of_plain_text_is_read(tmp_path, body, text):
    assert opened(tmp_path, document(body)).text == text


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<ClinicalDocument xmlns="urn:hl7-org:v3"><title>&b;</title></ClinicalDocument>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">
<ClinicalDocument xmlns="urn:hl7-org:v3"/>"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        (document()[:900], "damaged or cut short"),
        (document("<structuredBody/>"), "no text"),
        (document("<structuredBody>" + "<component>" * 200), "nested too deeply"),
        (
            document(
                '<nonXMLBody><text mediaType="application/pdf" representation="B64">JVBERg=='
                "</text></nonXMLBody>"
            ),
            "no text .a scan or a PDF",
        ),
        (
            document('<nonXMLBody><text representation="B64">!!</text></nonXMLBody>'),
            "not base64",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_with_the_reason(tmp_path, text, reason):
    with pytest.raises(SourceUnreadable, match=reason) as error:
        opened(tmp_path, text)
    assert error.value.where == "a.xml"
    (one,) = found(ccda, tmp_path)
    assert isinstance(one, UnreadableFile)
    assert SECRET not in one.reason
