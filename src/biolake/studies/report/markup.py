"""HTML by the element: everything that is put in is escaped unless it is markup already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from biolake.studies.report.formats import NONE, UNKNOWN, interval, limits, point
from biolake.studies.report.reading import Estimate

# Control characters are not HTML, and direction marks could make a table read backwards.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_NUMERIC = re.compile(r"^[\d<>+\-−–(][\d\s.,%/()<>+\-−–×⁰¹²³⁴⁵⁶⁷⁸⁹]*(?:to [\d\s.,%()\-−–]+)?$")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def clean(text: object) -> str:
    """Drop what cannot stand in a page: control characters, direction marks, half characters."""
    return _SURROGATES.sub("\ufffd", _UNSEEN.sub("", str(text)))


def safe(value: object) -> str:
    """Escape text; leave markup as it is."""
    return value if isinstance(value, Markup) else escape(clean(value), quote=True)


def element(tag: str, *content: object, **attributes: object) -> Markup:
    """Write one element; `class_` is class, `data_x` is data-x, None leaves an attribute out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(clean(value), quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{written}>{''.join(safe(item) for item in content)}</{tag}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Put pieces together, escaping those that are text."""
    return Markup(between.join(safe(part) for part in parts))


def paragraph(*content: object, class_: str | None = None) -> Markup:
    return element("p", *content, class_=class_)


def bullets(items: Iterable[object]) -> Markup:
    return element("ul", *(element("li", item) for item in items))


def callout(kind: str, title: str, *content: object) -> Markup:
    """Set a message apart; `kind` is stop, caution or good, and the title says it in words."""
    body = join((element("strong", title, " "), *content))
    return element("div", element("p", body), class_=f"callout {kind}", role="note")


def folded(summary: str, *content: object) -> Markup:
    """Fold away what is long; printing opens it."""
    return element("details", element("summary", summary), *content)


def _cell(value: object) -> Markup:
    text = str(value)
    kind = "n" if isinstance(value, Markup) or _NUMERIC.match(text) else None
    if text in (UNKNOWN, NONE, ""):
        kind = "n none"
    return element("td", value, class_=kind)


def stacked(found: Estimate, places: int | None = None) -> str:
    """Write an estimate over its interval, for tables with many columns."""
    if not (found and found.bounded):
        return interval(found, places)
    return join((point(found, places), Markup("<br>"), element("small", limits(found, places))))


def _row(cells: Sequence[object]) -> Markup:
    if len(cells) == 1:  # a heading that spans the table
        return cells[0] if isinstance(cells[0], Markup) else Markup("")
    return element("tr", element("th", cells[0], scope="row"), *(_cell(c) for c in cells[1:]))


def spanning(title: object, columns: int) -> tuple[Markup]:
    """Make a row that heads the rows below it."""
    head = element("th", title, scope="colgroup", colspan=columns)
    return (element("tr", head, class_="group"),)


def table(
    caption: str,
    headings: Sequence[object],
    body: Iterable[Sequence[object]],
    kind: str | None = None,
) -> Markup:
    """Write a table: its first column heads the rows, and a row of one cell heads a group."""
    head = element("tr", *(element("th", name, scope="col") for name in headings))
    held = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *(_row(list(cells)) for cells in body)),
        class_=kind,
    )
    return element("div", held, class_="wide", tabindex=0, role="region", aria_label=caption)


def facts(items: Iterable[tuple[str, object]]) -> Markup:
    """Write a two-column list of what is known, leaving out what is empty."""
    held = [element("dt", name) + element("dd", value) for name, value in items if value != ""]
    return element("dl", Markup("".join(held)))


def figure(drawing: Markup, caption: object) -> Markup:
    """Write a figure with its caption; the page numbers it."""
    holder = element("div", drawing, class_="drawing")
    return element("figure", holder, element("figcaption", caption))


def side_by_side(figures: Sequence[Markup]) -> Markup:
    return element("div", *figures, class_="pair")
