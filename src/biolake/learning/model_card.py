"""A model's card as Markdown and as one self-contained page (Mitchell et al., FAccT 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

Table = tuple[Sequence[str], list[Sequence[str]]]
Piece = str | Table

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;"
    "border-bottom:1px solid #d0d7de;text-align:left;font-variant-numeric:tabular-nums}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}.warning{background:#fff4e5;"
    "border-left:4px solid #c65d00;padding:.6rem 1rem;margin:1rem 0}pre{background:#f6f8fa;"
    "padding:1rem;overflow:auto}"
)
_PROMISE = (
    "Every figure is of assets the model did not see while it was fitted (cross-validation by"
    " subject), with its 95 % interval. It says how well the model does on data like these; another"
    " hospital's are others. The model is for research, and no medical device."
)


def as_markdown(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    lines = [f"# Model {card['model']}, version {card.get('version', '–')}", ""]
    for warning in card["warnings"]:
        lines += [f"> **Warning:** {warning}", ""]
    for title, pieces in _sections(card):
        lines += [f"## {title}", ""]
        for piece in pieces:
            lines += [*_markdown(piece), ""]
    lines += ["## Specification", "", "```yaml", str(card["specification"]).rstrip(), "```", ""]
    return "\n".join(lines)


def as_html(card: Mapping[str, Any]) -> str:
    """Return the card as one page that needs nothing else."""
    title = escape(f"Model {card['model']}, version {card.get('version', '–')}")
    parts = [f"<h1>{title}</h1>"]
    parts += [f'<p class="warning">{escape(one)}</p>' for one in card["warnings"]]
    for heading, pieces in _sections(card):
        parts.append(f"<h2>{escape(heading)}</h2>")
        parts += [_html(piece) for piece in pieces]
    parts.append(f"<h2>Specification</h2><pre>{escape(str(card['specification']))}</pre>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def interval(found: Mapping[str, Any] | None) -> str:
    """Return `0.91 (0.88 to 0.93)`, or a dash."""
    if not found or found.get("value") is None:
        return "–"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _sections(card: Mapping[str, Any]) -> Iterator[tuple[str, list[Piece]]]:
    yield "What it is", [card["description"] or "No description was given.", _identity(card)]
    yield "How good it is", [_PROMISE, _figures(card), *_coverage(card)]
    yield "In groups", [_groups(card)]
    yield "Shortcut audit", _shortcuts(card)


def _identity(card: Mapping[str, Any]) -> Table:
    source = card["encoder"] or card["extractor"]
    left_out = "; ".join(f"{n}: {why}" for why, n in card["left_out"].items()) or "none"
    rows = [
        ("method", card["method"] + (f" on {source}" if source else "")),
        ("reads", card["modality"]),
        ("assets", f"{card['assets']:,} of {card['subjects']:,} subjects"),
        ("left out", left_out),
        ("judged by", f"{card['folds']}-fold cross-validation by subject"),
        ("macro AUROC", interval(card["macro_auroc"])),
        ("made", f"{card['created']} by {card['code']}, seed {card['seed']}"),
        ("from", f"lake {card['lake']}, commit {card['commit']}"),
    ]
    return ("", ""), [(what, str(said)) for what, said in rows]


def _figures(card: Mapping[str, Any]) -> Table:
    heads = ("label", "with it", "of", "AUROC", "average precision", "Brier", "calibration slope")
    rows = [
        (
            one["name"],
            str(one["positive"]),
            str(one["rows"]),
            interval(one["auroc"]),
            _number(one["auprc"]),
            _number(one["brier"]),
            interval(one["calibration_slope"]),
        )
        for one in card["figures"]
    ]
    return heads, [list(row) for row in rows]


def _coverage(card: Mapping[str, Any]) -> list[Piece]:
    heads = ("label", "truth held, with it", "truth held, without", "undecided")
    rows = [
        (
            one["name"],
            interval(one["covered_events"]),
            interval(one["covered_others"]),
            _number(one["undecided"]),
        )
        for one in card["figures"]
    ]
    said = (
        f"Conformal sets promise to hold the truth in at least {card['level']:.0%} of each class;"
        " a set that holds both answers is undecided."
    )
    return [said, (heads, [list(row) for row in rows])]


def _groups(card: Mapping[str, Any]) -> Piece:
    if not card["groups"]:
        return "No groups were asked for."
    heads = ("by", "group", "label", "assets", "AUROC", "observed", "predicted")
    rows = [
        (
            one["variable"],
            one["group"],
            one["label"],
            "too few" if one["rows"] is None else str(one["rows"]),
            interval(one["auroc"]),
            _number(one["observed"]),
            _number(one["predicted"]),
        )
        for one in card["groups"]
    ]
    return heads, [list(row) for row in rows]


def _shortcuts(card: Mapping[str, Any]) -> list[Piece]:
    said = (
        "How far the labels can be told without looking at the content: from the size, shape, rate,"
        " device, site and year of the files alone."
    )
    heads = ("label", "AUROC of the facts", "of the model", "strongest fact", "alone")
    rows = [
        (
            one["label"],
            interval(one["by_facts"]),
            interval(one["by_model"]),
            one["strongest"] or "–",
            _number(one["strongest_alone"]),
        )
        for one in card["shortcuts"]
    ]
    return [said, (heads, [list(row) for row in rows])]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _markdown(piece: Piece) -> list[str]:
    if isinstance(piece, str):
        return [piece]
    heads, rows = piece
    table = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in table]


def _html(piece: Piece) -> str:
    if isinstance(piece, str):
        return f"<p>{escape(piece)}</p>"
    heads, rows = piece
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads) if any(heads) else ""
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
