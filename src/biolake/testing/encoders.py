"""What every encoder must keep: subclass `EncoderTests` and name it."""

from __future__ import annotations

import numpy as np

from biolake.core.assets import MODALITIES, ImageInput, SignalInput, TextInput
from biolake.core.catalogue import Extension

_MANY, _FEW = 5, 2
_WORDS = ["chest", "pain", "fever", "no", "left", "81", "mg", "neumonía", "心肌", "梗死"]


class EncoderTests:
    """The contract of an encoder, as tests; batches are drawn as its inputs ask for them."""

    encoder: Extension

    def test_it_says_what_it_needs_and_gives(self) -> None:
        assert self.encoder.needs in MODALITIES
        assert self.encoder.version
        assert self.encoder.dimension > 0
        assert self.encoder.licence, "whose weights these are, and on what terms"
        assert self.encoder.inputs is not None

    def test_every_item_of_a_batch_has_one_finite_vector(self) -> None:
        for batch in (drawn(self.encoder, _MANY), *flat(self.encoder)):
            vectors = self.encoder.call(batch)
            assert vectors.shape == (len(batch), self.encoder.dimension)
            assert vectors.dtype == np.float32
            assert np.isfinite(vectors).all()

    def test_the_same_batch_has_the_same_vectors_and_stays_as_it_was(self) -> None:
        batch = drawn(self.encoder, _MANY)
        before = batch.copy()
        first = self.encoder.call(batch)
        assert np.array_equal(batch, before), "an encoder changed what it was given"
        assert np.array_equal(self.encoder.call(batch), first)

    def test_a_vector_does_not_depend_on_the_batch_it_came_in(self) -> None:
        batch = drawn(self.encoder, _MANY)
        whole = self.encoder.call(batch)
        single = np.concatenate([self.encoder.call(batch[n : n + 1]) for n in range(_MANY)])
        parts = [self.encoder.call(batch[n : n + _FEW]) for n in range(0, _MANY, _FEW)]
        turned = self.encoder.call(batch[::-1])[::-1]
        for other in (single, np.concatenate(parts), turned):
            np.testing.assert_allclose(other, whole, rtol=1e-5, atol=1e-6)

    def test_different_items_have_different_vectors(self) -> None:
        vectors = self.encoder.call(drawn(self.encoder, _FEW))
        assert not np.array_equal(vectors[0], vectors[1])


def drawn(encoder: Extension, count: int) -> np.ndarray:
    """Return a batch of noise in the shape and kind that an encoder asks for."""
    draw = np.random.default_rng(11)
    if isinstance(encoder.inputs, TextInput):
        words = draw.choice(_WORDS, size=(count, 40))
        return np.array([" ".join(chunk) for chunk in words], dtype=object)
    shape, kind = _shape(encoder, count)
    if kind == "uint8":
        return draw.integers(0, 256, shape, dtype=np.uint8)
    if isinstance(encoder.inputs, ImageInput):
        return draw.random(shape, dtype=np.float32)
    return draw.standard_normal(shape).astype(np.float32)


def flat(encoder: Extension) -> list[np.ndarray]:
    """Return batches in which nothing is to be seen."""
    if isinstance(encoder.inputs, TextInput):
        return [np.array([""] * _FEW, dtype=object), np.array([" .\n"] * _FEW, dtype=object)]
    shape, kind = _shape(encoder, _FEW)
    most = 255 if kind == "uint8" else 1
    return [np.zeros(shape, dtype=kind), np.full(shape, most, dtype=kind)]


def _shape(encoder: Extension, count: int) -> tuple[tuple[int, ...], str]:
    asked = encoder.inputs
    assert asked is not None
    assert not isinstance(asked, TextInput), "chunks of text are drawn by themselves"
    if isinstance(asked, SignalInput):
        return (count, len(asked.leads), round(asked.rate * asked.seconds)), "float32"
    if isinstance(asked, ImageInput):
        return (count, asked.size, asked.size), "float32"
    return (count, asked.size, asked.size, 3), "uint8"
