"""What every asset reader must keep: subclass `AssetReaderTests`, name it, write a small source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from biolake.core.assets import (
    MODALITIES,
    FileContent,
    FoundAsset,
    Surroundings,
    UnreadableFile,
)
from biolake.core.bounds import is_sayable
from biolake.core.catalogue import Extension
from biolake.core.errors import BiolakeError
from biolake.core.media import Image, Opened, Recording, Volume
from biolake.core.reading import SourceFile
from biolake.testing.damage import damaged

_HEAD = 4096  # bytes that a reader's claim sees
_TEXT = b"Dear colleague,\nthank you for sending this patient.\n"
_SIDE = 64  # pixels read of a slide


class AssetReaderTests:
    """The contract of an asset reader, as tests.

    `secrets` are values of subjects in the source written by `write_source`: they must come out
    in no reason, note, fact or error. `damages` damaged copies are tried.
    """

    reader: Extension
    secrets: tuple[str, ...] = ()
    damages = 40

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
        for name, content in (("letter.txt", _TEXT), ("x.bin", bytes(range(256))), ("none", b"")):
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
        opening = [each.files[0].name for each in results if isinstance(each, FoundAsset)]
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
    # The lake names files within the folder that they share.
    names = [PurePosixPath(file.name).name for file in asset.files]
    paths = (file.path for file in asset.files)
    media: Opened = reader.call(FileContent(dict(zip(names, paths, strict=True))))
    try:
        yield media
    finally:
        if not isinstance(media, Recording | Image | Volume):
            media.close()


def looked_at(media: Opened) -> list[np.ndarray]:
    """Return the arrays of opened media: pixels, voxels, samples, a part of a slide."""
    if isinstance(media, Recording):
        return [signal.samples for signal in media.signals]
    if isinstance(media, Image):
        return [media.pixels]
    if isinstance(media, Volume):
        return [media.voxels, media.axes]
    parts = [media.thumbnail(_SIDE)]
    if media.mpp is not None:
        parts.append(media.read((0, 0), (_SIDE, _SIDE), media.mpp[0]))
    return parts


def same(one: Opened, other: Opened) -> bool:
    """Say whether two opened media are equal, arrays and all the rest."""
    pairs = zip(looked_at(one), looked_at(other), strict=True)
    if not all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs):
        return False
    return not is_dataclass(one) or _rest(one) == _rest(other)


def _rest(media: Any) -> str:
    plain = [(f.name, getattr(media, f.name)) for f in fields(media)]
    return repr([(name, value) for name, value in plain if not isinstance(value, np.ndarray)])


def fits(asset: FoundAsset, media: Opened) -> None:
    """Check that what was found of an asset is what it opens to."""
    facts = asset.facts
    if isinstance(media, Recording):
        assert media.signals
        for signal in media.signals:
            assert signal.samples.dtype == np.float32
            assert signal.samples.shape[0] == len(signal.channels) == len(signal.units)
        assert facts.seconds is None or np.isclose(facts.seconds, media.seconds, rtol=0.01)
    elif isinstance(media, Volume):
        assert media.voxels.ndim == 3
        assert all(np.isfinite(each) and each > 0 for each in media.spacing)
    elif isinstance(media, Image):
        assert media.pixels.ndim in (2, 3)
    else:
        assert all(pixels.dtype == np.uint8 for pixels in looked_at(media))


def told(each: FoundAsset | UnreadableFile) -> str:
    """Return all that the index, the ledger and the notes would show of a finding."""
    if isinstance(each, UnreadableFile):
        return f"{each.reason} {each.item}"
    return f"{each.modality} {each.facts!r} {each.notes!r}"
