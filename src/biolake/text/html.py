"""The text of an HTML page as a person reads it: lines, list items, cells of tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_BLOCKS = frozenset((
    "p", "div", "section", "article", "header", "footer", "table", "tr", "ul", "ol", "li",
    "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "blockquote",
    "address", "figure", "form", "fieldset", "main", "nav", "aside", "caption", "body",
))  # fmt: skip
_UNSEEN = frozenset(("script", "style", "head", "template", "noscript"))
_DASH = "- "
_SPACES = re.compile(r"[ \t\r\n\f]+")


def html_text(page: str) -> tuple[str, str]:
    """Return the text of a page and its title.

    Blocks begin a line, a list's items have a dash, a row's cells a tab between them. Nothing is
    loaded, and scripts and styles are left out.
    """
    found = _Page()
    found.feed(page)
    found.close()
    return found.lines.text(), " ".join("".join(found.title).split())


@dataclass
class Lines:
    """Text put together line by line; runs of white space are one space, as on a page."""

    _done: list[str] = field(default_factory=list)
    _line: list[str] = field(default_factory=list)
    size: int = 0  # characters of the lines that are done, with their ends

    def add(self, words: str, *, kept: bool = False) -> None:
        """Add words to the line; `kept`: their line ends and spaces count."""
        if kept:
            first, *rest = words.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self._line.append(first)
            for line in rest:
                self.end()
                self._line.append(line)
            return
        words = _SPACES.sub(" ", words)
        if not words:
            return
        after = self._line and self._line[-1].endswith((" ", "\t"))
        self._line.append(
            words[1:] if words.startswith(" ") and (after or not self._line) else words
        )

    def cell(self) -> None:
        """Part one cell of a row from the next."""
        self._line.append("\t")

    def item(self) -> None:
        """Begin an item of a list."""
        self.finish()
        self._line = [_DASH]

    def finish(self) -> None:
        """End the line; a dash that nothing followed goes."""
        if self._line == [_DASH]:
            self._line = []
        self.end()

    def end(self) -> None:
        """End the line, if anything stands in it; what follows a dash stays on its line."""
        if self._line == [_DASH]:
            return
        line = "".join(self._line).rstrip()
        self._line = []
        if line.strip():
            self._done.append(line)
            self.size += len(line) + 1

    def text(self) -> str:
        self.finish()
        return "".join(f"{line}\n" for line in self._done)


class _Page(HTMLParser):
    """Follows a page's tags; broken ones are taken as a browser would."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines, self.title = Lines(), list[str]()
        self._unseen = self._kept = 0
        self._titled = False
        self._cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._titled = tag == "title"
        self._unseen += tag in _UNSEEN
        self._kept += tag == "pre"
        if tag in ("td", "th"):
            if self._cells:
                self.lines.cell()
            self._cells += 1
        elif tag in _BLOCKS:
            if not self._cells or tag == "tr":
                self.lines.end()
            self._cells = 0 if tag == "tr" else self._cells
            if tag == "li" and not self._cells:
                self.lines.item()
        elif tag == "br":
            self.lines.add(" ") if self._cells else self.lines.end()
        if tag == "body":
            self._unseen = 0

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._titled = self._titled and tag != "title"
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        self._kept = max(0, self._kept - (tag == "pre"))
        if tag in ("tr", "table"):
            self._cells = 0
        if tag in _BLOCKS and not self._cells:
            self.lines.end()

    def handle_data(self, data: str) -> None:
        if self._titled:
            self.title.append(data)
        elif not self._unseen:
            self.lines.add(data, kept=bool(self._kept))
