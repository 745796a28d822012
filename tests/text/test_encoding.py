"""The encoding of a text's bytes is found where it is sure, and refused where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolake.core.errors import SourceUnreadable
from biolake.text.encoding import decode
from biolake.text.html import html_text
from biolake.text.rtf import rtf_text

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CHINESE = (
    "患者，男，65岁，因“反复胸闷、气促3年，加重1周”入院。查体：血压150/90mmHg，心率88次/分。",
    "心电图正常。",
    "WBC 12.3×10^9/L，阑尾炎术后第2天。",
)
JAPANESE = ("患者は65歳の男性で、3年前から胸痛を訴えている。", "異常なし。")
WESTERN = (
    "Le patient présente une dyspnée d’effort. Température 38,5 °C – évolution favorable.",
    "Patient mit Übelkeit, Größe 180 cm. „Unauffällig“, ß-Blocker 5 µg.",
    "Señora de 70 años, ¿alérgica? No. 2ª exploración: 1½ h, 5 €.",
    "Kvinna 70 år, ångest; högt blodtryck.",
)


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("utf-8", (*CHINESE, *JAPANESE, *WESTERN, "plain", "")),
        ("gb18030", CHINESE),
        ("cp932", JAPANESE),
        ("euc_jp", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("cp1252", WESTERN),
        ("utf-16-le", tuple(text for text in WESTERN if len(text) > 20)),
        ("utf-16-be", tuple(text for text in WESTERN if len(text) > 20)),
    ],
)
def test_an_encoding_is_told_by_its_bytes(encoding, texts):
    for text in texts:
        found = decode(text.encode(encoding))
        assert (found.text, found.encoding) == (text, encoding)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding_and_is_no_character(encoding):
    for text in (*CHINESE, *WESTERN):
        assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Pacjent zgłasza ból w klatce, źle śpi, żółtaczka", "cp1250"),
        ("Pacjent zgłasza ból w klatce, źle śpi, żółtaczka", "iso8859-2"),
        ("Пациент жалуется на боли в груди", "cp1251"),
        ("Пациент жалуется на боли в груди", "koi8-r"),
        ("Ο ασθενής παραπονιέται για πόνο", "cp1253"),  # noqa: RUF001 - Greek is meant
        ("Évolution favorable de l'œdème, é", "mac-roman"),
        ("異常なし。", "gb18030"),
        ("龃龉嗳气", "gb18030"),
        (CHINESE[1], "utf-16-le"),
    ],
)
def test_where_two_encodings_could_be_meant_the_text_is_refused(text, encoding):
    with pytest.raises(SourceUnreadable) as error:
        decode(text.encode(encoding))
    assert not any(word in str(error.value) for word in text.split())


def test_a_stated_encoding_must_fit():
    assert decode("żółć".encode("cp1250"), "windows-1250").text == "żółć"
    assert decode("5 €".encode("cp1252"), "ISO-8859-1").text == "5 €"
    for data, stated in ((b"\xff", "utf-8"), (b"a", "klingon"), (b"a", "base64")):
        with pytest.raises(SourceUnreadable):
            decode(data, stated)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_in_utf_8_is_what_it_was(text):
    assert decode(text.encode()).text == text.removeprefix("\ufeff")


@given(st.binary(max_size=300))
def test_any_bytes_are_text_that_encodes_back_to_them_or_are_refused(data):
    try:
        found = decode(data)
    except SourceUnreadable:
        return
    assert data.endswith(found.text.encode(found.encoding))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16-le"])
def test_no_real_spanish_case_is_misread(encoding):
    source = SHARED / "deid_meddocan_es" / "train.jsonl"
    if not source.exists():
        pytest.skip("no shared data")
    read = 0
    for line in source.read_text().splitlines():
        text = json.loads(line)["text"].removeprefix("\ufeff")
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        assert decode(data).text == text
        read += 1
    assert read > 450


def test_a_page_is_read_as_a_person_reads_it():
    page = (
        "<html><head><title>A &amp; B</title><style>x</style></head><body><h1>Dx</h1>"
        "<p>one <b>t</b>wo\n three<br>four</p><ul><li>a<li><p>b</ul><table><tr><td>1</td>"
        "<td><p>2</p></td></tr><tr><td>x</table><pre>k\n  l</pre>&lt;5<script>no</script>"
    )
    text = "Dx\none two three\nfour\n- a\n- b\n1\t2\nx\nk\n  l\n<5\n"
    assert html_text(page) == (text, "A & B")


@given(st.text(max_size=200))
def test_any_page_is_read_without_failing(page):
    html_text(page)


def test_the_words_of_an_rtf_document_are_read():
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator x;}\f0 Se\'f1or \u8364?"
        rb"5\par b\tab c\line {\b bold} \{x\}\uc0\u-10179\u-8704 .}"
    )
    assert rtf_text(data) == "Señor €5\nb\tc\nbold {x}😀."
    with pytest.raises(SourceUnreadable, match="half a character"):
        rtf_text(rb"{\rtf1 \u-10179 x}")


@given(st.binary(max_size=200))
def test_any_rtf_is_read_or_refused(data):
    try:
        rtf_text(rb"{\rtf1 " + data + b"}").encode()
    except SourceUnreadable:
        return
