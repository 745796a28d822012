"""What every extractor must keep: subclass `ExtractorTests`, name it, give it something to find."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from biolake.core.assets import MODALITIES, Finding
from biolake.core.catalogue import Extension
from biolake.core.errors import BiolakeError
from biolake.core.media import Image, Opened, Recording, Signal, Volume
from biolake.testing.asset_readers import same

_RESERVED = ("MEDS_", "ASSET//")


class ExtractorTests:
    """The contract of an extractor, as tests; `media` gives one or more that it measures."""

    extractor: Extension

    def media(self) -> Sequence[Opened]:
        """Return opened media of the modality the extractor needs, with something to find."""
        raise NotImplementedError

    @pytest.fixture
    def examples(self) -> Sequence[Opened]:
        return self.media()

    def test_it_says_what_it_needs_and_may_find(self) -> None:
        assert self.extractor.needs in MODALITIES
        assert self.extractor.version
        codes = [code.code for code in self.extractor.codes]
        assert codes
        assert len(set(codes)) == len(codes)
        for code in self.extractor.codes:
            assert not code.code.startswith(_RESERVED)
            vocabulary, separator, value = code.code.partition("//")
            assert vocabulary
            assert separator
            assert value
            assert code.description

    def test_it_finds_something(self, examples: Sequence[Opened]) -> None:
        assert any(list(self.extractor.call(media)) for media in examples)

    def test_it_finds_only_what_it_declares(self, examples: Sequence[Opened]) -> None:
        for media in examples:
            self._believable(media, self.extractor.call(media))

    def test_it_finds_the_same_again_and_changes_nothing(self, examples: Sequence[Opened]) -> None:
        for media in examples:
            before = deepcopy(media)
            first = list(self.extractor.call(media))
            assert same(before, media), "an extractor changed what it was given"
            assert list(self.extractor.call(media)) == first
            assert list(self.extractor.call(before)) == first

    def test_empty_flat_short_and_broken_media_do_not_stop_it(
        self, examples: Sequence[Opened]
    ) -> None:
        for media in examples:
            for spoilt in (*spoilt_forms(media), *_OTHERS):
                try:
                    found = list(self.extractor.call(spoilt))
                except BiolakeError:
                    continue
                self._believable(spoilt, found)

    def test_it_passes_over_media_of_another_kind(self, examples: Sequence[Opened]) -> None:
        kinds = {type(media) for media in examples}
        for other in _OTHERS:
            if type(other) not in kinds:
                assert list(self.extractor.call(other)) == []

    def _believable(self, media: Opened, findings: Sequence[Finding]) -> None:
        """Check that the engine would take every finding."""
        declared = {code.code: code for code in self.extractor.codes}
        longest = media.seconds + 1.0 if isinstance(media, Recording) else 0.0
        for finding in findings:
            assert finding.code in declared, f"{finding.code} is not declared"
            unit = declared[finding.code].unit
            assert finding.value is None or math.isfinite(finding.value), finding.code
            assert finding.value is None or not unit or finding.unit == unit, finding.code
            assert 0.0 <= finding.at <= longest, finding.code
            assert finding.lasts is None or 0.0 <= finding.lasts <= longest, finding.code


_FLAT = np.zeros((2, 500), dtype=np.float32)
_OTHERS: tuple[Opened, ...] = (
    Recording(()),
    Recording((Signal(_FLAT, 100.0, ("I", "II"), ("mV", "mV")),)),
    Image(np.zeros((8, 8), dtype=np.uint8)),
    Volume(np.zeros((2, 4, 4), dtype=np.int16), (1.0, 1.0, 1.0), "HU"),
)


def spoilt_forms(media: Opened) -> Iterator[Opened]:
    """Yield what can be wrong with media of this kind; nothing for slides."""
    if isinstance(media, Recording):
        yield from _spoilt_recordings(media)
    elif isinstance(media, Image):
        for pixels in _spoilt_arrays(media.pixels):
            yield replace(media, pixels=pixels)
        yield replace(media, pixels=media.pixels[:1, :1])
    elif isinstance(media, Volume):
        for voxels in _spoilt_arrays(media.voxels):
            yield replace(media, voxels=voxels)
        yield replace(media, voxels=media.voxels[:1])
        yield replace(media, voxels=media.voxels[:, :1, :1])
        yield replace(media, units="")
        yield replace(media, spacing=(1e-3, 1e-3, 1e-3))


def _spoilt_recordings(media: Recording) -> Iterator[Recording]:
    for spoil in (*_SPOILS, *_SHORTS):
        signals = (replace(one, samples=spoil(one.samples)) for one in media.signals)
        yield replace(media, signals=tuple(signals))
    yield replace(media, signals=tuple(replace(one, rate=0.5) for one in media.signals))
    unnamed = [("",) * len(one.channels) for one in media.signals]
    pairs = zip(media.signals, unnamed, strict=True)
    yield replace(media, signals=tuple(replace(one, channels=names) for one, names in pairs))
    yield Recording(media.signals * 2)


def _noise(values: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(1).standard_normal(values.shape)
    return np.asarray(draw * 100).astype(values.dtype)


def _holes(values: np.ndarray) -> np.ndarray:
    spoilt = values.copy()
    if spoilt.dtype.kind == "f":
        spoilt[..., ::7] = np.nan
    return spoilt


_SPOILS = (np.zeros_like, lambda v: np.full_like(v, 1), _noise, _holes)
_SHORTS = (
    lambda v: np.full_like(v, np.nan),
    lambda v: np.full_like(v, 1e30),
    lambda v: v[:, :0],
    lambda v: v[:, :1],
    lambda v: v[:, : max(1, v.shape[1] // 20)],
)


def _spoilt_arrays(values: np.ndarray) -> Iterator[np.ndarray]:
    for spoil in _SPOILS:
        yield spoil(values)
    if values.dtype.kind in "iu":
        yield np.full_like(values, np.iinfo(values.dtype).max)
