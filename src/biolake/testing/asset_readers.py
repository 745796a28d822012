"""What every asset reader must keep: subclass `AssetReaderTests`, name it, write a small source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import MODALITIES, FoundAsset, Surroundings, UnreadableFile
from biolake.core.bounds import is_sayable
from biolake.core.catalogue import Extension
from biolake.core.errors import BiolakeError
from biolake.core.media import Opened
from biolake.core.reading import SourceFile
from biolake.testing.damage import damaged
from biolake.testing.media import SourceContent, close, fits, looked_at, same

_HEAD = 4096  # bytes that a reader's claim sees
_TEXT = b"Dear colleague,\nthank you for sending this patient.\n"
_STRAYS = {"letter.txt": _TEXT, "x.bin": bytes(range(256)), "none": b""}


class AssetReaderTests:
    """The contract of an asset reader, as tests.

    `secrets` are values of subjects in the source written by `write_source`: they must come out
    in no reason, note, fact or error. `damages` damaged copies are tried. `strays` are files, by
    name, that it must not claim: a reader of plain text names its own.
    """

    reader: Extension
    secrets: tuple[str, ...] = ()
    damages = 40
    strays: Mapping[str, bytes] = _STRAYS

    def write_source(self, folder: Path) -> None:
        """Write a small valid source into `folder`."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        folder = tmp_path / "source"
        folder.mkdir()
        self.write_source(folder)
        return folder

    def test_it_claims_its_own(self, source: Path) -> None:
        assert claimed(self.reader, source)

    def test_it_claims_no_empty_folder_and_no_stray_file(self, tmp_path: Path) -> None:
        for name, content in self.strays.items():
            (tmp_path / name).write_bytes(content)
        assert claimed(self.reader, tmp_path) == []

    def test_an_empty_file_under_a_name_of_its_own_is_no_asset(self, source: Path) -> None:
        for file in claimed(self.reader, source):
            file.path.write_bytes(b"")
        assert not [each for each in found(self.reader, source) if isinstance(each, FoundAsset)]

    def test_every_file_it_claims_has_one_account(self, source: Path) -> None:
        results = found(self.reader, source)
        named = [file.name for each in results for file in files_of(each)]
        assert {file.name for file in claimed(self.reader, source)} <= set(named)
        firsts = [each.files[0] for each in results if isinstance(each, FoundAsset)]
        opening = [(file.name, file.start, file.inside) for file in firsts]
        assert opening, "nothing was found in its own source"
        assert len(set(opening)) == len(opening)
        assert not [each for each in results if isinstance(each, UnreadableFile)]

    def test_what_it_finds_can_be_stored(self, source: Path) -> None:
        for each in assets(self.reader, source):
            assert each.modality in MODALITIES
            assert is_sayable(each.start)
            assert is_sayable(each.end)
            facts = each.facts
            assert facts.seconds is None or np.isfinite(facts.seconds)
            assert facts.rate is None or (np.isfinite(facts.rate) and facts.rate > 0)
            assert all(int(n) > 0 for n in facts.shape)
            json.dumps(dict(facts.attributes), allow_nan=False)

    def test_finding_again_gives_the_same(self, source: Path) -> None:
        assert repr(found(self.reader, source)) == repr(found(self.reader, source))

    def test_what_it_finds_opens_twice_alike_and_as_told(self, source: Path) -> None:
        for each in assets(self.reader, source):
            with opened(self.reader, each) as one, opened(self.reader, each) as other:
                assert same(one, other)
                fits(each, one)

    def test_nothing_it_tells_names_a_subject(self, source: Path) -> None:
        for each in found(self.reader, source):
            self._keeps_secrets(told(each))

    def test_damaged_files_are_refused_by_name_or_opened(
        self, source: Path, tmp_path: Path
    ) -> None:
        for copy in damaged(source, tmp_path / "damaged", self.damages):
            try:
                for each in found(self.reader, copy):
                    self._keeps_secrets(told(each))
                    if isinstance(each, FoundAsset):
                        assert each.modality in MODALITIES
                        with opened(self.reader, each) as one:
                            looked_at(one)
            except BiolakeError as error:
                self._keeps_secrets(str(error))

    def _keeps_secrets(self, words: str) -> None:
        for secret in self.secrets:
            assert secret not in words, "a subject's value is told"


def claimed(reader: Extension, folder: Path) -> list[SourceFile]:
    """Return the files of a folder that a reader claims."""
    assert reader.claims is not None
    return [
        file
        for file in _files(folder).values()
        if reader.claims(file.name, file.path.read_bytes()[:_HEAD])
    ]


def found(reader: Extension, folder: Path) -> list[FoundAsset | UnreadableFile]:
    """Return all that a reader finds in a folder, as the engine would ask it."""
    assert reader.find is not None
    return list(reader.find(claimed(reader, folder), Surroundings(_files(folder))))


def assets(reader: Extension, folder: Path) -> list[FoundAsset]:
    return [each for each in found(reader, folder) if isinstance(each, FoundAsset)]


def files_of(each: FoundAsset | UnreadableFile) -> tuple[SourceFile, ...]:
    return each.files if isinstance(each, FoundAsset) else (each.file,)


def _files(folder: Path) -> dict[str, SourceFile]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [SourceFile(path, path.relative_to(folder).as_posix()) for path in paths]
    return {file.name: _hashed(file) for file in files}


def _hashed(file: SourceFile) -> SourceFile:
    content = file.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return SourceFile(file.path, file.name, digest, "", len(content))


@contextmanager
def opened(reader: Extension, asset: FoundAsset) -> Iterator[Opened]:
    """Open an asset with its reader, and close it at the end of the block."""
    content = SourceContent.of(asset)
    try:
        media: Opened = reader.call(content)
        try:
            yield media
        finally:
            close(media)
    finally:
        content.close()


def told(each: FoundAsset | UnreadableFile) -> str:
    """Return all that the index, the ledger and the notes would show of a finding."""
    if isinstance(each, UnreadableFile):
        return f"{each.reason} {each.item}"
    return f"{each.modality} {each.facts!r} {each.notes!r}"
