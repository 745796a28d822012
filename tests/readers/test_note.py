"""Notes in text files of a folder called `notes`."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.assets import FileContent, FoundAsset, UnreadableFile
from biolake.core.errors import SourceUnreadable
from biolake.readers.note import claims, note
from biolake.testing.asset_readers import AssetReaderTests, found

SECRET = "Zubrowka"


class TestNote(AssetReaderTests):
    reader = note
    secrets = (SECRET,)

    def write_source(self, folder: Path) -> None:
        home = folder / "notes" / "ward"
        home.mkdir(parents=True)
        (home / "a.txt").write_bytes(f"Se\xf1or {SECRET}, 38 \xb0C.\r\n".encode("cp1252"))
        (home / "b.md").write_bytes("胸痛三天，加重一天。".encode("gb18030"))
        (home / "c.html").write_text(f"<title>{SECRET}</title><p>Größe<p>180", encoding="utf-8")
        (home / "d.rtf").write_bytes(rb"{\rtf1\ansi Fever\par}")
        (home / "e.TXT").write_text("Ärztin", encoding="utf-16")


def opened(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(note.call(FileContent.of(folder / name)).text)


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("notes/a.txt", True),
        ("x/Clinical_Notes/y/a.TXT", True),
        ("notes/a.rtf", True),
        ("notes.txt", False),
        ("notes/README.txt", False),
        ("a.txt", False),
        ("letters/a.txt", False),
        ("notes/a.csv", False),
        ("notes/a.pdf", False),
    ],
)
def test_only_text_files_below_a_folder_of_notes_are_claimed(name, claimed):
    assert claims(name, b"text") is claimed


def test_line_ends_stay_as_they_are_and_a_byte_order_mark_goes(tmp_path):
    assert opened(tmp_path, "a.txt", b"\xef\xbb\xbfa\r\nb\rc\n") == "a\r\nb\rc\n"


def test_length_and_encoding_are_told(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("Größe 😀", encoding="utf-8")
    (one,) = found(note, tmp_path)
    assert isinstance(one, FoundAsset)
    assert (one.facts.shape, one.facts.attributes) == ((7,), {"encoding": "utf-8"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"text\0with zeros", "it holds zero bytes: it is no text"),
        ("Größe und Müdigkeit ".encode() * 9 + b"\xe9", "damaged or foreign bytes"),
        ("Пациент жалуется на боли".encode("cp1251"), "its encoding is not sure"),
        ("żółtaczka, źle śpi".encode("cp1250"), "its encoding is not sure"),
        (b"\xff\xfe\x00\xd8", "is no utf-16-le text"),
        (b"\x01\x02\x03\x04\x05\x06", "full of control characters"),
        (b" \n\t ", "it holds no text"),
    ],
)
def test_what_is_no_text_for_sure_is_refused_by_name_with_the_reason(tmp_path, data, reason):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_bytes(data)
    (one,) = found(note, tmp_path)
    assert isinstance(one, UnreadableFile)
    assert (one.file.name, reason in one.reason) == ("notes/a.txt", True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{\\rtf1 a", "cut short"),
        (b"{\\rtf1 a}}", "a brace too many"),
        (b"plain", "no RTF"),
        (b"{\\rtf1" + b"{" * 2000 + b"}" * 2001, "nested too deeply"),
        (b"{\\rtf1\\ansicpg99999 a}", "code page is not known"),
    ],
)
def test_broken_rtf_is_refused(tmp_path, data, reason):
    with pytest.raises(SourceUnreadable, match=reason) as error:
        opened(tmp_path, "a.rtf", data)
    assert error.value.where == "a.rtf"
