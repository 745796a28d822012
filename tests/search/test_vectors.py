"""Near vectors are the nearest, with a filter and without, and text vectors come from notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.search.hospital import START, build, lake_of, made_notes

from biolake.core.catalogue import Extension, discover
from biolake.core.errors import DataRefused, LakeDamaged, WrongUse
from biolake.core.schema import ASSETS
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.learning.encoding import encode
from biolake.learning.shelf import shelved_models
from biolake.learning.text_encoder import NAME, learn_text_encoder, text_encoder, with_text_encoder
from biolake.search.likeness import encoders_of, like
from biolake.search.owned import Filters
from biolake.search.query import parse
from biolake.search.searching import Searcher
from biolake.search.vectors import Quantised, unit
from biolake.testing.encoders import EncoderTests
from biolake.testing.note_lakes import change
from biolake.text.chunks import LONGEST, chunk_places
from biolake.text.latent import TextModel, fit

NOTES = made_notes()
CATALOGUE = discover("biolake.readers")


def clustered(rows: int, dimension: int = 48, seed: int = 3) -> np.ndarray:
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(20, dimension))
    return unit(centres[draw.integers(0, 20, rows)] + 0.5 * draw.normal(size=(rows, dimension)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 30), st.floats(0.0, 1.0))
def test_vectors_found_under_a_filter_are_the_nearest(seed: int, count: int, share: float) -> None:
    vectors = clustered(2000, seed=seed)
    made = Quantised.empty(*vectors.shape)
    made.put(np.arange(2000), vectors)
    draw = np.random.default_rng(seed)
    rows = np.flatnonzero(draw.random(2000) < share)
    asked = unit(vectors[draw.integers(2000)] + 0.1 * draw.normal(size=48))
    found, cosine = made.nearest(asked, count, rows)
    exact = vectors[rows] @ asked
    best = np.sort(exact)[::-1][:count]
    np.testing.assert_allclose(cosine, best, atol=2e-5)
    np.testing.assert_allclose(vectors[found] @ asked, best, atol=4e-5)


def test_the_scan_of_all_finds_what_brute_force_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("biolake.search.vectors._ALL", 100)
    vectors = clustered(5000)
    made = Quantised.empty(*vectors.shape)
    made.put(np.arange(5000), vectors)
    some = np.arange(0, 5000, 7)
    hits = 0
    for asked in clustered(50, seed=4):
        for rows in (None, some):
            held = np.arange(5000) if rows is None else rows
            best = held[np.argsort(-(vectors[held] @ asked), kind="stable")[:10]]
            hits += len(set(best) & set(made.nearest(asked, 10, rows)[0]))
    assert hits == 1000


def test_a_vector_of_zeros_is_like_nothing() -> None:
    made = Quantised.empty(2, 4)
    made.put(np.arange(2), unit(np.array([[0.0] * 4, [1.0, 0, 0, 0]])))
    found, cosine = made.nearest(np.array([1.0, 0, 0, 0]), 2)
    assert found.tolist() == [1, 0]
    np.testing.assert_allclose(cosine, [1.0, 0.0], atol=1e-6)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Notes with vectors of their own encoder, and ECGs with given ones."""
    lake = lake_of(tmp_path_factory.mktemp("vectors") / "lake", NOTES)
    learn_text_encoder(lake, CATALOGUE)
    with open_view(lake) as view:
        catalogue = with_text_encoder(view, CATALOGUE)
    encode(lake, catalogue, NAME)
    vectors = clustered(90) * np.linspace(1, 1000, 48) + 5000.0

    def made(to):  # type: ignore[no-untyped-def]
        to.rows("assets", (ecg(n) for n in range(90)), ASSETS)
        to.vectors([f"{n:064x}" for n in range(90)], vectors, "kernels")

    change(lake, made)
    build(lake)
    return lake


def ecg(number: int) -> dict[str, object]:
    told = {"asset_id": f"{number:064x}", "subject_id": 1_000_000_000 + number % 30}
    told |= {"time": START, "modality": "ecg", "format": "wfdb", "attributes": '{"leads": 12}'}
    told |= {"files": 1, "bytes": 1, "site_id": "main", "load_id": "L1", "source_key": "x"}
    return dict.fromkeys(ASSETS.names) | told


def test_assets_like_one_are_those_of_nearest_vectors(lake: Lake) -> None:
    raw = clustered(90) * np.linspace(1, 1000, 48) + 5000.0
    alike = unit((raw - raw.mean(axis=0)) / raw.std(axis=0))
    wanted = [f"{n:064x}" for n in np.argsort(-(alike @ alike[7]))[1:6]]
    with open_view(lake) as view:
        searcher = Searcher(view)
        assert encoders_of(searcher, f"{7:064x}") == ["kernels"]
        found = like(searcher, f"{7:064x}", "kernels", limit=5)
    assert [one.asset_id for one in found] == wanted
    assert [one.cosine for one in found] == sorted((o.cosine for o in found), reverse=True)


