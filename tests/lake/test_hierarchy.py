"""Ancestors and descendants against a walk by hand, and the edges that codes tell themselves."""

from __future__ import annotations

from types import SimpleNamespace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.schema import CODES, TERMS
from biolake.lake.door import view_sql
from biolake.lake.hierarchy import ancestors, descendants, occurring_descendants

CODE = st.sampled_from([f"V//{n}" for n in range(8)])
EDGES = st.lists(st.tuples(CODE, CODE), max_size=14)


def lake_of(terms, codes=()):
    """Return a view of terms (code → parents) and codes (code, parents, events)."""
    con = duckdb.connect()
    for name, schema in (("terms", TERMS), ("codes", CODES)):
        con.execute(view_sql(name, schema, []).replace("CREATE VIEW", "CREATE TABLE"))
    for code, parents in terms.items():
        con.execute("INSERT INTO terms VALUES (?, 'T', ?, [], ?)", [code, code.lower(), parents])
    for code, parents, events in codes:
        con.execute("INSERT INTO codes VALUES (?, NULL, ?, 'V', ?)", [code, parents, events])
    return SimpleNamespace(con=con, rows=lambda sql, p=(): con.execute(sql, list(p)).fetchall())


def walked(edges, start):
    """Walk breadth first: code → steps."""
    reached, front, steps = {start: 0}, [start], 0
    while front:
        steps += 1
        front = list({to for of, to in edges if of in front and of != to} - reached.keys())
        reached |= dict.fromkeys(front, steps)
    return reached


@settings(max_examples=40, deadline=None)
@given(EDGES, CODE)
def test_a_walk_reaches_what_a_walk_by_hand_reaches_even_in_circles(edges, start):
    parents = {}
    for child, parent in edges:
        parents.setdefault(child, []).append(parent)
    view = lake_of(parents)
    up = {each.code: each.distance for each in ancestors(view, [start])}
    down = {each.code: each.distance for each in descendants(view, [start])}
    assert up == walked(edges, start)
    assert down == walked([(b, a) for a, b in edges], start)


def test_parents_of_codes_and_of_terms_are_one_hierarchy():
    view = lake_of(
        {"ICD10CM//I21.4": ["ICD10CM//I21"], "ICD10CM//I21": []},
        [("DIAGNOSIS//ICD//10//I214", ["ICD10CM/I21.4"], 9), ("OTHER", None, 3)],
    )
    found = ancestors(view, ["DIAGNOSIS//ICD//10//I214"])
    assert [(each.code, each.distance) for each in found] == [
        ("DIAGNOSIS//ICD//10//I214", 0),
        ("ICD10CM//I21.4", 1),
        ("ICD10CM//I21", 2),
    ]
    assert occurring_descendants(view, ["ICD10CM/I21"]) == ["DIAGNOSIS//ICD//10//I214"]


@pytest.mark.parametrize(
    ("code", "about"),
    [
        ("EXPRESSION//TP53//tpm", "GENE//TP53"),
        ("CNA//TP53", "GENE//TP53"),
        ("MUTATION//TP53//Missense_Mutation", "GENE//TP53"),
        ("PSEUDOBULK//B cell//TP53", "GENE//TP53"),
        ("NOTE_DIAGNOSIS//ICD10CM//I21.4", "ICD10CM//I21.4"),
    ],
)
def test_a_code_that_tells_what_it_is_about_is_found_below_it(code, about):
    view = lake_of({"GENE//TP53": ["GENESET//P53"]}, [(code, None, 1)])
    assert occurring_descendants(view, [about]) == [code]
    if about.startswith("GENE//"):
        assert occurring_descendants(view, ["GENESET//P53"]) == [code]
