"""Draw small charts as SVG text: scales, axes, lines, steps, bands, points, legends.

Colours come from the page's style by class (`s0` … `s5`), so one drawing serves light, dark and
print; a series differs by its dashes as well as its colour. Units are CSS pixels.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from biolake.studies.report.formats import figure
from biolake.studies.report.markup import Markup, clean, safe

Point = tuple[float, float]
SERIES = 6
_FONT = 12.0
_ROOM = 0.6  # points nearer than this, in pixels, look the same


def pixels(value: float) -> str:
    """Write a coordinate to a tenth of a pixel."""
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def width_of(text: str, size: float = _FONT) -> float:
    """Estimate how wide text is: fonts are the reader's, so it is a little generous."""
    return size * sum(
        1.0
        if unicodedata.east_asian_width(letter) in "WF"
        else 0.34
        if letter in "ijlI.,:;'|! "
        else 0.57
        for letter in text
    )


def shortened(text: str, width: float, size: float = _FONT) -> str:
    """Cut text to a width, ending in an ellipsis."""
    if width_of(text, size) <= width:
        return text
    kept = text
    while kept and width_of(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrapped(text: str, width: float, size: float = _FONT, most: int = 6) -> list[str]:
    """Break text into lines of a width; the last is cut when there is no room."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(joined, size) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [shortened(line, width, size) for line in lines]


@dataclass(frozen=True)
class Scale:
    """Map values to pixels, evenly or by their logarithm; what lies outside stays at the edge."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        value = min(max(value, min(self.low, self.high)), max(self.low, self.high))
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        portion = (value - low) / (high - low) if high != low else 0.5
        return self.start + portion * (self.end - self.start)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round values (1, 2, 5 × 10ⁿ apart) from low to high."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power: float = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values for a logarithmic axis."""
    for steps in ((1,), (1, 3), (1, 2, 5)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [step * 10.0**power for power in powers for step in steps]
        inside = [round(value, 12) for value in found if low * 0.999 <= value <= high * 1.001]
        if len(inside) >= 4:
            return inside
    return [tick for tick in ticks(low, high, 4) if tick > 0]


def text(
    x: float, y: float, content: object, kind: str = "", anchor: str = "start", turn: bool = False
) -> Markup:
    """Write one line of text; `turn` stands it on its side."""
    turned = f' transform="rotate(-90 {pixels(x)} {pixels(y)})"' if turn else ""
    held = f' class="{kind}"' if kind else ""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return Markup(
        f'<text x="{pixels(x)}" y="{pixels(y)}"{held}{side}{turned}>{safe(content)}</text>'
    )


def labelled(x: float, y: float, content: str, room: float, anchor: str = "start") -> Markup:
    """Write a label cut to its room; the whole of it is its tooltip."""
    content = clean(content)
    short = shortened(content, room)
    tip = Markup("" if short == content else f"<title>{safe(content)}</title>")
    return text(x, y, Markup(safe(short) + tip), anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    ends = f'x1="{pixels(x1)}" y1="{pixels(y1)}" x2="{pixels(x2)}" y2="{pixels(y2)}"'
    return Markup(f'<line {ends} class="{kind}"/>')


def box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    place = f'x="{pixels(x)}" y="{pixels(y)}"'
    size = f'width="{pixels(max(width, 0))}" height="{pixels(max(height, 0))}"'
    return Markup(f'<rect {place} {size} class="{kind}"/>')


def dot(x: float, y: float, kind: str, radius: float = 3.5) -> Markup:
    return Markup(
        f'<circle cx="{pixels(x)}" cy="{pixels(y)}" r="{pixels(radius)}" class="{kind}"/>'
    )


def path(points: Iterable[Point], kind: str, closed: bool = False) -> Markup:
    """Draw a line through points in pixels."""
    drawn = "L".join(f"{pixels(x)} {pixels(y)}" for x, y in points)
    return (
        Markup(f'<path d="M{drawn}{"Z" if closed else ""}" class="{kind}"/>') if drawn else Markup()
    )


def thinned(points: Sequence[Point]) -> list[Point]:
    """Leave out points that fall on the one before; the ends and every visible corner stay."""
    kept: list[Point] = []
    for place, (x, y) in enumerate(points):
        ends = place in (0, len(points) - 1)
        if ends or abs(x - kept[-1][0]) >= _ROOM or abs(y - kept[-1][1]) >= _ROOM:
            kept.append((x, y))
    return kept


def stepped(points: Sequence[Point]) -> list[Point]:
    """Turn the points of a step function into its corners: it holds until the next point."""
    corners: list[Point] = []
    for x, y in points:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return corners


@dataclass(frozen=True)
class Panel:
    """A plot's area: what its axes show, and where it lies."""

    x: Scale
    y: Scale

    def place(self, points: Iterable[Point], steps: bool = False) -> list[Point]:
        """Turn values into pixels, without points that add nothing to see."""
        placed = thinned([(self.x(x), self.y(y)) for x, y in points])
        return stepped(placed) if steps else placed

    def curve(self, points: Iterable[Point], series: int, steps: bool = False) -> Markup:
        return path(self.place(points, steps), f"line s{series % SERIES}")

    def band(
        self, low: Sequence[Point], high: Sequence[Point], series: int, steps: bool = False
    ) -> Markup:
        """Shade between two curves."""
        edge = self.place(low, steps) + self.place(high, steps)[::-1]
        return path(edge, f"band s{series % SERIES}", closed=True)

    def axes(
        self,
        labels: tuple[str, str],
        x_ticks: Sequence[float],
        y_ticks: Sequence[float],
        x_format: Callable[[float], str] = lambda value: figure(value, 2),
        y_format: Callable[[float], str] = lambda value: figure(value, 2),
    ) -> Markup:
        """Draw both axes with their ticks, names and a faint grid."""
        x, y = self.x, self.y
        drawn = [line(x.start, y(tick), x.end, y(tick), "grid") for tick in y_ticks]
        drawn += [line(x.start, y.start, x.end, y.start, "axis")]
        if y_ticks:
            drawn.append(line(x.start, y.start, x.start, y.end, "axis"))
        for tick in x_ticks:
            drawn.append(line(x(tick), y.start, x(tick), y.start + 4, "axis"))
            drawn.append(text(x(tick), y.start + 17, x_format(tick), "tick", "middle"))
        drawn += [text(x.start - 7, y(tick) + 4, y_format(tick), "tick", "end") for tick in y_ticks]
        middle = (x.start + x.end) / 2
        drawn.append(text(middle, y.start + 36, labels[0], "name", "middle"))
        widest = max((width_of(y_format(tick)) for tick in y_ticks), default=0)
        side = max(x.start - 17 - widest, 12)
        drawn.append(text(side, (y.start + y.end) / 2, labels[1], "name", "middle", turn=True))
        return Markup("".join(drawn))


def decimal_ticks(values: Sequence[float]) -> Callable[[float], str]:
    """Return a format that writes every tick of an axis with the same decimals."""
    places = 0
    while places < 6 and any(abs(v - round(v, places)) > 1e-9 for v in values):
        places += 1
    return lambda value: f"{value:.{places}f}".replace("-", "−")


def legend(names: Sequence[str], x: float, y: float, width: float) -> tuple[Markup, float]:
    """Draw a key in rows of a width; return it and its height."""
    drawn, across, down = [], x, y
    for series, name in enumerate(names):
        shown = shortened(clean(name), width - 40)
        needed = 34 + width_of(shown) + 18
        if across > x and across + needed > x + width:
            across, down = x, down + 18
        drawn.append(line(across, down - 4, across + 26, down - 4, f"line s{series % SERIES}"))
        drawn.append(labelled(across + 32, down, name, width - 40))
        across += needed
    return Markup("".join(drawn)), (down - y + 18) if names else 0.0


def drawing(content: Iterable[str], width: float, height: float, says: str) -> Markup:
    """Make the picture; `says` is what it shows, for those who cannot see it."""
    size = f"{pixels(width)} {pixels(height)}"
    style = f"max-width:{pixels(width)}px;min-width:{pixels(min(width, 560) * 0.86)}px"
    opening = (
        f'<svg viewBox="0 0 {size}" style="{style}" role="img" aria-label="{safe(clean(says))}">'
    )
    return Markup(f"{opening}{''.join(content)}</svg>")
