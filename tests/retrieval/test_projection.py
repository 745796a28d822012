"""The projection is the same everywhere, and keeps lengths and distances on average."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from biolake.retrieval.projection import project, signs


def test_the_signs_are_fixed_for_ever():
    found = signs(1932, 20)
    digest = hashlib.sha256((found > 0).tobytes()).hexdigest()
    assert digest == "267a038ae999352d09579886e91e4e4a78284171c263e728dea5954ba5d9cd48"
    assert abs(found.mean()) < 0.02
    assert set(np.unique(found)) == {-1.0, 1.0}


def test_lengths_and_distances_are_kept_on_average():
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(300, 500))
    short = project(vectors, 64)
    ratio = ((short[:-1] - short[1:]) ** 2).sum(axis=1)
    ratio /= ((vectors[:-1] - vectors[1:]) ** 2).sum(axis=1)
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    assert ratio.std() == pytest.approx(np.sqrt(2 / 64), rel=0.25)


def test_a_vector_is_projected_the_same_alone_and_among_others():
    vectors = np.random.default_rng(2).normal(size=(50, 333)).astype(np.float32)
    alone = np.concatenate([project(one[None], 7) for one in vectors])
    assert alone.tobytes() == project(vectors, 7).tobytes()
    assert alone == pytest.approx(vectors @ signs(333, 7) / np.sqrt(7), rel=1e-9)
