"""Assertion, temporality and experiencer are what the words around a finding say."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.text.reading import known, matches, words_of

from biolake.core.errors import DataRefused
from biolake.text.context import ASSERTIONS, Contexts, contexts
from biolake.text.packs import EFFECTS, LANGUAGES, pack, read_triggers
from biolake.text.run import TextRun
from biolake.text.sections import kinds

SHARED = Path(__file__).resolve().parents[3] / "shared/data"


def of(text: str, *targets: str, language: str = "") -> Contexts:
    run = TextRun((text,), (language,), ((),))
    start = np.array([text.index(target) for target in targets])
    end = start + [len(target) for target in targets]
    return contexts(run, np.zeros(len(targets), np.int32), start, end)


def asserted(text: str, *targets: str) -> list[str]:
    return of(text, *targets).words("assertion").to_pylist()


NEGATED, AFFIRMED, POSSIBLE, HYPOTHETICAL = "negated", "affirmed", "possible", "hypothetical"


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ("No fever.", "fever", NEGATED),
        ("Denies fever, chills or COUGH.", "COUGH", NEGATED),
        ("Denies fever, but has chills.", "chills", AFFIRMED),
        ("She denies A, B, and has cramps.", "cramps", AFFIRMED),
        ("Pneumonia was ruled out.", "Pneumonia", NEGATED),
        ("The work-up was negative for pneumonia.", "pneumonia", NEGATED),
        ("Pneumothorax is not seen.", "Pneumothorax", NEGATED),
        ("The lungs show no increase in edema.", "edema", AFFIRMED),
        ("No change in vision.", "vision", NEGATED),
        ("Cannot rule out embolism.", "embolism", POSSIBLE),
        ("Embolism cannot be excluded.", "Embolism", POSSIBLE),
        ("Findings suggestive of sarcoid.", "sarcoid", POSSIBLE),
        ("Return if fever occurs.", "fever", HYPOTHETICAL),
        ("No murmurs (systolic or diastolic), rubs.", "rubs", NEGATED),
        ("A mass (not seen before) and edema.", "edema", AFFIRMED),
        ("A mass (no calcium) was seen.", "calcium", NEGATED),
        ("Abdomen is non-tender.", "tender", NEGATED),
        ("Non-small cell lung cancer.", "lung cancer", AFFIRMED),
        ("Chest pain: no.", "Chest pain", NEGATED),
        ("He has COPD. No fever.", "COPD", AFFIRMED),
        ("No fever.\n\nCough", "Cough", AFFIRMED),
        ("Patient is pain-free.", "pain", NEGATED),
        ("He was without\nany chest pain.", "chest pain", NEGATED),
        ("Positive for fever, negative for cough.", "cough", NEGATED),
        ("Negative for cough, positive for fever.", "fever", AFFIRMED),
        ("Edema due to heart failure, not stroke.", "heart failure", AFFIRMED),
        ("Paciente sin fiebre ni tos.", "tos", NEGATED),
        ("El paciente niega fiebre, tos o disnea, pero refiere dolor.", "dolor", AFFIRMED),
        ("Se descartó neumonía en el paciente.", "neumonía", NEGATED),
        ("No se puede descartar embolia en este paciente.", "embolia", POSSIBLE),
        ("Acudir a urgencias si el paciente presenta fiebre.", "fiebre", HYPOTHETICAL),
        ("患者无发热、咳嗽，有胸痛。", "咳嗽", NEGATED),
        ("患者无发热、咳嗽，有胸痛。", "胸痛", AFFIRMED),
        ("无明显诱因出现腹痛。", "腹痛", AFFIRMED),
        ("不除外肺结核。", "肺结核", POSSIBLE),
        ("如有发热及时就诊。", "发热", HYPOTHETICAL),
        ("双肺呼吸音清，啰音阴性。", "啰音", NEGATED),
        ("心律不齐。", "心律不齐", AFFIRMED),
        ("无发热，咳嗽3天。", "咳嗽", AFFIRMED),
        ("HBsAg（-），幽门螺杆菌阳性。", "HBsAg", NEGATED),
        ("体格检查：未见皮疹。", "皮疹", NEGATED),
        ("HIV (negative), hepatitis.", "HIV", NEGATED),
        ("HIV (negative), hepatitis.", "hepatitis", AFFIRMED),
    ],
)
def test_assertion_is_what_the_sentence_says(text, target, said):
    assert asserted(text, target) == [said]


@pytest.mark.parametrize(
    ("text", "target", "when"),
    [
        ("History of gout.", "gout", "historical"),
        ("Status post appendectomy.", "appendectomy", "historical"),
        ("HISTORY OF PRESENT ILLNESS: fever today.", "fever", "recent"),
        ("A 3-day history of cough.", "cough", "recent"),
        ("A 60-year-old man with asthma.", "asthma", "recent"),
        ("History of gout, presents with fever.", "fever", "recent"),
        ("PAST MEDICAL HISTORY:\nGout", "Gout", "historical"),
        ("Antecedentes de asma. El paciente acude por tos.", "asma", "historical"),
        ("Paciente con antecedentes de asma que acude por tos.", "tos", "recent"),
        ("高血压病史10年。", "高血压", "historical"),
        ("患者3天前出现咳嗽。", "咳嗽", "recent"),
    ],
)
def test_temporality_is_what_sentence_and_section_say(text, target, when):
    assert of(text, target).words("temporality").to_pylist() == [when]


@pytest.mark.parametrize(
    ("text", "target", "whose"),
    [
        ("Her mother had breast cancer.", "breast cancer", "family"),
        ("Family history of gout and a personal history of polyps.", "gout", "family"),
        ("Family history of gout and a personal history of polyps.", "polyps", "patient"),
        ("Per her mother states that she has pain.", "pain", "patient"),
        ("FAMILY HISTORY:\nMOTHER: gout", "gout", "family"),
        ("His roommate has influenza.", "influenza", "other"),
        ("Madre con cáncer de mama.", "cáncer", "family"),
        ("父亲患糖尿病。", "糖尿病", "family"),
        ("父亲死于肝癌，患者本人有乙肝。", "乙肝", "patient"),
    ],
)
def test_experiencer_is_whom_the_sentence_speaks_of(text, target, whose):
    language = "es" if "Madre" in text else ""
    assert of(text, target, language=language).words("experiencer").to_pylist() == [whose]


def test_the_sources_language_decides_which_triggers_are_read():
    assert of("Sin fiebre", "fiebre", language="es").words("assertion").to_pylist() == [NEGATED]
    assert of("Sin fiebre", "fiebre", language="en").words("assertion").to_pylist() == [AFFIRMED]


def test_the_section_is_told_and_sets_what_no_word_says():
    found = of("PLAN: rest\nDISCHARGE INSTRUCTIONS:\nfever", "rest", "fever")
    assert found.words("section").to_pylist() == ["plan", "instructions"]
    assert found.words("assertion").to_pylist() == [AFFIRMED, HYPOTHETICAL]


def test_no_targets_and_targets_in_empty_texts_are_no_fault():
    run = TextRun.of(["", "x"])
    assert len(contexts(run, np.array([], int), np.array([], int), np.array([], int))) == 0
    assert contexts(run, np.array([0]), np.array([0]), np.array([0])).assertion.tolist() == [0]


# An independent ConText of one sentence, with nothing compiled in it.


def plain(sentence: str, start: int, end: int) -> set[str]:
    """Return the effects on one target by reading lists of words outwards from it."""
    triggers = pack("en").triggers
    words = words_of(sentence)
    target = [n for n, (_, a, b) in enumerate(words) if a < end and b > start]
    depth, depths = 0, []
    for word, *_ in words:
        depth = max(0, depth - (word == ")"))
        depths.append(depth)
        depth += word == "("
    held: set[str] = set()
    found = matches(ENGLISH, words)
    for edge, sided, way in (
        (target[0], [(b, n) for _, b, n in found if b < target[0]][::-1], "forward"),
        (target[-1], [(a, n) for a, _, n in found if a > target[-1]], "backward"),
    ):
        ended: set[str] = set()
        for near, number in sided:
            low, high = sorted((near, edge))
            if depths[near] > min(depths[low : high + 1]):
                continue
            trigger = triggers[number]
            effects = set(trigger.effect.split(",")) & set(EFFECTS)
            if trigger.direction in (way, "both") and high - low <= (trigger.reach or high):
                held |= effects - ended
            ended |= set(trigger.ends)
    return held


ENGLISH = known([trigger.phrase for trigger in pack("en").triggers])
# fmt: off
SOME = ["no", "denies", "was ruled out", "but", "not seen", "history of", "cannot rule out", "-",
        "if", "her mother", "family history of", "presents with", ";", "however", "possible",
        "no increase", "non-small cell", "status post", "resolved", "in the past", "negative",
        "years ago", "is not", "secondary to", "absent", "personal history of", "new", "non-"]
# fmt: on
bits = st.sampled_from(SOME) | st.sampled_from([trigger.phrase for trigger in pack("en").triggers])
pieces = bits | st.sampled_from(["mass", "blood", "and", ",", "(", ")", "the", "left", "TARGET"])


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces, max_size=14), st.lists(pieces, max_size=14))
def test_the_compiled_context_is_that_of_a_plain_reading(before, after):
    sentence = " ".join([*before, "TARGET", *after])
    run = TextRun((sentence,), ("en",), ((),))
    start = len(" ".join([*before, ""])) if before else 0
    found = contexts(run, np.array([0]), np.array([start]), np.array([start + 6]))
    if set(sentence) & set("?!.:") or found.section[0]:
        return  # more than one sentence, or a section's say
    held = plain(sentence, start, start + 6)
    wanted = next(
        (word for word in ("negated", "hypothetical", "possible") if word in held), AFFIRMED
    )
    assert ASSERTIONS[found.assertion[0]] == wanted
    assert found.temporality[0] == ("historical" in held)
    assert found.experiencer[0] == (1 if "family" in held else 2 if "other" in held else 0)


texts = st.lists(
    st.sampled_from(["no ", "pain", " pain, ", "but ", ". ", "\n", "\n\n", "PLAN: ", "sin ", "无",
                     "FAMILY HISTORY:\n", "，", "el paciente ", "the patient ", "of "]),
    max_size=14,
).map("".join)  # fmt: skip


@settings(deadline=None)
@given(st.lists(texts, min_size=1, max_size=5), st.data())
def test_a_batch_in_any_order_has_the_contexts_its_texts_have_alone(batch, data):
    places = st.tuples(st.integers(0, len(batch) - 1), st.integers(0, 60), st.integers(1, 5))
    spans = [
        (item, start, start + length)
        for item, start, length in data.draw(st.lists(places, max_size=6))
        if start + length <= len(batch[item])
    ]
    item, start, end = np.array(spans, np.int32).reshape(-1, 3).T
    found = contexts(TextRun.of(batch), item, start, end)
    for n, (i, a, b) in enumerate(spans):
        one = contexts(TextRun.of([batch[i]]), np.array([0]), np.array([a]), np.array([b]))
        for column in ("assertion", "temporality", "experiencer", "section"):
            assert getattr(found, column)[n] == getattr(one, column)[0]


# The packs.


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pack_names_its_source_and_licence_and_has_every_effect(language):
    own = pack(language)
    assert own.source
    assert own.licence == "Apache-2.0"
    said = {effect for trigger in own.triggers for effect in trigger.effect.split(",")}
    assert said == {*EFFECTS, "pseudo", "stop"}
    assert all(not a.phrase.startswith(" ") and a.phrase for a in own.triggers)
    assert len({trigger.phrase for trigger in own.triggers}) == len(own.triggers)
    assert set(own.sections) <= set(kinds())


def test_a_row_that_is_not_right_is_refused_by_line():
    for row, reason in (
        ("no\tnegatd\tforward", "negatd"),
        ("no\tnegated", "direction"),
        ("but\tstop\tforward", "direction"),
        ("no\tnegated\tforward\t\tfamly", "famly"),
        ("no\tnegated\tforward\tfar", "far"),
    ):
        with pytest.raises(DataRefused, match=reason) as refused:
            list(read_triggers(f"# first\n{row}\n", "here.tsv"))
        assert refused.value.where == "here.tsv:2"


def test_alternatives_are_spelt_out_and_the_first_row_of_a_phrase_holds():
    table = "{a,b} c{,s}\tnegated\tforward\nb c\tpossible\tforward\n"
    found = list(read_triggers(table, "x"))
    assert [trigger.phrase for trigger in found] == ["a c", "a cs", "b c", "b cs"]
    assert {trigger.effect for trigger in found} == {"negated"}


# Real sentences.


def test_negation_of_real_sentences_stays_above_its_bar():
    path = SHARED / "negation_context/sentences.jsonl"
    if not path.exists():
        pytest.skip("no shared data")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    start = [max(0, row["sentence"].find(row["condition"].strip().upper())) for row in rows]
    end = [a + len(row["condition"].strip()) for a, row in zip(start, rows, strict=True)]
    run = TextRun.of([row["sentence"] for row in rows])
    found = contexts(
        run, np.arange(len(rows)), np.array(start), np.minimum(end, np.diff(run.offsets) - 1)
    )
    for got, wanted, bar in (
        (found.assertion == 1, [row["negation"] == "Negated" for row in rows], 0.95),
        (found.temporality == 1, [row["temporality"] == "Historical" for row in rows], 0.70),
    ):
        assert 2 * np.sum(got & wanted) / (np.sum(got) + np.sum(wanted)) >= bar


def mentions(cases: list[dict], before: str) -> list[tuple[int, int, int]]:
    """Return the annotated mentions of diagnoses that stand right after these words."""
    places = [
        (number, *map(int, one["spans"].split()))
        for number, case in enumerate(cases)
        for one in case["evidence_es"]
        if one["kind"] == "DIAGNOSTICO" and ";" not in one["spans"]
    ]
    said = re.compile(rf"\b(?:{before}) $", re.IGNORECASE)
    return [(n, a, b) for n, a, b in places if said.search(cases[n]["text_es"][max(0, a - 40) : a])]


@pytest.mark.parametrize(
    ("before", "said", "least"),
    [
        (
            "sin (?:signos|evidencia) de|no se observ[a-zó]+|niega|descart[oó]|no presenta(?:ba)?",
            NEGATED,
            40,
        ),
        ("antecedentes personales de|diagnosticad[oa] de|presenta(?:ba)? una?", AFFIRMED, 50),
        ("sospecha de|posible|probable|sugestiv[oa]s? de|compatible con", POSSIBLE, 50),
    ],
)
def test_real_spanish_mentions_are_what_the_words_right_before_say(before, said, least):
    path = SHARED / "icd_codiesp/train.jsonl"
    if not path.exists():
        pytest.skip("no shared data")
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    spans = mentions(cases, before)
    found = contexts(TextRun.of([case["text_es"] for case in cases]), *np.array(spans).T)
    assert len(spans) >= least
    assert np.mean(found.assertion == ASSERTIONS.index(said)) >= 0.9


def test_places_of_sentences_do_not_depend_on_pairs_of_texts():
    run = TextRun.of(["no", "pain"])
    assert all(b > a for a, b in pairwise(run.offsets))
    found = contexts(run, np.array([1]), np.array([0]), np.array([4]))
    assert ASSERTIONS[found.assertion[0]] == AFFIRMED
