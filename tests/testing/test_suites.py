"""The conformance suites fail what breaks a contract: a suite that nothing fails proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from biolake.core.assets import (
    Facts,
    Finding,
    FoundAsset,
    FoundCode,
    FoundSample,
    ImageInput,
    Measured,
    Surroundings,
    UnreadableFile,
)
from biolake.core.catalogue import Extension, asset_reader, batch_extractor, encoder, extractor
from biolake.core.errors import SourceUnreadable
from biolake.core.media import Cells, Note, Opened, Recording, Signal
from biolake.core.reading import SourceFile
from biolake.core.schema import FINDINGS
from biolake.ingest.extracting.answers import rows_schema
from biolake.testing.asset_readers import AssetReaderTests
from biolake.testing.encoders import EncoderTests
from biolake.testing.extractors import ExtractorTests
from biolake.testing.media import fits, same
from biolake.testing.spoilt import OTHERS, GivenGenotypes, spoilt_forms

RAMP = Recording((Signal(np.arange(100.0, dtype=np.float32)[None], 10.0, ("I",), ("mV",)),))


@extractor("Means", needs="ecg", version="1", codes=[FoundCode("M//mean", "A mean", "mV")])
def good(opened: Opened) -> Sequence[Finding]:
    if not isinstance(opened, Recording) or not opened.signals:
        return []
    samples = opened.signals[0].samples
    usable = samples[np.isfinite(samples)].astype(float)
    return [Finding("M//mean", float(usable.mean()), "mV")] if len(usable) else []


def extractor_suite(call: Callable[[Opened], object]) -> list[str]:
    """Return which tests of the suite an extractor with this call fails."""

    class Suite(ExtractorTests):
        extractor = replace(good, call=call)

        def media(self) -> Sequence[Opened]:
            samples = RAMP.signals[0].samples.copy()
            return [Recording((replace(RAMP.signals[0], samples=samples),))]

    return failures(Suite(), lambda suite: {"examples": suite.media()})


def failures(suite: object, given: Callable[[object], dict[str, object]]) -> list[str]:
    failed = []
    for name in dir(type(suite)):
        if name.startswith("test_"):
            method = getattr(suite, name)
            wanted = method.__code__.co_varnames[1 : method.__code__.co_argcount]
            try:
                method(**{key: value for key, value in given(suite).items() if key in wanted})
            except Exception:
                failed.append(name)
    return failed


def always(*findings: Finding) -> Callable[[Opened], Sequence[Finding]]:
    return lambda opened: list(findings) if isinstance(opened, Recording) else []


def test_a_good_extractor_passes() -> None:
    assert extractor_suite(good.call) == []


@pytest.mark.parametrize(
    "finding",
    [
        Finding("M//mean", float("nan"), "mV"),
        Finding("M//mean", 1.0, "V"),
        Finding("M//other", 1.0, "mV"),
        Finding("M//mean", 1.0, "mV", at=-1.0),
        Finding("M//mean", 1.0, "mV", at=1e6),
    ],
)
def test_findings_that_the_engine_would_refuse_fail(finding: Finding) -> None:
    assert "test_it_finds_only_what_it_declares" in extractor_suite(always(finding))


def test_an_extractor_that_finds_nothing_dies_changes_its_input_or_is_fickle_fails() -> None:
    draw = np.random.default_rng(1)

    def spoiling(opened: Opened) -> Sequence[Finding]:
        if isinstance(opened, Recording):
            for signal in opened.signals:
                signal.samples[...] = 0
        return []

    def dying(opened: Opened) -> Sequence[Finding]:
        return [Finding("M//mean", float(opened.signals[0].samples[0, 50]), "mV")]  # type: ignore[union-attr]

    same = "test_it_finds_the_same_again_and_changes_nothing"
    assert "test_it_finds_something" in extractor_suite(lambda opened: [])
    assert same in extractor_suite(spoiling)
    assert same in extractor_suite(lambda o: [Finding("M//mean", draw.random(), "mV")])
    failed = extractor_suite(dying)
    assert "test_empty_flat_short_and_broken_media_do_not_stop_it" in failed
    assert "test_it_passes_over_media_of_another_kind" in failed


@encoder(
    "Mean", needs="xray", version="1", inputs=ImageInput(8), dimension=1, licence="none: no weights"
)
def mean(batch: np.ndarray) -> np.ndarray:
    return batch.reshape(len(batch), -1).mean(axis=1, keepdims=True).astype(np.float32)


def encoder_suite(call: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    class Suite(EncoderTests):
        encoder = replace(mean, call=call)

    return failures(Suite(), lambda _: {})


def test_encoders_that_look_at_the_batch_or_give_the_wrong_kind_fail() -> None:
    assert encoder_suite(mean.call) == []
    batch = "test_a_vector_does_not_depend_on_the_batch_it_came_in"
    assert batch in encoder_suite(lambda b: mean.call(b) - mean.call(b).mean())
    shape = "test_every_item_of_a_batch_has_one_finite_vector"
    assert shape in encoder_suite(lambda b: mean.call(b).astype(np.float64))
    assert shape in encoder_suite(lambda b: mean.call(b)[:, 0])
    with np.errstate(all="ignore"):
        assert shape in encoder_suite(lambda b: mean.call(b) / mean.call(b) * np.float32(1))
    changed = "test_the_same_batch_has_the_same_vectors_and_stays_as_it_was"
    assert changed in encoder_suite(lambda b: mean.call(np.add(b, 1, out=b)))


def _claims(name: str, head: bytes) -> bool:
    return name.endswith(".ten")


def _find(
    files: Sequence[SourceFile], around: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    for file in files:
        content = file.path.read_bytes()
        if len(content) != 40:
            yield UnreadableFile(file, "it is not 40 bytes long")
            continue
        yield FoundAsset("ecg", (file,), Facts(seconds=1.0, rate=10.0, shape=(10,)))


@asset_reader("Ten", claims=_claims, find=_find)
def ten(content: object) -> Recording:
    data = content.read(content.names[0])  # type: ignore[attr-defined]
    if len(data) != 40:
        raise SourceUnreadable("it is not 40 bytes long")
    return Recording((Signal(np.frombuffer(data, "<f4")[None], 10.0, ("I",), ("mV",)),))


def reader_suite(folder: Path, **changed: object) -> list[str]:
    class Suite(AssetReaderTests):
        reader: Extension = replace(ten, **changed)  # type: ignore[arg-type]
        secrets = ("Zubrowka",)

        def write_source(self, folder: Path) -> None:
            (folder / "Zubrowka.ten").write_bytes(np.arange(10, dtype="<f4").tobytes())

    count = iter(range(100))

    def given(suite: Suite) -> dict[str, object]:
        home = folder / str(next(count))
        (home / "source").mkdir(parents=True)
        (home / "stray").mkdir()
        if changed:
            suite.damages = 15
        suite.write_source(home / "source")
        stray = home / "stray"
        return {"source": home / "source", "tmp_path": stray}

    return failures(Suite(), given)  # type: ignore[arg-type]


def test_a_good_asset_reader_passes(tmp_path: Path) -> None:
    assert reader_suite(tmp_path) == []


def test_asset_readers_that_crash_leak_or_lose_files_fail(tmp_path: Path) -> None:
    def careless(files: Sequence[SourceFile], around: Surroundings) -> Iterator[FoundAsset]:
        for file in files:
            facts = Facts(attributes={"about": file.path.stem})
            yield FoundAsset("ecg", (file,), facts, notes=(f"of {file.path.stem}",))

    def forgetful(files: Sequence[SourceFile], around: Surroundings) -> Iterator[FoundAsset]:
        return iter(())

    def crashing(content: object) -> Recording:
        data = content.read(content.names[0])  # type: ignore[attr-defined]
        return Recording(
            (Signal(np.frombuffer(data, "<f4").reshape(1, 10), 10.0, ("I",), ("mV",)),)
        )

    failed = reader_suite(tmp_path / "a", find=careless)
    assert "test_nothing_it_tells_names_a_subject" in failed
    assert "test_an_empty_file_under_a_name_of_its_own_is_no_asset" in failed
    assert "test_every_file_it_claims_has_one_account" in reader_suite(
        tmp_path / "b", find=forgetful
    )
    damaged = "test_damaged_files_are_refused_by_name_or_opened"
    assert damaged in reader_suite(tmp_path / "c", find=careless, call=crashing)
    assert "test_it_claims_no_empty_folder_and_no_stray_file" in reader_suite(
        tmp_path / "d", claims=lambda name, head: True
    )


NOTE = Note("Fever and cough.")


def each_word(run: Sequence[Opened], found: int = 1) -> Measured:
    """Find the first words of every note of a run: one finding and one span each."""
    schema = rows_schema("spans")
    events, spans = [], []
    for item, note in enumerate(run):
        words = note.text.split()[:found] if isinstance(note, Note) else []
        for word in (word for word in words if word.isalpha()):
            at = note.text.index(word)  # type: ignore[union-attr]
            events.append(dict.fromkeys(FINDINGS.names) | {"item": item, "code": f"W//{word[:9]}"})
            where = {"item": item, "start": at, "end": at + len(word), "label": "word"}
            spans.append(dict.fromkeys(schema.names) | where | {"confidence": 1.0})
    tables = {"spans": pa.Table.from_pylist(spans, schema)}
    return Measured(pa.Table.from_pylist(events, FINDINGS), tables)


@batch_extractor("Words", needs="note", version="1", codes=[FoundCode("W//*", "A word")])
def first_words(run: Sequence[Opened]) -> Measured:
    return each_word(run)


def batch_suite(call: Callable[[Sequence[Opened]], Measured]) -> list[str]:
    class Suite(ExtractorTests):
        extractor = replace(first_words, call=call)

        def media(self) -> Sequence[Opened]:
            return [NOTE, Note("Well.")]

    return failures(Suite(), lambda suite: {"examples": suite.media()})


def test_a_good_extractor_of_runs_passes() -> None:
    assert batch_suite(first_words.call) == []


def test_extractors_of_runs_that_look_across_point_beside_or_name_other_codes_fail() -> None:
    def across(run: Sequence[Opened]) -> Measured:
        return each_word(run, len(run))

    def beside(run: Sequence[Opened]) -> Measured:
        given = each_word(run)
        spans = given.tables["spans"]
        ends = pa.array([999] * len(spans), pa.int32())
        return Measured(
            given.findings,
            {"spans": spans.set_column(spans.column_names.index("end"), "end", ends)},
        )

    def misnamed(run: Sequence[Opened]) -> Measured:
        given = each_word(run)
        assert given.findings is not None
        codes = pa.array(["V//x"] * len(given.findings), pa.string())
        place = given.findings.column_names.index("code")
        return Measured(given.findings.set_column(place, "code", codes))

    assert "test_a_run_gives_each_what_it_has_alone" in batch_suite(across)
    assert "test_it_finds_only_what_it_declares" in batch_suite(beside)
    assert "test_it_finds_only_what_it_declares" in batch_suite(misnamed)
    assert "test_it_finds_something" in batch_suite(lambda run: Measured())


def test_odd_notes_genotypes_and_cells_are_such_as_readers_open() -> None:
    genotypes = GivenGenotypes.of(np.array([[0, 1, 2], [-1, 0, 1]]))
    cells = next(each for each in OTHERS if isinstance(each, Cells))
    for media in (NOTE, genotypes, cells):
        spoilt = list(spoilt_forms(media))
        assert len(spoilt) > 5
        for each in spoilt:
            samples = tuple(FoundSample(name) for name in getattr(each, "samples", ()))
            file = SourceFile("x", "x")
            asset = FoundAsset("note", (file,), Facts(), samples=samples)
            if not (isinstance(each, Note) and not each.text):
                fits(asset, each)
            assert same(each, each)
