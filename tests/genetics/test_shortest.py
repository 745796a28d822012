"""One form for every way to write a variant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolake.core.errors import WrongUse
from biolake.genetics.shortest import Variant, parse, shortest

REFERENCE = "GATTACACACATTTGCA"
BASES = st.text("ACGT", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("written", "short"),
    [
        (("1", 100, "A", "G"), Variant("1", 100, "A", "G")),
        (("1", 100, "CA", "C"), Variant("1", 101, "A", "-")),
        (("1", 100, "CAA", "CA"), Variant("1", 101, "A", "-")),
        (("1", 100, "C", "CT"), Variant("1", 101, "-", "T")),
        (("1", 101, "-", "T"), Variant("1", 101, "-", "T")),
        (("1", 100, "GCA", "GTA"), Variant("1", 101, "C", "T")),
    ],
)
def test_shared_bases_are_cut(written, short: Variant) -> None:
    assert shortest(*written) == short


def changed(start: int, ref: str, alt: str) -> str:
    return REFERENCE[:start] + alt + REFERENCE[start + len(ref) :]


@given(st.integers(0, 12), st.integers(1, 4), BASES, st.integers(0, 3), st.integers(0, 3))
def test_the_short_form_makes_the_same_change_and_padding_does_not_matter(
    start: int, length: int, alt: str, before: int, after: int
) -> None:
    ref = REFERENCE[start : start + length]
    if ref == alt:
        return
    short = shortest("1", start + 1, ref, alt)
    wanted = changed(start, ref, alt)
    at = short.position - 1
    assert changed(at, short.ref.replace("-", ""), short.alt.replace("-", "")) == wanted
    left = max(0, start - before)
    right = min(len(REFERENCE), start + len(ref) + after)
    head, tail = REFERENCE[left:start], REFERENCE[start + len(ref) : right]
    padded = shortest("1", left + 1, head + ref + tail, head + alt + tail)
    at = padded.position - 1
    assert changed(at, padded.ref.replace("-", ""), padded.alt.replace("-", "")) == wanted
    if len(ref) == len(alt):
        assert padded == short


def test_names_and_places_are_understood() -> None:
    assert parse("rs7412").name == "rs7412"
    assert parse("chr19:45412079").place == ("19", 45412079)
    asked = parse("23:5:a:t")
    assert (asked.place, asked.alleles) == (("X", 5), ("A", "T"))
    for text in ("", "19:x", "two words"):
        with pytest.raises(WrongUse, match="names no variant"):
            parse(text)