def test_subjects_like_one_are_others_each_once(lake: Lake) -> None:
    with open_view(lake) as view:
        found = like(Searcher(view), f"{7:064x}", "kernels", limit=29, by_subject=True)
    subjects = [one.subject for one in found]
    assert sorted(subjects) == [1_000_000_000 + n for n in range(30) if n != 7]
    assert {one.assets for one in found} == {3}


def test_a_filter_keeps_likeness_to_a_cohort(lake: Lake) -> None:
    among = Filters(subjects=np.array([1_000_000_002, 1_000_000_007]))
    with open_view(lake) as view:
        searcher = Searcher(view)
        found = like(searcher, f"{7:064x}", "kernels", limit=50, filters=among)
        with pytest.raises(WrongUse, match="no vector of this asset"):
            like(searcher, NOTES[0].asset_id, "kernels")
    assert {one.asset_id for one in found} == {f"{n:064x}" for n in (2, 32, 62, 37, 67)}


def test_notes_are_found_by_vectors_where_words_do_not_match(lake: Lake) -> None:
    """`torax` is no word of any note; runs of its letters are."""
    with open_view(lake) as view:
        encoder = text_encoder(view)
        assert encoder is not None
        asked = unit(encoder.call(np.array(["toracicos irradiados"], dtype=object))[0])
        searcher = Searcher(view)
        query = parse("toracicos irradiados")
        assert searcher.search(query, "notes").hits == ()
        hits = searcher.search(query, "notes", vector=(NAME, asked)).hits
    spanish = {note.asset_id for note in NOTES if "irradiado" in note.text}
    assert hits
    assert {hit.id for hit in hits} <= spanish
    assert all(hit.alike is not None and hit.words_place is None for hit in hits)


def test_both_lists_are_told_of_a_hit(lake: Lake) -> None:
    with open_view(lake) as view:
        encoder = text_encoder(view)
        assert encoder is not None
        asked = unit(encoder.call(np.array(["neumonía basal"], dtype=object))[0])
        found = Searcher(view).search(parse("neumonía basal"), "notes", vector=(NAME, asked))
    best = found.hits[0]
    assert best.words_place is not None
    assert best.alike is not None
    assert best.score == pytest.approx(1 / (60 + best.words_place) + 1 / (60 + best.alike.place))


def test_a_text_encoder_is_no_diagnosis_model(lake: Lake) -> None:
    with open_view(lake) as view:
        assert shelved_models(view) == []
        assert view.rows("SELECT model, version, method FROM models") == [(NAME, 1, "tfidf-svd")]


class TestNoteText(EncoderTests):
    """The encoder that a lake learns keeps the contract of all encoders."""

    @pytest.fixture(autouse=True)
    def _learned(self, lake: Lake) -> None:
        with open_view(lake) as view:
            found = text_encoder(view)
        assert isinstance(found, Extension)
        type(self).encoder = found


def test_too_few_subjects_teach_nothing(tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "lake", made_notes(90, 30))
    with pytest.raises(DataRefused, match="fewer than 50 subjects"):
        learn_text_encoder(lake, CATALOGUE)


def test_a_changed_model_file_is_refused(tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "lake", NOTES)
    learn_text_encoder(lake, CATALOGUE)
    file = next(Path(lake.root).rglob("model-files/**/model.npz"))
    file.write_bytes(file.read_bytes() + b" ")
    with open_view(lake) as view:
        encoder = text_encoder(view)
    assert encoder is not None
    with pytest.raises(LakeDamaged, match="not those that were stored"):
        encoder.call(np.array(["pain"], dtype=object))


def test_what_is_learned_is_the_same_again_and_after_it_was_stored(tmp_path: Path) -> None:
    texts, people = [note.text for note in NOTES], [note.subject or 0 for note in NOTES]
    first, second = fit(texts, people), fit(texts, people)
    assert np.array_equal(first.basis, second.basis)
    first.save(tmp_path)
    read = TextModel.load(tmp_path)
    assert np.array_equal(read.encode(texts), first.encode(texts))
    alike = first.encode(["chest pain radiating", "dolor torácico irradiado", "chest pain"])
    assert alike[0] @ alike[2] > 0.5 > alike[0] @ alike[1]


def test_a_word_of_one_person_is_in_nothing_learned() -> None:
    """However often one person's notes say a name, the vectors do not know it."""
    texts = [
        f"{note.text} Zbigniewska" if note.subject == 1_000_000_003 else note.text for note in NOTES
    ] + ["Zbigniewska Zbigniewska"] * 40
    people = [note.subject or 0 for note in NOTES] + [1_000_000_003] * 40
    assert not fit(texts, people).encode(["Zbigniewska"]).any()


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from("ab .\n。x"), max_size=4000))
def test_chunks_are_the_whole_text_in_pieces_of_bounded_length(text: str) -> None:
    places = chunk_places(text)
    assert "".join(text[a:b] for a, b in places) == text
    assert all(b - a <= LONGEST for a, b in places)
    assert len(places) <= 1 + 2 * len(text) / LONGEST
