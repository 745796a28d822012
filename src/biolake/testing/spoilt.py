"""Media as accidents make them: empty, flat, short, broken. Every extractor meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biolake.core.media import (
    Cells,
    Genotypes,
    Image,
    Note,
    Opened,
    Recording,
    Signal,
    VariantList,
    Volume,
)

_FLAT = np.zeros((2, 500), dtype=np.float32)
# What stands in notes of no hospital: each must be read, and spans must still count characters.
ODD_TEXTS = (
    "",
    " \n\t \n",
    "\x00\x01\x02\x1b[31m\x7f",
    "no" * 50_000,
    "(" * 5_000 + ")" * 5_000,
    "BP " * 2_000 + "120/80",
    "BP 999999999999999999999/0, EF -1e400 %, 1/0, 0/0, NaN mg",
    "No no not without denies. " * 200,
    "\u202eesrever\u202c \u0301\u0301\u0301 \U0001f469\u200d\u2695\ufe0f \U0001d7d9\U0001d7da mg",
    "患者否认胸痛。既往有高血压病史。",
    "paciente sin dolor torácico; madre con cáncer de mama",
    "ﬁrst İstanbul ß ĲSSELMEER Σίσυφος",
    "a\r\nb\rc\u2028d\u0085e\x0cf",
)


def spoilt_forms(media: Opened) -> Iterator[Opened]:
    """Yield what can be wrong with media of this kind; nothing for slides."""
    if isinstance(media, Recording):
        yield from _spoilt_recordings(media)
    elif isinstance(media, Image | Volume):
        yield from _spoilt_pictures(media)
    elif isinstance(media, Note):
        yield from spoilt_notes(media)
    elif isinstance(media, Cells):
        yield from _spoilt_cells(media)
    elif isinstance(media, Genotypes):
        yield from _spoilt_genotypes(media)


def spoilt_notes(media: Note) -> Iterator[Note]:
    """Yield a note cut short, in one line, in capitals, without blanks, twice, and odd texts."""
    text = media.text
    plain = Note("", media.kind, media.title, media.language)
    for spoilt in (
        text[: len(text) // 2],
        text[1:],
        " ".join(text.split()),
        "".join(text.split()),
        text.replace("\n", "\r\n"),
        text.upper(),
        text.lower(),
        text[::-1],
        f"{text}\n{text}",
        "\U0001f469\u200d\u2695\ufe0f " + text,
        *ODD_TEXTS,
    ):
        yield replace(plain, text=spoilt)
    for language in ("", "en", "es", "zh", "xx"):
        yield replace(media, language=language)
    yield replace(media, kind="", title="")
    yield replace(media, sections=(("history", 0, len(text)), ("empty", len(text), len(text))))


@dataclass
class GivenGenotypes:
    """Genotypes held in memory: variants × samples int8, alt alleles 0, 1, 2; -1 missing."""

    calls: np.ndarray
    samples: tuple[str, ...]
    variants: VariantList
    sexes: np.ndarray

    @staticmethod
    def of(calls: np.ndarray, chromosome: str = "1", build: str = "GRCh38") -> GivenGenotypes:
        """Name samples s0, s1 … and put variants a hundred bases apart on one chromosome."""
        count, people = calls.shape
        variants = VariantList(
            np.full(count, chromosome, dtype=object),
            np.arange(1, count + 1, dtype=np.int64) * 100,
            np.array([f"rs{n}" for n in range(count)], dtype=object),
            np.full(count, "A", dtype=object),
            np.full(count, "G", dtype=object),
            build,
        )
        names = tuple(f"s{n}" for n in range(people))
        return GivenGenotypes(calls.astype(np.int8), names, variants, np.zeros(people, np.int8))

    def dosages(self, variants: np.ndarray | slice) -> np.ndarray:
        return np.asarray(self.calls[variants])

    def close(self) -> None:
        return None


def _spoilt_genotypes(media: Genotypes) -> Iterator[Genotypes]:
    calls = media.dosages(slice(0, min(len(media.variants), 500)))
    count, people = calls.shape
    variants = _first_variants(media.variants, count)
    held = GivenGenotypes(calls, media.samples, variants, np.asarray(media.sexes))
    for fill in (-1, 0, 1, 2):
        yield replace(held, calls=np.full_like(calls, fill))
    yield replace(held, calls=calls[:0], variants=_first_variants(variants, 0))
    yield replace(held, calls=calls[:1], variants=_first_variants(variants, 1))
    for kept in (0, 1):
        if kept <= people:
            few = calls[:, :kept]
            yield replace(held, calls=few, samples=media.samples[:kept], sexes=held.sexes[:kept])
    yield replace(held, sexes=np.full(people, 2, dtype=np.int8))
    for chromosome in ("X", "Y", "MT", "GL000192.1"):
        names = np.full(count, chromosome, dtype=object)
        yield replace(held, variants=replace(variants, chromosome=names))
    yield replace(held, variants=replace(variants, build="", name=np.full(count, "", object)))


def _first_variants(variants: VariantList, count: int) -> VariantList:
    names = ("chromosome", "position", "name", "ref", "alt")
    return replace(variants, **{name: getattr(variants, name)[:count] for name in names})


def _spoilt_cells(media: Cells) -> Iterator[Cells]:
    counts: Any = media.counts
    yield replace(media, counts=counts * 0)
    yield replace(media, counts=counts * -1.5, raw=False)
    for kept in (0, 1):
        if kept <= counts.shape[0]:
            yield cells_at(media, np.arange(kept))
    yield replace(media, cell_type=None, columns={}, coordinates=None)
    yield replace(media, cell_type=np.full(counts.shape[0], "", dtype=object))
    yield replace(media, features=np.full(counts.shape[1], "", dtype=object))
    same = np.zeros_like(media.sample)
    yield replace(media, sample=same, samples=(*media.samples, "nobody's"))


def cells_at(media: Cells, rows: np.ndarray) -> Cells:
    """Return some of the cells."""
    counts: Any = media.counts
    return replace(
        media,
        counts=counts[rows],
        sample=media.sample[rows],
        cell_type=None if media.cell_type is None else media.cell_type[rows],
        columns={name: column[rows] for name, column in media.columns.items()},
        coordinates=None if media.coordinates is None else media.coordinates[rows],
    )


def _spoilt_recordings(media: Recording) -> Iterator[Recording]:
    for spoil in (*_SPOILS, *_SHORTS):
        signals = (replace(one, samples=spoil(one.samples)) for one in media.signals)
        yield replace(media, signals=tuple(signals))
    yield replace(media, signals=tuple(replace(one, rate=0.5) for one in media.signals))
    unnamed = [("",) * len(one.channels) for one in media.signals]
    pairs = zip(media.signals, unnamed, strict=True)
    yield replace(media, signals=tuple(replace(one, channels=names) for one, names in pairs))
    yield Recording(media.signals * 2)


def _spoilt_pictures(media: Image | Volume) -> Iterator[Opened]:
    if isinstance(media, Image):
        for pixels in _spoilt_arrays(media.pixels):
            yield replace(media, pixels=pixels)
        yield replace(media, pixels=media.pixels[:1, :1])
        return
    for voxels in _spoilt_arrays(media.voxels):
        yield replace(media, voxels=voxels)
    yield replace(media, voxels=media.voxels[:1])
    yield replace(media, voxels=media.voxels[:, :1, :1])
    yield replace(media, units="")
    yield replace(media, spacing=(1e-3, 1e-3, 1e-3))


def _noise(values: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(1).standard_normal(values.shape)
    return np.asarray(draw * 100).astype(values.dtype)


def _holes(values: np.ndarray) -> np.ndarray:
    spoilt = values.copy()
    if spoilt.dtype.kind == "f":
        spoilt[..., ::7] = np.nan
    return spoilt


_SPOILS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    np.zeros_like,
    lambda v: np.full_like(v, 1),
    _noise,
    _holes,
)
_SHORTS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda v: np.full_like(v, np.nan),
    lambda v: np.full_like(v, 1e30),
    lambda v: v[:, :0],
    lambda v: v[:, :1],
    lambda v: v[:, : max(1, v.shape[1] // 20)],
)


def _spoilt_arrays(values: np.ndarray) -> Iterator[np.ndarray]:
    for spoil in _SPOILS:
        yield spoil(values)
    if values.dtype.kind in "iu":
        yield np.full_like(values, np.iinfo(values.dtype).max)


def _few_cells() -> Cells:
    counts = np.zeros((2, 3), dtype=np.float32)
    names = np.array(["A", "B", "C"], dtype=object)
    return Cells(counts, True, ("s0",), np.zeros(2, np.int32), names, names)


# One of each kind, with nothing to find in it.
OTHERS: tuple[Opened, ...] = (
    Recording(()),
    Recording((Signal(_FLAT, 100.0, ("I", "II"), ("mV", "mV")),)),
    Image(np.zeros((8, 8), dtype=np.uint8)),
    Volume(np.zeros((2, 4, 4), dtype=np.int16), (1.0, 1.0, 1.0), "HU"),
    Note("Weather was fine."),
    GivenGenotypes.of(np.full((3, 2), -1)),
    _few_cells(),
)
