"""An ontology file becomes terms and maps, and says what it left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.knowledge.obo import read_obo
from biolake.knowledge.terminology import TermMap

HPO = """format-version: 1.2
data-version: hp/releases/2026-01-01
ontology: hp
property_value: http://purl.org/dc/terms/license https://hpo.example/license

[Term]
id: HP:0000118
name: Phenotypic abnormality

[Term]
id: HP:0001626
name: Abnormality of the cardiovascular system
alt_id: HP:0003116
synonym: "Cardiovascular \\"abnormality\\"" EXACT layperson []
synonym: "Heart disease" RELATED []
xref: SNOMEDCT_US:49601007
xref: UMLS:C0007222 "a name"
xref: https://example.org/page
is_a: HP:0000118 {source="x"} ! Phenotypic abnormality

[Term]
id: HP:0000057
name: obsolete Clitoromegaly
is_obsolete: true

[Typedef]
id: has_part
name: has part
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "hp.obo"
    path.write_text(text, encoding="utf-8")
    return path


def test_terms_have_their_names_synonyms_and_parents(tmp_path):
    found = read_obo(written(tmp_path, HPO))
    assert (found.name, found.version) == ("HPO", "hp/releases/2026-01-01")
    assert found.licence == "https://hpo.example/license"
    assert [term.code for term in found.terms] == ["HPO//HP:0000118", "HPO//HP:0001626"]
    second = found.terms[1]
    assert second.parents == ("HPO//HP:0000118",)
    assert second.synonyms == ('Cardiovascular "abnormality"', "Heart disease")


def test_old_ids_are_exact_maps_and_cross_references_related_ones(tmp_path):
    assert set(read_obo(written(tmp_path, HPO)).maps) == {
        TermMap("HPO//HP:0003116", "HPO//HP:0001626", "exact"),
        TermMap("HPO//HP:0001626", "SNOMED//49601007", "related"),
        TermMap("HPO//HP:0001626", "UMLS//UMLS:C0007222", "related"),
    }


def test_obsolete_terms_are_left_out_and_counted(tmp_path):
    assert read_obo(written(tmp_path, HPO)).notes == ("1 obsolete terms were left out",)


def test_a_term_given_twice_is_refused_with_both_lines(tmp_path):
    double = HPO.replace("id: HP:0001626", "id: HP:0000118")
    with pytest.raises(DataRefused, match=r"line 10 gives the code .* again; line 6"):
        read_obo(written(tmp_path, double))


def test_what_is_no_ontology_is_refused(tmp_path):
    with pytest.raises(SourceUnreadable, match="no \\[Term\\]"):
        read_obo(written(tmp_path, "hello\n"))
    path = tmp_path / "x.obo"
    path.write_bytes(b"[Term]\nid: HP:1\nname: \xff\xfe\n")
    with pytest.raises(SourceUnreadable, match="UTF-8"):
        read_obo(path)
    with pytest.raises(SourceUnreadable, match="has no id"):
        read_obo(written(tmp_path, "[Term]\nname: nameless\n"))
