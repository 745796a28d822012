"""The reference says what the code says: every command, column, key, function and error."""

from __future__ import annotations

import re

import pytest
from tests.docs.pages import DOCS

import reference
from biolake.core import errors
from biolake.ingest.mapping import loading
from biolake.ingest.mapping.definition import EncounterRule, EventRule, Identifier, Identity
from biolake.lake.transaction import SCHEMAS

MAPPING = (DOCS / "reference" / "mapping.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", reference.pages(), ids=lambda page: page.stem)
def test_a_generated_page_is_what_the_code_says(page) -> None:
    told = page.read_text(encoding="utf-8")
    assert told == reference.pages()[page], "run: python tools/reference.py"


def test_every_meaning_is_of_a_column_there_is() -> None:
    columns = {(table, name) for table, schema in SCHEMAS.items() for name in ["", *schema.names]}
    everywhere = {("*", name) for _, name in columns}
    assert set(reference.meanings()) <= columns | everywhere


def test_every_key_of_a_mapping_is_described() -> None:
    keys = {"mapping", "subject", "tables", "file", "type", "on"}
    keys |= {*loading._ROOT_WORDS.split(), *loading._TABLE_WORDS.split()}
    keys |= {"delimiter", "quote", "nullstr", "timestampformat", "parents", "description"}
    for rule in (EventRule, EncounterRule, Identifier, Identity):
        keys |= set(rule.__dataclass_fields__) - {"where", "expression", "integer"}
    assert {key for key in keys if not re.search(rf"\b{key}\b", MAPPING)} == set()


def test_every_error_code_is_listed_with_its_exit_code() -> None:
    page = (DOCS / "reference" / "exit-codes-and-errors.md").read_text(encoding="utf-8")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, errors.BiolakeError):
            assert re.search(rf"\| `{kind.code}` \| {kind.exit_code} \|", page), kind.code
