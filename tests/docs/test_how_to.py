"""Every command of the start page and of the how-tos does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, blocks, missing, run

PAGES = [DOCS / "start.md", *sorted((DOCS / "how-to").glob("*.md"))]
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_answer_as_it_says(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        done = run(block, tmp_path)
        where = f"{page.name}:{block.line}"
        assert done.returncode == block.exit_code, f"{where}\n{block.commands}\n{done.stdout}"
        absent = missing(block, done.stdout)
        assert not absent, f"{where} shows lines that are not answered: {absent}\n{done.stdout}"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
    listed_alone = [page for page in pages if "/" in page and not page.startswith("decisions/")]
    assert [page for page in listed_alone if f"]({page})" not in index] == []
