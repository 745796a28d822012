"""Opened media, looked at whole: are two alike, and are they what was found?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from biolake.core.assets import FoundAsset
from biolake.core.media import Cells, Genotypes, Image, Note, Opened, Recording, Slide, Volume
from biolake.core.reading import SourceFile

_SIDE = 64  # pixels read of a slide
_VARIANTS = 64  # variants read of genotypes


@dataclass
class SourceContent:
    """The bytes of an asset where it lies in its source: files, or parts of files."""

    files: Mapping[str, SourceFile]
    _scratch: TemporaryDirectory[str] | None = field(default=None, repr=False)

    @staticmethod
    def of(asset: FoundAsset) -> SourceContent:
        """Name the files within the folder that they share, as the lake does."""
        return SourceContent({PurePosixPath(file.name).name: file for file in asset.files})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.files)

    def read(self, name: str) -> bytes:
        file = self._file(name)
        with file.path.open("rb") as stream:
            stream.seek(file.start if file.inside else 0)
            return stream.read(file.size) if file.inside else stream.read()

    def part(self, name: str, start: int, length: int) -> bytes:
        file = self._file(name)
        with file.path.open("rb") as stream:
            stream.seek(start + (file.start if file.inside else 0))
            return stream.read(min(length, file.size - start) if file.inside else length)

    def path(self, name: str) -> Path:
        file = self._file(name)
        if not file.inside:
            return file.path
        if self._scratch is None:
            self._scratch = TemporaryDirectory(prefix="biolake-")
        target = Path(self._scratch.name) / name
        target.write_bytes(self.read(name))
        return target

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()

    def _file(self, name: str) -> SourceFile:
        try:
            return self.files[name]
        except KeyError:
            raise FileNotFoundError(name) from None


def close(media: Opened) -> None:
    """Close opened media of which the kind is closed."""
    if isinstance(media, Slide | Genotypes):
        media.close()


def looked_at(media: Opened) -> list[np.ndarray]:
    """Return the arrays of opened media: pixels, samples, characters, a part of what is large."""
    if isinstance(media, Recording):
        return [signal.samples for signal in media.signals]
    if isinstance(media, Image):
        return [media.pixels]
    if isinstance(media, Volume):
        return [media.voxels, media.axes]
    if isinstance(media, Note):
        return [np.array(list(media.text), dtype="U1")]
    if isinstance(media, Cells):
        return _of_cells(media)
    if isinstance(media, Genotypes):
        return _of_genotypes(media)
    parts = [media.thumbnail(_SIDE)]
    if media.mpp is not None:
        parts.append(media.read((0, 0), (_SIDE, _SIDE), media.mpp[0]))
    return parts


def _of_genotypes(media: Genotypes) -> list[np.ndarray]:
    variants = media.variants
    named = (variants.chromosome, variants.name, variants.ref, variants.alt, media.samples)
    texts = [np.asarray(each, dtype=str) for each in named]
    dosages = media.dosages(slice(0, _VARIANTS))
    return [*texts, np.asarray(variants.position), np.asarray(media.sexes), dosages]


def _of_cells(media: Cells) -> list[np.ndarray]:
    texts = [media.samples, media.features, media.feature_ids]
    texts += [] if media.cell_type is None else [media.cell_type]
    numbers = [*_matrix(media.counts), media.sample]
    numbers += [] if media.coordinates is None else [media.coordinates]
    columns = [np.asarray(column).astype(str) for _, column in sorted(media.columns.items())]
    return [*(np.asarray(each, dtype=str) for each in texts), *numbers, *columns]


def _matrix(counts: Any) -> list[np.ndarray]:
    if isinstance(counts, np.ndarray):
        return [counts]
    return [counts.data, counts.indices, counts.indptr]


def same(one: Opened, other: Opened) -> bool:
    """Say whether two opened media are equal, arrays and all the rest."""
    mine, theirs = looked_at(one), looked_at(other)
    if len(mine) != len(theirs) or not all(map(_equal, mine, theirs)):
        return False
    if isinstance(one, Cells | Genotypes) or not is_dataclass(one):
        return type(one) is type(other)
    return _rest(one) == _rest(other)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


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
    elif isinstance(media, Note):
        _fits_note(asset, media)
    elif isinstance(media, Genotypes):
        _fits_genotypes(asset, media)
    elif isinstance(media, Cells):
        _fits_cells(asset, media)
    else:
        assert all(pixels.dtype == np.uint8 for pixels in looked_at(media))


def _fits_note(asset: FoundAsset, media: Note) -> None:
    assert media.text.encode(), "a note without a character"
    assert "\ufeff" not in media.text[:1], "a byte order mark is no character of the note"
    assert not media.kind or asset.facts.kind == media.kind
    for _, start, end in media.sections:
        assert 0 <= start <= end <= len(media.text)


def _fits_genotypes(asset: FoundAsset, media: Genotypes) -> None:
    variants, samples = media.variants, media.samples
    assert [sample.name for sample in asset.samples] == list(samples)
    assert len(media.sexes) == len(samples)
    assert set(np.unique(media.sexes).tolist()) <= {0, 1, 2}
    columns = (variants.chromosome, variants.name, variants.ref, variants.alt)
    assert {len(variants)} == {len(column) for column in columns}
    assert not any(str(name).startswith("chr") for name in variants.chromosome)
    assert (np.asarray(variants.position) >= 1).all()
    some = np.arange(min(len(variants), _VARIANTS))[::-1]
    dosages = media.dosages(some)
    assert dosages.dtype == np.int8
    assert dosages.shape == (len(some), len(samples))
    assert set(np.unique(dosages).tolist()) <= {-1, 0, 1, 2}
    assert _equal(dosages[::-1], media.dosages(slice(0, len(some)))), "the order asked for"


def _fits_cells(asset: FoundAsset, media: Cells) -> None:
    counts: Any = media.counts
    cells, features = counts.shape
    assert [sample.name for sample in asset.samples] == list(media.samples)
    assert len(media.features) == len(media.feature_ids) == features
    assert len(media.sample) == cells
    assert media.cell_type is None or len(media.cell_type) == cells
    assert all(len(column) == cells for column in media.columns.values())
    assert media.coordinates is None or media.coordinates.shape == (cells, 2)
    if cells:
        assert media.sample.min() >= -1  # -1: of no sample that is told
        assert media.sample.max() < len(media.samples)
    values = _matrix(counts)[0]
    assert np.isfinite(values).all()
    if media.raw:
        assert (values >= 0).all()
        assert (values == np.round(values)).all()
